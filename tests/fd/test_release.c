/* SPDX-License-Identifier: MIT */
/* How a socket is let go, and what was whose: forgotten, aborted, refused, borrowed, adopted. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* It was talked over before us, and part of that is still on its way: what the kernel counts is not all ours. */
static void an_adopted_socket_counts_only_what_is_ours(void **state)
{
    struct pair pair;
    enum { GREETING = 60000, TAKEN = 50000, PIECE = 5000, OVERHEAD = 1000 };
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
    for (size_t taken = 0, took; taken < TAKEN; taken += took) { /* each a send of its own */
        assert_status(adieu_fd_write(client, greeting, PIECE, &took, soon()), ADIEU_OK);
        assert_int_equal(took, PIECE);
    }
    uint64_t acknowledged = adieu_fd_ending(client).acknowledged;
    assert_int_equal(ioctl(own, TIOCOUTQ, &unacknowledged), 0);
    assert_in_range(unacknowledged, TAKEN / 2, TAKEN + OVERHEAD);
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

static void a_forgotten_goodbye_is_a_reset(void **state)
{
    struct pair pair;
    (void)state;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 0);
    pair_shake(&pair);
    assert_status(write_pattern(pair.client, 10), ADIEU_OK);
    adieu_fd_free(pair.client);
    pair.client = NULL;
    struct reader reader = {.fd = pair.server};
    reader_start(&reader);
    reader_join(&reader);
    assert_status(reader.last, ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(pair.server).code, ADIEU_ERR_RESET);
    pair_free(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_adopted_socket_counts_only_what_is_ours),
        cmocka_unit_test(after_both_ends_a_free_is_no_reset),
        cmocka_unit_test(before_the_handshake_a_goodbye_is_an_abort),
        cmocka_unit_test(an_abort_after_a_half_close_resets),
        cmocka_unit_test(the_alert_of_a_refused_handshake_arrives),
        cmocka_unit_test(a_borrowed_descriptor_stays_as_it_was_and_open),
        cmocka_unit_test(a_forgotten_goodbye_is_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
