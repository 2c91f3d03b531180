/* SPDX-License-Identifier: MIT */
/* A socket's life under a stream: how it begins, how its write side ends, and how it is let go. */
#include "socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

int64_t time_later(int64_t now, int64_t milliseconds)
{
    return milliseconds > INT64_MAX - now ? INT64_MAX : now + milliseconds;
}

int64_t time_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void socket_init(struct socket *socket, struct adieu_stream *stream)
{
    *socket = (struct socket){.stream = stream, .descriptor = -1};
}

void socket_begin(struct socket *socket, int descriptor, bool borrowed)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    socket->descriptor = descriptor;
    socket->borrowed = borrowed;
    (void)getsockname(descriptor, (struct sockaddr *)&address, &size);
    socket->unix_socket = address.ss_family == AF_UNIX;
    if (address.ss_family != AF_INET && address.ss_family != AF_INET6)
        return;
    const int on =
        1; /* a small last word must not wait behind Nagle for an acknowledgement, and be purged by a reset */
    if (setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
        socket_silent(socket);
}

bool socket_put_back(struct socket *socket, const void *bytes, size_t size)
{
    uint8_t *at;
    if (size == 0)
        return true;
    if (adieu_wire_in(socket->stream, &at) < size)
        return false;
    memcpy(at, bytes, size);
    adieu_wire_in_done(socket->stream, size);
    return true;
}

void socket_speak(struct socket *socket)
{
    if (socket->speaks || socket->descriptor < 0)
        return;
    socket->speaks = true;
    socket_first(socket);
}

int socket_error(const struct socket *socket)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(socket->descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : 0;
}

void socket_end_write(struct socket *socket)
{
    if (socket->write_ended || socket->descriptor < 0)
        return;
    socket->write_ended = true;
    (void)shutdown(socket->descriptor, SHUT_WR); /* ENOTCONN: there is no side left to end */
}

/* What close() will do, ours or (where the end is to be a reset) the caller's of a borrowed one. */
static void set_linger(const struct socket *socket, bool reset)
{
    const struct linger linger = {.l_onoff = reset, .l_linger = 0};
    if (reset || !socket->borrowed)
        (void)setsockopt(socket->descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* Nothing follows: FIN, if it has not left; and close() with something unread is a reset, and destroys what we have sent. */
static void end_gently(struct socket *socket)
{
    socket_end_write(socket);
    if (!socket->borrowed && !socket->empty)
        socket_drain(socket);
}

int socket_detach(struct socket *socket)
{
    int descriptor = socket->descriptor;
    if (descriptor >= 0)
        socket_tell(socket);
    socket->descriptor = -1;
    socket->in_over = socket->out_over = true;
    return descriptor;
}

int socket_release(struct socket *socket, bool reset)
{
    if (socket->descriptor >= 0 && !reset)
        end_gently(socket);
    if (socket->descriptor >= 0)
        set_linger(socket, reset);
    return socket_detach(socket);
}
