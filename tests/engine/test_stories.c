/* SPDX-License-Identifier: MIT */
/* The sixteen stories of ending.def, replayed on TLS 1.2 and 1.3, as client and as server. */
#include "joined.h"

#include <errno.h>

#include "ending.h"

#define EVENT_NONE EVENTS
#define ADIEU_EXIT_REASON ADIEU_EXIT_OTHER

struct story {
    enum adieu_sending sending;
    enum adieu_receiving receiving;
    int exit;
    enum ending_event events[3];
};

static const struct story stories[] = {
#define JOINT(SENDING, RECEIVING, EXIT, first, second, third)                                                          \
    {ADIEU_SENDING_##SENDING,                                                                                          \
     ADIEU_RECEIVING_##RECEIVING,                                                                                      \
     ADIEU_EXIT_##EXIT,                                                                                                \
     {EVENT_##first, EVENT_##second, EVENT_##third}},
#include "ending.def"
};
enum { STORIES = sizeof stories / sizeof *stories };

struct stage {
    struct joined joined;
    struct adieu_stream *me, *peer;
    bool alert_comes; /* what I flush is bent on its way, so that the peer gives up */
};

static struct stage stage_for(enum adieu_version version, bool server)
{
    struct stage stage = {.joined = joined_by(version)};
    stage.me = server ? stage.joined.server : stage.joined.client;
    stage.peer = server ? stage.joined.client : stage.joined.server;
    return stage;
}

static void flush(struct stage *stage)
{
    if (stage->alert_comes)
        carry_bent(stage->me, stage->peer);
    else
        carry(stage->me, stage->peer);
}

/* The peer cannot authenticate what I sent, and says so. */
static void provoke_alert(struct stage *stage)
{
    if (adieu_ending(stage->me).sending == ADIEU_SENDING_OPEN) {
        say(stage->me, "bent");
        flush(stage);
    }
    check_status(listen_once(stage->peer), ADIEU_FAIL);
    check_error(stage->peer, ADIEU_ERR_VIOLATION);
    check_ends(stage->peer, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    assert_true(carry(stage->peer, stage->me) > 0);
    assert_int_equal(adieu_ending(stage->peer).alert_sent.number, 20);
}

static void happen(struct stage *stage, enum ending_event event)
{
    switch (event) {
    case EVENT_SHUTDOWN:
        check_status(adieu_shutdown(stage->me), ADIEU_OK);
        break;
    case EVENT_FLUSHED:
        flush(stage);
        break;
    case EVENT_ABORT:
        adieu_abort(stage->me, ADIEU_REASON_REQUEST);
        break;
    case EVENT_SEND_FAILED:
        adieu_wire_out_failed(stage->me, EPIPE);
        break;
    case EVENT_RESET:
        adieu_wire_reset(stage->me, ECONNRESET);
        break;
    case EVENT_EOF:
        adieu_wire_eof(stage->me);
        break;
    case EVENT_CLOSE_NOTIFY:
        check_status(adieu_shutdown(stage->peer), ADIEU_OK);
        carry(stage->peer, stage->me);
        break;
    case EVENT_ALERT:
        provoke_alert(stage);
        break;
    case EVENT_VIOLATION:
        say(stage->peer, "bent");
        carry_bent(stage->peer, stage->me);
        break;
    case EVENT_FAULT: /* in no story */
    case EVENTS:
        return;
    }
    listen_once(stage->me);
}

static void check_ending(struct stage *stage, const struct story *story)
{
    struct adieu_ending ending = adieu_ending(stage->me);
    check_ends(stage->me, story->sending, story->receiving);
    assert_true(ending.decided);
    assert_int_equal(adieu_ending_exit(&ending), story->exit);
    bool orderly = story->sending == ADIEU_SENDING_CLOSED && story->receiving == ADIEU_RECEIVING_CLOSED;
    assert_int_equal(ending.error == ADIEU_ERR_NONE, orderly);
    assert_int_equal(ending.alert_received.seen, story->receiving == ADIEU_RECEIVING_ALERTED);
    if (story->receiving == ADIEU_RECEIVING_ALERTED)
        assert_int_equal(ending.alert_received.number, 20);
    if (story->receiving == ADIEU_RECEIVING_REJECTED)
        check_error(stage->me, ADIEU_ERR_VIOLATION);
    for (int i = 0; i < 3; i++)
        check_status(listen_once(stage->me), story->receiving == ADIEU_RECEIVING_CLOSED ? ADIEU_END : ADIEU_FAIL);
}

/* What the peer can make of us: an end only if ours was one. */
static void check_peers_view(struct stage *stage, const struct story *story)
{
    carry(stage->me, stage->peer);
    adieu_wire_eof(stage->peer);
    listen_once(stage->peer);
    bool closed = adieu_ending(stage->peer).receiving == ADIEU_RECEIVING_CLOSED;
    assert_int_equal(closed, story->sending == ADIEU_SENDING_CLOSED && !stage->alert_comes);
}

static void play(const struct story *story, enum adieu_version version, bool server)
{
    struct stage stage = stage_for(version, server);
    for (int i = 0; i < 3; i++)
        stage.alert_comes = stage.alert_comes || story->events[i] == EVENT_ALERT;
    for (int i = 0; i < 3; i++)
        happen(&stage, story->events[i]);
    check_ending(&stage, story);
    check_peers_view(&stage, story);
    check_ending(&stage, story);
    part(&stage.joined);
}

static void play_all(enum adieu_version version, bool server)
{
    for (size_t i = 0; i < STORIES; i++)
        play(&stories[i], version, server);
}

static void the_sixteen_stories_as_a_tls_1_2_client(void **state)
{
    (void)state;
    play_all(ADIEU_TLS_1_2, false);
}

static void the_sixteen_stories_as_a_tls_1_2_server(void **state)
{
    (void)state;
    play_all(ADIEU_TLS_1_2, true);
}

static void the_sixteen_stories_as_a_tls_1_3_client(void **state)
{
    (void)state;
    play_all(ADIEU_TLS_1_3, false);
}

static void the_sixteen_stories_as_a_tls_1_3_server(void **state)
{
    (void)state;
    play_all(ADIEU_TLS_1_3, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sixteen_stories_as_a_tls_1_2_client),
        cmocka_unit_test(the_sixteen_stories_as_a_tls_1_2_server),
        cmocka_unit_test(the_sixteen_stories_as_a_tls_1_3_client),
        cmocka_unit_test(the_sixteen_stories_as_a_tls_1_3_server),
    };
    return cmocka_run_group_tests_name("engine stories", tests, setup_authority, teardown_authority);
}
