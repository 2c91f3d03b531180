/* SPDX-License-Identifier: MIT */
/* Corners, where something could be lost, told wrongly, touched too late, or spin. */
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <adieu_openssl.h>

#include "talk.h"

/* ------------------------------------------------ reading */

static void stop_at_the_end(void *context, const struct adieu_stream *stream, enum adieu_news news,
                            const struct adieu_alert *alert)
{
    (void)stream, (void)alert;
    if (news == ADIEU_NEWS_RECEIVING)
        assert_code(adieu_uv_read_stop(context), 0);
}

static void stopped_inside(struct talk *talk)
{
    struct waiter word, end = {.done = false};
    struct ear ear;
    hear(talk->us, &ear);
    adieu_watch(adieu_uv_stream(talk->us), stop_at_the_end, talk->us);
    say(&word, talk->peer, 0, 1000);
    assert_code(adieu_uv_shutdown(&end.request, talk->peer, waiter_done), 0);
    run_until_that(adieu_uv_ending(talk->us).receiving == ADIEU_RECEIVING_CLOSED);
    run_ms(5);
    assert_int_equal(ear.got, 1000);
    assert_int_equal(ear.got, adieu_uv_ending(talk->us).received);
    assert_int_equal(ear.ends, 0); /* it was stopped */
    close_both(talk->us, talk->peer);
}

static void what_was_read_is_told_though_the_streams_observer_stops_the_reading(void **state)
{
    (void)state;
    each_talk(stopped_inside);
}

/* ------------------------------------------------ half of a message */

/* A client, and a server in memory whose bytes the test carries to the other end of its socket, or holds back. */
struct relay {
    struct adieu_config *client_config, *server_config;
    struct adieu_uv *client;
    struct adieu_stream *server;
    int raw;
};

static void carry_in(struct relay *relay)
{
    uint8_t *room;
    size_t size = adieu_wire_in(relay->server, &room);
    ssize_t n = recv(relay->raw, room, size, 0);
    assert_true(n > 0);
    adieu_wire_in_done(relay->server, (size_t)n);
}

static void carry_out(struct relay *relay, size_t most)
{
    const uint8_t *bytes;
    size_t size;
    while (most > 0 && (size = adieu_wire_out(relay->server, &bytes)) > 0) {
        ssize_t n = send(relay->raw, bytes, size < most ? size : most, MSG_NOSIGNAL);
        assert_true(n > 0);
        adieu_wire_out_done(relay->server, (size_t)n);
        most -= (size_t)n;
    }
}

static void relay_open(struct relay *relay)
{
    int both[2];
    make_configs(ADIEU_TLS_1_3, &relay->client_config, &relay->server_config);
    assert_status(adieu_config_identity_throwaway(relay->client_config, "client"), ADIEU_OK);
    assert_status(adieu_config_insecure_no_verify(relay->server_config), ADIEU_OK);
    assert_status(adieu_config_client_auth(relay->server_config, ADIEU_CLIENT_AUTH_OPTIONAL), ADIEU_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
    relay->client = adieu_uv_client(the_loop, relay->client_config, "localhost");
    relay->server = adieu_server(relay->server_config);
    relay->raw = both[1];
    assert_code(adieu_uv_open(relay->client, both[0]), 0);
}

/* The client has half of a session ticket, behind which OpenSSL seals nothing: see tests/fd/test_stalls.c. */
static void half_a_ticket(struct relay *relay)
{
    enum { ONE_FRAGMENT = 5 + 512 + 1 + 16 };
    struct waiter hands = {.done = false};
    relay_open(relay);
    assert_code(adieu_uv_handshake(&hands.request, relay->client, waiter_done), 0);
    run_ms(1);
    carry_in(relay);
    assert_status(adieu_handshake(relay->server), ADIEU_WAIT);
    carry_out(relay, SIZE_MAX);
    ends_with(&hands, 0);
    carry_in(relay);
    SSL_set_max_send_fragment(adieu_openssl_ssl(relay->server), 512);
    assert_status(adieu_handshake(relay->server), ADIEU_OK);
    assert_true(adieu_wire_out(relay->server, NULL) > ONE_FRAGMENT);
    carry_out(relay, ONE_FRAGMENT);
    struct ear ear; /* whoever does not read takes nothing in before something waits */
    hear(relay->client, &ear);
    run_ms(5);
    assert_int_equal(ear.calls, 0);
    assert_code(adieu_uv_read_stop(relay->client), 0);
    adieu_uv_set_data(relay->client, NULL);
}

static void relay_close(struct relay *relay)
{
    adieu_uv_free(relay->client);
    adieu_free(relay->server);
    (void)close(relay->raw);
    adieu_config_free(relay->client_config);
    adieu_config_free(relay->server_config);
}

static double processor_seconds(void)
{
    struct timespec time;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time), 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void what_waits_behind_half_a_message_does_not_spin(void **state)
{
    struct relay relay;
    struct waiter word, end = {.done = false};
    (void)state;
    half_a_ticket(&relay);
    run_ms(5);
    say(&word, relay.client, 0, 5);
    assert_code(adieu_uv_shutdown(&end.request, relay.client, waiter_done), 0);
    double before = processor_seconds();
    run_ms(400);
    assert_true(processor_seconds() - before < 0.2);
    assert_false(word.done);
    carry_out(&relay, SIZE_MAX);
    ends_with(&word, 0);
    ends_with(&end, 0);
    relay_close(&relay);
}

static struct adieu_uv_request freed_request;
static bool freed_inside;

static void free_at_the_fault(void *context, const struct adieu_stream *stream, enum adieu_news news,
                              const struct adieu_alert *alert)
{
    (void)stream, (void)alert;
    if (news != ADIEU_NEWS_SENDING)
        return;
    adieu_uv_free(context);
    memset(&freed_request, 0x5a, sizeof freed_request); /* it is ours again */
    freed_inside = true;
}

static void never(struct adieu_uv_request *request, int status)
{
    (void)request, (void)status;
    fail_msg("a freed handle called back");
}

/* The peer ended inside a message: the next write is a fault, which the observer is told of inside of adieu_write(). */
static void a_request_is_not_touched_once_the_observer_freed_its_handle(void **state)
{
    struct relay relay;
    struct ear ear;
    const uv_buf_t bufs[5] = {pattern_buf(0, 5), pattern_buf(5, 5), pattern_buf(10, 5), pattern_buf(15, 5)};
    (void)state;
    half_a_ticket(&relay);
    hear(relay.client, &ear);
    assert_int_equal(shutdown(relay.raw, SHUT_WR), 0);
    run_until(&ear.ended);
    assert_code(ear.end, UV_ECONNABORTED);
    freed_inside = false;
    adieu_watch(adieu_uv_stream(relay.client), free_at_the_fault, relay.client);
    assert_code(adieu_uv_write(&freed_request, relay.client, bufs, 5, never), 0);
    run_until(&freed_inside);
    relay.client = NULL;
    run_ms(5);
    for (size_t i = 0; i < sizeof freed_request; i++)
        assert_int_equal(((const uint8_t *)&freed_request)[i], 0x5a);
    relay_close(&relay);
}

static struct waiter cancelled_write;
static int cancel_code, cancel_code_again;

static void cancel_at_the_fault(void *context, const struct adieu_stream *stream, enum adieu_news news,
                                const struct adieu_alert *alert)
{
    (void)context, (void)stream, (void)alert;
    if (news != ADIEU_NEWS_SENDING)
        return;
    cancel_code = adieu_uv_cancel(&cancelled_write.request);
    cancel_code_again = adieu_uv_cancel(&cancelled_write.request);
}

static void a_write_that_the_observer_cancels_while_it_is_taken_is_told_once(void **state)
{
    struct relay relay;
    struct ear ear;
    const uv_buf_t bufs[5] = {pattern_buf(0, 5), pattern_buf(5, 5), pattern_buf(10, 5), pattern_buf(15, 5)};
    (void)state;
    half_a_ticket(&relay);
    hear(relay.client, &ear);
    assert_int_equal(shutdown(relay.raw, SHUT_WR), 0);
    run_until(&ear.ended);
    cancelled_write = (struct waiter){.done = false};
    cancel_code = cancel_code_again = 1;
    adieu_watch(adieu_uv_stream(relay.client), cancel_at_the_fault, NULL);
    assert_code(adieu_uv_write(&cancelled_write.request, relay.client, bufs, 5, waiter_done), 0);
    ends_with(&cancelled_write, UV_ECANCELED);
    assert_code(cancel_code, 0);
    assert_code(cancel_code_again, UV_EALREADY);
    assert_int_equal(cancelled_write.request.taken, 0);
    assert_int_equal(adieu_uv_write_queue_size(relay.client), 0);
    relay_close(&relay);
}

/* ------------------------------------------------ codes */

static void cancelled_by_an_abort(struct talk *talk)
{
    struct waiter write;
    struct ear ear;
    say_too_much(&write, talk->us);
    cut(talk->peer);
    hear(talk->us, &ear);
    run_until(&ear.ended);
    assert_code(ear.end, UV_ECONNABORTED);
    adieu_uv_abort(talk->us, ADIEU_REASON_REQUEST);
    ends_with(&write, UV_ECANCELED);
    assert_int_equal(adieu_uv_write_queue_size(talk->us), 0);
}

static void out_of_patience(struct talk *talk)
{
    const struct adieu_uv_patience patience = {.quiet_ms = -1, .total_ms = 30};
    struct waiter write, bye = {.done = false};
    say_too_much(&write, talk->us);
    cut(talk->peer);
    assert_code(adieu_uv_close(&bye.request, talk->us, patience, waiter_closed), 0);
    ends_with(&write, UV_ETIMEDOUT);
    ends_with(&bye, 0);
    assert_ends(bye.ending, "aborted", "truncated");
    assert_int_equal(adieu_uv_write_queue_size(talk->us), 0);
}

/* Who waits to write and who reads are told the same. */
static void own_input_failed(struct talk *talk)
{
    struct waiter write;
    struct ear ear;
    say_too_much(&write, talk->us);
    hear(talk->us, &ear);
    adieu_uv_abort(talk->us, ADIEU_REASON_LOCAL_IO);
    ends_with(&write, UV_EIO);
    run_until(&ear.ended);
    assert_code(ear.end, UV_EIO);
}

static void who_breaks_off_is_not_told_how_the_peer_ended(void **state)
{
    (void)state;
    some_talks(cancelled_by_an_abort);
    some_talks(own_input_failed);
    some_talks(out_of_patience);
}

static void after_a_failed_connect_another_connection_has_its_own_errors(void **state)
{
    struct adieu_uv *uv = new_uv_client();
    struct waiter connected = {.done = false}, hands = {.done = false};
    char port[8];
    int both[2], taken = refused_port(port);
    (void)state;
    assert_code(adieu_uv_connect(&connected.request, uv, &(struct adieu_uv_address){.host = "127.0.0.1", .port = port},
                                 waiter_done),
                0);
    ends_with(&connected, UV_ECONNREFUSED);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
    assert_code(adieu_uv_open(uv, both[0]), 0);
    assert_int_equal(adieu_uv_error(uv)->code, ADIEU_ERR_NONE);
    assert_code(adieu_uv_handshake(&hands.request, uv, waiter_done), 0);
    assert_int_equal(shutdown(both[1], SHUT_WR), 0);
    ends_with(&hands, UV_ECONNABORTED);
    assert_int_equal(adieu_uv_error(uv)->code, ADIEU_ERR_TRUNCATED);
    adieu_uv_free(uv);
    (void)close(both[1]);
    (void)close(taken);
}

/* ------------------------------------------------ connecting anew */

static struct again {
    struct waiter connected;
    struct ear ear;
    char port[8];
    bool failed;
} again;

static void connect_again(struct adieu_uv_request *request, int status)
{
    assert_code(status, UV_ECONNREFUSED);
    again.failed = true;
    hear(request->uv, &again.ear);
    assert_code(adieu_uv_connect(&again.connected.request, request->uv,
                                 &(struct adieu_uv_address){.host = "127.0.0.1", .port = again.port}, waiter_done),
                0);
    hear(request->uv, &again.ear);
}

static void who_connects_and_reads_again_is_not_told_of_the_failure_before(void **state)
{
    struct adieu_uv *uv = new_uv_client();
    struct adieu_uv_request first;
    char port[8];
    int taken = refused_port(port), listener = raw_listener(again.port, 4);
    (void)state;
    again.failed = false;
    hear(uv, &again.ear);
    assert_code(
        adieu_uv_connect(&first, uv, &(struct adieu_uv_address){.host = "127.0.0.1", .port = port}, connect_again), 0);
    run_until(&again.failed);
    ends_with(&again.connected, 0);
    assert_int_equal(again.ear.calls, 0);
    adieu_uv_free(uv);
    (void)close(taken);
    (void)close(listener);
}

/* ------------------------------------------------ the handshake */

static void nothing_is_put_back_once_the_handshake_has_begun(void **state)
{
    struct adieu_uv *uv = new_uv_client();
    struct waiter hands = {.done = false};
    int both[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
    assert_code(adieu_uv_open(uv, both[0]), 0);
    assert_code(adieu_uv_put_back(uv, "", 0), 0);
    assert_code(adieu_uv_handshake(&hands.request, uv, waiter_done), 0);
    run_ms(1);
    assert_code(adieu_uv_cancel(&hands.request), 0);
    ends_with(&hands, UV_ECANCELED);
    assert_code(adieu_uv_put_back(uv, "x", 1), UV_EALREADY);
    adieu_uv_free(uv);
    (void)close(both[1]);
}

static struct hurry {
    struct adieu_uv *uv;
    struct waiter hands;
    uv_timer_t timer;
} hurry;

static void wake_up(uv_timer_t *timer)
{
    adieu_uv_wake(hurry.uv);
    uv_close((uv_handle_t *)timer, NULL);
}

/* The loop polls now, so that the turn comes behind it; and the next one before it polls again. */
static void shake_in_a_hurry(uv_async_t *async)
{
    assert_code(adieu_uv_handshake(&hurry.hands.request, hurry.uv, waiter_done), 0);
    assert_int_equal(uv_timer_start(&hurry.timer, wake_up, 0, 0), 0);
    uv_close((uv_handle_t *)async, NULL);
}

static void an_alert_behind_a_failed_send_is_seen_before_libuv_tells_of_it(void **state)
{
    static const uint8_t handshake_failure[] = {21, 3, 3, 0, 2, 2, 40};
    uv_async_t async;
    int both[2];
    (void)state;
    hurry = (struct hurry){.uv = new_uv_client()};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
    assert_int_equal(write(both[1], handshake_failure, sizeof handshake_failure), sizeof handshake_failure);
    (void)close(both[1]);
    assert_code(adieu_uv_open(hurry.uv, both[0]), 0);
    run_ms(1);
    assert_int_equal(uv_timer_init(&the_uv_loop, &hurry.timer), 0);
    assert_int_equal(uv_async_init(&the_uv_loop, &async, shake_in_a_hurry), 0);
    assert_int_equal(uv_async_send(&async), 0);
    ends_with(&hurry.hands, UV_EPROTO);
    assert_int_equal(adieu_uv_ending(hurry.uv).alert_received.number, 40);
    adieu_uv_free(hurry.uv);
}

/* ------------------------------------------------ one turn has an end */

enum { AGAIN = 3 };

static struct closer {
    struct waiter waiter;
    unsigned told, turns; /* turns: of the loop, by a check of the program's */
    unsigned turn_of[AGAIN];
} closer;

static void count_turn(uv_check_t *check)
{
    (void)check;
    closer.turns++;
}

static void close_again(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    assert_code(status, 0);
    assert_true(ending->decided);
    closer.turn_of[closer.told++] = closer.turns;
    if (closer.told < AGAIN)
        assert_code(adieu_uv_close(request, request->uv, (struct adieu_uv_patience){0, -1}, close_again), 0);
    closer.waiter.done = closer.told == AGAIN;
}

/* Whoever asks again in a callback is not told in the same breath. */
static void who_closes_again_in_the_callback_lets_others_have_their_turn(void **state)
{
    static uv_check_t check;
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    closer = (struct closer){.told = 0};
    assert_int_equal(uv_check_init(&the_uv_loop, &check), 0);
    assert_int_equal(uv_check_start(&check, count_turn), 0);
    assert_code(adieu_uv_close(&closer.waiter.request, uv, (struct adieu_uv_patience){0, -1}, close_again), 0);
    run_until(&closer.waiter.done);
    assert_true(closer.turn_of[AGAIN - 1] > closer.turn_of[0]);
    adieu_uv_free(uv);
    uv_close((uv_handle_t *)&check, NULL);
}

/* ------------------------------------------------ what cannot carry a conversation */

static void never_came(uv_stream_t *server, int status)
{
    (void)server, (void)status;
}

static void another_loops_listener_is_refused(void **state)
{
    uv_loop_t other;
    uv_stream_t *server;
    struct adieu_uv *uv = new_uv_server();
    (void)state;
    assert_int_equal(uv_loop_init(&other), 0);
    assert_code(adieu_uv_listen(&other, &(struct adieu_uv_address){.host = "127.0.0.1", .port = "0"}, 4, never_came,
                                NULL, &server),
                0);
    assert_code(adieu_uv_accept(uv, server), UV_EINVAL);
    adieu_uv_unlisten(server);
    (void)uv_run(&other, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&other), 0);
    adieu_uv_free(uv);
}

static void a_stream_that_was_shut_down_is_not_adopted(void **state)
{
    static uv_pipe_t pipe;
    static uv_shutdown_t request;
    struct adieu_uv *uv = new_uv_client();
    int both[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
    assert_int_equal(uv_pipe_init(&the_uv_loop, &pipe, 0), 0);
    assert_int_equal(uv_pipe_open(&pipe, both[0]), 0);
    assert_int_equal(uv_shutdown(&request, (uv_stream_t *)&pipe, NULL), 0);
    assert_code(adieu_uv_adopt(uv, (uv_stream_t *)&pipe), UV_EINVAL);
    adieu_uv_free(uv);
    uv_close((uv_handle_t *)&pipe, NULL);
    (void)close(both[1]);
}

/* ------------------------------------------------ in words */

static void who_did_not_answer_in_time_is_named(void **state)
{
    struct adieu_uv *uv = new_uv_client();
    struct waiter connected = {.done = false};
    char port[8];
    int listener = raw_listener(port, 0), others[4];
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    (void)state;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    for (int i = 0; i < 4; i++) { /* its queue is full: further ones are not answered */
        others[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(others[i], (struct sockaddr *)&address, size);
    }
    adieu_uv_handshake_timeout(uv, 100);
    assert_code(adieu_uv_connect(&connected.request, uv, &(struct adieu_uv_address){.host = "127.0.0.1", .port = port},
                                 waiter_done),
                0);
    ends_with(&connected, UV_ETIMEDOUT);
    assert_int_equal(adieu_uv_error(uv)->code, ADIEU_ERR_DEADLINE);
    assert_non_null(strstr(adieu_uv_error(uv)->text, "connect to 127.0.0.1"));
    assert_int_equal(adieu_uv_ending(uv).reason, ADIEU_REASON_DEADLINE);
    adieu_uv_free(uv);
    for (int i = 0; i < 4; i++)
        (void)close(others[i]);
    (void)close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_is_told_though_the_streams_observer_stops_the_reading),
        uv_unit_test(what_waits_behind_half_a_message_does_not_spin),
        uv_unit_test(a_request_is_not_touched_once_the_observer_freed_its_handle),
        uv_unit_test(a_write_that_the_observer_cancels_while_it_is_taken_is_told_once),
        cmocka_unit_test(who_breaks_off_is_not_told_how_the_peer_ended),
        uv_unit_test(after_a_failed_connect_another_connection_has_its_own_errors),
        uv_unit_test(who_connects_and_reads_again_is_not_told_of_the_failure_before),
        uv_unit_test(nothing_is_put_back_once_the_handshake_has_begun),
        uv_unit_test(an_alert_behind_a_failed_send_is_seen_before_libuv_tells_of_it),
        uv_unit_test(who_closes_again_in_the_callback_lets_others_have_their_turn),
        uv_unit_test(another_loops_listener_is_refused),
        uv_unit_test(a_stream_that_was_shut_down_is_not_adopted),
        uv_unit_test(who_did_not_answer_in_time_is_named),
    };
    return cmocka_run_group_tests_name("uv corners", tests, setup_talks, teardown_talks);
}
