/* SPDX-License-Identifier: MIT */
/* Plays a script. */
#include <string.h>

#include "backend.h"

/* Both sides say bytes of a fixed pattern, whose period fits into nothing. */
enum { PERIOD = 65521 };
static uint8_t said[SIM_SIDES][PERIOD + SAID_MOST];

const uint8_t *said_at(unsigned side, uint64_t place)
{
    return said[side] + place % PERIOD;
}

const char *sim_begin(void)
{
    for (unsigned side = 0; side < SIM_SIDES; side++) {
        struct random random = random_from(side);
        for (size_t i = 0; i < PERIOD; i++)
            said[side][i] = (uint8_t)random_next(&random);
        for (size_t i = PERIOD; i < sizeof said[side]; i++)
            said[side][i] = said[side][i - PERIOD];
    }
    backend_begin();
    return backend_name;
}

void sim_end(void)
{
    backend_end();
}

/* ------------------------------------------------ steps of both sides */

bool program_turn(struct world *w, struct side *s)
{
    if (!s->s || adieu_receiving(s->s) != ADIEU_RECEIVING_OPEN)
        return false;
    if (!s->established) {
        if (adieu_awaited(s->s) == ADIEU_AWAITED_VERIFY)
            verb_decide(w, s, w->script->setup.later > 1 ? ADIEU_REFUSE : ADIEU_ACCEPT);
        return verb_handshake(w, s) != ADIEU_WAIT;
    }
    bool moved = false;
    for (enum adieu_status status = ADIEU_OK; status == ADIEU_OK && goes_on(w); moved |= status != ADIEU_WAIT)
        status =
            random_one_in(&w->random, 8) ? verb_discard(w, s) : verb_read(w, s, 1 + random_below(&w->random, 20000));
    return moved;
}

static void pump(struct world *w, size_t times)
{
    for (size_t i = 0; i < times && goes_on(w); i++) {
        bool moved = false;
        for (unsigned side = 0; side < SIM_SIDES; side++) {
            struct side *s = &w->side[side];
            moved |= goes_on(w) && program_turn(w, s);
            moved |= goes_on(w) && transport_turn(w, s);
            moved |= way_arrive(w, s, random_one_in(&w->random, 2) ? SIZE_MAX : random_size(&w->random, 20000));
        }
        if (!moved)
            return;
    }
}

static void starve(struct world *w, const struct sim_step *step)
{
    w->hurt = w->starved = true;
    w->relent_at = step->how ? w->step + 10 : SIZE_MAX;
    backend_starve(step->size, step->how);
}

static void close(struct world *w, struct side *s, const struct sim_step *step)
{
    if (s->stage != STAGE_TALKS)
        return;
    w->hurt = w->hurt || step->size < 20000;
    goodbye_start(w, s, step->size);
}

/* Those that are goodbyes already go on with it while the script does. */
static void play_stream_step(struct world *w, struct side *s, const struct sim_step *step)
{
    if (!s->s || s->stage == STAGE_RELEASED)
        return;
    if (step->does == SIM_FAULT) {
        bool lives = adieu_receiving(s->s) == ADIEU_RECEIVING_OPEN && !s->established;
        s->fault_wanted = backend_fault(s, step->how) || s->fault_wanted;
        s->refused_late |= lives && step->how == 2 && s->fault_wanted;
        w->hurt = w->hurt || s->fault_wanted;
    } else if (step->does == SIM_CLOSE)
        close(w, s, step);
    else if (step->does >= SIM_RECEIVE)
        transport_step(w, s, step);
    else
        verb_step(w, s, step);
    if (s->s && s->stage == STAGE_CLOSES)
        goodbye_turn(w, s);
}

/* Whoever says goodbye meanwhile may lose patience with programs that dawdle. */
static void pass(struct world *w, size_t ms)
{
    w->now += (int64_t)ms;
    for (unsigned i = 0; i < SIM_SIDES; i++) {
        const struct side *s = &w->side[i];
        w->hurt |= s->s && s->stage == STAGE_CLOSES && w->now >= s->progress_at + s->patience;
    }
}

void world_step(struct world *w, const struct sim_step *step)
{
    struct side *s = &w->side[step->side];
    switch (step->does) {
    case SIM_PASS:
        pass(w, step->size);
        break;
    case SIM_PUMP:
        pump(w, step->size);
        break;
    case SIM_NO_MEMORY:
        starve(w, step);
        break;
    case SIM_ARRIVE:
    case SIM_CUT:
    case SIM_RESET:
    case SIM_REFUSE:
    case SIM_CAPACITY:
    case SIM_STALL:
    case SIM_INJECT:
    case SIM_FLIP:
    case SIM_DROP:
    case SIM_DOUBLE:
        third_step(w, s, step);
        break;
    default:
        play_stream_step(w, s, step);
    }
}

/* ------------------------------------------------ a whole conversation */

static void begin_side(struct world *w, unsigned number)
{
    struct side *s = &w->side[number];
    memset(s, 0, sizeof *s);
    s->number = number;
    for (unsigned i = 0; i < VERBS; i++)
        s->latched[i] = ADIEU_WAIT;
    s->last.acknowledged = ADIEU_UNKNOWN;
    s->s = backend_stream(&w->script->setup, number);
    if (s->s)
        observer_set(s, false);
    struct way *way = &w->way[number]; /* its bytes need no clearing */
    memset((uint8_t *)way + sizeof way->bytes, 0, sizeof *way - sizeof way->bytes);
    way->capacity = w->script->setup.capacity;
}

static void play(struct world *w)
{
    for (w->step = 0; w->step < w->script->count && goes_on(w); w->step++) {
        if (w->step == w->relent_at)
            backend_relent();
        world_step(w, &w->script->steps[w->step]);
    }
    backend_relent();
    if (goes_on(w) && !goodbye_both(w) && goes_on(w))
        broken(w, NULL, "ends", "every conversation whose sides close with a deadline ends");
    if (goes_on(w))
        hold_joint(w);
}

static void end_sides(struct world *w, struct sim_outcome *outcome)
{
    for (unsigned i = 0; i < SIM_SIDES; i++) {
        struct side *s = &w->side[i];
        if (s->s)
            s->last = adieu_ending(s->s);
        if (outcome) {
            outcome->endings[i] = s->last;
            outcome->freed[i] = s->s == NULL;
        }
        adieu_free(s->s);
        s->s = NULL;
    }
    if (outcome) {
        outcome->healthy = !w->hurt;
        outcome->calls = w->calls;
    }
}

bool sim_run(const struct sim_script *script, struct sim_verdict *verdict, struct sim_outcome *outcome)
{
    static struct world world;
    struct world *w = &world;
    *verdict = (struct sim_verdict){.broken = NULL};
    w->script = script;
    w->verdict = verdict;
    w->random = random_from(script->setup.seed);
    w->now = 1;
    w->hurt = w->starved = w->tampered = w->lied = false;
    w->relent_at = SIZE_MAX;
    w->calls = w->step = 0;
    size_t blocks = backend_blocks();
    backend_seed(script->setup.seed);
    for (unsigned i = 0; i < SIM_SIDES; i++)
        begin_side(w, i);
    play(w);
    end_sides(w, outcome);
    backend_over();
    if (goes_on(w) && script->setup.own_config && backend_blocks() != blocks)
        broken(w, NULL, "no_leak", "a stream that is freed leaves no memory behind");
    return goes_on(w);
}
