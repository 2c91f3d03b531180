/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include "many.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* ------------------------------------------------ the name, and who was called */

const char *const *many_addresses;
bool nobody_listens;
struct called called;

static void *next_of(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    assert_non_null(symbol);
    return symbol;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = next_of("getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    if (!node || strcmp(node, MANY) != 0 || (hints && (hints->ai_flags & AI_NUMERICHOST)))
        return real(node, service, hints, result);
    for (const char *const *address = many_addresses; *address; address++, result = &(*result)->ai_next)
        if (real(*address, service, hints, result) != 0)
            return EAI_FAIL;
    return 0;
}

int connect(int descriptor, const struct sockaddr *address, socklen_t size)
{
    int (*real)(int, const struct sockaddr *, socklen_t);
    void *symbol = next_of("connect");
    memcpy(&real, &symbol, sizeof real);
    int at = atomic_fetch_add(&called.count, 1);
    if (at < 32)
        (void)getnameinfo(address, size, called.hosts[at], sizeof called.hosts[at], NULL, 0, NI_NUMERICHOST);
    if (!nobody_listens)
        return real(descriptor, address, size);
    errno = ECONNREFUSED;
    return -1;
}

void assert_called(const char *const *hosts)
{
    int count = 0;
    for (; hosts[count]; count++)
        assert_string_equal(count < called.count ? called.hosts[count] : "nobody", hosts[count]);
    assert_int_equal(called.count, count);
}

/* ------------------------------------------------ places */

static int listen_on(const char *host, const char *port, int backlog)
{
    struct adieu_error error;
    const struct adieu_fd_address where = {.host = host, .port = port};
    return adieu_fd_listen(&where, backlog, ADIEU_FD_FOREVER, &error);
}

static void port_of(int listener, char port[8])
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(port, 8, "%u", (unsigned)ntohs(address.sin_port));
}

static bool open_places(struct place *places, int count, char port[8])
{
    int opened = 0;
    for (; opened < count; opened++) {
        struct place *place = &places[opened];
        place->listener = listen_on(place->host, opened ? port : "0", place->swallows ? 0 : 5);
        if (place->listener < 0)
            break;
        if (opened == 0)
            port_of(place->listener, port);
    }
    for (int i = 0; opened < count && i < opened; i++)
        (void)close(places[i].listener);
    return opened == count;
}

void places_open(struct place *places, int count, char port[8])
{
    int tries = 0;
    while (!open_places(places, count, port)) /* the port is somebody else's at another address */
        assert_true(tries++ < 20);
    for (int i = 0; i < count; i++)
        if (places[i].swallows)
            queue_fill(&places[i].full, places[i].listener);
    called.count = 0;
}

void places_close(struct place *places, int count)
{
    for (int i = 0; i < count; i++) {
        if (places[i].swallows)
            queue_empty(&places[i].full, places[i].listener);
        (void)close(places[i].listener);
    }
}

bool place_exists(const char *host)
{
    int listener = listen_on(host, "0", 1);
    if (listener >= 0)
        (void)close(listener);
    return listener >= 0;
}
