/* SPDX-License-Identifier: MIT */
/*
 * The lines of a program on a handle: each calls a verb, waits as its form waits, and holds it to what the header says
 * of it.
 */
#include "side.h"

#include <inttypes.h>
#include <string.h>

#include "actors.h"
#include "judge.h"
#include "kernel.h"

enum { CHUNK = 65536, SAME = 40 };

/* A call that is made again until it is done or its time is over. */
struct call {
    struct side *side;
    const struct line *line;
    uint8_t *room;
    size_t size, count; /* bytes: wanted, done */
    int64_t deadline;
    struct adieu_fd_patience patience;
};

static const uint8_t *pieces_of(const struct call *call, struct adieu_piece *pieces)
{
    const uint8_t *from = said_by(call->side->index, call->side->took);
    for (size_t i = 0, at = 0; i < 4; i++) {
        size_t size = i == 3 ? call->size - at : call->size / (i + 5);
        pieces[i] = (struct adieu_piece){.bytes = from + at, .size = size};
        at += size;
    }
    return from;
}

static enum adieu_status once(struct call *call, int64_t deadline)
{
    struct side *side = call->side;
    struct adieu_piece pieces[4];
    struct adieu_fd_address there = {.host = "127.0.0.1", .port = "443"};
    switch (call->line->verb) {
    case VERB_JOINED:
        return side->index ? adieu_fd_accept(side->fd, side->listener, deadline)
                           : adieu_fd_connect(side->fd, &there, deadline);
    case VERB_HANDSHAKE:
        return adieu_fd_handshake(side->fd, deadline);
    case VERB_WRITE:
        return adieu_fd_write(side->fd, said_by(side->index, side->took), call->size, &call->count, deadline);
    case VERB_WRITEV:
        (void)pieces_of(call, pieces);
        return adieu_fd_writev(side->fd, pieces, 4, &call->count, deadline);
    case VERB_READ:
    case VERB_READ_ALL:
        return adieu_fd_read(side->fd, call->room, call->size, &call->count, deadline);
    case VERB_SHUTDOWN:
        return adieu_fd_shutdown(side->fd, deadline);
    case VERB_KEY_UPDATE:
        return adieu_fd_key_update(side->fd, call->line->a == 1, deadline);
    default:
        return adieu_fd_close(side->fd, call->patience, &side->ending);
    }
}

/* ------------------------------------------------ waiting */

static bool wait_for_interest(const struct call *call, int64_t *told_until)
{
    int timeout;
    int64_t left = (call->deadline - adieu_fd_now());
    struct pollfd what = adieu_fd_interest(call->side->fd, &timeout);
    judge_interest(call->side, &what, timeout);
    *told_until = timeout < 0 ? NEVER : now_us() + timeout * INT64_C(1000);
    if (call->deadline != ADIEU_FD_FOREVER && (timeout < 0 || timeout > left))
        timeout = left > 0 ? (int)left : 0;
    return poll(&what, 1, timeout) > 0;
}

/* As a program's own loop does it: the verb until it says WAIT, then what the interest says. */
static enum adieu_status in_loop(struct call *call)
{
    enum adieu_status status;
    struct timing timing = judge_begin(call->side);
    struct spin spin = {.times = 0};
    int64_t told_until = 0;
    bool ready = true;
    for (;;) {
        bool slept = !ready && now_us() < told_until && judge_was_idle(call->side, &timing);
        status = once(call, call->deadline);
        if (status != ADIEU_WAIT) {
            if (slept)
                judge_sleep(call->side, status);
            return status;
        }
        judge_why(call->side, call->deadline);
        if (call->deadline != ADIEU_FD_FOREVER && adieu_fd_now() >= call->deadline)
            return status;
        judge_spin(call->side, &spin);
        ready = wait_for_interest(call, &told_until);
    }
}

static enum adieu_status waiting(struct call *call)
{
    struct side *side = call->side;
    struct timing timing = judge_begin(side);
    enum adieu_status status = side->polled ? in_loop(call) : once(call, call->deadline);
    if (status == ADIEU_WAIT && !side->polled)
        judge_why(side, call->deadline);
    judge_deadline(side, &timing, call->deadline);
    judge_cancelled(side, &timing);
    if (status == ADIEU_WAIT && !side->polled && judge_was_idle(side, &timing)) {
        status = once(call, ADIEU_FD_NOW);
        judge_sleep(side, status);
    }
    side->acted_at = now_us();
    return status;
}

/* ------------------------------------------------ lines */

static struct call call_for(struct side *side, const struct line *line, int64_t ms)
{
    return (struct call){.side = side,
                         .line = line,
                         .deadline = ms < 0 ? ADIEU_FD_FOREVER
                                     : ms   ? adieu_fd_in(ms)
                                            : ADIEU_FD_NOW};
}

/* FAIL says nothing of how much was taken. */
static void written(const struct call *call, enum adieu_status status)
{
    struct side *side = call->side;
    if (status == ADIEU_OK)
        judge_took(side, call->size, call->count);
    side->took = status == ADIEU_FAIL ? adieu_ending(adieu_fd_stream(side->fd)).taken : side->took + call->count;
    side->took_at_most = side->took;
    side->in_write = false;
}

static void do_write(struct side *side, const struct line *line)
{
    struct call call = call_for(side, line, line->b);
    uint64_t left = (uint64_t)(line->a > 0 ? line->a : 0);
    enum adieu_status status = ADIEU_OK;
    while (left > 0 && status == ADIEU_OK && !side->in_write) {
        call.size = left < CHUNK ? left : CHUNK;
        call.count = 0;
        side->took_at_most = side->took + call.size;
        side->in_write = true;
        status = waiting(&call);
        written(&call, status);
        left -= call.count;
        if (call.count < call.size && !side->polled)
            break; /* its wait ended before */
    }
}

static enum adieu_status do_read(struct side *side, const struct line *line, int64_t ms, size_t most)
{
    static uint8_t rooms[2 * THREADS][CHUNK];
    struct call call = call_for(side, line, ms);
    call.room = rooms[line->who - WHO_A];
    call.size = most < CHUNK ? most : CHUNK;
    call.count = 0;
    struct reading reading = judge_reading(side);
    side->reading++;
    enum adieu_status status = waiting(&call);
    side->reading--;
    judge_gap(side, &reading);
    if (status == ADIEU_OK)
        side_got(side, call.room, call.count);
    if (status == ADIEU_END)
        judge_end(side);
    side->listened |= !side->goodbye && (status == ADIEU_END || status == ADIEU_FAIL);
    return status;
}

static void do_read_all(struct side *side, const struct line *line)
{
    while (do_read(side, line, line->a, CHUNK) == ADIEU_OK)
        continue;
}

static void do_close(struct side *side, const struct line *line)
{
    struct call call = call_for(side, line, -1);
    call.patience = (struct adieu_fd_patience){line->a, line->b < 0 ? ADIEU_FD_FOREVER : adieu_fd_in(line->b)};
    side->said_end = side->goodbye = true;
    side->reader = side->reader == actor_running() ? 0 : side->reader;
    struct timing timing = judge_begin(side);
    enum adieu_status status = side->polled ? in_loop(&call) : once(&call, 0);
    judge_cancelled(side, &timing);
    judge_close(side, &timing, call.patience, status);
    side->closed |= status == ADIEU_OK;
    side->acted_at = now_us();
}

static void do_detach(struct side *side)
{
    int descriptor;
    size_t size;
    const uint8_t *surplus;
    if (side->fd && adieu_fd_detach(side->fd, &descriptor, &surplus, &size) == ADIEU_OK)
        side->let_go = true, side->descriptor = descriptor;
}

/* Who blocks does one after the other. */
static void do_pump(struct side *side, const struct line *line)
{
    if (side->polled) {
        pump(side, line);
        return;
    }
    do_write(side, &(struct line){.who = line->who, .verb = VERB_WRITE, .a = line->a, .b = line->b});
    do_read_all(side, &(struct line){.who = line->who, .verb = VERB_READ_ALL, .a = line->b});
}

/* Polled it does nothing: there is no wait. */
static void do_cancel(struct side *side)
{
    adieu_fd_cancel(side->fd);
    if (side->polled)
        return;
    side->cancelled_at = now_us();
    side->interrupted_then = side_interrupted_us(side->index);
}

static void do_ask(struct side *side)
{
    struct adieu_ending ending = adieu_fd_ending(side->fd);
    (void)adieu_fd_progress(side->fd);
    judge_counts(side, &ending);
}

void side_open(struct side *side)
{
    struct line line = {.verb = VERB_JOINED, .who = side->index ? WHO_B : WHO_A};
    struct call call = call_for(side, &line, 20000);
    if (side->joined) {
        enum adieu_fd_owner owner = side->borrowed ? ADIEU_FD_BORROWED : ADIEU_FD_OWNED;
        if (adieu_fd_adopt(side->fd, side->descriptor, owner) != ADIEU_OK)
            broken("adopt uses a connected stream socket", "it does not");
    } else {
        (void)waiting(&call);
    }
    int descriptor = adieu_fd_descriptor(side->fd);
    side->tcp = descriptor >= 0 ? kernel_tcp(descriptor) : NULL;
    if (descriptor >= 0 && !descriptor_of(descriptor, "look")->no_delay)
        broken("TCP_NODELAY is set on every TCP socket", "not on %d", descriptor);
}

bool side_do(struct side *side, const struct line *line)
{
    struct call call = call_for(side, line, line->a);
    switch (line->verb) {
    case VERB_HANDSHAKE:
        side->handshake_ms = side->handshake_ms ? side->handshake_ms : line->a;
        side->handshake_late = waiting(&call) == ADIEU_WAIT && adieu_fd_now() >= call.deadline;
        break;
    case VERB_SHUTDOWN:
        side->said_end = true;
        (void)waiting(&call);
        break;
    case VERB_WRITE:
    case VERB_WRITEV:
        do_write(side, line);
        break;
    case VERB_READ:
        (void)do_read(side, line, line->b, line->a > 0 ? (size_t)line->a : 0);
        break;
    case VERB_READ_ALL:
        do_read_all(side, line);
        break;
    case VERB_PUMP:
        do_pump(side, line);
        break;
    case VERB_KEY_UPDATE:
        call = call_for(side, line, line->b);
        side->key_updates++;
        (void)waiting(&call);
        break;
    case VERB_SLEEP:
        (void)actor_wait(NULL, NULL, now_us() + line->a * 1000);
        break;
    case VERB_CANCEL:
        do_cancel(side);
        break;
    case VERB_ASK:
        do_ask(side);
        break;
    case VERB_CLOSE:
        do_close(side, line);
        break;
    case VERB_PART:
        if (side->polled)
            part(side, line);
        else
            do_close(side, &(struct line){.who = line->who, .verb = VERB_CLOSE, .a = line->a, .b = -1});
        break;
    case VERB_DETACH:
        do_detach(side);
        break;
    case VERB_ABORT:
        adieu_fd_abort(side->fd, ADIEU_REASON_REQUEST);
        side->broke_off = true;
        break;
    default:
        break;
    }
    return true;
}
