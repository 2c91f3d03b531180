/* SPDX-License-Identifier: MIT */
/* The sixteen stories of ending.def, played through the public functions on the fake engine. */
#include "scripted.h"

#include <errno.h>

#include "ending.h"

#define EVENT_NONE EVENTS

struct story {
    enum adieu_sending sending;
    enum adieu_receiving receiving;
    int exit; /* REASON: that of a request */
    enum ending_event events[3];
};

#define ADIEU_EXIT_REASON ADIEU_EXIT_OTHER
static const struct story stories[] = {
#define JOINT(SENDING, RECEIVING, EXIT, first, second, third)                                                          \
    {ADIEU_SENDING_##SENDING,                                                                                          \
     ADIEU_RECEIVING_##RECEIVING,                                                                                      \
     ADIEU_EXIT_##EXIT,                                                                                                \
     {EVENT_##first, EVENT_##second, EVENT_##third}},
#include "ending.def"
};
enum { STORIES = sizeof stories / sizeof *stories };

/* The event as the outside world causes it. */
static void happen(struct adieu_stream *s, enum ending_event event)
{
    switch (event) {
    case EVENT_SHUTDOWN:
        check_status(adieu_shutdown(s), ADIEU_OK);
        break;
    case EVENT_FLUSHED:
        flush(s);
        break;
    case EVENT_ABORT:
        adieu_abort(s, ADIEU_REASON_REQUEST);
        break;
    case EVENT_FAULT:
        say_number(s, 'F', 80);
        break;
    case EVENT_SEND_FAILED:
        adieu_wire_out_failed(s, EPIPE);
        break;
    case EVENT_RESET:
        adieu_wire_reset(s, ECONNRESET);
        break;
    case EVENT_EOF:
        adieu_wire_eof(s);
        break;
    case EVENT_CLOSE_NOTIFY:
        say_number(s, 'C', 1);
        break;
    case EVENT_ALERT:
        say_number(s, 'A', 48);
        break;
    case EVENT_VIOLATION:
        say_number(s, 'V', 50);
        break;
    case EVENTS:
        return;
    }
    read_status(s);
}

static void check_views(struct adieu_stream *s, const struct story *story)
{
    struct adieu_ending ending = adieu_ending(s);
    check_ends(s, story->sending, story->receiving);
    assert_true(ending.decided);
    assert_int_equal(adieu_ending_exit(&ending), story->exit);
    bool orderly = story->sending == ADIEU_SENDING_CLOSED && story->receiving == ADIEU_RECEIVING_CLOSED;
    assert_int_equal(ending.error == ADIEU_ERR_NONE, orderly);
    check_status(read_status(s), story->receiving == ADIEU_RECEIVING_CLOSED ? ADIEU_END : ADIEU_FAIL);
    flush(s);
    bool speechless = story->sending == ADIEU_SENDING_ABORTED && story->receiving != ADIEU_RECEIVING_REJECTED;
    check_last(s, speechless ? ADIEU_LAST_RESET : ADIEU_LAST_END_WRITE);
    check_stable(s);
}

/* Plays one story, with data on the way in both directions or without. */
static void play(const struct story *story, bool server, bool data)
{
    struct adieu_stream *s = fresh(server);
    establish(s);
    if (data) {
        check_status(write_text(s, "ours"), ADIEU_OK);
        say_data(s, "theirs");
        check_reads(s, "theirs");
    }
    for (int i = 0; i < 3; i++)
        happen(s, story->events[i]);
    check_views(s, story);
    assert_int_equal(adieu_ending(s).received, data ? 6 : 0);
    adieu_free(s);
}

static void the_sixteen_stories_lead_where_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < STORIES; i++)
        for (int which = 0; which < 4; which++)
            play(&stories[i], which & 1, which & 2);
}

/* Whatever happens later, an ended stream stays what it is. */
static void no_event_changes_an_ended_stream(void **state)
{
    (void)state;
    for (size_t i = 0; i < STORIES; i++) {
        struct adieu_stream *s = established();
        for (int k = 0; k < 3; k++)
            happen(s, stories[i].events[k]);
        adieu_abort(s, ADIEU_REASON_DEADLINE);
        adieu_wire_out_failed(s, EPIPE);
        adieu_wire_eof(s);
        adieu_wire_reset(s, ECONNRESET);
        if (adieu_wire_in(s, NULL))
            say_number(s, 'A', 48);
        check_ends(s, stories[i].sending, stories[i].receiving);
        check_status(read_status(s), stories[i].receiving == ADIEU_RECEIVING_CLOSED ? ADIEU_END : ADIEU_FAIL);
        check_ends(s, stories[i].sending, stories[i].receiving);
        adieu_free(s);
    }
}

static void what_the_transport_did_afterwards_is_remembered(void **state)
{
    (void)state;
    for (size_t i = 0; i < STORIES; i++) {
        if (stories[i].receiving == ADIEU_RECEIVING_RESET) /* nothing comes after that */
            continue;
        struct adieu_stream *s = established();
        for (int k = 0; k < 3; k++)
            happen(s, stories[i].events[k]);
        bool known = stories[i].receiving == ADIEU_RECEIVING_TRUNCATED;
        CHECK_NAMED(adieu_after_name, adieu_ending(s).after, ADIEU_AFTER_NOTHING);
        adieu_wire_eof(s);
        CHECK_NAMED(adieu_after_name, adieu_ending(s).after, known ? ADIEU_AFTER_NOTHING : ADIEU_AFTER_EOF);
        adieu_wire_reset(s, ECONNRESET);
        CHECK_NAMED(adieu_after_name, adieu_ending(s).after, ADIEU_AFTER_RESET);
        adieu_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sixteen_stories_lead_where_they_say),
        cmocka_unit_test(no_event_changes_an_ended_stream),
        cmocka_unit_test(what_the_transport_did_afterwards_is_remembered),
    };
    return cmocka_run_group_tests_name("stories", tests, NULL, NULL);
}
