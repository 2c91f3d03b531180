/* SPDX-License-Identifier: MIT */
/* A script from beginning to end: the network and the sides as its lines say, all threads, and the judge. */
#include "conversation.h"

#include <string.h>

#include "actors.h"
#include "calls.h"
#include "judge.h"
#include "kernel.h"

#define S INT64_C(1000000)

static int side_of(const struct line *line)
{
    return line->b == 1;
}

static int64_t at_least(int64_t value, int64_t least)
{
    return value > least ? value : least;
}

static void set_path(const struct line *line)
{
    struct path *path = &network.path[side_of(line)];
    int64_t value = at_least(line->a, 0);
    switch (line->verb) {
    case VERB_DELAY:
        path->delay = value;
        break;
    case VERB_JITTER:
        path->jitter = value;
        break;
    case VERB_SLOW:
        path->us_per_kb = value;
        break;
    case VERB_LOSS:
        path->loss = value < 500 ? value : 500;
        break;
    case VERB_HOLE:
        path->hole_at = now_us() + value * 1000;
        break;
    case VERB_SEND_ROOM:
        defaults.send_room[side_of(line)] = (size_t)at_least(value, 2048);
        break;
    case VERB_RECEIVE_ROOM:
        defaults.receive_room[side_of(line)] = (size_t)at_least(value, 1024);
        break;
    default:
        break;
    }
}

static void set_mood(const struct line *line)
{
    int64_t value = line->a < 500 ? at_least(line->a, 0) : 500;
    switch (line->verb) {
    case VERB_SEGMENT:
        network.mss = at_least(line->a, 100);
        network.window = at_least(line->b, network.mss);
        break;
    case VERB_ACKS:
        network.delayed_acks = at_least(line->a, 0);
        break;
    case VERB_INTERRUPTS:
        moods.interrupts = value;
        break;
    case VERB_SHORT_SENDS:
        moods.short_sends = value;
        break;
    case VERB_SHORT_READS:
        moods.short_reads = value;
        break;
    case VERB_SPURIOUS:
        moods.spurious = value;
        break;
    case VERB_PREEMPTS:
        moods.preempts = value;
        moods.preempted_us = at_least(line->b, 1);
        break;
    default:
        break;
    }
}

static void defaults_of_network(uint64_t seed)
{
    network = (struct network){.mss = 1448, .window = 65536, .dice = random_from(seed ^ 3)};
    for (int side = 0; side < 2; side++) {
        network.path[side] = (struct path){.delay = 100, .hole_at = NEVER};
        defaults.send_room[side] = defaults.receive_room[side] = 65536;
    }
}

static void set_side(struct side sides[2], const struct line *line)
{
    struct side *side = &sides[line->who >= WHO_B];
    side->polled |= line->verb == VERB_POLLED;
    side->borrowed |= line->verb == VERB_BORROWED;
    side->rude |= line->verb == VERB_RUDE;
    if (line->verb != VERB_SPEAK)
        return;
    side->speaks = (uint64_t)at_least(line->a, 0) % 4000;
    side->reads_on = at_least(line->b, 0) % 4000;
}

static uint64_t seed_of(const struct script *script)
{
    for (size_t i = 0; i < script->count; i++)
        if (script->lines[i].verb == VERB_SEED)
            return (uint64_t)script->lines[i].a;
    return 0;
}

static bool joined(const struct script *script)
{
    for (size_t i = 0; i < script->count; i++)
        if (script->lines[i].verb == VERB_JOINED || script->lines[i].verb == VERB_BORROWED ||
            (script->lines[i].verb == VERB_RUDE && script->lines[i].who < WHO_B))
            return true;
    return false;
}

static void set_up(const struct script *script, struct side sides[2])
{
    for (size_t i = 0; i < script->count; i++) {
        const struct line *line = &script->lines[i];
        if (line->who != WHO_NET) {
            set_side(sides, line);
        } else {
            set_path(line);
            set_mood(line);
        }
    }
}

/* ------------------------------------------------ sides */

static void open_sockets(struct side sides[2], bool are_joined)
{
    struct tcp *tcps[2];
    int pair[2] = {-1, -1};
    if (are_joined) {
        kernel_pair(tcps, pair);
    } else {
        struct tcp *listener = tcp_new(1, defaults.send_room[1], defaults.receive_room[1]);
        defaults.listener = listener;
        sides[1].listener = kernel_open(listener);
        (void)kernel_listen(sides[1].listener);
    }
    for (int i = 0; i < 2; i++) {
        sides[i].joined = are_joined;
        sides[i].descriptor = pair[i];
        if (are_joined)
            descriptor_of(pair[i], "begin")->borrowed = sides[i].borrowed && !sides[i].rude;
    }
}

static void begin_side(struct side *side, const struct script *script)
{
    if (side->rude)
        side->stream = side->index ? adieu_server(side->config) : adieu_client(side->config, NULL);
    else
        side->fd = side->index ? adieu_fd_server(side->config) : adieu_fd_client(side->config, NULL);
    if (side->polled && !side->rude)
        adieu_fd_set_polled(side->fd);
    int threads = side->polled || side->rude ? 1 : THREADS;
    for (int i = 0; i < threads; i++) {
        enum who who = (enum who)(WHO_A + side->index * THREADS + i);
        bool has_lines = i == 0;
        for (size_t n = 0; n < script->count; n++)
            has_lines |= script->lines[n].who == who;
        side->threads[i] = (struct thread){.side = side, .script = script, .who = who};
        if (!has_lines || !actors_add(side->index, side->rude ? rude_run : side_run, &side->threads[i]))
            continue;
        side->living++;
    }
}

/* ------------------------------------------------ what comes from outside */

struct cut {
    struct side *side;
    int64_t at;
};

static void cut(void *context)
{
    const struct cut *cut = context;
    (void)actor_wait(NULL, NULL, cut->at);
    if (cut->side->tcp)
        tcp_inject_reset(cut->side->tcp);
}

static void begin_cut(const struct script *script, struct side sides[2], struct cut *one)
{
    for (size_t i = 0; i < script->count; i++) {
        if (script->lines[i].verb != VERB_CUT || one->side)
            continue;
        *one = (struct cut){&sides[side_of(&script->lines[i])], now_us() + at_least(script->lines[i].a, 0) * 1000};
        (void)actors_add(2, cut, one);
    }
}

static void look_at_readers(void *context)
{
    const struct side *sides = context;
    for (int i = 0; i < 2; i++)
        if (!side_is_inside(i))
            judge_readers(&sides[i]);
}

/* Who is gone leaves the network to itself: what is under way arrives. */
static void quieten(void)
{
    for (int64_t until = now_us() + 400 * S; !tcp_quiet() && now_us() < until;)
        time_jump(tcp_next());
}

static struct outcome outcome_of(const struct side sides[2])
{
    struct outcome outcome = {.broken = broken_text()};
    for (int i = 0; i < 2; i++) {
        outcome.exits[i] = sides[i].closed ? (int)adieu_ending_exit(&sides[i].ending) : -1;
        for (int cause = 0; sides[i].tcp && cause < RESET_CAUSES; cause++)
            outcome.resets[i][cause] = sides[i].tcp->resets[cause];
    }
    return outcome;
}

struct outcome converse(const struct script *script)
{
    static struct adieu_config *configs[2];
    struct side sides[2];
    struct cut one = {.side = NULL};
    uint64_t seed = seed_of(script);
    memset(sides, 0, sizeof sides);
    actors_reset(seed);
    tcp_reset_all();
    kernel_reset(seed ^ 1);
    calls_simulate(true, seed ^ 2);
    defaults_of_network(seed);
    set_up(script, sides);
    for (int i = 0; i < 2; i++) {
        sides[i].index = i;
        sides[i].other = &sides[!i];
        sides[i].listener = sides[i].descriptor = -1;
        if (!configs[i])
            configs[i] = side_config(i == 1);
        sides[i].config = configs[i];
    }
    for (int i = 0; i < 2; i++) /* a rude side begins with TLS */
        sides[i].speaks = sides[0].rude || sides[1].rude ? 0 : sides[i].speaks;
    open_sockets(sides, joined(script));
    for (int i = 0; i < 2; i++)
        begin_side(&sides[i], script);
    begin_cut(script, sides, &one);
    actors_each_time(look_at_readers, sides);
    bool kept = actors_run();
    if (kept && sides[1].listener >= 0)
        (void)kernel_close(sides[1].listener);
    if (kept)
        quieten();
    if (kept)
        judge_all(sides);
    calls_simulate(false, 0);
    return outcome_of(sides);
}
