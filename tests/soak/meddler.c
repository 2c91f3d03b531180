/* SPDX-License-Identifier: MIT */
#include "meddler.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adieu_fd.h"
#include "stories.h"
#include "work.h"

/* Links at once, and how many are remembered; what is passed on at a time. */
enum { LINKS = 48, REMEMBERED = 512, ROOM = 16384, DRIBBLE_MOST = 700 };

/* One direction. */
struct way {
    int from, to;
    uint8_t bytes[ROOM];
    size_t at, size;
    long passed, fate; /* what happens when so many bytes have passed; -1: nothing */
    bool ended;        /* FIN came, and was passed on */
};

struct link {
    struct way ways[2]; /* from the client, and from the server */
    enum wire wire;
    unsigned drop; /* the size of the next piece, in a dribble */
};

static struct link *links[LINKS];
static unsigned link_count, made;
static int listeners[MAX_TARGETS], wake[2];
static unsigned target_ports[MAX_TARGETS], own_ports[MAX_TARGETS], targets;
static pthread_t thread;
static _Atomic uint64_t from_place[REMEMBERED];
static atomic_uint onward_port[REMEMBERED];

/* ------------------------------------------------ making links */

static unsigned port_of(int descriptor, struct sockaddr_in *at, int (*ask)(int, struct sockaddr *, socklen_t *))
{
    socklen_t size = sizeof *at;
    memset(at, 0, sizeof *at);
    return ask(descriptor, (struct sockaddr *)at, &size) == 0 ? ntohs(at->sin_port) : 0;
}

/* It delays nothing by itself. */
static void hurry(int descriptor)
{
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static int call_server(unsigned port, struct sockaddr_in from)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int made_socket = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_port = 0;
    if (bind(made_socket, (struct sockaddr *)&from, sizeof from) == 0 &&
        connect(made_socket, (struct sockaddr *)&to, sizeof to) == 0)
        return made_socket;
    fprintf(stderr, "soak: the meddler cannot connect: %s\n", strerror(errno));
    close(made_socket);
    return -1;
}

/* The same port may be another client's at another address. */
static uint64_t place_of(const struct plan *plan, unsigned port)
{
    return (uint64_t)plan->story << 32 | (uint64_t)plan->swapped << 25 | (uint64_t)plan->tls13 << 24 | port;
}

static void remember(const struct plan *plan, unsigned from, unsigned onward)
{
    for (unsigned i = 0; i < REMEMBERED; i++)
        if (from_place[i] == place_of(plan, from))
            from_place[i] = 0;
    onward_port[made % REMEMBERED] = onward;
    from_place[made % REMEMBERED] = place_of(plan, from);
    made++;
}

/* Behind the handshake, which takes less than 8,000 bytes; CUT_EARLY inside of it. */
static long fate_of(enum wire wire)
{
    long chance = (long)(made * 7919u % 60000u);
    if (wire == WIRE_CUT_EARLY)
        return chance % 100;
    return wire == WIRE_DRIBBLE ? -1 : 20000 + chance;
}

static struct link *new_link(int client, int server, const struct plan *plan)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link)
        return NULL;
    enum wire wire = stories[plan->story].wire;
    link->wire = wire;
    link->ways[0] = (struct way){.from = client, .to = server, .fate = -1};
    link->ways[1] = (struct way){.from = server, .to = client, .fate = -1};
    /* The first side's words are those that are hit; in the handshake each one's. */
    link->ways[wire == WIRE_CUT_EARLY ? made & 1 : plan->swapped].fate = fate_of(wire);
    return link;
}

static void accept_link(unsigned target)
{
    struct sockaddr_in from, ours;
    int client = accept(listeners[target], NULL, NULL);
    unsigned port = port_of(client, &from, getpeername);
    char peer[64], host[32];
    struct plan plan;
    snprintf(peer, sizeof peer, "%s:%u", inet_ntop(AF_INET, &from.sin_addr, host, sizeof host), port);
    bool known = plan_of_address(peer, &plan, &port);
    int server = known && link_count < LINKS ? call_server(target_ports[target], from) : -1;
    struct link *link = server >= 0 ? new_link(client, server, &plan) : NULL;
    if (link) {
        hurry(client);
        hurry(server);
        remember(&plan, port, port_of(server, &ours, getsockname));
        links[link_count++] = link;
        return;
    }
    close(client);
    if (server >= 0)
        close(server);
}

/* ------------------------------------------------ passing on */

static void take(struct link *link, struct way *way)
{
    size_t most = link->wire == WIRE_DRIBBLE ? 1 + link->drop++ * 131 % DRIBBLE_MOST : ROOM;
    ssize_t n = recv(way->from, way->bytes, most, MSG_DONTWAIT);
    if (n > 0) {
        way->at = 0;
        way->size = (size_t)n;
    } else if (n == 0) {
        way->ended = true;
        shutdown(way->to, SHUT_WR);
    }
}

/* false: the link is over. */
static bool meddle(const struct link *link, struct way *way)
{
    long here = way->fate - way->passed;
    if (way->fate < 0 || here >= (long)(way->size - way->at))
        return true;
    if (link->wire == WIRE_FLIP) {
        way->bytes[way->at + (size_t)here] ^= 0x10;
        way->fate = -1;
        return true;
    }
    (void)!send(way->to, way->bytes + way->at, (size_t)here, MSG_NOSIGNAL | MSG_DONTWAIT);
    return false;
}

static bool give(const struct link *link, struct way *way)
{
    if (!meddle(link, way))
        return false;
    ssize_t n = send(way->to, way->bytes + way->at, way->size - way->at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK;
    way->passed += n;
    way->at += (size_t)n;
    if (way->at == way->size)
        way->at = way->size = 0;
    return true;
}

static void reset_at_close(int descriptor)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void end_link(struct link *link, bool reset)
{
    for (int i = 0; i < 2; i++) {
        if (reset)
            reset_at_close(link->ways[i].from);
        else
            shutdown(link->ways[i].from, SHUT_WR);
        close(link->ways[i].from);
    }
    free(link);
}

/* What one side's reset does is done to the other. */
static bool broken(const struct link *link)
{
    for (int i = 0; i < 2; i++) {
        int error = 0;
        socklen_t size = sizeof error;
        if (getsockopt(link->ways[i].from, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error)
            return true;
    }
    return false;
}

/* false: it is over and gone. */
static bool turn_link(struct link *link, const short fired[2])
{
    if (broken(link)) {
        end_link(link, true);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        struct way *way = &link->ways[i];
        if (way->size == 0 && !way->ended && (fired[i] & (POLLIN | POLLHUP | POLLERR)))
            take(link, way);
        if (way->size > 0 && !give(link, way)) {
            end_link(link, link->wire == WIRE_RESET);
            return false;
        }
    }
    if (!link->ways[0].ended || !link->ways[1].ended)
        return true;
    end_link(link, false);
    return false;
}

/* ------------------------------------------------ the thread */

static short interest(const struct link *link, int i)
{
    short events = 0;
    if (link->ways[i].size == 0 && !link->ways[i].ended)
        events |= POLLIN;
    if (link->ways[!i].size > 0)
        events |= POLLOUT;
    return events;
}

static void turn(struct pollfd *polled)
{
    unsigned base = targets + 1, before = link_count, kept = 0;
    for (unsigned i = 0; i < before; i++) {
        short fired[2] = {polled[base + 2 * i].revents, polled[base + 2 * i + 1].revents};
        if (turn_link(links[i], fired))
            links[kept++] = links[i];
    }
    link_count = kept;
    for (unsigned i = 0; i < targets; i++)
        if (polled[i + 1].revents)
            accept_link(i);
}

static void *meddling(void *context)
{
    struct pollfd polled[1 + MAX_TARGETS + 2 * LINKS];
    (void)context;
    for (;;) {
        unsigned n = 0;
        polled[n++] = (struct pollfd){.fd = wake[0], .events = POLLIN};
        for (unsigned i = 0; i < targets; i++)
            polled[n++] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
        for (unsigned i = 0; i < 2 * link_count; i++) {
            short events = interest(links[i / 2], i % 2);
            polled[n++] = (struct pollfd){.fd = events ? links[i / 2]->ways[i % 2].from : -1, .events = events};
        }
        (void)poll(polled, n, 1000);
        if (polled[0].revents)
            break;
        turn(polled);
    }
    while (link_count > 0)
        end_link(links[--link_count], true);
    return NULL;
}

void meddler_start(const unsigned *ports, unsigned count)
{
    struct adieu_fd_address here = {.host = "127.0.0.1", .port = "0"};
    struct sockaddr_in at;
    targets = count;
    for (unsigned i = 0; i < count; i++) {
        target_ports[i] = ports[i];
        listeners[i] = adieu_fd_listen(&here, 32, adieu_fd_in(1000), NULL);
        own_ports[i] = port_of(listeners[i], &at, getsockname);
    }
    if (pipe(wake) != 0 || pthread_create(&thread, NULL, meddling, NULL) != 0) {
        perror("soak: the meddler");
        exit(1);
    }
}

void meddler_stop(void)
{
    (void)!write(wake[1], "", 1);
    pthread_join(thread, NULL);
    close(wake[0]);
    close(wake[1]);
    for (unsigned i = 0; i < targets; i++)
        close(listeners[i]);
}

unsigned meddler_port(unsigned target)
{
    return own_ports[target];
}

unsigned meddler_onward(const struct plan *plan, unsigned client_port)
{
    for (unsigned i = 0; i < REMEMBERED; i++)
        if (from_place[i] == place_of(plan, client_port))
            return onward_port[i];
    return 0;
}
