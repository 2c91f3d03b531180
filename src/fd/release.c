/* SPDX-License-Identifier: MIT */
/* Letting the socket go: with a reset, so that nothing looks like an end, or without, so that the kernel goes on delivering. */
#include "fd.h"

#include <unistd.h>

void fd_end_write(struct adieu_fd *fd)
{
    if (fd->goodbye.write_ended || fd->descriptor < 0)
        return;
    fd->goodbye.write_ended = true;
    (void)shutdown(fd->descriptor, SHUT_WR); /* ENOTCONN: there is no side left to end */
}

/* The socket itself. close() is not tried again after EINTR: the descriptor is gone, and its number may be another's. */
static void let_go(int descriptor, bool borrowed, bool reset)
{
    if (descriptor < 0)
        return;
    const struct linger linger = {.l_onoff = reset, .l_linger = 0};
    if (reset || !borrowed)
        (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    if (!borrowed)
        (void)close(descriptor);
    else if (reset)
        (void)shutdown(descriptor, SHUT_RDWR);
}

/* A descriptor must not be closed under a poll(): its number could be somebody else's by then. */
static void wait_for_polls(struct adieu_fd *fd)
{
    fd_wake_all(fd);
    while (fd->polls > 0)
        (void)pthread_cond_wait(&fd->no_polls, &fd->lock);
}

void fd_release(struct adieu_fd *fd, bool reset)
{
    if (fd->descriptor >= 0 && !reset) {
        fd_end_write(fd);
        if (!fd->borrowed)
            fd_drain(fd); /* close() with something unread is a reset, and destroys what we have sent */
    }
    tcp_tell(fd);
    int descriptor = fd->descriptor;
    fd->descriptor = -1;
    fd->released = true;
    fd->in_over = fd->out_over = true;
    wait_for_polls(fd);
    if (fd->opening)
        connect_stop(fd->opening);
    let_go(descriptor, fd->borrowed, reset);
}

/* Takes no lock, neither the handle's nor the resolver's: a thread that is not here may hold it. */
void fd_forget(struct adieu_fd *fd)
{
    if (fd->opening) {
        resolve_forget(fd->opening->resolve);
        fd->opening->resolve = NULL;
        connect_stop(fd->opening);
    }
    if (fd->descriptor >= 0 && !fd->borrowed)
        (void)close(fd->descriptor);
}

void fd_break_off(struct adieu_fd *fd, enum adieu_reason reason)
{
    bool ended = adieu_ending(fd->stream).decided;
    if (ended)
        fd_send(fd); /* an alert, perhaps, that explains it to the peer */
    tcp_tell(fd);
    adieu_abort(fd->stream, reason);
    if (!fd->released)
        fd_release(fd, !ended || adieu_wire_last(fd->stream) == ADIEU_LAST_RESET);
}

void adieu_fd_abort(struct adieu_fd *fd, enum adieu_reason reason)
{
    bool locked = fd_lock(fd);
    if (!locked && (!fd->polled || fd->inside))
        return; /* in a callback, where no verb may be called */
    fd_break_off(fd, reason);
    fd_unlock(fd, locked);
}
