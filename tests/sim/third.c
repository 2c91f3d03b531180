/* SPDX-License-Identifier: MIT */
/* The third party: what becomes of the bytes that are under way. */
#include <string.h>

#include "backend.h"

/* ------------------------------------------------ in and out */

size_t way_room(const struct way *way)
{
    size_t used = way->end - way->start;
    return way->cut ? WAY_MOST : used < way->capacity ? way->capacity - used : 0;
}

/* So that size more fit behind. */
static void pack(struct way *way, size_t size)
{
    if (WAY_ROOM - way->end >= size)
        return;
    memmove(way->bytes, way->bytes + way->start, way->end - way->start);
    way->arrived -= way->start;
    way->end -= way->start;
    way->start = 0;
}

static void put_behind(struct way *way, const uint8_t *bytes, size_t size)
{
    pack(way, size);
    memcpy(way->bytes + way->end, bytes, size);
    way->end += size;
    way->entered += size;
}

/* Where what the sender sealed lies in the way, once it is there. */
static void note_place(uint64_t put, uint64_t *entered, const struct way *way, size_t size)
{
    if (put > way->handed && put <= way->handed + size)
        *entered = way->entered + (put - way->handed);
}

size_t way_enter(struct world *w, struct side *s, const uint8_t *bytes, size_t size)
{
    struct way *way = way_from(w, s);
    size_t n = way_room(way) < size ? way_room(way) : size;
    if (!way->cut) {
        note_place(s->close_put, &s->close_entered, way, n);
        note_place(s->alert_put, &s->alert_entered, way, n);
        put_behind(way, bytes, n);
    }
    backend_follow(&way->out, bytes, n);
    way->handed += n;
    return n;
}

size_t way_waits(const struct way *way)
{
    return way->arrived - way->start;
}

const uint8_t *way_leave(struct world *w, struct side *receiver, size_t n)
{
    struct way *way = way_to(w, receiver);
    const uint8_t *at = way->bytes + way->start;
    way->start += n;
    way->received += n;
    backend_follow(&way->in, at, n);
    return at;
}

void way_drop(struct way *way)
{
    way->start = way->arrived;
}

bool way_over(const struct way *way)
{
    return way->over && way->start == way->end;
}

/* The receiver's host has nobody any more who wants it. */
static void answer_with_reset(struct world *w, struct side *sender)
{
    struct way *way = way_from(w, sender);
    way->start = way->arrived = way->end;
    way->cut = true;
    sender->reset_came = true;
}

bool way_arrive(struct world *w, struct side *sender, size_t size)
{
    struct way *way = way_from(w, sender);
    size_t n = way->end - way->arrived < size ? way->end - way->arrived : size;
    if (way->stuck || way->stalled_until > w->now)
        return false;
    bool over = way->over;
    way->arrived += n;
    way->came += n;
    way->over = (way->fin || way->cut) && way->arrived == way->end;
    if (n && peer_of(w, sender)->stage == STAGE_RELEASED)
        answer_with_reset(w, sender);
    return n || over != way->over;
}

void way_end(struct way *way)
{
    way->fin = true;
}

/* ------------------------------------------------ the end of a connection */

static void forget_under_way(struct way *way, bool all)
{
    way->end = way->arrived;
    way->cut = true;
    if (all)
        way->start = way->end;
}

void reset_both(struct world *w, bool all_lost)
{
    for (unsigned i = 0; i < SIM_SIDES; i++) {
        forget_under_way(&w->way[i], all_lost);
        w->side[i].reset_came = true;
    }
}

/* As a kernel does: what nobody has read makes a reset of it, which purges what is still to be sent. */
void way_release(struct world *w, struct side *s, bool with_reset)
{
    s->stage = STAGE_RELEASED;
    struct way *to = way_to(w, s), *from = way_from(w, s);
    if (with_reset || way_waits(to)) {
        forget_under_way(from, false);
        forget_under_way(to, true);
        peer_of(w, s)->reset_came = true;
    }
    way_end(from);
}

/* ------------------------------------------------ steps */

static void cut(struct world *w, struct side *s, size_t size)
{
    struct way *way = way_from(w, s);
    w->hurt = true;
    way_arrive(w, s, size);
    forget_under_way(way, false);
}

static void lie(struct world *w, struct side *s, const struct sim_step *step)
{
    static uint8_t record[2048];
    struct way *way = way_from(w, s);
    if (way->cut || way->fin || !backend_between(&way->out) || WAY_ROOM - (way->end - way->start) < WAY_MOST / 2)
        return;
    size_t n = backend_lie(record, sizeof record, step->how, step->size);
    put_behind(way, record, n);
    if (!n)
        return;
    w->tampered = w->hurt = true;
    way->shifted |= !s->close_entered;
    way->lied_early |= !peer_of(w, s)->established;
}

/* How many of the bytes under way are meant. */
static size_t meant(const struct way *way, const struct sim_step *step)
{
    size_t under = way->end - way->arrived, n = step->size;
    const uint8_t *head = way->bytes + way->arrived;
    if (step->how && under >= 5)
        n = 5 + ((size_t)head[3] << 8 | head[4]);
    return n < under ? n : under;
}

static void bend(struct world *w, struct side *s, const struct sim_step *step)
{
    struct way *way = way_from(w, s);
    size_t under = way->end - way->start, n = meant(way, step);
    uint8_t *at = way->bytes + way->arrived;
    if (!backend_authenticates || !under || (step->does != SIM_FLIP && !n))
        return;
    w->tampered = w->hurt = true;
    way->lied_early |= !peer_of(w, s)->established;
    if (step->does == SIM_FLIP) {
        way->bytes[way->start + step->size % under] ^= (uint8_t)(1U << step->how);
        return;
    }
    way->shifted = true;
    if (step->does == SIM_DROP) {
        memmove(at, at + n, way->end - way->arrived - n);
        way->end -= n;
        way->entered -= n;
    } else if (WAY_ROOM - way->end >= n) {
        memmove(at + n, at, way->end - way->arrived);
        way->end += n;
        way->entered += n;
    }
}

void third_step(struct world *w, struct side *s, const struct sim_step *step)
{
    struct way *way = way_from(w, s);
    switch (step->does) {
    case SIM_ARRIVE:
        way_arrive(w, s, step->size);
        break;
    case SIM_CUT:
        cut(w, s, step->size);
        break;
    case SIM_RESET:
        w->hurt = true;
        reset_both(w, step->how);
        break;
    case SIM_REFUSE:
        w->hurt = way->refuses = true;
        break;
    case SIM_CAPACITY:
        way->capacity = step->size ? step->size : 1;
        break;
    case SIM_STALL:
        way->stalled_until = w->now + step->size;
        way->stuck = way->stuck || step->how;
        w->hurt = w->hurt || step->how;
        break;
    case SIM_INJECT:
        lie(w, s, step);
        break;
    default:
        bend(w, s, step);
    }
}
