/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ------------------------------------------------ memory */

static bool link_send(struct link *link, const uint8_t *at, size_t size)
{
    if (link->peer_end != WIRE_LIVES || link->adieu_end == WIRE_RESET || link->count == SEGMENTS)
        return false;
    bytes_add(&link->to_adieu, at, size);
    link->segments[(link->first + link->count++) % SEGMENTS] = size;
    return true;
}

static bool link_listen(struct wire *wire)
{
    struct link *link = wire->link;
    size_t n = link->to_peer.size;
    bool ended = wire->end != link->adieu_end;
    bytes_add(&wire->in, link->to_peer.at, n);
    bytes_clear(&link->to_peer);
    wire->end = link->adieu_end;
    return n > 0 || ended;
}

/* ------------------------------------------------ TCP */

/* Whole, or not at all: what scripts send fits into the socket, but for a peer that wants full buffers. */
static bool tcp_send(int descriptor, const uint8_t *at, size_t size)
{
    struct pollfd room = {.fd = descriptor, .events = POLLOUT};
    while (size > 0) {
        ssize_t n = send(descriptor, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN && poll(&room, 1, 5) == 1)
            continue;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool tcp_listen_once(struct wire *wire)
{
    uint8_t buf[65536];
    ssize_t n = recv(wire->descriptor, buf, sizeof buf, MSG_DONTWAIT);
    if (n > 0)
        bytes_add(&wire->in, buf, (size_t)n);
    else if (n == 0)
        wire->end = WIRE_FIN;
    else if (errno != EAGAIN && errno != EINTR)
        wire->end = WIRE_RESET;
    return n >= 0 || wire->end != WIRE_LIVES;
}

/* ------------------------------------------------ either */

bool wire_send(struct wire *wire, const uint8_t *at, size_t size)
{
    if (size == 0 || wire->gone)
        return !wire->gone;
    return wire->link ? link_send(wire->link, at, size) : tcp_send(wire->descriptor, at, size);
}

void wire_fin(struct wire *wire)
{
    if (wire->link)
        wire->link->peer_end = WIRE_FIN;
    else
        shutdown(wire->descriptor, SHUT_WR);
}

void wire_reset(struct wire *wire)
{
    wire->gone = true;
    if (wire->link) {
        wire->link->peer_end = WIRE_RESET;
        return;
    }
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(wire->descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(wire->descriptor);
    wire->descriptor = -1;
}

bool wire_urgent(struct wire *wire, const uint8_t *at, size_t size)
{
    return !wire->link && send(wire->descriptor, at, size, MSG_OOB | MSG_NOSIGNAL) == (ssize_t)size;
}

bool wire_listen(struct wire *wire)
{
    if (wire->deaf || wire->gone || wire->end != WIRE_LIVES)
        return false;
    if (wire->link)
        return link_listen(wire);
    bool moved = false;
    while (wire->end == WIRE_LIVES && tcp_listen_once(wire))
        moved = true;
    return moved;
}

int wire_awaits(const struct wire *wire)
{
    return wire->deaf || wire->gone || wire->end != WIRE_LIVES ? -1 : wire->descriptor;
}

void wire_free(struct wire *wire)
{
    if (wire->descriptor >= 0)
        close(wire->descriptor);
    if (wire->link) {
        bytes_free(&wire->link->to_adieu);
        bytes_free(&wire->link->to_peer);
        free(wire->link);
    }
    bytes_free(&wire->in);
    *wire = (struct wire){.descriptor = -1};
}

/* ------------------------------------------------ making connections */

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void prompt(int descriptor)
{
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int tcp_listen(void)
{
    struct sockaddr_in address = loopback(0);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0)
        abort();
    return listener;
}

int tcp_port(int listener)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

int tcp_accept(int listener, int milliseconds)
{
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    int descriptor = poll(&ready, 1, milliseconds) == 1 ? accept(listener, NULL, NULL) : -1;
    if (descriptor >= 0)
        prompt(descriptor);
    return descriptor;
}

int tcp_connect(int port)
{
    struct sockaddr_in address = loopback(port);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
        close(descriptor);
        return -1;
    }
    prompt(descriptor);
    return descriptor;
}

void tcp_buffers(int descriptor, int size)
{
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}
