/* SPDX-License-Identifier: MIT */
/* The transport's side, outwards: the range that is out, the bounds of the queue, and its reserve. */
#include "scripted.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_SEALED = 16640, QUEUE = 8 * RECORD_SEALED, RESERVE = 65536 };

static void one_range_is_out_and_shown_again_until_done(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "first"), ADIEU_OK);
    const uint8_t *at = NULL, *again = NULL;
    size_t n = adieu_wire_out(s, &at);
    assert_int_equal(n, 5 + FAKE_OVERHEAD);
    check_status(write_text(s, "second"), ADIEU_OK);
    assert_int_equal(adieu_wire_out(s, &again), n);
    assert_ptr_equal(at, again);
    adieu_wire_out_done(s, 3);
    n = adieu_wire_out(s, &again);
    assert_ptr_equal(again, at + 3);
    assert_true(n >= 2 + FAKE_OVERHEAD);
    adieu_wire_out_done(s, 2 + FAKE_OVERHEAD);
    assert_string_equal(flush(s), "D");
    assert_int_equal(adieu_wire_out(s, NULL), 0);
    adieu_free(s);
}

/* Two streams of one config, which share the memory that either gives back. */
static void two_established(struct adieu_stream *both[2])
{
    struct adieu_config *config = adieu_config_new();
    for (int i = 0; i < 2; i++) {
        both[i] = adieu_client(config, "peer.example");
        establish(both[i]);
    }
    adieu_config_free(config);
}

/* Takes what memory the other stream gave back, and writes over it. */
static void overwrite(struct adieu_stream *s)
{
    static uint8_t other[40000];
    memset(other, 0xAA, sizeof other);
    for (size_t took = 0; adieu_write(s, other, sizeof other, &took) == ADIEU_OK;)
        continue;
}

static void a_shown_range_stays_readable_until_it_is_done(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct adieu_stream *both[2], *s;
        two_established(both);
        s = both[0];
        assert_true(write_much(s, 100000) == 100000);
        const uint8_t *at = NULL;
        size_t n = adieu_wire_out(s, &at), sum = 0;
        uint8_t *before = malloc(n);
        memcpy(before, at, n);
        say_number(s, how == 0 ? 'A' : 'V', 50);
        if (how == 2)
            check_status(adieu_shutdown(s), ADIEU_OK);
        if (how < 3)
            read_status(s);
        else
            adieu_abort(s, ADIEU_REASON_REQUEST);
        overwrite(both[1]);
        for (size_t i = 0; i < n; i++)
            sum += at[i] != before[i];
        assert_int_equal(sum, 0);
        adieu_wire_out_done(s, n / 2);
        free(before);
        if (how != 1) /* but for the last words of a violation, nothing more leaves */
            assert_int_equal(adieu_wire_out(s, &at), 0);
        adieu_free(s);
        adieu_free(both[1]);
    }
}

static void the_order_is_kept_across_blocks(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    static uint8_t sent[300000], got[400000];
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 2654435761u >> 13);
    size_t at = 0, have = 0, took = 0;
    while (at < sizeof sent || adieu_wire_out(s, NULL)) {
        size_t n = 1 + (at * 7919) % 30000;
        if (n > sizeof sent - at)
            n = sizeof sent - at;
        if (adieu_write(s, sent + at, n, &took) == ADIEU_OK)
            at += took;
        const uint8_t *out = NULL;
        size_t m = adieu_wire_out(s, &out), part = 1 + (have * 104729) % 20000;
        part = m < part ? m : part;
        memcpy(got + have, out, part);
        adieu_wire_out_done(s, part);
        have += part;
    }
    size_t plain = 0;
    for (size_t i = 0; i < have;) {
        size_t size = (size_t)got[i + 1] << 8 | got[i + 2];
        assert_memory_equal(got + i + FAKE_HEAD, sent + plain, size);
        plain += size;
        i += FAKE_OVERHEAD + size;
    }
    assert_int_equal(plain, sizeof sent);
    adieu_free(s);
}

static void the_queue_of_data_is_bounded(void **state)
{
    (void)state;
    for (unsigned records = 1; records <= 1024; records *= 4) {
        struct adieu_stream *s = fresh_with_queue(false, records);
        establish(s);
        size_t taken = 0;
        for (size_t n; (n = write_much(s, 1000)) > 0;)
            taken += n;
        size_t queued = flush_some(s, SIZE_MAX);
        assert_true(taken >= (size_t)records * 1000);
        assert_true(queued <= (size_t)records * RECORD_SEALED);
        adieu_free(s);
    }
}

static void an_empty_queue_always_takes_a_whole_record(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh_with_queue(false, 1);
    establish(s);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_much(s, FAKE_PAYLOAD), FAKE_PAYLOAD);
        assert_string_equal(flush(s), "D");
    }
    adieu_free(s);
}

/* ------------------------------------------------ the reserve */

/* Says key updates for as long as there is room, reading all the while; how many were said. */
static size_t flood(struct adieu_stream *s, size_t count)
{
    size_t said = 0;
    for (; said < count && adieu_wire_in(s, NULL); said++) {
        say_tag(s, 'K');
        check_status(read_status(s), ADIEU_WAIT);
    }
    return said;
}

static void a_flood_of_key_updates_keeps_the_queue_bounded(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    size_t said = flood(s, 100000);
    check_status(read_status(s), ADIEU_WAIT);
    assert_true(adieu_wire_out(s, NULL) > 0); /* WAIT is honest: there is something to send */
    unsigned answered = fake_of(s)->key_updates;
    assert_in_range(answered, 1, said - 1); /* the engine is not run on input while the reserve is in use */
    size_t queued = strlen(flush(s)) * (FAKE_OVERHEAD + 8);
    assert_true(queued <= QUEUE + RESERVE);
    check_status(read_status(s), ADIEU_WAIT);
    assert_true(fake_of(s)->key_updates > answered); /* and goes on once it is not */
    adieu_free(s);
}

static void a_flood_behind_a_full_data_queue_is_bounded_and_loses_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    write_much(s, 10 << 20);
    size_t said = flood(s, 20000); /* which leaves room for what is behind them */
    assert_int_equal(said, 20000);
    assert_true(flush_some(s, SIZE_MAX) <= QUEUE + RESERVE);
    say_data(s, "behind the flood");
    for (int i = 0; i < 1000 && fake_of(s)->key_updates < said; i++) {
        size_t got = 77;
        assert_int_not_equal(adieu_read(s, NULL, 0, &got), ADIEU_FAIL);
        flush(s);
    }
    assert_int_equal(fake_of(s)->key_updates, said);
    check_reads(s, "behind the flood");
    adieu_free(s);
}

static void eof_behind_a_flood_waits_for_what_lies_before_it(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    flood(s, 100000);
    adieu_wire_eof(s);
    check_status(read_status(s), ADIEU_WAIT);
    check_receiving(s, ADIEU_RECEIVING_OPEN);
    assert_true(adieu_wire_out(s, NULL) > 0);
    enum adieu_status status = ADIEU_WAIT;
    for (int i = 0; i < 1000 && status == ADIEU_WAIT; i++) {
        flush(s);
        status = read_status(s);
    }
    check_status(status, ADIEU_FAIL);
    check_receiving(s, ADIEU_RECEIVING_TRUNCATED);
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_range_is_out_and_shown_again_until_done),
        cmocka_unit_test(a_shown_range_stays_readable_until_it_is_done),
        cmocka_unit_test(the_order_is_kept_across_blocks),
        cmocka_unit_test(the_queue_of_data_is_bounded),
        cmocka_unit_test(an_empty_queue_always_takes_a_whole_record),
        cmocka_unit_test(a_flood_of_key_updates_keeps_the_queue_bounded),
        cmocka_unit_test(a_flood_behind_a_full_data_queue_is_bounded_and_loses_nothing),
        cmocka_unit_test(eof_behind_a_flood_waits_for_what_lies_before_it),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
