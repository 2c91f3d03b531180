/* SPDX-License-Identifier: MIT */
/* What a callback does to its own handle, and in which order callbacks come when a conversation breaks with much pending. */
#include "talk.h"

/* ------------------------------------------------ a cancel in its own callback */

static unsigned told;

static void too_late(struct adieu_uv_request *request, int status)
{
    waiter_done(request, status);
    assert_code(adieu_uv_cancel(request), UV_EALREADY);
    told++;
}

static void too_late_closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    waiter_closed(request, status, ending);
    assert_code(adieu_uv_cancel(request), UV_EALREADY);
    told++;
}

static void cancelled_inside(struct talk *talk)
{
    const struct adieu_uv_patience patience = {.quiet_ms = 2000, .total_ms = 5000};
    const uv_buf_t word = pattern_buf(0, 5);
    struct waiter shaken = {.done = false}, theirs = {.done = false}, write = shaken, half = shaken, bye = shaken,
                  other;
    struct ear ear;
    told = 0;
    assert_code(adieu_uv_handshake(&shaken.request, talk->us, too_late), 0);
    assert_code(adieu_uv_handshake(&theirs.request, talk->peer, waiter_done), 0);
    assert_code(adieu_uv_write(&write.request, talk->us, &word, 1, too_late), 0);
    assert_code(adieu_uv_shutdown(&half.request, talk->us, too_late), 0);
    hear(talk->peer, &ear);
    run_until_that(ear.ended);
    assert_code(adieu_uv_close(&bye.request, talk->us, patience, too_late_closed), 0);
    part(&other, talk->peer);
    ends_with(&bye, 0);
    ends_with(&other, 0);
    assert_int_equal(told, 4); /* each once, and as it had come out */
    ends_with(&shaken, 0);
    ends_with(&write, 0);
    ends_with(&half, 0);
    assert_int_equal(ear.got, 5);
    assert_ends(bye.ending, "closed", "closed");
}

static void a_cancel_in_its_own_callback_is_too_late_and_harms_nothing(void **state)
{
    (void)state;
    each_early_talk(cancelled_inside);
}

/* ------------------------------------------------ reading, writing and closing from callbacks */

static void read_anew(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    ear_read(uv, nread, buf);
    if (nread <= 0)
        return;
    assert_code(adieu_uv_read_stop(uv), 0);
    assert_code(adieu_uv_read_start(uv, ear_alloc, read_anew), 0);
}

static void anew(struct talk *talk)
{
    struct waiter word, half = {.done = false};
    struct ear ear;
    hear(talk->us, &ear);
    assert_code(adieu_uv_read_start(talk->us, ear_alloc, read_anew), 0);
    say(&word, talk->peer, 0, 300000);
    assert_code(adieu_uv_shutdown(&half.request, talk->peer, waiter_done), 0);
    run_until_that(ear.ended);
    assert_true(ear.intact);
    assert_int_equal(ear.got, 300000);
    assert_code(ear.end, UV_EOF);
    ends_with(&word, 0);
    ends_with(&half, 0);
}

static void who_starts_reading_anew_in_the_callback_of_data_misses_nothing(void **state)
{
    (void)state;
    each_talk(anew);
}

static struct waiter answer, bye_inside;

static void answer_at_the_end(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    ear_read(uv, nread, buf);
    if (nread != UV_EOF)
        return;
    say(&answer, uv, 0, 100000);
    part(&bye_inside, uv);
}

static void answered(struct talk *talk)
{
    struct waiter word, half = {.done = false}, bye;
    struct ear ours, theirs;
    hear(talk->us, &ours);
    assert_code(adieu_uv_read_start(talk->us, ear_alloc, answer_at_the_end), 0);
    say(&word, talk->peer, 0, 5);
    assert_code(adieu_uv_shutdown(&half.request, talk->peer, waiter_done), 0);
    hear(talk->peer, &theirs);
    run_until_that(theirs.ended);
    part(&bye, talk->peer);
    ends_with(&bye_inside, 0);
    ends_with(&bye, 0);
    ends_with(&answer, 0);
    assert_true(theirs.intact);
    assert_int_equal(theirs.got, 100000);
    assert_code(theirs.end, UV_EOF);
    assert_ends(bye_inside.ending, "closed", "closed");
}

static void what_is_written_and_closed_in_the_callback_of_the_end_arrives(void **state)
{
    (void)state;
    each_talk(answered);
}

static void close_at_an_error(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    ear_read(uv, nread, buf);
    if (nread < 0)
        part(&bye_inside, uv);
}

static void closed_at_an_error(struct talk *talk)
{
    struct ear ear, theirs;
    hear(talk->peer, &theirs); /* it takes our goodbye */
    hear(talk->us, &ear);
    assert_code(adieu_uv_read_start(talk->us, ear_alloc, close_at_an_error), 0);
    bye_inside.done = false;
    cut(talk->peer);
    run_until_that(ear.ended);
    assert_code(ear.end, UV_ECONNABORTED);
    ends_with(&bye_inside, 0);
    assert_int_equal(bye_inside.calls, 1);
    assert_int_equal(ear.ends, 1);
    assert_string_equal(adieu_receiving_name(bye_inside.ending.receiving), "truncated");
}

static void a_close_in_the_callback_of_an_error_tells_that_error(void **state)
{
    (void)state;
    each_talk(closed_at_an_error);
}

/* ------------------------------------------------ much pending, and a reset */

enum { WRITES = 30 };

static struct waiter pending[WRITES];
static unsigned in_order;
static bool end_told;

static void failed_in_order(struct adieu_uv_request *request, int status)
{
    assert_ptr_equal(request, &pending[in_order].request); /* never twice, and none is left out */
    assert_false(end_told);
    in_order++;
    waiter_done(request, status);
}

static void end_comes(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    ear_read(uv, nread, buf);
    end_told = nread < 0;
}

static void reset_under_many(struct talk *talk)
{
    struct waiter blocked, bye;
    struct ear ear;
    const uv_buf_t word = pattern_buf(0, 100);
    in_order = 0;
    end_told = false;
    say_too_much(&blocked, talk->us);
    for (unsigned i = 0; i < WRITES; i++) {
        pending[i] = (struct waiter){.done = false};
        assert_code(adieu_uv_write(&pending[i].request, talk->us, &word, 1, failed_in_order), 0);
    }
    hear(talk->us, &ear);
    assert_code(adieu_uv_read_start(talk->us, ear_alloc, end_comes), 0);
    part(&bye, talk->us);
    reset_it(&talk->peer);
    ends_with(&bye, 0);
    assert_int_equal(in_order, WRITES);
    assert_true(end_told && blocked.done);
    assert_int_equal(blocked.calls, 1);
    for (unsigned i = 0; i < WRITES; i++) {
        assert_true(pending[i].status < 0);
        assert_int_equal(pending[i].request.sent, 0);
    }
}

static void each_pending_write_is_told_once_in_order_and_before_the_end(void **state)
{
    (void)state;
    each_talk(reset_under_many);
}

/* ------------------------------------------------ a listener that goes */

static struct adieu_uv *accepted;

static void take(uv_stream_t *server, int status)
{
    assert_code(status, 0);
    if (accepted)
        return;
    accepted = new_uv_server();
    assert_code(adieu_uv_accept(accepted, server), 0);
}

/* It closes as soon as it has given the connection away. */
static void handshakes_under_way_outlive_their_listener(void **state)
{
    const struct adieu_uv_address any = {.host = "127.0.0.1", .port = "0"};
    struct waiter connects = {.done = false}, ours = connects, theirs = connects;
    uv_stream_t *listener;
    char port[8];
    (void)state;
    accepted = NULL;
    struct adieu_uv *us = new_uv_client();
    assert_code(adieu_uv_listen(&the_uv_loop, &any, 5, take, NULL, &listener), 0);
    port_of(descriptor_of(listener), port);
    const struct adieu_uv_address where = {.host = "127.0.0.1", .port = port};
    assert_code(adieu_uv_connect(&connects.request, us, &where, waiter_done), 0);
    assert_code(adieu_uv_handshake(&ours.request, us, waiter_done), 0);
    run_until_that(accepted);
    assert_code(adieu_uv_handshake(&theirs.request, accepted, waiter_done), 0);
    adieu_uv_unlisten(listener);
    ends_with(&connects, 0);
    ends_with(&ours, 0);
    ends_with(&theirs, 0);
    close_both(us, accepted);
    adieu_uv_free(us);
    adieu_uv_free(accepted);
}

/* ------------------------------------------------ many exchanges at once */

enum { EXCHANGES = 40, REQUEST = 3000, REPLY = 100000 };

static struct exchange {
    struct adieu_uv *client, *server;
    struct waiter shaken[2], request, end, reply, bye[2];
    struct ear asked, heard;
} * exchanges;

/* The request's end is the half-close; only then the server answers. */
static void reply_at_the_end(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    ear_read(uv, nread, buf);
    if (nread != UV_EOF)
        return;
    struct exchange *exchange = NULL;
    for (int i = 0; i < EXCHANGES && !exchange; i++)
        exchange = exchanges[i].server == uv ? &exchanges[i] : NULL;
    say(&exchange->reply, uv, 0, REPLY);
    part(&exchange->bye[1], uv);
}

static void ask(struct exchange *exchange, enum carrier carrier)
{
    int sockets[2];
    connected_sockets(carrier, sockets);
    exchange->client = new_uv_client();
    exchange->server = new_uv_server();
    assert_code(adieu_uv_open(exchange->client, sockets[0]), 0);
    assert_code(adieu_uv_open(exchange->server, sockets[1]), 0);
    assert_code(adieu_uv_handshake(&exchange->shaken[0].request, exchange->client, waiter_done), 0);
    assert_code(adieu_uv_handshake(&exchange->shaken[1].request, exchange->server, waiter_done), 0);
    say(&exchange->request, exchange->client, 0, REQUEST);
    assert_code(adieu_uv_shutdown(&exchange->end.request, exchange->client, waiter_done), 0);
    hear(exchange->client, &exchange->heard);
    hear(exchange->server, &exchange->asked);
    assert_code(adieu_uv_read_start(exchange->server, ear_alloc, reply_at_the_end), 0);
}

static void is_answered(struct exchange *exchange)
{
    run_until_that(exchange->heard.ended);
    part(&exchange->bye[0], exchange->client);
    for (int i = 0; i < 2; i++) {
        ends_with(&exchange->bye[i], 0);
        assert_ends(exchange->bye[i].ending, "closed", "closed");
        assert_int_equal(adieu_ending_exit(&exchange->bye[i].ending), 0);
    }
    assert_true(exchange->asked.intact && exchange->heard.intact);
    assert_int_equal(exchange->asked.got, REQUEST);
    assert_int_equal(exchange->heard.got, REPLY);
    adieu_uv_free(exchange->client);
    adieu_uv_free(exchange->server);
}

static void of_many_requests_that_end_by_a_half_close_each_gets_its_whole_reply(void **state)
{
    (void)state;
    exchanges = calloc(EXCHANGES, sizeof *exchanges);
    assert_non_null(exchanges);
    for (int i = 0; i < EXCHANGES; i++)
        ask(&exchanges[i], i % 2 ? CARRIER_TCP : CARRIER_SOCKETPAIR);
    for (int i = 0; i < EXCHANGES; i++)
        is_answered(&exchanges[i]);
    free(exchanges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancel_in_its_own_callback_is_too_late_and_harms_nothing),
        cmocka_unit_test(who_starts_reading_anew_in_the_callback_of_data_misses_nothing),
        cmocka_unit_test(what_is_written_and_closed_in_the_callback_of_the_end_arrives),
        cmocka_unit_test(a_close_in_the_callback_of_an_error_tells_that_error),
        cmocka_unit_test(each_pending_write_is_told_once_in_order_and_before_the_end),
        uv_unit_test(handshakes_under_way_outlive_their_listener),
        uv_unit_test(of_many_requests_that_end_by_a_half_close_each_gets_its_whole_reply),
    };
    return cmocka_run_group_tests_name("uv reentry", tests, setup_talks, teardown_talks);
}
