/* SPDX-License-Identifier: MIT */
/*
 * Waiting, the lock, and who has to be woken. A thread that waits polls the socket for what the stream needed when it
 * began to wait, and its own wake descriptor. Whoever moves bytes or leaves some behind wakes those whom it concerns, since
 * the kernel will not: what they would poll for has gone into the stream.
 */
#include "fd.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ------------------------------------------------ waking */

static void wake(struct slot *slot)
{
    slot->woken = true;
    if (slot->wake >= 0)
        (void)eventfd_write(slot->wake, 1);
}

void fd_wake_all(struct adieu_fd *fd)
{
    for (int i = 0; fd->polls > 0 && i < SLOT_COUNT; i++)
        if (fd->slots[i].waiting)
            wake(&fd->slots[i]);
}

/*
 * What came concerns who reads; what left, and the end of sending, concerns who sends; a handshake does both; and a goodbye
 * goes by how everything stands: a mere read may have found the end.
 */
static bool concerned(const struct adieu_fd *fd, enum slot_name name, bool sending_ended)
{
    if (name == SLOT_READ)
        return fd->socket.came;
    if (name == SLOT_WRITE || name == SLOT_SHUTDOWN)
        return fd->socket.left || sending_ended;
    return name == SLOT_CLOSE || fd->socket.came || fd->socket.left;
}

static void note_moves(struct adieu_fd *fd)
{
    if (fd->socket.came || fd->socket.left)
        fd->moved = fd->warm = true;
    fd->socket.came = fd->socket.left = false;
}

/* Tells the other threads what this one has done to the stream. leaving: nobody here polls for what is still needed. */
static void tell_others(struct adieu_fd *fd, enum slot_name self, bool leaving)
{
    if (fd->polls > 0) {
        bool ended = adieu_sending(fd->stream) > ADIEU_SENDING_CLOSING;
        short events = leaving ? fd_need(fd).events : 0;
        for (int i = 0; i < SLOT_COUNT; i++) {
            struct slot *slot = &fd->slots[i];
            if (i != (int)self && slot->waiting &&
                (concerned(fd, (enum slot_name)i, ended) || (events & ~slot->events)))
                wake(slot);
        }
    }
    note_moves(fd);
}

void fd_end_waits(struct adieu_fd *fd, enum adieu_fd_why why)
{
    for (int i = 0; fd->polls > 0 && i < SLOT_COUNT; i++) {
        struct slot *slot = &fd->slots[i];
        if (i == SLOT_READ || i == SLOT_CLOSE || !slot->waiting)
            continue;
        slot->over = (uint8_t)why;
        wake(slot);
    }
}

void adieu_fd_cancel(struct adieu_fd *fd)
{
    if (fd->polled)
        return;
    bool locked = fd_lock(fd), waited = false;
    for (int i = 0; i < SLOT_COUNT; i++) {
        struct slot *slot = &fd->slots[i];
        if (!slot->waiting)
            continue;
        waited = true;
        slot->over = ADIEU_FD_WHY_CANCELLED;
        wake(slot);
    }
    if (!waited)
        fd->cancelled = true;
    fd_unlock(fd, locked);
}

/* ------------------------------------------------ the lock */

bool fd_lock(const struct adieu_fd *fd)
{
    /* The mutex checks for errors: EDEADLK means that a callback of the stream asks, under the lock. */
    return !fd->polled && pthread_mutex_lock((pthread_mutex_t *)&fd->lock) == 0;
}

void fd_unlock(const struct adieu_fd *fd, bool locked)
{
    if (locked)
        (void)pthread_mutex_unlock((pthread_mutex_t *)&fd->lock);
}

bool fd_enter(struct adieu_fd *fd, enum slot_name name)
{
    if (fd->polled) {
        bool nested = fd->inside;
        fd->inside = true;
        return !nested;
    }
    if (!fd_lock(fd))
        return false;
    if (fd->slots[name].busy) {
        fd_unlock(fd, true);
        return false;
    }
    fd->slots[name].busy = true;
    return true;
}

void fd_leave(struct adieu_fd *fd, enum slot_name name)
{
    if (fd->polled) {
        fd->inside = false;
        note_moves(fd);
        return;
    }
    fd->slots[name].busy = false;
    fd->slots[name].over = ADIEU_FD_WHY_NOTHING;
    tell_others(fd, name, true);
    fd_unlock(fd, true);
}

/* ------------------------------------------------ waiting */

static bool over(struct adieu_fd *fd, enum adieu_fd_why why)
{
    fd->why = why;
    return true;
}

/* Whether there is no waiting (any more), and why. */
static bool wait_over(struct adieu_fd *fd, enum slot_name name, int64_t deadline)
{
    struct slot *slot = &fd->slots[name];
    if (slot->over != ADIEU_FD_WHY_NOTHING) {
        enum adieu_fd_why why = (enum adieu_fd_why)slot->over;
        slot->over = ADIEU_FD_WHY_NOTHING;
        return over(fd, why);
    }
    if (name == SLOT_HANDSHAKE && adieu_awaited(fd->stream) != ADIEU_AWAITED_NOTHING)
        return over(fd, ADIEU_FD_WHY_DECISION);
    bool passed = deadline == ADIEU_FD_NOW || (deadline != ADIEU_FD_FOREVER && adieu_fd_now() >= deadline);
    if (fd->polled)
        return over(fd, passed && deadline != ADIEU_FD_NOW ? ADIEU_FD_WHY_DEADLINE : ADIEU_FD_WHY_POLL);
    if (fd->slots[SLOT_CLOSE].busy && name != SLOT_READ && name != SLOT_CLOSE)
        return over(fd, ADIEU_FD_WHY_CLOSING);
    if (passed)
        return over(fd, ADIEU_FD_WHY_DEADLINE);
    if (fd->cancelled) {
        fd->cancelled = false;
        return over(fd, ADIEU_FD_WHY_CANCELLED);
    }
    return false;
}

int fd_milliseconds_until(int64_t when)
{
    if (when == ADIEU_FD_FOREVER)
        return -1;
    int64_t left = when - adieu_fd_now();
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void poll_unlocked(struct adieu_fd *fd, struct slot *slot, struct pollfd what, int64_t until)
{
    if (slot->wake < 0)
        slot->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (slot->wake < 0) { /* no descriptor to be had: then nobody can wake us, so look again soon */
        int64_t soon = adieu_fd_now() + LOOK_MS;
        until = until < soon ? until : soon;
    }
    /* An empty mask still wakes for HUP and ERR, again and again. */
    struct pollfd set[2] = {{.fd = what.events ? what.fd : -1, .events = what.events},
                            {.fd = slot->wake, .events = POLLIN}};
    slot->events = what.events;
    slot->waiting = true;
    fd->polls++;
    (void)pthread_mutex_unlock(&fd->lock);
    (void)poll(set, 2, fd_milliseconds_until(until));
    (void)pthread_mutex_lock(&fd->lock);
    slot->waiting = false;
    if (--fd->polls == 0)
        (void)pthread_cond_broadcast(&fd->no_polls);
    eventfd_t count;
    if (slot->woken && slot->wake >= 0)
        (void)eventfd_read(slot->wake, &count);
    slot->woken = false;
}

int64_t fd_rest(struct adieu_fd *fd, bool comes_back)
{
    if (!fd->warm)
        return ADIEU_FD_FOREVER;
    int64_t now = adieu_fd_now();
    bool busy = now - fd->moved_at < BUSY_MS;
    if (fd->moved)
        fd->moved_at = now;
    fd->moved = false;
    if (busy && comes_back && adieu_receiving(fd->stream) == ADIEU_RECEIVING_OPEN)
        return fd->moved_at + BUSY_MS;
    adieu_wire_rest(fd->stream);
    fd->warm = false;
    return ADIEU_FD_FOREVER;
}

bool fd_wait(struct adieu_fd *fd, enum slot_name name, struct pollfd what, int64_t until, int64_t deadline)
{
    if (wait_over(fd, name, deadline))
        return false;
    tell_others(fd, name, false);
    until = time_earlier(time_earlier(until, deadline), fd_rest(fd, true));
    poll_unlocked(fd, &fd->slots[name], what, until);
    struct slot *slot = &fd->slots[name];
    return slot->over == ADIEU_FD_WHY_NOTHING || !wait_over(fd, name, deadline);
}

struct pollfd fd_need(const struct adieu_fd *fd)
{
    return (struct pollfd){.fd = fd->socket.descriptor, .events = socket_events(&fd->socket)};
}

bool fd_wait_stream(struct adieu_fd *fd, enum slot_name name, int64_t deadline)
{
    return fd_wait(fd, name, fd_need(fd), ADIEU_FD_FOREVER, deadline);
}
