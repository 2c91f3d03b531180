/* SPDX-License-Identifier: MIT */
/* Bytes that the program read from the socket before it knew that they were TLS's. */
#include "support.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Takes what the peer has sent by now, at least one byte and at most so much. */
static size_t sniff(int descriptor, uint8_t *buf, size_t size)
{
    struct pollfd what = {.fd = descriptor, .events = POLLIN};
    assert_int_equal(poll(&what, 1, 20000), 1);
    ssize_t n = recv(descriptor, buf, size, MSG_DONTWAIT);
    assert_true(n > 0);
    return (size_t)n;
}

static void each_carrier(void (*story)(struct pair *pair))
{
    for (int i = 0; i < 2 * CARRIERS; i++) {
        struct pair pair;
        pair_open(&pair, (enum carrier)(i / 2), i % 2 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3, 0);
        story(&pair);
        pair_free(&pair);
    }
}

/* The usual conversation, and everything is counted as if nobody had read before. */
static void converse(struct pair *pair)
{
    enum { SENT = 50000 };
    pair_shake(pair);
    struct reader reader = {.fd = pair->server, .answer = true};
    reader_start(&reader);
    assert_status(write_pattern(pair->client, SENT), ADIEU_OK);
    struct adieu_ending ending = close_of(pair->client, 10000);
    reader_join(&reader);
    assert_true(reader.intact);
    assert_int_equal(reader.got, SENT);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.sent, SENT);
    if (pair->carrier == CARRIER_TCP)
        assert_int_equal(ending.acknowledged, SENT);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
    assert_ends(reader.ending, "closed", "closed");
}

/* A server looks at the first bytes: is it TLS? */
static void first_bytes(struct pair *pair, size_t count, bool one_by_one)
{
    uint8_t hello[4096];
    assert_status(adieu_fd_handshake(pair->client, ADIEU_FD_NOW), ADIEU_WAIT);
    size_t n = sniff(pair->server_raw, hello, count);
    assert_int_equal(hello[0], 22);
    for (size_t at = 0, step = one_by_one ? 1 : n; at < n; at += step)
        assert_status(adieu_fd_put_back(pair->server, hello + at, step), ADIEU_OK);
    memset(hello, 0, sizeof hello); /* they were copied */
    uint64_t before = adieu_fd_progress(pair->server);
    assert_int_equal(before, 0);
    converse(pair);
}

static void one_byte(struct pair *pair)
{
    first_bytes(pair, 1, false);
}

static void a_header(struct pair *pair)
{
    first_bytes(pair, 5, true);
}

static void all_of_it(struct pair *pair)
{
    first_bytes(pair, 4096, false);
}

static void all_of_it_in_pieces(struct pair *pair)
{
    first_bytes(pair, 4096, true);
}

static void what_was_looked_at_is_read_first(void **state)
{
    (void)state;
    each_carrier(one_byte);
    each_carrier(a_header);
    each_carrier(all_of_it);
    each_carrier(all_of_it_in_pieces);
}

/* STARTTLS, and the client does not wait for the answer: its hello comes with the command, in one piece. */
static void read_ahead(struct pair *pair)
{
    static const char command[] = "STARTTLS\r\n", answer[] = "220 go ahead\r\n";
    uint8_t buf[4096];
    int client = adieu_fd_descriptor(pair->client);
    assert_int_equal(send(client, command, sizeof command - 1, MSG_NOSIGNAL), sizeof command - 1);
    assert_int_equal(send(pair->server_raw, answer, sizeof answer - 1, MSG_NOSIGNAL), sizeof answer - 1);
    assert_int_equal(sniff(client, buf, sizeof answer - 1), sizeof answer - 1);
    assert_status(adieu_fd_handshake(pair->client, ADIEU_FD_NOW), ADIEU_WAIT);
    size_t n = sniff(pair->server_raw, buf, sizeof buf);
    assert_memory_equal(buf, command, sizeof command - 1);
    assert_status(adieu_fd_put_back(pair->server, buf + sizeof command - 1, n - (sizeof command - 1)), ADIEU_OK);
    converse(pair);
}

static void what_was_read_ahead_is_put_back(void **state)
{
    (void)state;
    each_carrier(read_ahead);
}

/* The client sniffs, too: a server that speaks first would be no TLS. */
static void as_a_client(struct pair *pair)
{
    uint8_t buf[1];
    assert_status(adieu_handshake(adieu_fd_stream(pair->client)), ADIEU_WAIT); /* allowed, and says nothing */
    assert_status(adieu_fd_put_back(pair->client, "4", 1), ADIEU_OK);
    assert_status(adieu_fd_handshake(pair->client, ADIEU_FD_NOW), ADIEU_WAIT);
    (void)sniff(pair->server_raw, buf, 1);
    assert_int_equal(send(pair->server_raw, "21 no TLS here\r\n", 16, MSG_NOSIGNAL), 16);
    assert_status(adieu_fd_handshake(pair->client, soon()), ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(pair->client).code, ADIEU_ERR_NOT_TLS);
}

static void a_client_may_put_back_as_well(void **state)
{
    (void)state;
    each_carrier(as_a_client);
}

/* A peer that has said its bytes and left: they come before its end. */
static void end_behind(struct pair *pair)
{
    uint8_t hello[4096];
    assert_status(adieu_fd_handshake(pair->client, ADIEU_FD_NOW), ADIEU_WAIT);
    size_t n = sniff(pair->server_raw, hello, sizeof hello);
    assert_status(adieu_fd_put_back(pair->server, hello, n), ADIEU_OK);
    adieu_fd_abort(pair->client, ADIEU_REASON_REQUEST);
    assert_status(adieu_fd_handshake(pair->server, soon()), ADIEU_FAIL);
    struct adieu_ending ending = adieu_fd_ending(pair->server);
    assert_int_equal(ending.phase, ADIEU_PHASE_HANDSHAKING);
    assert_int_not_equal(ending.receiving, ADIEU_RECEIVING_REJECTED);
}

static void they_come_before_the_transports_end(void **state)
{
    (void)state;
    each_carrier(end_behind);
}

static void later_it_is_misuse(struct pair *pair)
{
    uint8_t hello[4096];
    assert_status(adieu_fd_handshake(pair->client, ADIEU_FD_NOW), ADIEU_WAIT);
    assert_status(adieu_fd_put_back(pair->client, "x", 1), ADIEU_MISUSE);
    assert_status(adieu_fd_put_back(pair->client, NULL, 0), ADIEU_MISUSE);
    size_t n = sniff(pair->server_raw, hello, sizeof hello);
    assert_status(adieu_fd_put_back(pair->server, hello, n), ADIEU_OK);
    pair_shake(pair);
    assert_status(adieu_fd_put_back(pair->server, "x", 1), ADIEU_MISUSE);
    adieu_fd_abort(pair->server, ADIEU_REASON_REQUEST);
    assert_status(adieu_fd_put_back(pair->server, "x", 1), ADIEU_MISUSE);
}

static void once_the_handshake_has_begun_it_is_misuse(void **state)
{
    (void)state;
    each_carrier(later_it_is_misuse);
}

static void no_more_than_there_is_room_for(void **state)
{
    (void)state;
    static const uint8_t much[200000];
    struct adieu_fd *fd = new_client();
    size_t room = adieu_wire_in(adieu_fd_stream(fd), NULL);
    assert_int_equal(room, 133120);
    assert_status(adieu_fd_put_back(fd, NULL, 0), ADIEU_OK);
    assert_status(adieu_fd_put_back(fd, much, room + 1), ADIEU_MISUSE);
    assert_status(adieu_fd_put_back(fd, much, 1000), ADIEU_OK);
    assert_int_equal(adieu_wire_in(adieu_fd_stream(fd), NULL), room - 1000);
    assert_status(adieu_fd_put_back(fd, much, room - 999), ADIEU_MISUSE);
    assert_status(adieu_fd_put_back(fd, much, room - 1000), ADIEU_OK);
    assert_status(adieu_fd_put_back(fd, much, 1), ADIEU_MISUSE);
    adieu_fd_free(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_looked_at_is_read_first),
        cmocka_unit_test(what_was_read_ahead_is_put_back),
        cmocka_unit_test(a_client_may_put_back_as_well),
        cmocka_unit_test(they_come_before_the_transports_end),
        cmocka_unit_test(once_the_handshake_has_begun_it_is_misuse),
        cmocka_unit_test(no_more_than_there_is_room_for),
    };
    return cmocka_run_group_tests_name("fd put back", tests, setup_configs, teardown_configs);
}
