/* SPDX-License-Identifier: MIT */
#include "judge.h"

#include <inttypes.h>
#include <string.h>

#include "actors.h"
#include "kernel.h"

enum { MS = 1000, LOOK = 25 * MS, TURNS_OF_NOTHING = 60 };

struct timing judge_begin(const struct side *side)
{
    return (struct timing){.begun = now_us(), .interrupted = side_interrupted_us(side->index)};
}

/* How much later than asked for it may be: what the side was held up. */
static int64_t held_up(const struct side *side, const struct timing *timing)
{
    return side_interrupted_us(side->index) - timing->interrupted;
}

/* "Deadlines are absolute, in milliseconds of CLOCK_MONOTONIC; ADIEU_FD_NOW never waits" */
void judge_deadline(const struct side *side, const struct timing *timing, int64_t deadline)
{
    if (deadline == ADIEU_FD_FOREVER)
        return;
    int64_t due = deadline * MS > timing->begun ? deadline * MS : timing->begun;
    int64_t late = now_us() - due - held_up(side, timing);
    if (late > MS)
        broken("a verb comes back at its deadline", "%" PRId64 " us later", late);
}

/* "cancel ends every wait in progress with WAIT" */
void judge_cancelled(const struct side *side, const struct timing *timing)
{
    bool was = timing->begun < side->cancelled_at;
    int64_t late = now_us() - side->cancelled_at - (side_interrupted_us(side->index) - side->interrupted_then);
    if (was && late > MS)
        broken("a wait ends when it is cancelled", "%" PRId64 " us later", late);
}

/* "WAIT: the deadline passed or somebody cancelled; adieu_fd_why() says which" */
void judge_why(const struct side *side, int64_t deadline)
{
    enum adieu_fd_why why = adieu_fd_why(side->fd);
    bool passed = deadline != ADIEU_FD_FOREVER && adieu_fd_now() >= deadline;
    if (why == ADIEU_FD_WHY_DEADLINE && !passed)
        broken("WHY_DEADLINE says that the deadline has passed", "it has not");
    if (side->polled && why != ADIEU_FD_WHY_POLL && why != ADIEU_FD_WHY_DEADLINE)
        broken("polled, WAIT says POLL, or DEADLINE", "it says %s", adieu_fd_why_name(why));
    if (!side->polled && (why == ADIEU_FD_WHY_POLL || why == ADIEU_FD_WHY_NOTHING))
        broken("blocking, WAIT has a reason", "it says %s", adieu_fd_why_name(why));
}

/* "END is never a guess: an authenticated close_notify came, and every byte before it has been delivered" */
void judge_end(struct side *side)
{
    const struct side *other = side->other;
    side->heard_end = true;
    if (!other->said_end)
        broken("END is the peer's authentic end", "it has not shut down");
    uint64_t got = side->got + adieu_ending(adieu_fd_stream(side->fd)).discarded; /* by a goodbye before */
    if (got != other->took && !other->in_write)
        broken("END comes behind every byte", "%" PRIu64 " of %" PRIu64, got, other->took);
}

/* "OK when all size bytes were taken …, or what was taken so far" */
void judge_took(const struct side *side, size_t size, size_t took)
{
    if (took > size || (size && !took))
        broken("OK with 1..size bytes taken", "%zu of %zu", took, size);
    (void)side;
}

uint64_t plain_at(const struct side *side, size_t arrived)
{
    return arrived > side->speaks ? plain_in(side->tcp->log + side->speaks, arrived - (size_t)side->speaks) : 0;
}

/* "of these …: never too many" */
void judge_counts(const struct side *side, const struct adieu_ending *ending)
{
    if (ending->sent > ending->taken)
        broken("sent is never too many", "%" PRIu64 " of %" PRIu64 " taken", ending->sent, ending->taken);
    if (ending->acknowledged != ADIEU_UNKNOWN && ending->acknowledged > ending->sent)
        broken("acknowledged is never too many", "%" PRIu64 ", and %" PRIu64 " were sent", ending->acknowledged,
               ending->sent);
    if (!side->tcp || ending->acknowledged == ADIEU_UNKNOWN || ending->acknowledged == 0)
        return;
    const struct tcp *there = side->tcp->other;
    uint64_t arrived = plain_at(side, (size_t)(there->rcv_nxt - there->fin_came - 1));
    if (arrived != ADIEU_UNKNOWN && ending->acknowledged > arrived)
        broken("what is acknowledged is in the peer's TCP", "%" PRIu64 ", and %" PRIu64 " arrived",
               ending->acknowledged, arrived);
}

/* ------------------------------------------------ polled */

/* "fd is -1 where there is nothing to wait for, because even an empty mask wakes for HUP" */
void judge_interest(const struct side *side, const struct pollfd *what, int timeout_ms)
{
    if (what->fd >= 0 && !what->events)
        broken("an interest without events names no descriptor", "it names %d", what->fd);
    if (what->fd < 0 && timeout_ms < 0 && side->goodbye && !side->closed)
        broken("a goodbye always has something to wait for", "nothing, for ever");
    if (what->fd >= 0)
        (void)descriptor_of(what->fd, "interest");
}

static uint64_t moved(const struct side *side)
{
    return side->tcp ? side->tcp->written + side->tcp->read_at + side->tcp->una + side->tcp->rcv_nxt : 0;
}

struct reading judge_reading(const struct side *side)
{
    bool own = !side->polled && side->reader == actor_running();
    return (struct reading){.came_back = own && now_us() - side->got_at < 990 * MS, .discarded = side->discarded_then};
}

/* "So that a reader finds no gap, nothing is discarded for one second after another thread's read" */
void judge_gap(struct side *side, const struct reading *reading)
{
    side->discarded_then = adieu_ending(adieu_fd_stream(side->fd)).discarded;
    if (reading->came_back && side->discarded_then != reading->discarded)
        broken("a reader that comes back finds no gap", "%" PRIu64 " bytes", side->discarded_then - reading->discarded);
    side->got_at = now_us();
    side->reader = actor_running();
}

/* "what to wait for, now": a loop that honours it does not turn for nothing. */
void judge_spin(const struct side *side, struct spin *spin)
{
    bool same = spin->at == now_us() && spin->moved == moved(side);
    *spin = (struct spin){.times = same ? spin->times + 1 : 0, .at = now_us(), .moved = moved(side)};
    if (spin->times > TURNS_OF_NOTHING)
        broken("interest never makes a loop spin", "%d turns in which nothing moved", spin->times);
}

/* ------------------------------------------------ sleeping */

bool judge_was_idle(struct side *side, const struct timing *timing)
{
    int64_t since = now_us() - MS;
    side->idle_mark = side->tcp ? side->tcp->activity_at : NEVER;
    if (side->tcp && !tcp_writable(side->tcp))
        return false; /* send() might take a little, and so a write, which poll() does not tell */
    return side->tcp && !held_up(side, timing) && timing->begun < since && side->idle_mark < since &&
           side->acted_at < since && adieu_fd_why(side->fd) <= ADIEU_FD_WHY_DEADLINE;
}

/* "WAIT is honest": what a verb could do it does when it becomes possible, and not only when its time is over. */
void judge_sleep(const struct side *side, enum adieu_status status)
{
    if (status != ADIEU_WAIT && side->tcp && side->tcp->activity_at == side->idle_mark)
        broken("no wait goes on when something can be done", "asked again, the verb says %s",
               adieu_status_name(status));
}

/* A reader that waits is woken when another thread, or a write of its own, has received something for it. */
void judge_readers(const struct side *side)
{
    size_t got;
    if (!side->reading || !side->fd || adieu_fd_descriptor(side->fd) < 0)
        return;
    enum adieu_status status = adieu_read(adieu_fd_stream(side->fd), NULL, 0, &got);
    if (status != ADIEU_WAIT)
        broken("a reader that waits is told of what came", "a read would say %s", adieu_status_name(status));
}

/* ------------------------------------------------ closing */

static int64_t patience_end(const struct side *side, const struct timing *timing, struct adieu_fd_patience patience)
{
    int64_t progress = side->tcp && side->tcp->progress_at > timing->begun ? side->tcp->progress_at : timing->begun;
    int64_t quiet = patience.quiet_ms < 0 ? NEVER : progress + patience.quiet_ms * MS;
    int64_t whole = patience.deadline == ADIEU_FD_FOREVER ? NEVER : patience.deadline * MS;
    return quiet < whole ? quiet : whole;
}

/*
 * "quiet_ms without progress: counted from the last moment at which the peer's TCP acknowledged more of ours; nothing
 * that the peer sends moves it"; "deadline over everything"
 */
static void judge_patience(const struct side *side, const struct timing *timing, struct adieu_fd_patience patience)
{
    int64_t end = patience_end(side, timing, patience);
    if (end == NEVER)
        return;
    int64_t held = held_up(side, timing);
    int64_t late = now_us() - (end > timing->begun ? end : timing->begun) - held - LOOK;
    if (late > 0)
        broken("close comes back when its patience ends", "%" PRId64 " us later", late);
    bool gave_up = side->ending.reason == ADIEU_REASON_DEADLINE && !side->broke_off;
    if (gave_up && !held && now_us() < end - 2 * MS)
        broken("close does not give up before its patience ends", "%" PRId64 " us before", end - now_us());
}

/*
 * "The transport has ended when the peer's FIN has come and its TCP has acknowledged all that we said, or by a reset":
 * then nothing is waited for (but for a reader, for a second)
 */
static void judge_promptness(const struct side *side, const struct timing *timing, int64_t gone_at)
{
    const struct tcp *tcp = side->tcp;
    bool whole = tcp && tcp->fin_came && tcp->una == tcp_end(tcp);
    if (!tcp || (!whole && !gone_at) || side->got_at > timing->begun - 1100 * MS)
        return;
    int64_t over = tcp->fin_at > tcp->progress_at ? tcp->fin_at : tcp->progress_at;
    over = gone_at ? gone_at : over;
    int64_t late = now_us() - (over > timing->begun ? over : timing->begun) - held_up(side, timing) - LOOK;
    if (late > 0)
        broken("close comes back when the transport has ended", "%" PRId64 " us later", late);
}

/* "its TCP has acknowledged everything, FIN included, and 100 ms more have passed" */
static void judge_settled(const struct side *side, int64_t patience_end)
{
    const struct tcp *tcp = side->tcp;
    bool whole = adieu_ending_exit(&side->ending) == ADIEU_EXIT_DELIVERED && side->ending.reason == ADIEU_REASON_NONE;
    if (now_us() >= patience_end || !tcp || !whole || side->let_go || tcp->fin_came || tcp->error ||
        tcp->state == TCP_GONE)
        return;
    if (tcp->una < tcp_end(tcp))
        broken("close waits until all was acknowledged, or the transport has ended", "neither is so");
    else if (now_us() - tcp->progress_at < 99 * MS)
        broken("close stays for 100 ms behind the last acknowledgement", "%" PRId64 " us", now_us() - tcp->progress_at);
}

/* "if sending was closed, the socket is released without a reset; if not, it is reset" */
static void judge_reset(const struct side *side)
{
    const struct adieu_ending *ending = &side->ending;
    bool late = ending->reason == ADIEU_REASON_DEADLINE && ending->sending == ADIEU_SENDING_ABORTED;
    if (late && ending->receiving != ADIEU_RECEIVING_REJECTED && side->tcp && !side->tcp->linger_0)
        broken("where patience ends before all was said the peer finds a reset", "it does not");
}

/* "OK: done, *ending holds the ending, and no direction of it is live. Again after OK: OK, the same ending." */
void judge_close(const struct side *side, const struct timing *timing, struct adieu_fd_patience patience,
                 enum adieu_status status)
{
    struct adieu_ending again;
    if (status == ADIEU_WAIT)
        judge_why(side, ADIEU_FD_FOREVER);
    if (status != ADIEU_OK)
        return;
    if (!side->closed && !side->broke_off) {
        judge_patience(side, timing, patience);
        judge_promptness(side, timing, side->tcp && !side->tcp->closed_by_program ? side->tcp->gone_at : 0);
        if (!held_up(side, timing))
            judge_settled(side, patience_end(side, timing, patience));
    }
    if (!side->ending.decided)
        broken("close returns no live half", "sending %s, receiving %s", adieu_sending_name(side->ending.sending),
               adieu_receiving_name(side->ending.receiving));
    if (adieu_fd_close(side->fd, patience, &again) != ADIEU_OK || memcmp(&again, &side->ending, sizeof again) != 0)
        broken("close again says the same", "it does not");
    if (adieu_fd_descriptor(side->fd) >= 0)
        broken("a handle that is closed has no descriptor", "%d", adieu_fd_descriptor(side->fd));
    judge_counts(side, &side->ending);
    judge_reset(side);
}

/* ------------------------------------------------ freeing */

void judge_free(const struct side *side)
{
    judge_counts(side, &side->ending);
}

/*
 * "Without adieu_fd_close before, the connection is reset, unless both directions had ended: a forgotten goodbye must
 * not look like an end."
 */
void judge_freed(const struct side *side)
{
    const struct tcp *tcp = side->tcp;
    bool ended = side->closed || side->let_go || side->ending.decided;
    if (tcp && !ended && tcp->state == TCP_OPEN && !tcp->linger_0)
        broken("a handle that is freed without a goodbye resets", "it does not");
}
