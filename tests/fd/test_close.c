/* SPDX-License-Identifier: MIT */
/* The whole goodbye: what was said arrives, what cannot arrive shows, and nothing waits for ever. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct adieu_ending close_of(struct adieu_fd *fd, int64_t quiet_ms)
{
    struct adieu_ending ending;
    assert_status(adieu_fd_close(fd, patience_ms(quiet_ms), &ending), ADIEU_OK);
    assert_true(ending.decided);
    assert_int_equal(adieu_fd_descriptor(fd), -1);
    return ending;
}

/* ------------------------------------------------ nothing is lost */

static void goodbye_story(struct pair *pair)
{
    struct reader reader = {.fd = pair->server, .answer = true};
    reader_start(&reader);
    assert_status(write_pattern(pair->client, 100), ADIEU_OK);
    struct adieu_ending ending = close_of(pair->client, 5000);
    reader_join(&reader);
    assert_ends(ending, "closed", "closed");
    assert_ends(reader.ending, "closed", "closed");
    assert_int_equal(adieu_ending_exit(&ending), 0);
    assert_int_equal(adieu_ending_exit(&reader.ending), 0);
    assert_int_equal(ending.acknowledged, pair->carrier == CARRIER_TCP ? 100 : ADIEU_UNKNOWN);
    struct adieu_ending again = close_of(pair->client, 0);
    assert_memory_equal(&ending, &again, sizeof ending);
}

static void a_goodbye_is_clean_on_both_sides(void **state)
{
    (void)state;
    each_pair(goodbye_story);
}

/* Two tickets lie unread at a TLS 1.3 client: a mere close() would reset, and destroy what the peer has not read. */
static void push(enum carrier carrier, enum adieu_version version, size_t size, int receive_buffer, int wait_ms)
{
    struct pair pair;
    pair_open(&pair, carrier, version, receive_buffer);
    pair_shake(&pair);
    struct reader reader = {.fd = pair.server, .wait_first_ms = wait_ms, .answer = true};
    reader_start(&reader);
    assert_status(write_pattern(pair.client, size), ADIEU_OK);
    struct adieu_ending ending = close_of(pair.client, 10000);
    reader_join(&reader);
    assert_status(reader.last, ADIEU_END);
    assert_int_equal(reader.got, size);
    assert_true(reader.intact);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(adieu_ending_exit(&ending), 0);
    if (carrier == CARRIER_TCP)
        assert_int_equal(ending.acknowledged, size);
    pair_free(&pair);
}

static void what_is_pushed_before_a_close_arrives(void **state)
{
    (void)state;
    for (int turn = 0; turn < 5; turn++)
        push(CARRIER_TCP, ADIEU_TLS_1_3, 400000, 8192, 50);
    push(CARRIER_TCP, ADIEU_TLS_1_2, 400000, 8192, 50);
    push(CARRIER_UNIX, ADIEU_TLS_1_3, 400000, 8192, 50);
    push(CARRIER_SOCKETPAIR, ADIEU_TLS_1_2, 400000, 0, 50);
}

static void six_megabytes_pushed_before_a_close_arrive(void **state)
{
    (void)state;
    push(CARRIER_TCP, ADIEU_TLS_1_3, 6000000, 65536, 300);
    push(CARRIER_UNIX, ADIEU_TLS_1_2, 6000000, 65536, 300);
}

/* It answers close_notify and lives on: nothing more can be learned once its TCP has everything, FIN included. */
static void lingering_story(struct pair *pair)
{
    assert_status(write_pattern(pair->client, 1000), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    struct reader reader = {.fd = pair->server}; /* reads to the end, and keeps the socket */
    reader_start(&reader);
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = close_of(pair->client, 10000);
    assert_in_range(adieu_fd_now() - before, 99, 5000);
    reader_join(&reader);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.after, ADIEU_AFTER_NOTHING);
    assert_int_equal(adieu_ending_exit(&ending), 0);
}

static void a_peer_that_has_all_and_said_all_need_not_hang_up(void **state)
{
    (void)state;
    each_pair(lingering_story);
}

/* Its FIN came first, and it reads on slowly: released at once, a loss would not be seen. */
static void fin_first_story(struct pair *pair)
{
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    assert_int_equal(shutdown(pair->server_raw, SHUT_WR), 0);
    struct reader reader = {.fd = pair->server, .wait_first_ms = 100};
    reader_start(&reader);
    assert_status(write_pattern(pair->client, 1000000), ADIEU_OK);
    struct adieu_ending ending = close_of(pair->client, 10000);
    reader_join(&reader);
    assert_int_equal(reader.got, 1000000);
    assert_int_equal(adieu_ending_exit(&ending), 0);
    if (pair->carrier == CARRIER_TCP)
        assert_int_equal(ending.acknowledged, 1000000);
}

static void a_peer_that_ended_first_still_gets_all(void **state)
{
    (void)state;
    each_pair(fin_first_story);
}

static void leftover_story(struct pair *pair)
{
    size_t took;
    assert_status(adieu_fd_write(pair->server, "nobody reads this", 17, &took, soon()), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    assert_int_equal(shutdown(pair->server_raw, SHUT_WR), 0);
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    struct adieu_ending ending = close_of(pair->client, 5000);
    reader_join(&reader);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.after, ADIEU_AFTER_EOF);
    assert_int_equal(ending.discarded, 17);
    assert_int_equal(ending.received, 0);
}

static void what_nobody_reads_is_discarded_and_counted(void **state)
{
    (void)state;
    each_pair(leftover_story);
}

/* ------------------------------------------------ what is lost shows */

static void hidden_loss(enum carrier carrier, enum adieu_version version)
{
    struct pair pair;
    int large = 4000000;
    pair_open(&pair, carrier, version, 4096);
    (void)setsockopt(adieu_fd_descriptor(pair.client), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    pair_shake(&pair);
    assert_status(write_pattern(pair.client, 150000), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair.client, soon()), ADIEU_OK); /* our kernel has it all */
    assert_status(adieu_fd_shutdown(pair.server, soon()), ADIEU_OK); /* the peer says its goodbye, */
    server_vanishes(&pair, false);                                   /* and goes with ours unread */
    struct adieu_ending ending = close_of(pair.client, 2000);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.after, ADIEU_AFTER_RESET);
    if (carrier == CARRIER_TCP)
        assert_in_range(ending.acknowledged, 0, 149999);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_LOST);
    pair_free(&pair);
}

static void a_loss_behind_a_clean_answer_shows(void **state)
{
    (void)state;
    hidden_loss(CARRIER_TCP, ADIEU_TLS_1_2);
    hidden_loss(CARRIER_TCP, ADIEU_TLS_1_3);
    hidden_loss(CARRIER_UNIX, ADIEU_TLS_1_3);
}

/* Its FIN came, and then it went without reading: after a FIN nothing tells but the socket's error. */
static void a_loss_behind_a_fin_shows(void **state)
{
    struct pair pair;
    int large = 4000000;
    (void)state;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 4096);
    (void)setsockopt(adieu_fd_descriptor(pair.client), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    pair_shake(&pair);
    assert_status(write_pattern(pair.client, 150000), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair.client, soon()), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair.server, soon()), ADIEU_OK);
    assert_int_equal(shutdown(pair.server_raw, SHUT_WR), 0);
    server_vanishes(&pair, true);
    struct adieu_ending ending = close_of(pair.client, 2000);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.after, ADIEU_AFTER_RESET);
    assert_int_equal(ending.reason, ADIEU_REASON_NONE);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_LOST);
    pair_free(&pair);
}

static void cut_reply_story(struct pair *pair)
{
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    reader_join(&reader);
    server_vanishes(pair, false);
    struct adieu_ending ending = close_of(pair->client, 5000);
    assert_ends(ending, "closed", "truncated");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_TRUNCATED);
}

static void a_peer_that_hangs_up_without_a_goodbye_is_truncated(void **state)
{
    (void)state;
    each_pair(cut_reply_story);
}

static void reset_story(struct pair *pair)
{
    server_vanishes(pair, true);
    struct adieu_ending ending = close_of(pair->client, 5000);
    assert_string_equal(adieu_receiving_name(ending.receiving), "reset");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_LOST);
}

static void a_reset_during_the_goodbye_is_a_reset(void **state)
{
    (void)state;
    each_tcp_pair(reset_story);
}

/* ------------------------------------------------ patience */

static void silent_story(struct pair *pair)
{
    int64_t before = adieu_fd_now();
    assert_status(write_pattern(pair->client, 100), ADIEU_OK);
    struct adieu_ending ending = close_of(pair->client, 150);
    assert_in_range(adieu_fd_now() - before, 149, 3000);
    assert_ends(ending, "closed", "abandoned");
    assert_int_equal(ending.reason, ADIEU_REASON_DEADLINE);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    struct reader reader = {.fd = pair->server}; /* not reset: what the kernel had still arrives */
    reader_start(&reader);
    reader_join(&reader);
    assert_int_equal(reader.got, 100);
    assert_status(reader.last, ADIEU_END);
}

static void a_silent_peer_ends_a_goodbye_at_its_deadline(void **state)
{
    (void)state;
    each_pair(silent_story);
}

/* Our kernel holds most of it when patience ends: released, not reset, it goes on delivering. */
static void what_the_kernel_holds_at_the_deadline_is_delivered(void **state)
{
    struct pair pair;
    int large = 4000000;
    (void)state;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 4096);
    (void)setsockopt(adieu_fd_descriptor(pair.client), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    pair_shake(&pair);
    assert_status(write_pattern(pair.client, 150000), ADIEU_OK);
    struct adieu_ending ending = close_of(pair.client, 100);
    assert_ends(ending, "closed", "abandoned");
    assert_in_range(ending.acknowledged, 0, 149999);
    struct reader reader = {.fd = pair.server};
    reader_start(&reader);
    reader_join(&reader);
    assert_int_equal(reader.got, 150000);
    assert_status(reader.last, ADIEU_END);
    pair_free(&pair);
}

static void bound_story(struct pair *pair)
{
    struct adieu_ending ending;
    const struct adieu_fd_patience bound = {.quiet_ms = -1, .deadline = adieu_fd_in(100)};
    int64_t before = adieu_fd_now();
    assert_status(adieu_fd_close(pair->client, bound, &ending), ADIEU_OK);
    assert_in_range(adieu_fd_now() - before, 99, 3000);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    const struct adieu_fd_patience none = {0};
    before = adieu_fd_now();
    assert_status(adieu_fd_close(pair->server, none, &ending), ADIEU_OK);
    assert_in_range(adieu_fd_now() - before, 0, 1000);
    assert_string_equal(adieu_receiving_name(ending.receiving), "closed"); /* the client said it before it left */
}

static void an_overall_bound_ends_it_and_no_patience_is_none(void **state)
{
    (void)state;
    each_pair(bound_story);
}

static void full_story(struct pair *pair)
{
    char piece[65536] = "";
    size_t took;
    enum adieu_status status = ADIEU_OK;
    for (int turn = 0; status == ADIEU_OK && turn < 1000; turn++)
        status = adieu_fd_write(pair->client, piece, sizeof piece, &took, adieu_fd_in(30));
    assert_status(status, ADIEU_WAIT);
    struct adieu_ending ending = close_of(pair->client, 150);
    assert_ends(ending, "aborted", "abandoned");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    reader_join(&reader);
    assert_status(reader.last, ADIEU_FAIL); /* it cannot take it for an end */
    assert_int_equal(adieu_fd_error(pair->server).code,
                     pair->carrier == CARRIER_TCP ? ADIEU_ERR_RESET : ADIEU_ERR_TRUNCATED);
}

static void with_the_send_buffer_full_the_deadline_resets(void **state)
{
    (void)state;
    each_pair(full_story);
}

/* Its whole reading lasts much longer than the patience, which counts from the last progress. */
static void a_slow_reader_that_goes_on_reading_is_not_cut_off(void **state)
{
    struct pair pair;
    int small = 16384;
    (void)state;
    for (int carrier = CARRIER_TCP; carrier <= CARRIER_UNIX; carrier++) {
        pair_open(&pair, (enum carrier)carrier, ADIEU_TLS_1_3, 16384);
        (void)setsockopt(adieu_fd_descriptor(pair.client), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        pair_shake(&pair);
        struct reader reader = {.fd = pair.server, .piece = 2048, .wait_each_ms = 15, .answer = true};
        reader_start(&reader);
        assert_status(write_pattern(pair.client, 120000), ADIEU_OK);
        struct adieu_ending ending = close_of(pair.client, 450);
        reader_join(&reader);
        assert_int_equal(reader.got, 120000);
        assert_int_equal(adieu_ending_exit(&ending), 0);
        pair_free(&pair);
    }
}

/* A peer that says more and more moves no deadline. */
static void *talk(void *context)
{
    struct pair *pair = context;
    char piece[1000] = "";
    size_t took;
    for (int64_t deadline = soon(); adieu_fd_now() < deadline;)
        if (adieu_fd_write(pair->server, piece, sizeof piece, &took, deadline) != ADIEU_OK)
            break;
    return NULL;
}

static void talkative_story(struct pair *pair)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, talk, pair), 0);
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = close_of(pair->client, 200);
    assert_in_range(adieu_fd_now() - before, 199, 5000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(ending.reason, ADIEU_REASON_DEADLINE);
    assert_true(ending.discarded > 0);
}

static void nothing_that_the_peer_says_moves_the_deadline(void **state)
{
    (void)state;
    each_pair(talkative_story);
}

static int64_t processor_ms(void)
{
    struct timespec time;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time), 0);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* The peer's FIN lies there, and what we said is unread: nothing can be polled for, and HUP is there all the time. */
static void idle_story(struct pair *pair)
{
    assert_int_equal(shutdown(pair->server_raw, SHUT_WR), 0);
    int64_t before = processor_ms();
    (void)close_of(pair->client, 500);
    assert_in_range(processor_ms() - before, 0, 250);
}

static void a_goodbye_that_waits_does_not_spin(void **state)
{
    (void)state;
    each_pair(idle_story);
}

/* ------------------------------------------------ special cases */

/* It was talked over before us, and part of that is still on its way: what the kernel counts is not all ours. */
static void an_adopted_socket_counts_only_what_is_ours(void **state)
{
    struct pair pair;
    enum { GREETING = 60000, TAKEN = 150000, OVERHEAD = 1000 };
    int large = 4000000, unacknowledged = 0;
    char *greeting = calloc(1, GREETING);
    (void)state;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 4096);
    struct adieu_fd *client = adieu_fd_client(pair.client_config, "localhost"), *first = pair.client;
    int own = dup(adieu_fd_descriptor(first));
    (void)setsockopt(own, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    assert_int_equal(send(own, greeting, GREETING, MSG_NOSIGNAL), GREETING);
    assert_status(adieu_fd_adopt(client, own, ADIEU_FD_BORROWED), ADIEU_OK);
    assert_int_equal(recv(pair.server_raw, greeting, GREETING, MSG_WAITALL), GREETING);
    pair.client = client;
    pair_shake(&pair);
    assert_status(write_pattern(client, TAKEN), ADIEU_OK);
    uint64_t acknowledged = adieu_fd_ending(client).acknowledged;
    assert_int_equal(ioctl(own, TIOCOUTQ, &unacknowledged), 0);
    assert_true(unacknowledged > GREETING);
    assert_in_range(acknowledged, 0, TAKEN + OVERHEAD - unacknowledged); /* never too many, */
    struct reader reader = {.fd = pair.server, .answer = true};
    reader_start(&reader);
    struct adieu_ending ending = close_of(client, 5000);
    reader_join(&reader);
    assert_int_equal(ending.acknowledged, TAKEN); /* and all in the end */
    assert_int_equal(adieu_ending_exit(&ending), 0);
    adieu_fd_free(first); /* its descriptor is a copy */
    (void)close(own);
    free(greeting);
    pair_free(&pair);
}

/* Both have ended, and nobody called close: what the kernel holds is delivered all the same, unread bytes or not. */
static void freed_story(struct pair *pair)
{
    char byte;
    size_t got;
    assert_status(write_pattern(pair->client, 30000), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    assert_status(adieu_fd_read(pair->client, &byte, 1, &got, soon()), ADIEU_END);
    assert_int_equal(send(pair->server_raw, "after the end", 13, MSG_NOSIGNAL), 13);
    struct pollfd came = {.fd = adieu_fd_descriptor(pair->client), .events = POLLIN};
    assert_int_equal(poll(&came, 1, 5000), 1);
    adieu_fd_free(pair->client);
    pair->client = NULL;
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    reader_join(&reader);
    assert_int_equal(reader.got, 30000);
    assert_status(reader.last, ADIEU_END);
    assert_ends(adieu_fd_ending(pair->server), "closed", "closed");
    assert_int_equal(close_of(pair->server, 1000).after, ADIEU_AFTER_EOF); /* no reset */
}

static void after_both_ends_a_free_is_no_reset(void **state)
{
    (void)state;
    each_pair(freed_story);
}

static void before_the_handshake_a_goodbye_is_an_abort(void **state)
{
    struct pair pair;
    char byte;
    (void)state;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 0);
    struct adieu_ending ending = close_of(pair.client, 5000);
    assert_ends(ending, "aborted", "abandoned");
    assert_int_equal(recv(pair.server_raw, &byte, 1, 0), -1); /* not one byte, least of all a close_notify */
    assert_int_equal(errno, ECONNRESET);
    pair_free(&pair);
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 0);
    assert_status(adieu_fd_handshake(pair.client, adieu_fd_in(20)), ADIEU_WAIT);
    ending = close_of(pair.client, 5000);
    assert_ends(ending, "aborted", "abandoned");
    pair_free(&pair);
}

static void abort_story(struct pair *pair)
{
    struct reader reader = {.fd = pair->server};
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    reader_start(&reader);
    reader_join(&reader);
    assert_status(reader.last, ADIEU_END);
    adieu_fd_abort(pair->client, ADIEU_REASON_REQUEST);
    assert_ends(adieu_fd_ending(pair->client), "closed", "abandoned");
    struct adieu_ending ending = close_of(pair->server, 1000);
    assert_ends(ending, "failed", "closed");
    assert_int_equal(ending.os_error, ECONNRESET);
}

static void an_abort_after_a_half_close_resets(void **state)
{
    (void)state;
    each_tcp_pair(abort_story);
}

static void *meet_a_stranger(void *context)
{
    struct reader *reader = context;
    reader->last = adieu_fd_handshake(reader->fd, soon());
    char byte;
    size_t got;
    if (reader->last == ADIEU_OK) /* TLS 1.3 servers hear of it after their handshake, or in it */
        reader->last = adieu_fd_read(reader->fd, &byte, 1, &got, soon());
    (void)!adieu_fd_close(reader->fd, patience_ms(2000), &reader->ending);
    return NULL;
}

static void the_alert_of_a_refused_handshake_arrives(void **state)
{
    struct adieu_config *client, *server;
    struct pair pair;
    (void)state;
    for (int carrier = 0; carrier < CARRIERS; carrier++) {
        const uint8_t other[ADIEU_PIN_SIZE] = {9};
        make_configs(ADIEU_TLS_1_3, &client, &server);
        adieu_config_free(client);
        client = adieu_config_new();
        assert_status(adieu_config_trust_pin(client, other), ADIEU_OK);
        pair_open_with(&pair, (enum carrier)carrier, client, server, 0);
        struct reader peer = {.fd = pair.server};
        assert_int_equal(pthread_create(&peer.thread, NULL, meet_a_stranger, &peer), 0);
        assert_status(adieu_fd_handshake(pair.client, soon()), ADIEU_FAIL);
        assert_int_equal(adieu_fd_error(pair.client).code, ADIEU_ERR_REFUSED);
        struct adieu_ending ending = close_of(pair.client, 2000);
        reader_join(&peer);
        assert_ends(ending, "aborted", "rejected");
        assert_true(ending.alert_sent.seen);
        assert_status(peer.last, ADIEU_FAIL);
        assert_ends(peer.ending, "failed", "alerted");
        pair_free(&pair);
    }
}

static void a_borrowed_descriptor_stays_as_it_was_and_open(void **state)
{
    int both[2];
    struct adieu_config *client_config, *server_config;
    struct reader peer = {0};
    (void)state;
    make_configs(ADIEU_TLS_1_3, &client_config, &server_config);
    struct adieu_fd *client = adieu_fd_client(client_config, "localhost");
    peer.fd = adieu_fd_server(server_config);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
    int flags = fcntl(both[0], F_GETFL), descriptor_flags = fcntl(both[0], F_GETFD);
    assert_status(adieu_fd_adopt(client, both[0], ADIEU_FD_BORROWED), ADIEU_OK);
    assert_status(adieu_fd_adopt(peer.fd, both[1], ADIEU_FD_OWNED), ADIEU_OK);
    assert_int_equal(pthread_create(&peer.thread, NULL, meet_a_stranger, &peer), 0);
    assert_status(adieu_fd_handshake(client, soon()), ADIEU_OK);
    assert_int_equal(fcntl(both[0], F_GETFL), flags);
    struct adieu_ending ending = close_of(client, 5000);
    reader_join(&peer);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(fcntl(both[0], F_GETFL), flags);
    assert_int_equal(fcntl(both[0], F_GETFD), descriptor_flags);
    adieu_fd_free(client);
    adieu_fd_free(peer.fd);
    assert_int_equal(close(both[0]), 0);
    adieu_config_free(client_config);
    adieu_config_free(server_config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_goodbye_is_clean_on_both_sides),
        cmocka_unit_test(what_is_pushed_before_a_close_arrives),
        cmocka_unit_test(six_megabytes_pushed_before_a_close_arrive),
        cmocka_unit_test(a_peer_that_has_all_and_said_all_need_not_hang_up),
        cmocka_unit_test(a_peer_that_ended_first_still_gets_all),
        cmocka_unit_test(what_nobody_reads_is_discarded_and_counted),
        cmocka_unit_test(a_loss_behind_a_clean_answer_shows),
        cmocka_unit_test(a_loss_behind_a_fin_shows),
        cmocka_unit_test(a_peer_that_hangs_up_without_a_goodbye_is_truncated),
        cmocka_unit_test(a_reset_during_the_goodbye_is_a_reset),
        cmocka_unit_test(a_silent_peer_ends_a_goodbye_at_its_deadline),
        cmocka_unit_test(what_the_kernel_holds_at_the_deadline_is_delivered),
        cmocka_unit_test(an_overall_bound_ends_it_and_no_patience_is_none),
        cmocka_unit_test(with_the_send_buffer_full_the_deadline_resets),
        cmocka_unit_test(a_slow_reader_that_goes_on_reading_is_not_cut_off),
        cmocka_unit_test(nothing_that_the_peer_says_moves_the_deadline),
        cmocka_unit_test(a_goodbye_that_waits_does_not_spin),
        cmocka_unit_test(an_adopted_socket_counts_only_what_is_ours),
        cmocka_unit_test(after_both_ends_a_free_is_no_reset),
        cmocka_unit_test(before_the_handshake_a_goodbye_is_an_abort),
        cmocka_unit_test(an_abort_after_a_half_close_resets),
        cmocka_unit_test(the_alert_of_a_refused_handshake_arrives),
        cmocka_unit_test(a_borrowed_descriptor_stays_as_it_was_and_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
