/* SPDX-License-Identifier: MIT */
/* A transport that its caller drives: the adieu_wire_ functions, two queues, and a clock only where a goodbye needs one. */
#include "scene.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* How long a goodbye stays for the transport's end where nothing else can come. */
enum { SETTLE_MS = 20 };

struct memory {
    bool broken; /* takes nothing more */
    bool eof_told, reset_told;
    bool turn_lends; /* bytes are put and lent by turns */
    bool goodbye, released;
    unsigned reads, reads_before; /* while somebody reads, a goodbye discards nothing */
    int64_t progress_at, settled_at;
};

static struct memory *memory_of(struct scene *s)
{
    return s->own;
}

static void memory_open(struct scene *s)
{
    s->own = calloc(1, sizeof(struct memory));
    s->stream = s->server ? adieu_server(s->config) : adieu_client(s->config, s->name);
    assert_non_null(s->stream);
}

/* ------------------------------------------------ moving */

/* True: something left. */
static bool flush(struct scene *s)
{
    struct memory *memory = memory_of(s);
    struct line *line = &s->b.line;
    const uint8_t *at;
    bool moved = false;
    for (size_t n; !memory->released && (n = adieu_wire_out(s->stream, &at)) > 0; moved = true) {
        size_t under_way = BIO_ctrl_pending(line->to_b), room = under_way < 65536 ? 65536 - under_way : 0;
        if (memory->broken || line->b_reset) {
            adieu_wire_out_failed(s->stream, line->b_reset && !line->b_ended ? ECONNRESET : EPIPE);
            return moved;
        }
        n = s->narrow && room > 0 ? 1 : n < room ? n : room;
        if (n == 0)
            return moved;
        assert_int_equal(BIO_write(line->to_b, at, (int)n), (int)n);
        adieu_wire_out_done(s->stream, n);
    }
    return moved;
}

static void tell_end(struct scene *s)
{
    struct memory *memory = memory_of(s);
    const struct line *line = &s->b.line;
    if (line->b_ended && !memory->eof_told) {
        memory->eof_told = true;
        adieu_wire_eof(s->stream);
    } else if (line->b_reset && !line->b_ended && !memory->reset_told) {
        memory->reset_told = true;
        adieu_wire_reset(s->stream, ECONNRESET);
    }
}

/* The verb that a lent range is shown to. */
static void look(struct scene *s)
{
    size_t got;
    (void)!adieu_handshake(s->stream);
    (void)!adieu_read(s->stream, NULL, 0, &got);
}

static size_t lend(struct scene *s, size_t room)
{
    uint8_t buf[16384];
    int n = BIO_read(s->b.line.to_a, buf, (int)(room < sizeof buf ? room : sizeof buf));
    check_status(adieu_wire_lend(s->stream, buf, (size_t)n), ADIEU_OK);
    look(s);
    adieu_wire_settle(s->stream);
    return (size_t)n;
}

static size_t place(struct scene *s)
{
    uint8_t *at;
    size_t room = adieu_wire_in(s->stream, &at);
    int n = BIO_read(s->b.line.to_a, at, (int)room);
    adieu_wire_in_done(s->stream, n > 0 ? (size_t)n : 0);
    return n > 0 ? (size_t)n : 0;
}

/* True: something came, or the transport's end. */
static bool receive(struct scene *s)
{
    struct memory *memory = memory_of(s);
    size_t room = adieu_wire_in(s->stream, NULL);
    if (memory->released)
        return false;
    if (BIO_ctrl_pending(s->b.line.to_a) == 0) {
        bool told = memory->eof_told || memory->reset_told;
        tell_end(s);
        return !told && (memory->eof_told || memory->reset_told);
    }
    if (room == 0)
        return false;
    memory->turn_lends = !memory->turn_lends;
    return (memory->turn_lends ? lend(s, room) : place(s)) > 0;
}

/* ------------------------------------------------ letting go */

static void release(struct scene *s, bool reset)
{
    struct memory *memory = memory_of(s);
    if (!reset)
        flush(s);
    memory->released = true;
    s->b.line.reset_under_way |= reset;
    s->b.line.fin_under_way = true;
}

static void memory_abort(struct scene *s, enum adieu_reason reason)
{
    bool ended = adieu_ending(s->stream).decided;
    adieu_abort(s->stream, reason);
    if (!memory_of(s)->released)
        release(s, !ended || adieu_wire_last(s->stream) == ADIEU_LAST_RESET);
}

/* ------------------------------------------------ verbs */

static enum adieu_status memory_handshake(struct scene *s, int64_t deadline)
{
    enum adieu_status status = adieu_handshake(s->stream);
    flush(s);
    while (status == ADIEU_WAIT && receive(s)) {
        status = adieu_handshake(s->stream);
        flush(s);
    }
    if (status != ADIEU_WAIT || adieu_fd_now() < deadline)
        return status;
    memory_abort(s, ADIEU_REASON_DEADLINE);
    return adieu_handshake(s->stream);
}

static enum adieu_status memory_read(struct scene *s, void *buf, size_t size, size_t *got)
{
    memory_of(s)->reads++;
    enum adieu_status status = adieu_read(s->stream, buf, size, got);
    while (status == ADIEU_WAIT && receive(s))
        status = adieu_read(s->stream, buf, size, got);
    flush(s);
    return status;
}

/* As a good transport does: the peer's last words may say why it takes no more. */
static enum adieu_status look_behind(struct scene *s)
{
    size_t got;
    while (adieu_read(s->stream, NULL, 0, &got) == ADIEU_WAIT && receive(s))
        continue;
    return ADIEU_FAIL;
}

static bool sending_stopped(const struct scene *s)
{
    enum adieu_sending sending = adieu_ending(s->stream).sending;
    return sending == ADIEU_SENDING_FAILED || sending == ADIEU_SENDING_ABORTED;
}

static enum adieu_status memory_write(struct scene *s, const void *buf, size_t size, size_t *took)
{
    enum adieu_status status = adieu_write(s->stream, buf, size, took);
    flush(s);
    return status == ADIEU_OK && sending_stopped(s) ? look_behind(s) : status;
}

static enum adieu_status memory_shutdown(struct scene *s)
{
    enum adieu_status status = adieu_shutdown(s->stream);
    flush(s);
    if (status == ADIEU_OK && sending_stopped(s))
        return look_behind(s);
    return status == ADIEU_OK && adieu_ending(s->stream).sending == ADIEU_SENDING_CLOSING ? ADIEU_WAIT : status;
}

/* ------------------------------------------------ the goodbye */

static void begin_goodbye(struct scene *s)
{
    struct memory *memory = memory_of(s);
    memory->goodbye = true;
    memory->reads_before = memory->reads;
    memory->progress_at = adieu_fd_now();
    enum adieu_status status = adieu_shutdown(s->stream);
    enum adieu_sending sending = adieu_ending(s->stream).sending;
    if (status == ADIEU_MISUSE || (status == ADIEU_FAIL && sending == ADIEU_SENDING_OPEN))
        memory_abort(s, ADIEU_REASON_REQUEST);
}

static void drain(struct scene *s)
{
    struct memory *memory = memory_of(s);
    do {
        while (memory->reads == memory->reads_before && adieu_discard(s->stream, NULL) == ADIEU_OK)
            continue;
        flush(s);
    } while (receive(s));
    char gone[4096];
    if (adieu_ending(s->stream).receiving != ADIEU_RECEIVING_OPEN)
        while (BIO_read(s->b.line.to_a, gone, sizeof gone) > 0)
            continue;
}

static bool settled(struct memory *memory, const struct adieu_ending *ending, int64_t now)
{
    if (ending->receiving != ADIEU_RECEIVING_CLOSED && ending->receiving != ADIEU_RECEIVING_ALERTED)
        return false;
    if (memory->settled_at == 0)
        memory->settled_at = now;
    return now - memory->settled_at >= SETTLE_MS;
}

static void step_goodbye(struct scene *s, struct adieu_fd_patience patience)
{
    struct memory *memory = memory_of(s);
    int64_t now = adieu_fd_now();
    if (flush(s))
        memory->progress_at = now;
    drain(s);
    struct adieu_ending ending = adieu_ending(s->stream);
    enum adieu_last last = adieu_wire_last(s->stream);
    bool over = memory->eof_told || memory->reset_told || (ending.decided && settled(memory, &ending, now));
    s->b.line.fin_under_way |= last == ADIEU_LAST_END_WRITE;
    if (last == ADIEU_LAST_RESET)
        release(s, true);
    else if (ending.decided && last == ADIEU_LAST_END_WRITE && over)
        release(s, false);
    else if (ending.decided && ending.sending == ADIEU_SENDING_FAILED)
        release(s, false);
    else if (now - memory->progress_at >= patience.quiet_ms || now >= patience.deadline) {
        adieu_abort(s->stream, ADIEU_REASON_DEADLINE);
        release(s, ending.sending != ADIEU_SENDING_CLOSED);
    }
}

static enum adieu_status memory_close(struct scene *s, struct adieu_fd_patience patience, struct adieu_ending *ending)
{
    struct memory *memory = memory_of(s);
    if (!memory->goodbye && !memory->released)
        begin_goodbye(s);
    if (!memory->released)
        step_goodbye(s, patience);
    if (memory->released)
        *ending = adieu_ending(s->stream);
    return memory->released ? ADIEU_OK : ADIEU_WAIT;
}

/* ------------------------------------------------ the rest */

static void memory_tick(struct scene *s)
{
    flush(s);
}

/* Nothing but B and the clock moves anything. */
static void memory_idle(struct scene *s)
{
    if (memory_of(s)->goodbye)
        rest_ms(1);
}

static void memory_cut(struct scene *s, int how)
{
    if (how != SHUT_RD)
        memory_of(s)->broken = s->b.line.fin_under_way = true;
    if (how != SHUT_WR)
        s->b.line.b_ended = true;
}

static bool memory_released(struct scene *s)
{
    return memory_of(s)->released;
}

static struct adieu_ending memory_ending(struct scene *s)
{
    return adieu_ending(s->stream);
}

static struct adieu_error memory_error(struct scene *s)
{
    return *adieu_error(s->stream);
}

static void memory_free(struct scene *s)
{
    adieu_free(s->stream);
    free(s->own);
    s->own = NULL;
}

/* ------------------------------------------------ given back */

static void memory_give_back(struct scene *s)
{
    const uint8_t *at;
    size_t n = adieu_wire_surplus(s->stream, &at);
    s->surplus = BIO_new(BIO_s_mem());
    s->given_back = -1;
    BIO_write(s->surplus, at, (int)n);
}

static size_t memory_plain_read(struct scene *s, void *buf, size_t size)
{
    int n = BIO_read(s->surplus, buf, (int)size);
    if (n <= 0)
        n = BIO_read(s->b.line.to_a, buf, (int)size);
    return n > 0 ? (size_t)n : 0;
}

static void memory_plain_say(struct scene *s, const void *bytes, size_t size)
{
    assert_int_equal(BIO_write(s->b.line.to_b, bytes, (int)size), (int)size);
}

static void memory_restart(struct scene *s)
{
    uint8_t buf[16384];
    adieu_free(s->stream);
    free(s->own);
    memory_open(s);
    for (int n; (n = BIO_read(s->surplus, buf, sizeof buf)) > 0;) {
        uint8_t *at;
        assert_true(adieu_wire_in(s->stream, &at) >= (size_t)n);
        memcpy(at, buf, (size_t)n);
        adieu_wire_in_done(s->stream, (size_t)n);
    }
}

const struct driver over_memory = {
    .name = "memory",
    .where = IN_MEMORY,
    .open = memory_open,
    .handshake = memory_handshake,
    .read = memory_read,
    .write = memory_write,
    .shutdown = memory_shutdown,
    .close = memory_close,
    .abort = memory_abort,
    .tick = memory_tick,
    .idle = memory_idle,
    .cut = memory_cut,
    .released = memory_released,
    .ending = memory_ending,
    .error = memory_error,
    .free = memory_free,
    .give_back = memory_give_back,
    .plain_read = memory_plain_read,
    .plain_say = memory_plain_say,
    .restart = memory_restart,
};
