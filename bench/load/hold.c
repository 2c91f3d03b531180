/* SPDX-License-Identifier: MIT */
/* Many connections at once, which have spoken and then wait for the server to end them. */
#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "figures.h"

enum {
    EACH_WAY = 16384,
    OPENING = 64, /* at once: fewer than the shortest queue of connections not yet accepted */
};

struct hold {
    struct floor *floor;
    const struct order *order;
    struct talk *talks;
    uint64_t begun, opening, held, silent;
    uint64_t ended, failed; /* of those that were held */
    uint64_t bytes;         /* that came while they were held */
    uint64_t first_end, last_end;
    bool input_ended;
    uint8_t request[REQUEST_SIZE + EACH_WAY];
};

/* Spread evenly among the others. */
static bool is_silent(const struct hold *hold, uint32_t number)
{
    return number * hold->order->silent % 100 < hold->order->silent;
}

/* SSL_MODE_RELEASE_BUFFERS forgets the buffer that is read ahead into. */
static void rest(struct talk *talk)
{
    SSL_free_buffers(talk->ssl);
}

/* It neither reads nor answers from now on; what the server does to it is found by nobody. */
static void fall_silent(struct hold *hold, struct talk *talk)
{
    epoll_ctl(hold->floor->epoll, EPOLL_CTL_DEL, talk->descriptor, &(struct epoll_event){0});
    hold->silent++;
}

static void open_more(struct hold *hold)
{
    while (hold->opening < OPENING && hold->begun < hold->order->count) {
        struct talk *talk = &hold->talks[hold->begun++];
        if (talk_begin(hold->floor, talk, (uint32_t)hold->begun) == STEP_WAIT)
            hold->opening++;
        else
            talk_let_go(talk);
    }
}

/* From connecting to being held. */
static enum step open_on(struct hold *hold, struct talk *talk)
{
    enum step step = STEP_DONE;
    if (talk->phase <= PHASE_HANDSHAKE) {
        step = talk_handshake(hold->floor, talk);
        if (step == STEP_DONE)
            talk->phase = PHASE_SEND;
    }
    if (step == STEP_DONE && talk->phase == PHASE_SEND) {
        step = talk_send(hold->floor, talk, hold->request, sizeof hold->request);
        if (step == STEP_DONE)
            talk->phase = PHASE_RECEIVE;
    }
    if (step == STEP_DONE)
        step = talk_receive(hold->floor, talk, EACH_WAY);
    return step;
}

static void opening(struct hold *hold, struct talk *talk)
{
    enum step step = open_on(hold, talk);
    if (step == STEP_WAIT)
        return;
    hold->opening--;
    if (step == STEP_END)
        talk_fail(hold->floor, talk, "the server ended");
    if (step == STEP_DONE) {
        talk->phase = PHASE_HELD;
        rest(talk);
        hold->held++;
        if (is_silent(hold, talk->number))
            fall_silent(hold, talk);
    } else {
        talk_let_go(talk);
    }
    open_more(hold);
}

/* Whatever comes is counted, until the server ends. */
static enum step hold_on(struct hold *hold, struct talk *talk)
{
    enum step step;
    do {
        uint32_t before = talk->moved;
        step = talk_receive(hold->floor, talk, EACH_WAY);
        hold->bytes += (step == STEP_DONE ? EACH_WAY : talk->moved) - before;
    } while (step == STEP_DONE);
    if (step == STEP_WAIT)
        rest(talk);
    if (step != STEP_END)
        return step;
    step = talk_say_end(hold->floor, talk);
    return step == STEP_DONE ? talk_hear_end(hold->floor, talk) : step;
}

static void holding(struct hold *hold, struct talk *talk)
{
    enum step step = talk->phase == PHASE_HELD ? hold_on(hold, talk) : talk_hear_end(hold->floor, talk);
    if (step == STEP_WAIT)
        return;
    hold->last_end = now();
    if (!hold->first_end)
        hold->first_end = hold->last_end;
    if (step == STEP_DONE)
        hold->ended++;
    else
        hold->failed++;
    talk_let_go(talk);
}

static void go_on(void *context, struct talk *talk)
{
    struct hold *hold = context;
    if (!talk) {
        char order;
        hold->input_ended = read(STDIN_FILENO, &order, 1) <= 0;
    } else if (talk->phase < PHASE_HELD) {
        opening(hold, talk);
    } else {
        holding(hold, talk);
    }
}

/* Nothing happens any more: what is not open by now has failed. */
static void give_up_opening(struct hold *hold)
{
    for (uint64_t i = 0; i < hold->begun; i++) {
        struct talk *talk = &hold->talks[i];
        if (talk->phase >= PHASE_HELD || talk->descriptor < 0)
            continue;
        talk_give_up(hold->floor, talk);
        talk_let_go(talk);
    }
    hold->opening = 0;
}

static void open_all(struct hold *hold)
{
    uint64_t began = now();
    open_more(hold);
    while (hold->opening > 0)
        if (!floor_turn(hold->floor, hold->floor->patience_ms, go_on, hold))
            give_up_opening(hold);
    printf("{\"held\": %" PRIu64 ", \"failures\": %" PRIu64 ", ", hold->held, hold->floor->troubles.all);
    figures_print_time(seconds_since(began));
    printf("}\n");
    fflush(stdout);
}

/* Standard input's end is an event like any other; a file or the null device has ended already. */
static void watch_input(struct hold *hold)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    hold->input_ended = epoll_ctl(hold->floor->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0;
}

/* As long as there are silent ones only the input can tell that it is over. */
static bool goes_on(const struct hold *hold)
{
    return !hold->input_ended && hold->ended + hold->failed < hold->held;
}

static void tell(const struct hold *hold)
{
    printf("{\"work\": \"hold\", \"count\": %" PRIu64 ", \"held\": %" PRIu64 ", \"silent\": %" PRIu64
           ", \"ended\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"bytes\": %" PRIu64 ", ",
           hold->order->count, hold->held, hold->silent, hold->ended, hold->failed, hold->bytes);
    figures_print_time((double)(hold->last_end - hold->first_end) / 1e9);
    printf("}\n");
}

static struct hold *prepare(struct floor *floor, const struct order *order)
{
    struct hold *hold = calloc(1, sizeof *hold);
    if (!hold)
        return NULL;
    *hold = (struct hold){.floor = floor, .order = order, .talks = calloc(order->count, sizeof(struct talk))};
    talk_request(hold->request, REQUEST_EXCHANGE, EACH_WAY, EACH_WAY, EACH_WAY);
    return hold;
}

static void clear(struct hold *hold)
{
    for (uint64_t i = 0; i < hold->begun; i++)
        talk_let_go(&hold->talks[i]);
    free(hold->talks);
    free(hold);
}

int work_hold(struct floor *floor, const struct order *order)
{
    if (!limits_raise(order->count + 16))
        return CANNOT;
    struct hold *hold = prepare(floor, order);
    if (!hold || !hold->talks) {
        fputs("load: no memory\n", stderr);
        free(hold);
        return CANNOT;
    }
    open_all(hold);
    watch_input(hold);
    while (goes_on(hold))
        floor_turn(floor, -1, go_on, hold);
    tell(hold);
    clear(hold);
    return floor->troubles.all ? DONE_WITH_FAILURES : DONE_WELL;
}
