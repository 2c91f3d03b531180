/* SPDX-License-Identifier: MIT */
/*
 * The whole goodbye. Its steps are derived from how stream and socket stand, so that blocking and polled, begun or
 * interrupted, are the same: move what can be moved, end the write side when all has been said, look what the peer's side
 * has taken, and let go when nothing more can be learned or patience ends.
 */
#include "fd.h"

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ------------------------------------------------ moving */

/*
 * Whether what comes is a reader's. One that went to look at what it got comes back, and must not find a gap: that is
 * another thread, or (polled) whoever has read since the goodbye began. Who read before and now says goodbye is done.
 */
static bool somebody_reads(const struct adieu_fd *fd)
{
    if (fd->slots[SLOT_READ].busy)
        return true;
    if (!fd->reads || adieu_fd_now() - fd->read_at >= READER_MS)
        return false;
    return fd->polled ? fd->reads != fd->goodbye.reads : !pthread_equal(fd->reader, pthread_self());
}

/* Makes the engine look at what was received; makes room, unless somebody reads. */
static bool take_in(struct adieu_fd *fd)
{
    size_t got;
    bool theirs = somebody_reads(fd);
    if (theirs && fd->polled)
        return false; /* what lies in the kernel wakes the reader; what lay in the stream would not */
    if (theirs)
        (void)!adieu_read(fd->stream, NULL, 0, &got);
    else
        while (adieu_discard(fd->stream, NULL) == ADIEU_OK)
            continue;
    return fd_receive(fd);
}

static bool receiving_lives(const struct adieu_fd *fd)
{
    return adieu_ending(fd->stream).receiving == ADIEU_RECEIVING_OPEN;
}

static void exchange(struct adieu_fd *fd)
{
    bool moved = true;
    for (int turn = 0; moved && turn < TURNS; turn++) {
        fd_send(fd);
        moved = receiving_lives(fd) ? take_in(fd) : fd_drain(fd);
    }
    fd_send(fd);
}

/* ------------------------------------------------ looking */

static bool sending_lives(const struct adieu_ending *ending)
{
    return ending->sending == ADIEU_SENDING_OPEN || ending->sending == ADIEU_SENDING_CLOSING;
}

/* FIN follows the last word; where the peer must not find an end, there is none. */
static void end_write_when_said(struct adieu_fd *fd)
{
    struct adieu_ending ending = adieu_ending(fd->stream);
    bool said = !sending_lives(&ending) && adieu_wire_out(fd->stream, NULL) == 0;
    if (said && adieu_wire_last(fd->stream) != ADIEU_LAST_RESET)
        fd_end_write(fd);
}

static void look(struct adieu_fd *fd, int64_t now)
{
    struct goodbye *goodbye = &fd->goodbye;
    if (goodbye->delivery == DELIVERY_ALL)
        return;
    bool progress;
    goodbye->delivery = tcp_delivery(fd, &progress);
    if (progress)
        goodbye->progress_at = now;
    int64_t pause = goodbye->look_pause ? 2 * goodbye->look_pause : 1;
    goodbye->look_pause = earlier(pause, LOOK_MS);
    goodbye->look_at = now + goodbye->look_pause;
}

/* After the peer's FIN nothing can be polled for: a reset shows here only. */
static void look_for_reset(struct adieu_fd *fd)
{
    int error = fd->in_over && !fd->out_over ? tcp_error(fd) : 0;
    if (error) {
        fd->out_over = true;
        adieu_wire_reset(fd->stream, error);
    }
}

/* The transport has ended: nothing more comes, and of what we said as much was taken as ever will be. */
static bool transport_ended(const struct adieu_fd *fd, const struct adieu_ending *ending)
{
    if (!fd->in_over)
        return false;
    return fd->out_over || ending->sending != ADIEU_SENDING_CLOSED || fd->goodbye.delivery != DELIVERY_PENDING;
}

/*
 * The peer needs not end its transport: it has said all, and has all. Not after our own alert, though: whether that is
 * read is seen by the peer's end only.
 */
static bool settled(struct adieu_fd *fd, const struct adieu_ending *ending, int64_t now)
{
    bool nothing_follows = ending->receiving == ADIEU_RECEIVING_CLOSED || ending->receiving == ADIEU_RECEIVING_ALERTED;
    if (!nothing_follows || fd->goodbye.delivery != DELIVERY_ALL)
        return false;
    if (!fd->goodbye.settled_at)
        fd->goodbye.settled_at = now;
    return now - fd->goodbye.settled_at >= SETTLE_MS;
}

/* ------------------------------------------------ patience */

static int64_t patience_end(const struct goodbye *goodbye)
{
    int64_t quiet = goodbye->patience.quiet_ms;
    return earlier(goodbye->patience.deadline, quiet < 0 ? ADIEU_FD_FOREVER : fd_later(goodbye->progress_at, quiet));
}

/* Time is up. The ending says so, unless both directions had ended and the peer's side is known to have everything. */
static void give_up(struct adieu_fd *fd)
{
    struct adieu_ending ending = adieu_ending(fd->stream);
    bool last_word_left = ending.decided && adieu_wire_last(fd->stream) == ADIEU_LAST_END_WRITE;
    bool delivered = fd->goodbye.delivery == DELIVERY_DATA || fd->goodbye.delivery == DELIVERY_ALL;
    if (!ending.decided || !delivered)
        adieu_abort(fd->stream, ADIEU_REASON_DEADLINE);
    fd_release(fd, !last_word_left && ending.sending != ADIEU_SENDING_CLOSED);
}

/* ------------------------------------------------ the goodbye */

/* Before the handshake is done there is nobody to say goodbye to; after it failed in silence, neither. */
static void say_goodbye(struct adieu_fd *fd)
{
    enum adieu_status status = adieu_shutdown(fd->stream);
    struct adieu_ending ending = adieu_ending(fd->stream);
    if (!fd->speaks || status == ADIEU_MISUSE || (status == ADIEU_FAIL && sending_lives(&ending)))
        fd_break_off(fd, ADIEU_REASON_REQUEST);
}

static void begin(struct adieu_fd *fd, struct adieu_fd_patience patience)
{
    struct goodbye *goodbye = &fd->goodbye;
    goodbye->patience = patience;
    if (!fd->polled || !goodbye->begun) { /* polled calls are one goodbye; a blocking one after a cancel starts anew */
        goodbye->progress_at = adieu_fd_now();
        goodbye->look_pause = 0;
    }
    fd_end_waits(fd, ADIEU_FD_WHY_CLOSING);
    if (goodbye->begun || fd->released)
        return;
    goodbye->begun = true;
    goodbye->reads = fd->reads;
    say_goodbye(fd);
}

/* True: it is done, and the socket is released. */
static bool step(struct adieu_fd *fd)
{
    if (fd->released)
        return true;
    exchange(fd);
    end_write_when_said(fd);
    look_for_reset(fd);
    int64_t now = adieu_fd_now();
    look(fd, now);
    struct adieu_ending ending = adieu_ending(fd->stream);
    bool said = ending.decided && adieu_wire_out(fd->stream, NULL) == 0;
    if (adieu_wire_last(fd->stream) == ADIEU_LAST_RESET)
        fd_release(fd, true);
    else if (said && (transport_ended(fd, &ending) || settled(fd, &ending, now)))
        fd_release(fd, false);
    else if (now >= patience_end(&fd->goodbye))
        give_up(fd);
    return fd->released;
}

struct pollfd close_need(struct adieu_fd *fd, int64_t *until)
{
    const struct goodbye *goodbye = &fd->goodbye;
    struct pollfd what = fd_need(fd);
    if (!fd->in_over && !receiving_lives(fd))
        what.events |= POLLIN;
    *until = patience_end(goodbye);
    if (goodbye->delivery != DELIVERY_ALL)
        *until = earlier(*until, goodbye->look_at);
    if (goodbye->settled_at)
        *until = earlier(*until, goodbye->settled_at + SETTLE_MS);
    if (!fd->slots[SLOT_READ].busy && somebody_reads(fd))
        *until = earlier(*until, fd->read_at + READER_MS);
    return what;
}

enum adieu_status adieu_fd_close(struct adieu_fd *fd, struct adieu_fd_patience patience, struct adieu_ending *ending)
{
    if (!fd_enter(fd, SLOT_CLOSE))
        return ADIEU_MISUSE;
    begin(fd, patience);
    enum adieu_status status = ADIEU_OK;
    while (status == ADIEU_OK && !step(fd)) {
        int64_t until;
        struct pollfd what = close_need(fd, &until);
        if (!fd_wait(fd, SLOT_CLOSE, what, until, ADIEU_FD_FOREVER))
            status = ADIEU_WAIT;
    }
    if (status == ADIEU_OK && ending)
        *ending = adieu_ending(fd->stream);
    fd_leave(fd, SLOT_CLOSE);
    return status;
}
