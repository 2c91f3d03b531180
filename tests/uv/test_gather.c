/* SPDX-License-Identifier: MIT */
/* What is asked for in one breath leaves in as few records as will do; and what an idle handle gives back. */
#include <sys/socket.h>
#include <unistd.h>

#include "talk.h"

/* ------------------------------------------------ records */

/* A client in the loop; a server by hand, which sees what is on the wire. */
struct wire {
    struct adieu_uv *client;
    struct adieu_stream *server;
    int raw;
    uint8_t heard[BIG];
};

/* What a record of TLS 1.3 adds to its plaintext: header, type, tag. */
enum { ADDS = 5 + 1 + 16, CLOSE_NOTIFY = ADDS + 2 };

/* Receives what there is, and gives it to the server: how many bytes of ciphertext. */
static size_t carry_in(struct wire *wire)
{
    size_t total = 0;
    uint8_t *at;
    for (;;) {
        size_t room = adieu_wire_in(wire->server, &at);
        ssize_t n = room ? recv(wire->raw, at, room, MSG_DONTWAIT) : -1;
        adieu_wire_in_done(wire->server, n > 0 ? (size_t)n : 0);
        if (n <= 0)
            return total;
        total += (size_t)n;
    }
}

static void carry_out(struct wire *wire)
{
    const uint8_t *bytes;
    size_t size;
    while ((size = adieu_wire_out(wire->server, &bytes)) > 0) {
        ssize_t n = send(wire->raw, bytes, size, MSG_NOSIGNAL);
        assert_int_equal(n, size);
        adieu_wire_out_done(wire->server, size);
    }
}

/* What the server reads now is the pattern from there on: how much. */
static size_t hears(struct wire *wire, size_t from)
{
    size_t total = 0, got;
    while (adieu_read(wire->server, wire->heard + total, sizeof wire->heard - total, &got) == ADIEU_OK)
        total += got;
    if (total)
        assert_memory_equal(wire->heard, pattern_buf(from, total).base, total);
    return total;
}

static struct wire *wire_open(void)
{
    static struct wire wire;
    struct waiter hands = {.done = false};
    int both[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
    wire.client = adieu_uv_client(the_loop, the_client_config, "localhost");
    wire.server = adieu_server(the_server_config);
    wire.raw = both[1];
    assert_code(adieu_uv_open(wire.client, both[0]), 0);
    assert_code(adieu_uv_handshake(&hands.request, wire.client, waiter_done), 0);
    enum adieu_status status = ADIEU_WAIT;
    for (int turn = 0; status == ADIEU_WAIT && turn < 100; turn++) {
        run_ms(1);
        (void)carry_in(&wire);
        status = adieu_handshake(wire.server);
        carry_out(&wire);
    }
    assert_status(status, ADIEU_OK);
    assert_true(hands.done);
    return &wire;
}

static void wire_close(struct wire *wire)
{
    adieu_uv_free(wire->client);
    adieu_free(wire->server);
    (void)close(wire->raw);
}

static void the_buffers_of_a_write_share_records(void **state)
{
    struct wire *wire = wire_open();
    struct waiter write = {.done = false};
    uv_buf_t bufs[40];
    (void)state;
    for (unsigned i = 0; i < 40; i++)
        bufs[i] = pattern_buf((size_t)i * 500, 500);
    assert_code(adieu_uv_write(&write.request, wire->client, bufs, 4, waiter_done), 0);
    ends_with(&write, 0);
    assert_int_equal(carry_in(wire), 2000 + ADDS);
    assert_int_equal(hears(wire, 0), 2000);
    write = (struct waiter){.done = false}; /* more than are given to the stream at once */
    assert_code(adieu_uv_write(&write.request, wire->client, bufs, 40, waiter_done), 0);
    ends_with(&write, 0);
    assert_in_range(carry_in(wire), 20000 + 2 * ADDS, 20000 + 3 * ADDS);
    assert_int_equal(hears(wire, 0), 20000);
    wire_close(wire);
}

static void writes_of_one_turn_share_a_record_and_each_is_told(void **state)
{
    struct wire *wire = wire_open();
    struct waiter writes[10], half = {.done = false};
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        say(&writes[i], wire->client, (size_t)i * 100, 100);
    assert_code(adieu_uv_shutdown(&half.request, wire->client, waiter_done), 0);
    ends_with(&half, 0);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(writes[i].calls, 1);
        assert_code(writes[i].status, 0);
        assert_int_equal(writes[i].request.taken, 100);
        assert_int_equal(writes[i].request.sent, 100);
    }
    assert_int_equal(carry_in(wire), 1000 + ADDS + CLOSE_NOTIFY);
    assert_int_equal(hears(wire, 0), 1000);
    wire_close(wire);
}

/* The second is cancelled before anything was taken of it: what is around it goes into one record. */
static void a_cancelled_write_leaves_no_gap_and_no_record(void **state)
{
    struct wire *wire = wire_open();
    struct waiter writes[3];
    (void)state;
    say(&writes[0], wire->client, 0, 100);
    say(&writes[1], wire->client, 5000, 100);
    say(&writes[2], wire->client, 100, 100);
    assert_code(adieu_uv_cancel(&writes[1].request), 0);
    ends_with(&writes[1], UV_ECANCELED);
    ends_with(&writes[2], 0);
    assert_true(writes[0].done);
    assert_int_equal(writes[1].request.taken, 0);
    assert_int_equal(carry_in(wire), 200 + ADDS);
    assert_int_equal(hears(wire, 0), 200);
    wire_close(wire);
}

/* Writes that do not end where a record does: nothing is sealed in smaller pieces for it, and sent tells whole records only. */
static void records_go_across_the_borders_of_writes(void **state)
{
    enum { SIZE = 10000, COUNT = 6, RECORDS = (SIZE * COUNT + 16383) / 16384 };
    struct wire *wire = wire_open();
    struct waiter writes[COUNT];
    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        say(&writes[i], wire->client, (size_t)i * SIZE, SIZE);
    ends_with(&writes[COUNT - 1], 0);
    assert_int_equal(carry_in(wire), SIZE * COUNT + RECORDS * ADDS);
    assert_int_equal(hears(wire, 0), SIZE * COUNT);
    wire_close(wire);
}

/* ------------------------------------------------ given back */

/* Full, and then not any more. */
static void fill_and_drain(struct talk *talk, struct ear *ear, int before)
{
    struct waiter blocked;
    say(&blocked, talk->us, 0, BIG);
    run_until_that(open_descriptors() > before);
    assert_false(blocked.done);
    hear(talk->peer, ear);
    ends_with(&blocked, 0);
    run_until_that(ear->got == BIG);
    assert_code(adieu_uv_read_stop(talk->peer), 0);
}

static void full_once(struct talk *talk)
{
    struct ear ear, own;
    const int before = open_descriptors();
    hear(talk->us, &own); /* something keeps the loop alive */
    fill_and_drain(talk, &ear, before);
    run_until_that(open_descriptors() == before);
    fill_and_drain(talk, &ear, before); /* it can be full again */
    run_until_that(open_descriptors() == before);
}

static void an_idle_connection_that_was_full_once_holds_no_descriptor_for_it(void **state)
{
    (void)state;
    some_talks(full_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(the_buffers_of_a_write_share_records),
        uv_unit_test(writes_of_one_turn_share_a_record_and_each_is_told),
        uv_unit_test(a_cancelled_write_leaves_no_gap_and_no_record),
        uv_unit_test(records_go_across_the_borders_of_writes),
        cmocka_unit_test(an_idle_connection_that_was_full_once_holds_no_descriptor_for_it),
    };
    return cmocka_run_group_tests_name("uv gather: what is asked for in one breath", tests, setup_talks,
                                       teardown_talks);
}
