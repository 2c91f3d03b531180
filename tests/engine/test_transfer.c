/* SPDX-License-Identifier: MIT */
/* Much data both ways, in random portions, by copies and by loans. */
#include "joined.h"

#include <stdlib.h>
#include <string.h>

enum { AMOUNT = 20 << 20, BUFFER = 300000 };

static uint64_t random_state;

static size_t up_to(size_t most)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return 1 + (size_t)(random_state >> 33) % most;
}

/* What each byte must be, so that nothing need be kept to compare. */
static uint8_t byte_at(size_t place, bool server)
{
    return (uint8_t)((place * 2654435761u >> 11) + (server ? 101 : 0));
}

struct end {
    struct adieu_stream *s;
    bool server;
    size_t said, heard;
    bool ended;
};

static void say_some(struct end *end)
{
    static uint8_t buf[BUFFER];
    size_t n = up_to(up_to(4) == 1 ? BUFFER : 2000), took = 0;
    if (n > AMOUNT - end->said)
        n = AMOUNT - end->said;
    for (size_t i = 0; i < n; i++)
        buf[i] = byte_at(end->said + i, end->server);
    if (end->said < AMOUNT && adieu_write(end->s, buf, n, &took) == ADIEU_OK)
        end->said += took;
    if (end->said == AMOUNT)
        check_status(adieu_shutdown(end->s), ADIEU_OK);
}

static void hear_some(struct end *end)
{
    static uint8_t buf[BUFFER];
    size_t got = 0;
    enum adieu_status status;
    while ((status = adieu_read(end->s, buf, up_to(BUFFER), &got)) == ADIEU_OK) {
        for (size_t i = 0; i < got; i++)
            check_that(buf[i] == byte_at(end->heard + i, !end->server), "byte %zu is wrong", end->heard + i);
        end->heard += got;
    }
    end->ended = status == ADIEU_END;
    check_that(status != ADIEU_FAIL, "reading failed: %s", adieu_error(end->s)->text);
}

/* Lends a part of what waits, as a loop with one large buffer does. */
static void lend_some(struct end *from, struct end *to)
{
    const uint8_t *at = NULL;
    size_t n = adieu_wire_out(from->s, &at), room = adieu_wire_in(to->s, NULL);
    n = n < room ? n : room;
    if (!n)
        return;
    n = up_to(n);
    uint8_t *lent = malloc(n);
    memcpy(lent, at, n);
    check_status(adieu_wire_lend(to->s, lent, n), ADIEU_OK);
    adieu_wire_out_done(from->s, n);
    hear_some(to);
    adieu_wire_settle(to->s);
    free(lent);
}

static void move_some(struct end *from, struct end *to)
{
    say_some(from);
    if (up_to(2) == 1)
        lend_some(from, to);
    else
        carry_some(from->s, to->s, up_to(BUFFER));
    hear_some(to);
}

static void transfer(enum adieu_version version, uint64_t seed)
{
    random_state = seed;
    struct joined joined = joined_by(version);
    struct end client = {.s = joined.client}, server = {.s = joined.server, .server = true};
    for (size_t turns = 0; !(client.ended && server.ended); turns++) {
        check_that(turns < 1000000, "the transfer stalled");
        move_some(&client, &server);
        move_some(&server, &client);
    }
    assert_int_equal(client.heard, AMOUNT);
    assert_int_equal(server.heard, AMOUNT);
    struct adieu_stream *both[] = {joined.client, joined.server};
    for (int i = 0; i < 2; i++) {
        struct adieu_ending ending = adieu_ending(both[i]);
        check_ends(both[i], ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
        assert_int_equal(ending.taken, AMOUNT);
        assert_int_equal(ending.sent, AMOUNT);
        assert_int_equal(ending.received, AMOUNT);
        adieu_wire_acknowledged(both[i], UINT64_MAX);
        assert_int_equal(adieu_ending(both[i]).acknowledged, AMOUNT);
    }
    part(&joined);
}

static void twenty_megabytes_both_ways_in_tls_1_2(void **state)
{
    (void)state;
    transfer(ADIEU_TLS_1_2, 1);
}

static void twenty_megabytes_both_ways_in_tls_1_3(void **state)
{
    (void)state;
    transfer(ADIEU_TLS_1_3, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_megabytes_both_ways_in_tls_1_2),
        cmocka_unit_test(twenty_megabytes_both_ways_in_tls_1_3),
    };
    return cmocka_run_group_tests_name("engine transfer", tests, setup_authority, teardown_authority);
}
