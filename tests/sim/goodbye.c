/* SPDX-License-Identifier: MIT */
/* The end of every conversation: each side closes, with a patience, as a transport's close does, in time that is told. */
#include <string.h>

#include "world.h"

/* What a goodbye stays after all was acknowledged. */
enum { SETTLE_MS = 100 };
/* Nobody needs so many turns: whoever does is not getting anywhere. */
enum { MOST_TURNS = 5000, LEAST_CAPACITY = 4000 };
#define PATIENCE INT64_C(60000)

static bool lives(enum adieu_sending sending)
{
    return sending == ADIEU_SENDING_OPEN || sending == ADIEU_SENDING_CLOSING;
}

static bool decided(const struct side *s)
{
    return !lives(adieu_sending(s->s)) && adieu_receiving(s->s) != ADIEU_RECEIVING_OPEN;
}

/* Shutdown; before the handshake is done, to close is to abort. */
void goodbye_start(struct world *w, struct side *s, int64_t patience)
{
    s->stage = STAGE_CLOSES;
    s->patience = patience;
    s->progress_at = w->now;
    if (verb_shutdown(w, s) == ADIEU_MISUSE && goes_on(w)) {
        w->hurt = true;
        verb_abort(w, s, ADIEU_REASON_RELEASED);
    }
}

/* The peer's host has all of ours, FIN included. */
static bool all_acknowledged(struct world *w, struct side *s)
{
    struct way *way = way_from(w, s);
    return w->script->setup.acknowledges && way->fin && way->over && !way->cut && way->came >= way->handed;
}

static void note_progress(struct world *w, struct side *s)
{
    struct way *way = way_from(w, s);
    if (way->came != s->came_before)
        s->progress_at = w->now;
    s->came_before = way->came;
}

/* Time is up. The ending says so, unless both directions had ended and the peer's side is known to have everything. */
static void give_up(struct world *w, struct side *s)
{
    bool ended = decided(s);
    bool closed = adieu_sending(s->s) == ADIEU_SENDING_CLOSED;
    bool gently = closed || (ended && adieu_wire_last(s->s) == ADIEU_LAST_END_WRITE);
    s->gave_up = true;
    if (!ended || !all_acknowledged(w, s))
        verb_abort(w, s, ADIEU_REASON_DEADLINE);
    way_release(w, s, !gently);
}

static bool transport_over(struct world *w, struct side *s)
{
    bool over = s->told_reset || s->told_eof;
    bool nothing_to_learn = s->told_reset || s->told_failed || adieu_sending(s->s) != ADIEU_SENDING_CLOSED;
    return over && (nothing_to_learn || !w->script->setup.acknowledges || all_acknowledged(w, s));
}

static bool settled(struct world *w, struct side *s)
{
    enum adieu_receiving receiving = adieu_receiving(s->s);
    bool nothing_follows = receiving == ADIEU_RECEIVING_CLOSED || receiving == ADIEU_RECEIVING_ALERTED;
    if (!nothing_follows || !all_acknowledged(w, s))
        return false;
    if (!s->settled_at)
        s->settled_at = w->now + SETTLE_MS;
    return w->now >= s->settled_at;
}

/* What arrives behind the end is read from the socket, and thrown away. */
static void drain(struct world *w, struct side *s)
{
    struct way *way = way_to(w, s);
    if (adieu_receiving(s->s) != ADIEU_RECEIVING_OPEN && !s->place && !s->lent_size)
        way_drop(way);
}

/* One look at where a goodbye stands; true: it got further. */
static bool goodbye_step(struct world *w, struct side *s)
{
    bool waits = adieu_wire_out(s->s, NULL) > 0;
    enum adieu_last last = adieu_wire_last(s->s);
    drain(w, s);
    note_progress(w, s);
    if (last == ADIEU_LAST_RESET) {
        way_release(w, s, true);
        return true;
    }
    if (!waits && !lives(adieu_sending(s->s)) && !way_from(w, s)->fin) {
        way_end(way_from(w, s));
        return true;
    }
    if (!waits && decided(s) && (transport_over(w, s) || settled(w, s))) {
        way_release(w, s, false);
        return true;
    }
    if (w->now < s->progress_at + s->patience)
        return false;
    give_up(w, s);
    return true;
}

/* One side of all that is still there goes on; true: it got further. */
bool goodbye_turn(struct world *w, struct side *s)
{
    if (!s->s || s->stage == STAGE_RELEASED || !goes_on(w))
        return false;
    bool moved = transport_turn(w, s);
    if (goes_on(w))
        moved |= program_turn(w, s);
    if (goes_on(w) && s->stage == STAGE_CLOSES) {
        moved |= transport_turn(w, s);
        moved |= goes_on(w) && goodbye_step(w, s);
    }
    return moved;
}

/* ------------------------------------------------ until both are gone */

static void earlier(int64_t *a, int64_t b, int64_t now)
{
    if (b > now && b < *a)
        *a = b;
}

/* Nobody gets further now: when somebody may. */
static int64_t next_event(const struct world *w)
{
    int64_t at = INT64_MAX;
    for (unsigned i = 0; i < SIM_SIDES; i++) {
        const struct side *s = &w->side[i];
        earlier(&at, w->way[i].stalled_until, w->now);
        if (!s->s || s->stage != STAGE_CLOSES)
            continue;
        earlier(&at, s->progress_at + s->patience, w->now);
        if (s->settled_at)
            earlier(&at, s->settled_at, w->now);
    }
    return at;
}

static bool all_released(const struct world *w)
{
    for (unsigned i = 0; i < SIM_SIDES; i++)
        if (w->side[i].s && w->side[i].stage != STAGE_RELEASED)
            return false;
    return true;
}

/* Segments end anywhere; sometimes all comes at once. */
static bool carry(struct world *w)
{
    bool moved = false;
    for (unsigned i = 0; i < SIM_SIDES; i++) {
        size_t most = random_one_in(&w->random, 4) ? random_size(&w->random, 3000) + 1 : SIZE_MAX;
        moved |= way_arrive(w, &w->side[i], most);
    }
    return moved;
}

/* First the handshake goes on, for who has none: then each says goodbye. */
static bool start_all(struct world *w, bool patient)
{
    bool started = false;
    for (unsigned i = 0; i < SIM_SIDES; i++) {
        struct side *s = &w->side[i];
        if (!s->s || s->stage != STAGE_TALKS || !goes_on(w))
            continue;
        bool failed = adieu_receiving(s->s) != ADIEU_RECEIVING_OPEN;
        if (patient && !s->established && !failed)
            continue;
        goodbye_start(w, s, PATIENCE);
        started = true;
    }
    return started;
}

bool goodbye_both(struct world *w)
{
    for (unsigned i = 0; i < SIM_SIDES; i++)
        if (w->way[i].capacity < LEAST_CAPACITY) /* or it would take too long */
            w->way[i].capacity = LEAST_CAPACITY;
    for (unsigned turn = 0; turn < MOST_TURNS && goes_on(w); turn++) {
        if (all_released(w))
            return true;
        bool moved = start_all(w, true);
        moved |= carry(w);
        for (unsigned i = 0; i < SIM_SIDES; i++)
            moved |= goodbye_turn(w, &w->side[i]);
        if (moved)
            continue;
        int64_t next = next_event(w);
        if (next < INT64_MAX)
            w->now = next;
        else if (!start_all(w, false)) /* no handshake will come of it */
            return false;
    }
    return all_released(w);
}
