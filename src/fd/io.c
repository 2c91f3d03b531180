/* SPDX-License-Identifier: MIT */
/* Moving bytes between a stream and its socket. Nothing here waits: every call is made non-blocking by itself. */
#include "fd.h"

#include <errno.h>

static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

/* The socket is gone in both directions. */
static void reset(struct adieu_fd *fd, int os_error)
{
    fd->in_over = fd->out_over = true;
    fd->came = fd->left = true;
    tcp_tell(fd);
    adieu_wire_reset(fd->stream, os_error);
}

static void ended(struct adieu_fd *fd)
{
    /* A send() that was told of a reset has taken the error out of the socket; what is left of it looks like FIN. */
    if (fd->reset_error) {
        reset(fd, fd->reset_error);
        return;
    }
    fd->in_over = true;
    fd->came = true;
    adieu_wire_eof(fd->stream);
}

static void send_failed(struct adieu_fd *fd, int os_error)
{
    fd->out_over = true;
    fd->left = true;
    /* EPIPE comes after the peer's FIN, or where only our side has ended: what is still to be read ends as it ends. */
    if (os_error != EPIPE)
        fd->reset_error = os_error;
    tcp_tell(fd);
    adieu_wire_out_failed(fd->stream, os_error);
}

/* recv() with EINTR taken care of; a negative errno instead of -1. */
static ssize_t receive_some(int descriptor, void *buf, size_t size)
{
    ssize_t n;
    do
        n = recv(descriptor, buf, size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

bool fd_send(struct adieu_fd *fd)
{
    bool moved = false;
    const uint8_t *at;
    size_t size;
    while (fd->speaks && fd->descriptor >= 0 && !fd->out_over && (size = adieu_wire_out(fd->stream, &at)) > 0) {
        ssize_t n = send(fd->descriptor, at, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && would_block(errno))
            break;
        moved = true;
        if (n < 0) {
            send_failed(fd, errno);
            break;
        }
        fd->left = true;
        fd->handed += (uint64_t)n;
        adieu_wire_out_done(fd->stream, (size_t)n);
    }
    return moved;
}

bool fd_receive(struct adieu_fd *fd)
{
    uint8_t *at;
    if (fd->descriptor < 0 || fd->in_over || adieu_wire_in(fd->stream, NULL) == 0)
        return false;
    size_t room = adieu_wire_in(fd->stream, &at);
    if (room == 0) { /* no memory: the stream has failed, and its verbs will say so */
        fd->came = true;
        return true;
    }
    ssize_t n = receive_some(fd->descriptor, at, room);
    adieu_wire_in_done(fd->stream, n > 0 ? (size_t)n : 0); /* with 0 it gives the buffer back: idle means none */
    if (n < 0 && would_block((int)-n))
        return false;
    if (n == 0)
        ended(fd);
    else if (n < 0)
        reset(fd, (int)-n);
    fd->came = true;
    return true;
}

bool fd_drain(struct adieu_fd *fd)
{
    uint8_t scratch[16384];
    bool moved = false;
    for (int turn = 0; turn < TURNS && !fd->in_over; turn++) {
        ssize_t n = receive_some(fd->descriptor, scratch, sizeof scratch);
        if (n < 0 && would_block((int)-n))
            break;
        moved = true;
        if (n == 0)
            ended(fd);
        else if (n < 0)
            reset(fd, (int)-n);
    }
    return moved;
}

bool fd_unsent(const struct adieu_fd *fd)
{
    return !fd->out_over && adieu_wire_out(fd->stream, NULL) > 0;
}

void fd_look_behind(struct adieu_fd *fd)
{
    size_t got;
    enum adieu_status status;
    int turn = 0;
    do
        status = adieu_read(fd->stream, NULL, 0, &got);
    while (status == ADIEU_WAIT && turn++ < TURNS && fd_receive(fd));
}

struct pollfd fd_need(struct adieu_fd *fd)
{
    struct pollfd what = {.fd = fd->descriptor};
    if (!fd->in_over && adieu_wire_in(fd->stream, NULL) > 0)
        what.events |= POLLIN;
    if (fd_unsent(fd))
        what.events |= POLLOUT;
    return what;
}
