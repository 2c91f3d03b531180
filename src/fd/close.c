/* SPDX-License-Identifier: MIT */
/* Closing: the goodbye, with threads that may wait in other verbs, or polled. */
#include "fd.h"

/*
 * Whether what comes is a reader's. One that went to look at what it got comes back, and must not find a gap: that is
 * another thread, or (polled) whoever has read since the goodbye began. Who read before and now says goodbye is done.
 */
static bool somebody_reads(const struct adieu_fd *fd)
{
    if (fd->slots[SLOT_READ].busy)
        return true;
    bool other = fd->polled ? fd->reads != fd->reads_before : fd->reads && !pthread_equal(fd->reader, pthread_self());
    return other && adieu_fd_now() - fd->read_at < READER_MS;
}

static enum incoming whose(struct adieu_fd *fd, int64_t now)
{
    if (somebody_reads(fd))
        return fd->polled ? INCOMING_LEFT : INCOMING_READERS;
    return goodbye_is_fresh(&fd->goodbye, now) ? INCOMING_UNTOLD : INCOMING_NOBODYS;
}

static void begin(struct adieu_fd *fd, struct adieu_fd_patience patience)
{
    struct goodbye *goodbye = &fd->goodbye;
    goodbye->patience = (struct patience){patience.quiet_ms, patience.deadline};
    if (!fd->polled || !goodbye->begun) /* polled calls are one goodbye; a blocking one after a cancel starts anew */
        goodbye_begin(goodbye, goodbye->patience, adieu_fd_now());
    fd_end_waits(fd, ADIEU_FD_WHY_CLOSING);
    if (goodbye->begun || fd->released)
        return;
    goodbye->begun = true;
    fd->reads_before = fd->reads;
    if (!goodbye_say(&fd->socket))
        fd_break_off(fd, ADIEU_REASON_REQUEST);
}

/* True: it is done, and the socket is released. */
static bool step(struct adieu_fd *fd)
{
    if (fd->released)
        return true;
    int64_t now = adieu_fd_now();
    goodbye_exchange(&fd->socket, whose(fd, now));
    enum goodbye_step step = goodbye_step(&fd->goodbye, &fd->socket, now);
    if (step != GOODBYE_GO_ON)
        fd_release(fd, step == GOODBYE_RESET);
    return fd->released;
}

struct pollfd close_need(const struct adieu_fd *fd, int64_t *until)
{
    *until = goodbye_until(&fd->goodbye);
    int64_t reader_until = fd->read_at + READER_MS;
    if (!fd->slots[SLOT_READ].busy && somebody_reads(fd) && reader_until < *until)
        *until = reader_until;
    if (goodbye_has_news(&fd->goodbye, &fd->socket)) /* a read between two calls has found them */
        *until = ADIEU_FD_NOW;
    return (struct pollfd){.fd = fd->socket.descriptor, .events = goodbye_events(&fd->socket)};
}

/* Polled it never waits, and says by adieu_fd_interest() what for. */
static bool wait_for_peer(struct adieu_fd *fd)
{
    int64_t until = INT64_MAX;
    struct pollfd what = {.fd = -1};
    if (!fd->polled)
        what = close_need(fd, &until);
    return fd_wait(fd, SLOT_CLOSE, what, until, ADIEU_FD_FOREVER);
}

enum adieu_status adieu_fd_close(struct adieu_fd *fd, struct adieu_fd_patience patience, struct adieu_ending *ending)
{
    if (!fd_enter(fd, SLOT_CLOSE))
        return ADIEU_MISUSE;
    begin(fd, patience);
    enum adieu_status status = ADIEU_OK;
    while (status == ADIEU_OK && !step(fd))
        if (!wait_for_peer(fd))
            status = ADIEU_WAIT;
    if (status == ADIEU_OK && ending)
        *ending = adieu_ending(fd->stream);
    fd_leave(fd, SLOT_CLOSE);
    return status;
}
