/* SPDX-License-Identifier: MIT */
/* Letting the socket go, while others may be at it. */
#include "fd.h"

#include <unistd.h>

/* A descriptor must not be closed under a poll(): its number could be somebody else's by then. */
static void wait_for_polls(struct adieu_fd *fd)
{
    fd_wake_all(fd);
    while (fd->polls > 0)
        (void)pthread_cond_wait(&fd->no_polls, &fd->lock);
}

/* close() is not tried again after EINTR: the descriptor is gone, and its number may be another's. */
void fd_release(struct adieu_fd *fd, bool reset)
{
    int descriptor = socket_release(&fd->socket, reset);
    fd->released = true;
    wait_for_polls(fd);
    if (fd->opening)
        connect_stop(fd->opening);
    if (descriptor >= 0 && !fd->socket.borrowed)
        (void)close(descriptor);
    else if (descriptor >= 0 && reset)
        (void)shutdown(descriptor, SHUT_RDWR);
}

/* Takes no lock, neither the handle's nor the resolver's: a thread that is not here may hold it. */
void fd_forget(struct adieu_fd *fd)
{
    if (fd->opening) {
        resolve_forget(fd->opening->resolve);
        fd->opening->resolve = NULL;
        connect_stop(fd->opening);
    }
    if (fd->socket.descriptor >= 0 && !fd->socket.borrowed)
        (void)close(fd->socket.descriptor);
}

void fd_break_off(struct adieu_fd *fd, enum adieu_reason reason)
{
    enum goodbye_step step = goodbye_break_off(&fd->socket, reason);
    if (!fd->released)
        fd_release(fd, step == GOODBYE_RESET);
}

void adieu_fd_abort(struct adieu_fd *fd, enum adieu_reason reason)
{
    bool locked = fd_lock(fd);
    if (!locked && (!fd->polled || fd->inside))
        return; /* in a callback, where no verb may be called */
    fd_break_off(fd, reason);
    fd_unlock(fd, locked);
}
