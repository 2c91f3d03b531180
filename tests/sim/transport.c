/* SPDX-License-Identifier: MIT */
/* A simulated transport: what it does with its stream, one call at a time or all that can be done now. */
#include <errno.h>
#include <string.h>

#include "backend.h"
#include "stream.h"

enum { LENT_MOST = 70000 };
static uint8_t lent[SIM_SIDES][LENT_MOST];

/* A wire function was called. */
static bool looked(struct world *w, struct side *s)
{
    return hold_all(w, s);
}

/* ------------------------------------------------ receiving */

static void settle(struct world *w, struct side *s)
{
    adieu_wire_settle(s->s);
    memset(lent[s->number], 0xee, s->lent_size); /* it is the transport's again */
    s->lent_size = 0;
    looked(w, s);
}

static void placed(struct world *w, struct side *s, size_t size)
{
    if (!s->place)
        return;
    struct way *way = way_to(w, s);
    size_t n = way_waits(way) < size ? way_waits(way) : size;
    n = n < s->place_size ? n : s->place_size;
    memcpy(s->place, way_leave(w, s, n), n);
    s->place = NULL;
    adieu_wire_in_done(s->s, n);
    looked(w, s);
}

static void place(struct world *w, struct side *s)
{
    uint8_t *at = NULL;
    size_t asked = adieu_wire_in(s->s, NULL), room = adieu_wire_in(s->s, &at);
    if (room && room < asked && !s->place)
        broken(w, s, "room_is_kept", "adieu_wire_in: how many bytes may be received");
    if (room) {
        s->place = at;
        s->place_size = room;
    }
    looked(w, s);
}

static bool may_receive(const struct side *s)
{
    return s->s && !s->told_eof && !s->told_reset;
}

void transport_receive(struct world *w, struct side *s, size_t size)
{
    if (!may_receive(s))
        return;
    if (s->lent_size)
        settle(w, s);
    place(w, s);
    placed(w, s, size);
}

static void lend(struct world *w, struct side *s, size_t size)
{
    struct way *way = way_to(w, s);
    size_t n = way_waits(way) < size ? way_waits(way) : size, room = adieu_wire_in(s->s, NULL);
    n = n < LENT_MOST ? n : LENT_MOST;
    bool allowed = !s->place && !s->s->input.lent_size && room >= n; /* what was read wholly is lent no more */
    if (allowed)
        memcpy(lent[s->number], way_leave(w, s, n), n);
    struct adieu_ending before = adieu_ending(s->s);
    enum adieu_status status = adieu_wire_lend(s->s, lent[s->number], n);
    struct adieu_ending after = adieu_ending(s->s);
    if (status != (allowed ? ADIEU_OK : ADIEU_MISUSE))
        broken(w, s, "one_loan_at_a_time", "only one range is lent at a time: MISUSE otherwise, or if n is too large");
    if (!allowed && memcmp(&before, &after, sizeof before) != 0)
        broken(w, s, "misuse_changes_nothing", "MISUSE: not allowed now; nothing changed, the error neither");
    if (allowed)
        s->lent_size = n;
    looked(w, s);
}

/* ------------------------------------------------ sending */

/* Some of the bytes, enough to notice that they changed. */
static uint32_t sum_of(const uint8_t *bytes, size_t size)
{
    uint32_t sum = 1;
    size_t apart = size / 61 + 1;
    for (size_t i = 0; i < size; i += apart)
        sum = sum * 31 + bytes[i];
    return sum;
}

static void tell_failed(struct world *w, struct side *s, int error)
{
    s->told_failed = true;
    s->shown = NULL;
    adieu_wire_out_failed(s->s, error);
    looked(w, s);
}

static void show(struct world *w, struct side *s)
{
    const uint8_t *at = NULL;
    size_t n = adieu_wire_out(s->s, &at);
    if (n && s->shown && (at != s->shown || n != s->shown_size))
        broken(w, s, "shown_again", "asked again before done, the same range is shown");
    if (n && !s->shown) {
        s->shown = at;
        s->shown_size = n;
        s->shown_sum = sum_of(at, n);
    }
    looked(w, s);
}

/* Sends up to size bytes of what is shown; returns how many. */
static size_t take(struct world *w, struct side *s, size_t size)
{
    if (!s->shown)
        return 0;
    if (sum_of(s->shown, s->shown_size) != s->shown_sum)
        broken(w, s, "shown_holds", "the place holds until done, failed, reset or free, whatever verb is called");
    size_t n = s->shown_size < size ? s->shown_size : size;
    n = way_enter(w, s, s->shown, n);
    s->shown = NULL;
    adieu_wire_out_done(s->s, n);
    looked(w, s);
    return n;
}

void transport_send(struct world *w, struct side *s, size_t size)
{
    if (!s->s || s->told_failed || s->told_reset)
        return;
    for (size_t n = 1; n && size && goes_on(w); size -= n) {
        show(w, s);
        if (s->shown && way_from(w, s)->refuses) {
            tell_failed(w, s, EPIPE);
            return;
        }
        n = take(w, s, size);
    }
    if (s->shown) /* nothing fits: that is no reason to keep it */
        take(w, s, 0);
}

static size_t direct(void *context, const uint8_t *bytes, size_t size)
{
    struct world *w = context;
    struct side *s = &w->side[w->writes];
    if (way_from(w, s)->refuses || s->told_failed || s->told_reset || s->shown)
        return 0;
    return way_enter(w, s, bytes, size);
}

/* ------------------------------------------------ telling */

/* What came before counts, and what comes after does not. */
static void note_end(struct world *w, struct side *s)
{
    if (s->told_eof || s->told_reset)
        return;
    s->received_at_eof = way_to(w, s)->received;
    s->plain_at_end = way_to(w, s)->in.plain;
    const struct side *peer = peer_of(w, s);
    if (backend_authenticates && s->received_at_eof >= peer->last_put)
        s->plain_at_end = peer->took;
}

static void tell_eof(struct world *w, struct side *s)
{
    note_end(w, s);
    s->told_eof = true;
    adieu_wire_eof(s->s);
    looked(w, s);
}

static void tell_reset(struct world *w, struct side *s, int error)
{
    note_end(w, s);
    s->reset_first |= !s->told_eof;
    s->reset_after_both |= !s->told_reset && adieu_ending(s->s).decided;
    s->told_reset = true;
    s->shown = NULL;
    adieu_wire_reset(s->s, error);
    looked(w, s);
}

/* What was sent through a way in which somebody tampered has no places any more. */
void transport_acknowledge(struct world *w, struct side *s)
{
    struct way *way = way_from(w, s);
    if (!s->s || way->shifted || !w->script->setup.acknowledges)
        return;
    s->told_acknowledged = true;
    s->acknowledged = s->acknowledged > way->came ? s->acknowledged : way->came;
    adieu_wire_acknowledged(s->s, way->came);
    looked(w, s);
}

static void acknowledge(struct world *w, struct side *s, const struct sim_step *step)
{
    struct way *way = way_from(w, s);
    uint64_t n = step->how == 2 ? UINT64_MAX : way->came;
    if (step->how == 1)
        n = n > step->size ? n - step->size : 0;
    if (way->shifted)
        return;
    w->lied |= step->how == 2;
    s->told_acknowledged = true;
    s->acknowledged = s->acknowledged > n ? s->acknowledged : n;
    adieu_wire_acknowledged(s->s, n);
    looked(w, s);
}

/* ------------------------------------------------ all at once */

static bool receive_all(struct world *w, struct side *s)
{
    struct way *way = way_to(w, s);
    bool moved = false;
    if (s->lent_size)
        settle(w, s);
    while (goes_on(w) && may_receive(s) && way_waits(way) && adieu_wire_in(s->s, NULL)) {
        uint64_t before = way->received;
        transport_receive(w, s, WAY_MOST);
        if (way->received == before)
            break; /* there was no memory */
        moved = true;
    }
    return moved;
}

/* A transport's end is found behind all that it delivered, and where nobody wants that, at once. */
static bool tell_ends(struct world *w, struct side *s)
{
    struct way *way = way_to(w, s);
    bool heard = adieu_receiving(s->s) != ADIEU_RECEIVING_OPEN || !way_waits(way);
    if (s->reset_came && !s->told_reset && heard) {
        tell_reset(w, s, ECONNRESET);
        return true;
    }
    if (!s->told_eof && !s->told_reset && way_over(way) && !s->reset_came) {
        tell_eof(w, s);
        return true;
    }
    return false;
}

bool transport_turn(struct world *w, struct side *s)
{
    if (!s->s || s->stage == STAGE_RELEASED)
        return false;
    uint64_t handed = way_from(w, s)->handed;
    bool moved = receive_all(w, s);
    moved |= tell_ends(w, s);
    transport_send(w, s, SIZE_MAX);
    transport_acknowledge(w, s);
    return moved || handed != way_from(w, s)->handed;
}

void transport_step(struct world *w, struct side *s, const struct sim_step *step)
{
    switch (step->does) {
    case SIM_RECEIVE:
        transport_receive(w, s, step->size);
        break;
    case SIM_PLACE:
        place(w, s);
        break;
    case SIM_PLACED:
        placed(w, s, step->size);
        break;
    case SIM_LEND:
        lend(w, s, step->size);
        break;
    case SIM_SETTLE:
        settle(w, s);
        break;
    case SIM_SEND:
        transport_send(w, s, step->size);
        break;
    case SIM_SHOW:
        show(w, s);
        break;
    case SIM_TAKE:
        take(w, s, step->size);
        break;
    case SIM_TELL_EOF:
        w->hurt = true;
        tell_eof(w, s);
        break;
    case SIM_TELL_FAILED:
        w->hurt = true;
        tell_failed(w, s, step->how ? 0 : EPIPE);
        break;
    case SIM_TELL_RESET:
        w->hurt = true;
        tell_reset(w, s, step->how ? 0 : ECONNRESET);
        break;
    case SIM_ACKNOWLEDGE:
        acknowledge(w, s, step);
        break;
    case SIM_KEEP:
        adieu_wire_keep(s->s);
        break;
    case SIM_REST:
        adieu_wire_rest(s->s);
        looked(w, s);
        break;
    case SIM_DIRECT:
        adieu_wire_direct(s->s, step->how ? NULL : direct, w);
        break;
    default:
        transport_turn(w, s);
    }
}
