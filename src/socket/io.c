/* SPDX-License-Identifier: MIT */
/* Moving bytes between a stream and its socket. Nothing here waits: every call is made non-blocking by itself. */
#include "socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

/* Somebody closed it behind our back: its number is anybody's by now, and not ours to end or to close. */
static bool is_lost(int os_error)
{
    return os_error == EBADF || os_error == ENOTSOCK;
}

/* The socket is gone in both directions. */
static void reset(struct socket *socket, int os_error)
{
    if (is_lost(os_error))
        socket->descriptor = -1;
    socket->in_over = socket->out_over = true;
    socket->came = socket->left = true;
    socket_tell(socket);
    adieu_wire_reset(socket->stream, os_error);
}

static void ended(struct socket *socket)
{
    /* A send() that was told of a reset has taken the error out of the socket; what is left of it looks like FIN. */
    if (socket->reset_error) {
        reset(socket, socket->reset_error);
        return;
    }
    socket->in_over = true;
    socket->came = true;
    adieu_wire_eof(socket->stream);
}

static void send_failed(struct socket *socket, int os_error)
{
    if (is_lost(os_error)) {
        reset(socket, os_error);
        return;
    }
    socket->out_over = true;
    socket->left = true;
    /* EPIPE comes after the peer's FIN, or where only our side has ended: what is still to be read ends as it ends. */
    if (os_error != EPIPE)
        socket->reset_error = os_error;
    socket_tell(socket);
    adieu_wire_out_failed(socket->stream, os_error);
}

/* recv() with EINTR taken care of; a negative errno instead of -1. */
static ssize_t receive_some(const struct socket *socket, void *buf, size_t size)
{
    ssize_t n;
    do
        n = recv(socket->descriptor, buf, size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* What receive_some answered, but for its bytes. */
static bool received(struct socket *socket, ssize_t n)
{
    socket->empty = n < 0 && would_block((int)-n);
    if (socket->empty)
        return false;
    if (n == 0)
        ended(socket);
    else if (n < 0)
        reset(socket, (int)-n);
    socket->came = true;
    return true;
}

static bool can_send(const struct socket *socket)
{
    return socket->speaks && socket->descriptor >= 0 && !socket->out_over;
}

/* send() with EINTR taken care of; a negative errno instead of -1, 0: it would block. */
static ssize_t send_some(struct socket *socket, const uint8_t *bytes, size_t size)
{
    ssize_t n;
    do
        n = send(socket->descriptor, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return would_block(errno) ? 0 : -errno;
    socket->left = true;
    socket->handed += (uint64_t)n;
    return n;
}

size_t socket_send_directly(void *context, const uint8_t *bytes, size_t size)
{
    struct socket *socket = context;
    if (!can_send(socket))
        return 0;
    int kept = errno;
    ssize_t n = send_some(socket, bytes, size);
    errno = kept;
    if (n < 0)
        socket->direct_error = (int)-n;
    return n < 0 ? 0 : (size_t)n;
}

bool socket_send(struct socket *socket)
{
    bool moved = false;
    const uint8_t *at;
    size_t size;
    while (can_send(socket) && (size = adieu_wire_out(socket->stream, &at)) > 0) {
        ssize_t n = socket->direct_error ? -socket->direct_error : send_some(socket, at, size);
        if (n == 0)
            break;
        moved = true;
        if (n < 0) {
            send_failed(socket, (int)-n);
            break;
        }
        adieu_wire_out_done(socket->stream, (size_t)n);
        if ((size_t)n < size) /* it is full */
            break;
    }
    return moved;
}

static size_t room_to_receive(const struct socket *socket)
{
    return socket->descriptor >= 0 && !socket->in_over ? adieu_wire_in(socket->stream, NULL) : 0;
}

bool socket_receive(struct socket *socket)
{
    uint8_t *at;
    if (!room_to_receive(socket))
        return false;
    size_t room = adieu_wire_in(socket->stream, &at);
    if (room == 0) { /* no memory: the stream has failed, and its verbs will say so */
        socket->came = true;
        return true;
    }
    ssize_t n = receive_some(socket, at, room);
    socket->drained = n > 0 && (size_t)n < room;
    adieu_wire_in_done(socket->stream, n > 0 ? (size_t)n : 0); /* with 0 it gives the buffer back: idle means none */
    return received(socket, n);
}

bool socket_lend(struct socket *socket, uint8_t *buf, size_t size)
{
    size_t room = room_to_receive(socket);
    socket->lent = 0;
    if (!room)
        return false;
    if (size > room)
        size = room;
    ssize_t n = receive_some(socket, buf, size);
    socket->drained = n > 0 && (size_t)n < size;
    socket->lent = n > 0 ? (unsigned)n : 0;
    if (n > 0)
        (void)!adieu_wire_lend(socket->stream, buf, (size_t)n);
    return received(socket, n);
}

bool socket_drain(struct socket *socket)
{
    uint8_t scratch[16384];
    bool moved = false;
    for (int turn = 0; turn < TURNS && !socket->in_over; turn++) {
        if (!received(socket, receive_some(socket, scratch, sizeof scratch)))
            break;
        moved = true;
    }
    return moved;
}

bool socket_unsent(const struct socket *socket)
{
    return !socket->out_over && adieu_wire_out(socket->stream, NULL) > 0;
}

void socket_look_behind(struct socket *socket)
{
    size_t got;
    enum adieu_status status;
    int turn = 0;
    do
        status = adieu_read(socket->stream, NULL, 0, &got);
    while (status == ADIEU_WAIT && turn++ < TURNS && socket_receive(socket));
}

short socket_events(const struct socket *socket)
{
    bool in = !socket->in_over && adieu_wire_in(socket->stream, NULL) > 0;
    return (short)((in ? POLLIN : 0) | (socket_unsent(socket) ? POLLOUT : 0));
}
