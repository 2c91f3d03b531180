/* SPDX-License-Identifier: MIT */
/* Deadlines at their edges: one that is due in the turn in which the answer comes, one that is over, one that never comes. */
#include "talk.h"

/* ------------------------------------------------ a deadline and an event in one turn */

/* We are on the loop, the peer is moved by hand. */
struct apart {
    struct adieu_uv *us;
    struct adieu_fd *peer;
    struct waiter ours;
};

static struct apart apart_open(enum carrier carrier)
{
    int sockets[2];
    struct apart apart = {.us = new_uv_client(), .peer = adieu_fd_server(the_server_config)};
    connected_sockets(carrier, sockets);
    assert_code(adieu_uv_open(apart.us, sockets[0]), 0);
    adieu_fd_set_polled(apart.peer);
    assert_status(adieu_fd_adopt(apart.peer, sockets[1], ADIEU_FD_OWNED), ADIEU_OK);
    return apart;
}

static void apart_free(struct apart *apart)
{
    adieu_uv_free(apart->us);
    adieu_fd_free(apart->peer);
}

/* The loop slept beyond the deadline; perhaps the answer is there. False: this machine was slower than the deadline. */
static bool shakes_late(enum carrier carrier, bool answered, int ms)
{
    struct apart apart = apart_open(carrier);
    assert_status(adieu_handshake(adieu_uv_stream(apart.us)), ADIEU_WAIT); /* hello is made, which takes its time */
    uv_update_time(&the_uv_loop);
    adieu_uv_handshake_timeout(apart.us, (uint64_t)ms);
    assert_code(adieu_uv_handshake(&apart.ours.request, apart.us, waiter_done), 0);
    uv_run(&the_uv_loop, UV_RUN_NOWAIT); /* hello leaves */
    bool in_time = !apart.ours.done;
    if (in_time) {
        if (answered)
            assert_status(adieu_fd_handshake(apart.peer, ADIEU_FD_NOW), ADIEU_WAIT);
        rest_ms(ms + 20);
        ends_with(&apart.ours, answered ? 0 : UV_ETIMEDOUT);
        assert_int_equal(apart.ours.calls, 1);
    }
    apart_free(&apart);
    return in_time;
}

static void a_loop_that_slept_beyond_the_deadline_finds_the_answer_that_lies_there(void **state)
{
    (void)state;
    for (int ms = 50; !shakes_late(CARRIER_TCP, true, ms); ms *= 2)
        assert_true(ms < 5000);
    for (int ms = 50; !shakes_late(CARRIER_SOCKETPAIR, true, ms); ms *= 2)
        assert_true(ms < 5000);
    for (int ms = 50; !shakes_late(CARRIER_TCP, false, ms); ms *= 2)
        assert_true(ms < 5000);
}

static void shake_apart(struct apart *apart)
{
    enum adieu_status status = ADIEU_WAIT;
    assert_code(adieu_uv_handshake(&apart->ours.request, apart->us, waiter_done), 0);
    for (uint64_t bound = run_bound(); !apart->ours.done || status != ADIEU_OK;) {
        assert_true(uv_hrtime() / 1000000 < bound);
        uv_run(&the_uv_loop, UV_RUN_NOWAIT);
        status = adieu_fd_handshake(apart->peer, ADIEU_FD_NOW);
    }
}

/* The peer's end lies there, and patience is over: what has come by then counts. */
static bool ends_late(enum carrier carrier, int ms)
{
    const struct adieu_uv_patience patience = {.quiet_ms = ms, .total_ms = ms};
    struct waiter bye = {.done = false};
    struct apart apart = apart_open(carrier);
    char byte;
    size_t got;
    shake_apart(&apart);
    uv_update_time(&the_uv_loop);
    assert_code(adieu_uv_close(&bye.request, apart.us, patience, waiter_closed), 0);
    uv_run(&the_uv_loop, UV_RUN_NOWAIT);
    bool in_time = !bye.done;
    if (in_time) {
        assert_status(adieu_fd_read(apart.peer, &byte, 1, &got, ADIEU_FD_NOW), ADIEU_END);
        (void)!adieu_fd_close(apart.peer, patience_ms(1000), NULL); /* it says its own, and FIN */
        rest_ms(ms + 20);
        ends_with(&bye, 0);
        assert_ends(bye.ending, "closed", "closed");
        assert_string_equal(adieu_reason_name(bye.ending.reason), "none");
    }
    apart_free(&apart);
    return in_time;
}

static void a_goodbye_looks_once_more_before_it_gives_up(void **state)
{
    (void)state;
    for (int ms = 50; !ends_late(CARRIER_TCP, ms); ms *= 2)
        assert_true(ms < 5000);
    for (int ms = 50; !ends_late(CARRIER_SOCKETPAIR, ms); ms *= 2)
        assert_true(ms < 5000);
}

/* ------------------------------------------------ a deadline that is over */

static void failed_handshake(struct talk *talk)
{
    struct waiter ours = {.done = false};
    assert_code(adieu_uv_handshake(&ours.request, talk->us, waiter_done), 0);
    cut(talk->peer);
    ends_with(&ours, UV_ECONNABORTED);
    assert_int_equal(uv_run(&the_uv_loop, UV_RUN_DEFAULT), 0); /* or it would stay for the minute of its deadline */
}

static void a_handshake_that_failed_keeps_no_loop_alive(void **state)
{
    (void)state;
    some_early_talks(failed_handshake);
}

/* ------------------------------------------------ a time beyond all */

static uint64_t beyond;
static unsigned idles;

static void idle(struct adieu_uv *uv)
{
    (void)uv;
    idles++;
}

static void never_comes(struct talk *talk)
{
    const struct adieu_uv_patience patience = {.quiet_ms = (int64_t)(beyond >> 1), .total_ms = (int64_t)(beyond >> 1)};
    struct waiter ours = {.done = false}, theirs = ours, bye = ours, other;
    idles = 0;
    adieu_uv_handshake_timeout(talk->us, beyond);
    assert_code(adieu_uv_handshake(&ours.request, talk->us, waiter_done), 0);
    run_ms(5);
    assert_false(ours.done);
    assert_code(adieu_uv_handshake(&theirs.request, talk->peer, waiter_done), 0);
    ends_with(&ours, 0);
    ends_with(&theirs, 0);
    adieu_uv_on_idle(talk->us, beyond, idle);
    run_ms(5);
    assert_int_equal(idles, 0);
    assert_code(adieu_uv_close(&bye.request, talk->us, patience, waiter_closed), 0);
    run_ms(5);
    assert_false(bye.done);
    part(&other, talk->peer);
    ends_with(&bye, 0);
    ends_with(&other, 0);
    assert_ends(bye.ending, "closed", "closed");
}

static void a_time_beyond_all_never_comes(void **state)
{
    static const uint64_t times[] = {UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 63, INT64_MAX, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        beyond = times[i];
        some_early_talks(never_comes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(a_loop_that_slept_beyond_the_deadline_finds_the_answer_that_lies_there),
        uv_unit_test(a_goodbye_looks_once_more_before_it_gives_up),
        cmocka_unit_test(a_handshake_that_failed_keeps_no_loop_alive),
        cmocka_unit_test(a_time_beyond_all_never_comes),
    };
    return cmocka_run_group_tests_name("uv due", tests, setup_talks, teardown_talks);
}
