/* SPDX-License-Identifier: MIT */
/* Reading, writing, half-close, and how the transport's end is told. */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

static void say(struct adieu_fd *fd, const char *text)
{
    size_t took = 0;
    assert_status(adieu_fd_write(fd, text, strlen(text), &took, soon()), ADIEU_OK);
    assert_int_equal(took, strlen(text));
}

static void hear(struct adieu_fd *fd, const char *text)
{
    char buf[64] = "";
    size_t got = 0, more;
    while (got < strlen(text)) {
        assert_status(adieu_fd_read(fd, buf + got, sizeof buf - got, &more, soon()), ADIEU_OK);
        got += more;
    }
    assert_memory_equal(buf, text, got);
}

static enum adieu_status read_one(struct adieu_fd *fd)
{
    char byte;
    size_t got;
    return adieu_fd_read(fd, &byte, 1, &got, soon());
}

/* ------------------------------------------------ orderly */

static void echo_story(struct pair *pair)
{
    say(pair->client, "hello");
    hear(pair->server, "hello");
    say(pair->server, "hello yourself");
    hear(pair->client, "hello yourself");
}

static void what_is_said_is_heard(void **state)
{
    (void)state;
    each_pair(echo_story);
}

static void half_close_story(struct pair *pair)
{
    size_t took;
    say(pair->client, "request");
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_string_equal(adieu_sending_name(adieu_fd_ending(pair->client).sending), "closed");
    hear(pair->server, "request");
    assert_status(read_one(pair->server), ADIEU_END);
    assert_status(read_one(pair->server), ADIEU_END);
    say(pair->server, "reply");
    hear(pair->client, "reply");
    assert_status(adieu_fd_write(pair->client, "more", 4, &took, soon()), ADIEU_MISUSE);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    assert_status(read_one(pair->client), ADIEU_END);
    assert_ends(adieu_fd_ending(pair->client), "closed", "closed");
    assert_ends(adieu_fd_ending(pair->server), "closed", "closed");
}

static void after_a_half_close_the_reply_is_read(void **state)
{
    (void)state;
    each_pair(half_close_story);
}

static void large_story(struct pair *pair)
{
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    assert_status(write_pattern(pair->client, 3000000), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    reader_join(&reader);
    assert_status(reader.last, ADIEU_END);
    assert_int_equal(reader.got, 3000000);
    assert_true(reader.intact);
}

static void a_large_write_arrives_whole(void **state)
{
    (void)state;
    each_pair(large_story);
}

/* ------------------------------------------------ deadlines */

static void nothing_comes_story(struct pair *pair)
{
    char byte;
    size_t got = 77;
    int64_t before = adieu_fd_now();
    assert_status(adieu_fd_read(pair->server, &byte, 1, &got, adieu_fd_in(60)), ADIEU_WAIT);
    assert_true(adieu_fd_now() - before >= 59);
    assert_int_equal(adieu_fd_why(pair->server), ADIEU_FD_WHY_DEADLINE);
    assert_status(adieu_fd_read(pair->server, &byte, 1, &got, ADIEU_FD_NOW), ADIEU_WAIT);
    assert_int_equal(got, 77);
    echo_story(pair);
}

static void a_passed_deadline_leaves_the_stream_as_it_was(void **state)
{
    (void)state;
    each_pair(nothing_comes_story);
}

static void blocked_write_story(struct pair *pair)
{
    size_t size = 40000000, taken = 0, took;
    uint8_t *bytes = pattern_new(size);
    enum adieu_status status = ADIEU_OK;
    for (; status == ADIEU_OK && taken < size; taken += status == ADIEU_OK ? took : 0) /* the kernel's buffers grow */
        status = adieu_fd_write(pair->client, bytes + taken, size - taken, &took, adieu_fd_in(50));
    assert_status(status, ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(pair->client), ADIEU_FD_WHY_DEADLINE);
    assert_int_equal(adieu_fd_ending(pair->client).taken, taken);

    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK); /* what was taken leaves by itself */
    reader_join(&reader);
    assert_int_equal(reader.got, taken);
    assert_true(reader.intact);
    free(bytes);
}

static void a_write_past_its_deadline_says_how_much_was_taken(void **state)
{
    (void)state;
    each_pair(blocked_write_story);
}

static void a_silent_peer_does_not_hold_the_handshake(void **state)
{
    struct pair pair;
    (void)state;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 0);
    assert_status(adieu_fd_handshake(pair.client, adieu_fd_in(50)), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(pair.client), ADIEU_FD_WHY_DEADLINE);
    pair_shake(&pair); /* it goes on where it was */
    echo_story(&pair);
    pair_free(&pair);
}

/* ------------------------------------------------ how a transport ends */

static void fin_story(struct pair *pair)
{
    say(pair->server, "cut");
    assert_int_equal(shutdown(pair->server_raw, SHUT_WR), 0);
    hear(pair->client, "cut");
    assert_status(read_one(pair->client), ADIEU_FAIL);
    assert_status(read_one(pair->client), ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(pair->client).code, ADIEU_ERR_TRUNCATED);
    assert_ends(adieu_fd_ending(pair->client), "open", "truncated");
}

static void a_fin_between_records_is_truncated(void **state)
{
    (void)state;
    each_pair(fin_story);
}

static void cut_story(struct pair *pair)
{
    say(pair->server, "cut");
    assert_int_equal(send(pair->server_raw, "\x17\x03\x03\x00\x40zzz", 8, MSG_NOSIGNAL), 8);
    assert_int_equal(shutdown(pair->server_raw, SHUT_WR), 0);
    hear(pair->client, "cut");
    assert_status(read_one(pair->client), ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(pair->client).code, ADIEU_ERR_TRUNCATED);
}

static void a_fin_inside_a_record_is_truncated(void **state)
{
    (void)state;
    each_pair(cut_story);
}

static void reset_story(struct pair *pair)
{
    say(pair->server, "last words");
    server_vanishes(pair, true);
    hear(pair->client, "last words");
    assert_status(read_one(pair->client), ADIEU_FAIL);
    assert_status(read_one(pair->client), ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(pair->client).code, ADIEU_ERR_RESET);
    assert_ends(adieu_fd_ending(pair->client), "failed", "reset");
    assert_int_equal(adieu_fd_ending(pair->client).os_error, ECONNRESET);
}

static void what_came_before_a_reset_is_read_before_it(void **state)
{
    (void)state;
    each_tcp_pair(reset_story);
}

/* The send is told ECONNRESET and takes the error out of the socket: recv() then says 0, and that is no FIN. */
static void failed_send_story(struct pair *pair)
{
    size_t took;
    struct pollfd gone = {.fd = adieu_fd_descriptor(pair->client), .events = POLLIN};
    server_vanishes(pair, true);
    assert_int_equal(poll(&gone, 1, 5000), 1);
    assert_status(adieu_fd_write(pair->client, "x", 1, &took, soon()), ADIEU_FAIL);
    assert_status(adieu_fd_write(pair->client, "x", 1, &took, soon()), ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(pair->client).code, ADIEU_ERR_RESET);
    assert_ends(adieu_fd_ending(pair->client), "failed", "reset");
}

static void a_reset_that_a_send_finds_is_no_fin(void **state)
{
    (void)state;
    each_tcp_pair(failed_send_story);
}

static void sigpipe_story(struct pair *pair)
{
    size_t took;
    server_vanishes(pair, false);
    enum adieu_status status = ADIEU_OK;
    for (int turn = 0; status == ADIEU_OK && turn < 1000; turn++)
        status = adieu_fd_write(pair->client, "x", 1, &took, soon());
    assert_status(status, ADIEU_FAIL);
}

static void a_broken_pipe_does_not_kill_the_process(void **state)
{
    (void)state;
    assert_ptr_not_equal(signal(SIGPIPE, SIG_DFL), SIG_ERR);
    each_pair(sigpipe_story);
}

/* ------------------------------------------------ alerts */

static void *refuse_and_stay(void *context)
{
    struct pair *pair = context;
    return (void *)(intptr_t)adieu_fd_handshake(pair->server, soon());
}

static void *refuse_and_go(void *context)
{
    struct pair *pair = context;
    if (adieu_fd_handshake(pair->server, soon()) == ADIEU_FAIL)
        (void)!adieu_fd_close(pair->server, (struct adieu_fd_patience){300, ADIEU_FD_FOREVER}, NULL);
    server_vanishes(pair, false);
    return NULL;
}

/* In TLS 1.3 a client's certificate is refused after the client's handshake is done: it writes, and never reads. */
static void write_to_a_refusing_server(void *(*refuse)(void *))
{
    struct adieu_config *client, *server;
    struct pair pair;
    pthread_t thread;
    static const char piece[65536];
    const uint8_t nobody[ADIEU_PIN_SIZE] = {1};
    size_t took;
    make_configs(ADIEU_TLS_1_3, &client, &server);
    assert_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    assert_status(adieu_config_trust_pin(server, nobody), ADIEU_OK);
    pair_open_with(&pair, CARRIER_TCP, client, server, 0);
    assert_int_equal(pthread_create(&thread, NULL, refuse, &pair), 0);
    assert_status(adieu_fd_handshake(pair.client, soon()), ADIEU_OK);
    enum adieu_status status = ADIEU_OK;
    for (int64_t deadline = soon(); status == ADIEU_OK && adieu_fd_now() < deadline;)
        status = adieu_fd_write(pair.client, piece, sizeof piece, &took, deadline);
    assert_status(status, ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(pair.client).code, ADIEU_ERR_ALERTED);
    assert_string_equal(adieu_alert_name(adieu_fd_ending(pair.client).alert_received.number), "certificate_required");
    assert_int_equal(pthread_join(thread, NULL), 0);
    pair_free(&pair);
}

static void the_alert_that_explains_a_failed_send_is_found(void **state)
{
    (void)state;
    write_to_a_refusing_server(refuse_and_go);
}

static void an_alert_ends_a_blocked_write(void **state)
{
    (void)state;
    write_to_a_refusing_server(refuse_and_stay);
}

/* ------------------------------------------------ misuse */

static void verbs_before_their_time_are_misuse(void **state)
{
    struct pair pair;
    char byte;
    size_t n;
    (void)state;
    pair_open(&pair, CARRIER_SOCKETPAIR, ADIEU_TLS_1_3, 0);
    assert_status(adieu_fd_read(pair.client, &byte, 1, &n, soon()), ADIEU_MISUSE);
    assert_status(adieu_fd_write(pair.client, "x", 1, &n, soon()), ADIEU_MISUSE);
    assert_status(adieu_fd_shutdown(pair.client, soon()), ADIEU_MISUSE);
    struct adieu_fd *nowhere = adieu_fd_client(pair.client_config, "localhost");
    assert_status(adieu_fd_handshake(nowhere, soon()), ADIEU_MISUSE);
    adieu_fd_free(nowhere);
    pair_free(&pair);
}

static void call_verb(void *context, const struct adieu_stream *stream, enum adieu_news news,
                      const struct adieu_alert *alert)
{
    struct adieu_fd *fd = context;
    char byte;
    size_t got;
    (void)stream, (void)news, (void)alert;
    assert_status(adieu_fd_read(fd, &byte, 1, &got, ADIEU_FD_NOW), ADIEU_MISUSE);
    adieu_fd_abort(fd, ADIEU_REASON_REQUEST); /* is not heard */
    assert_true(adieu_fd_descriptor(fd) >= 0);
    (void)adieu_fd_ending(fd);
}

static void watched_story(struct pair *pair)
{
    adieu_watch(adieu_fd_stream(pair->client), call_verb, pair->client);
    say(pair->client, "x");
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    hear(pair->server, "x");
    adieu_watch(adieu_fd_stream(pair->client), NULL, NULL);
}

static void a_callback_may_ask_and_calls_no_verb(void **state)
{
    (void)state;
    each_pair(watched_story);
}

static void call_cancel(void *context, const struct adieu_stream *stream, enum adieu_news news,
                        const struct adieu_alert *alert)
{
    (void)stream, (void)news, (void)alert;
    adieu_fd_cancel(context);
}

/* Nobody waited then: it is the next wait that ends. */
static void cancelled_story(struct pair *pair)
{
    char byte;
    size_t got;
    adieu_watch(adieu_fd_stream(pair->client), call_cancel, pair->client);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    adieu_watch(adieu_fd_stream(pair->client), NULL, NULL);
    assert_status(adieu_fd_read(pair->client, &byte, 1, &got, soon()), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(pair->client), ADIEU_FD_WHY_CANCELLED);
}

static void a_callback_may_cancel(void **state)
{
    (void)state;
    each_pair(cancelled_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_heard),
        cmocka_unit_test(after_a_half_close_the_reply_is_read),
        cmocka_unit_test(a_large_write_arrives_whole),
        cmocka_unit_test(a_passed_deadline_leaves_the_stream_as_it_was),
        cmocka_unit_test(a_write_past_its_deadline_says_how_much_was_taken),
        cmocka_unit_test(a_silent_peer_does_not_hold_the_handshake),
        cmocka_unit_test(a_fin_between_records_is_truncated),
        cmocka_unit_test(a_fin_inside_a_record_is_truncated),
        cmocka_unit_test(what_came_before_a_reset_is_read_before_it),
        cmocka_unit_test(a_reset_that_a_send_finds_is_no_fin),
        cmocka_unit_test(a_broken_pipe_does_not_kill_the_process),
        cmocka_unit_test(the_alert_that_explains_a_failed_send_is_found),
        cmocka_unit_test(an_alert_ends_a_blocked_write),
        cmocka_unit_test(verbs_before_their_time_are_misuse),
        cmocka_unit_test(a_callback_may_ask_and_calls_no_verb),
        cmocka_unit_test(a_callback_may_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
