/* SPDX-License-Identifier: MIT */
/* The closure machine by itself: every joint state with every event, the sixteen endings, and what each is worth. */
#include "check.h"

#include <string.h>

#include "ending.h"

#define SENDINGS (ADIEU_SENDING_ABORTED + 1)
#define RECEIVINGS (ADIEU_RECEIVING_ABANDONED + 1)
#define EVENT_NONE EVENTS /* JOINT says NONE where a story is shorter than three */

struct joint {
    enum adieu_sending sending;
    enum adieu_receiving receiving;
};

static struct joint after(struct joint state, enum ending_event event)
{
    enum ending_action action;
    return (struct joint){ending_sending_after(state.sending, event, &action),
                          ending_receiving_after(state.receiving, event)};
}

static bool both_ended(struct joint state)
{
    return !ending_sending_lives(state.sending) && !ending_receiving_lives(state.receiving);
}

/* ------------------------------------------------ the table */

/* Written a second time, by hand from the published table, so that a slip of the data file shows. */
static const char *const sending_by_hand[2][EVENTS] = {
    /* shutdown abort fault flushed send_failed reset eof close_notify alert violation */
    {"closing", "aborted", "aborted", "open", "failed", "failed", "open", "open", "failed", "aborted"},
    {"closing", "aborted", "aborted", "closed", "failed", "failed", "closing", "closing", "failed", "aborted"},
};
static const char *const receiving_by_hand[EVENTS] = {
    "open", "abandoned", "abandoned", "open", "open", "reset", "truncated", "closed", "alerted", "rejected",
};

static void every_row_is_as_published(void **state)
{
    (void)state;
    for (enum ending_event event = 0; event < EVENTS; event++) {
        enum ending_action action;
        for (enum adieu_sending sending = 0; sending < 2; sending++)
            assert_string_equal(adieu_sending_name(ending_sending_after(sending, event, &action)),
                                sending_by_hand[sending][event]);
        assert_string_equal(adieu_receiving_name(ending_receiving_after(ADIEU_RECEIVING_OPEN, event)),
                            receiving_by_hand[event]);
    }
}

static void the_output_is_dropped_wherever_nothing_may_leave(void **state)
{
    (void)state;
    for (enum adieu_sending sending = 0; sending < 2; sending++) {
        for (enum ending_event event = 0; event < EVENTS; event++) {
            enum ending_action action;
            enum adieu_sending becomes = ending_sending_after(sending, event, &action);
            bool our_word = sending == ADIEU_SENDING_OPEN && (event == EVENT_FAULT || event == EVENT_VIOLATION);
            bool ends_badly = becomes == ADIEU_SENDING_FAILED || becomes == ADIEU_SENDING_ABORTED;
            bool seals = sending == ADIEU_SENDING_OPEN && event == EVENT_SHUTDOWN;
            enum ending_action want = seals        ? ACTION_SEAL
                                      : our_word   ? ACTION_LAST_WORD
                                      : ends_badly ? ACTION_DROP
                                                   : ACTION_NONE;
            assert_int_equal(action, want);
        }
    }
}

static void an_end_never_changes(void **state)
{
    (void)state;
    for (enum adieu_sending sending = 0; sending < SENDINGS; sending++) {
        for (enum adieu_receiving receiving = 0; receiving < RECEIVINGS; receiving++) {
            for (enum ending_event event = 0; event < EVENTS; event++) {
                struct joint next = after((struct joint){sending, receiving}, event);
                assert_true(ending_sending_lives(sending) || next.sending == sending);
                assert_true(ending_receiving_lives(receiving) || next.receiving == receiving);
            }
        }
    }
}

static void an_end_asks_nothing_of_the_output(void **state)
{
    (void)state;
    for (enum adieu_sending sending = ADIEU_SENDING_CLOSED; sending < SENDINGS; sending++) {
        for (enum ending_event event = 0; event < EVENTS; event++) {
            enum ending_action action = ACTION_DROP;
            ending_sending_after(sending, event, &action);
            assert_int_equal(action, ACTION_NONE);
        }
    }
}

static void the_halves_never_look_at_each_other(void **state)
{
    (void)state;
    for (enum ending_event event = 0; event < EVENTS; event++) {
        for (enum adieu_sending sending = 0; sending < SENDINGS; sending++) {
            struct joint first = after((struct joint){sending, ADIEU_RECEIVING_OPEN}, event);
            for (enum adieu_receiving receiving = 0; receiving < RECEIVINGS; receiving++)
                assert_int_equal(after((struct joint){sending, receiving}, event).sending, first.sending);
        }
    }
}

/* ------------------------------------------------ the sixteen */

struct walk {
    bool seen[SENDINGS][RECEIVINGS];
    unsigned steps[SENDINGS][RECEIVINGS];
    struct joint queue[SENDINGS * RECEIVINGS];
    size_t head, tail;
};

static void visit(struct walk *walk, struct joint state, unsigned steps)
{
    if (walk->seen[state.sending][state.receiving])
        return;
    walk->seen[state.sending][state.receiving] = true;
    walk->steps[state.sending][state.receiving] = steps;
    walk->queue[walk->tail++] = state;
}

/* Breadth first from open / open: what can be reached, and in how few events. */
static struct walk walk_all(void)
{
    struct walk walk = {.tail = 0};
    visit(&walk, (struct joint){ADIEU_SENDING_OPEN, ADIEU_RECEIVING_OPEN}, 0);
    while (walk.head < walk.tail) {
        struct joint state = walk.queue[walk.head++];
        for (enum ending_event event = 0; event < EVENTS; event++)
            visit(&walk, after(state, event), walk.steps[state.sending][state.receiving] + 1);
    }
    return walk;
}

struct story {
    struct joint end;
    enum ending_event events[3];
};

static const struct story stories[] = {
#define JOINT(SENDING, RECEIVING, EXIT, first, second, third)                                                          \
    {{ADIEU_SENDING_##SENDING, ADIEU_RECEIVING_##RECEIVING}, {EVENT_##first, EVENT_##second, EVENT_##third}},
#include "ending.def"
};
enum { STORIES = sizeof stories / sizeof *stories };

static void exactly_sixteen_joint_endings_can_be_reached(void **state)
{
    (void)state;
    struct walk walk = walk_all();
    size_t endings = 0;
    for (size_t i = 0; i < walk.tail; i++)
        endings += both_ended(walk.queue[i]);
    assert_int_equal(endings, 16);
    assert_int_equal(STORIES, 16);
}

static void the_stories_cover_what_can_be_reached_once_each(void **state)
{
    (void)state;
    struct walk walk = walk_all();
    unsigned told[SENDINGS][RECEIVINGS] = {0};
    for (size_t i = 0; i < STORIES; i++)
        told[stories[i].end.sending][stories[i].end.receiving]++;
    for (size_t i = 0; i < walk.tail; i++) {
        struct joint at = walk.queue[i];
        assert_int_equal(told[at.sending][at.receiving], both_ended(at));
    }
}

static void every_story_leads_where_it_says_and_none_is_shorter(void **state)
{
    (void)state;
    struct walk walk = walk_all();
    for (size_t i = 0; i < STORIES; i++) {
        struct joint at = {ADIEU_SENDING_OPEN, ADIEU_RECEIVING_OPEN};
        unsigned steps = 0;
        for (; steps < 3 && stories[i].events[steps] != EVENT_NONE; steps++) {
            assert_false(both_ended(at));
            at = after(at, stories[i].events[steps]);
        }
        assert_int_equal(at.sending, stories[i].end.sending);
        assert_int_equal(at.receiving, stories[i].end.receiving);
        assert_int_equal(steps, walk.steps[at.sending][at.receiving]);
    }
}

static void only_what_this_side_does_is_its_own_end(void **state)
{
    (void)state;
    for (enum ending_event event = 0; event < EVENTS; event++) {
        bool self = event == EVENT_SHUTDOWN || event == EVENT_ABORT || event == EVENT_FAULT;
        enum adieu_first want = self                     ? ADIEU_FIRST_SELF
                                : event == EVENT_FLUSHED ? ADIEU_FIRST_NOBODY
                                                         : ADIEU_FIRST_PEER;
        assert_string_equal(adieu_first_name(ending_event_first(event)), adieu_first_name(want));
    }
}

/* ------------------------------------------------ what the transport does then */

static enum adieu_last last_of(enum adieu_sending sending, enum adieu_receiving receiving, enum adieu_reason reason)
{
    struct adieu_ending ending = {.sending = sending, .receiving = receiving, .reason = reason};
    return ending_last(&ending);
}

static void only_an_abort_without_a_last_word_asks_for_a_reset(void **state)
{
    (void)state;
    for (size_t i = 0; i < STORIES; i++) {
        for (enum adieu_reason reason = ADIEU_REASON_NONE; reason <= ADIEU_REASON_FAULT; reason++) {
            struct joint end = stories[i].end;
            bool aborted = end.sending == ADIEU_SENDING_ABORTED;
            bool spoke = end.receiving == ADIEU_RECEIVING_REJECTED || reason == ADIEU_REASON_FAULT;
            enum adieu_last want = aborted && !spoke ? ADIEU_LAST_RESET : ADIEU_LAST_END_WRITE;
            assert_string_equal(adieu_last_name(last_of(end.sending, end.receiving, reason)), adieu_last_name(want));
        }
    }
}

static void the_transport_goes_on_while_sending_lives(void **state)
{
    (void)state;
    for (enum adieu_receiving receiving = 0; receiving < RECEIVINGS; receiving++) {
        assert_int_equal(last_of(ADIEU_SENDING_OPEN, receiving, ADIEU_REASON_NONE), ADIEU_LAST_GO_ON);
        assert_int_equal(last_of(ADIEU_SENDING_CLOSING, receiving, ADIEU_REASON_NONE), ADIEU_LAST_GO_ON);
    }
}

static void after_a_failed_send_the_transport_reads_on(void **state)
{
    (void)state;
    assert_int_equal(last_of(ADIEU_SENDING_FAILED, ADIEU_RECEIVING_OPEN, ADIEU_REASON_NONE), ADIEU_LAST_GO_ON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_as_published),
        cmocka_unit_test(the_output_is_dropped_wherever_nothing_may_leave),
        cmocka_unit_test(an_end_never_changes),
        cmocka_unit_test(an_end_asks_nothing_of_the_output),
        cmocka_unit_test(the_halves_never_look_at_each_other),
        cmocka_unit_test(exactly_sixteen_joint_endings_can_be_reached),
        cmocka_unit_test(the_stories_cover_what_can_be_reached_once_each),
        cmocka_unit_test(every_story_leads_where_it_says_and_none_is_shorter),
        cmocka_unit_test(only_what_this_side_does_is_its_own_end),
        cmocka_unit_test(only_an_abort_without_a_last_word_asks_for_a_reset),
        cmocka_unit_test(the_transport_goes_on_while_sending_lives),
        cmocka_unit_test(after_a_failed_send_the_transport_reads_on),
    };
    return cmocka_run_group_tests_name("ending", tests, NULL, NULL);
}
