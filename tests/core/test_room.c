/* SPDX-License-Identifier: MIT */
/* Received bytes, counted exactly: how much room there is, what waits, and what becomes of it; seen from inside. */
#include "scripted.h"

#include <string.h>

#include "counting.h"
#include "stream.h"

static uint8_t bytes[BLOCK_LARGE];

static void fill(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
}

static void the_room_is_a_large_block_less_what_waits(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t *at = NULL;
    assert_int_equal(adieu_wire_in(s, NULL), BLOCK_LARGE);
    check_status(adieu_wire_lend(s, bytes, BLOCK_LARGE - BLOCK_SMALL), ADIEU_OK);
    assert_int_equal(adieu_wire_in(s, NULL), BLOCK_SMALL);
    adieu_wire_settle(s);
    assert_int_equal(adieu_wire_in(s, NULL), BLOCK_SMALL);
    assert_int_equal(adieu_wire_in(s, &at), BLOCK_SMALL);
    adieu_wire_in_done(s, 1);
    assert_int_equal(adieu_wire_in(s, NULL), 0); /* less than a record is no room */
    at = NULL;
    assert_int_equal(adieu_wire_in(s, &at), 0);
    assert_null(at);
    adieu_free(s);
}

static void all_the_room_may_be_lent_and_no_more(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_wire_lend(s, bytes, BLOCK_LARGE + 1), ADIEU_MISUSE);
    check_status(adieu_wire_lend(s, bytes, BLOCK_LARGE), ADIEU_OK);
    assert_int_equal(stream_waits(s), BLOCK_LARGE);
    assert_int_equal(adieu_wire_in(s, NULL), 0);
    adieu_free(s);
}

static void what_is_our_own_and_what_is_lent_wait_together(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t got[40] = {0};
    fill();
    receive(s, bytes, 10);
    check_status(adieu_wire_lend(s, bytes + 10, 20), ADIEU_OK);
    assert_int_equal(stream_waits(s), 30);
    assert_int_equal(stream_take(s, got, 4), 4);
    assert_int_equal(stream_take(s, got + 4, 10), 10);
    assert_int_equal(stream_waits(s), 16);
    assert_int_equal(stream_take(s, got + 14, 16), 16);
    assert_int_equal(stream_take(s, got + 30, 1), 0);
    assert_memory_equal(got, bytes, 30);
    assert_null(s->input.own);
    adieu_free(s);
}

/* In turns of every kind: read in part, lent, settled, asked for a place. What waits keeps its order. */
static void what_waits_is_kept_whole_when_its_block_is_moved_or_grows(void **state)
{
    (void)state;
    size_t before = counting_blocks();
    fill();
    for (size_t own = 0; own < 30000; own += 9999)
        for (size_t taken = 0; taken <= own; taken += 3333)
            for (size_t lent = 0; lent < 50000; lent += 24999) {
                struct adieu_stream *s = established();
                static uint8_t got[sizeof bytes];
                uint8_t *at = NULL;
                check_status(adieu_wire_lend(s, bytes, own), ADIEU_OK);
                adieu_wire_settle(s);
                assert_int_equal(stream_take(s, got, taken), taken);
                check_status(adieu_wire_lend(s, bytes + own, lent), ADIEU_OK);
                adieu_wire_settle(s);
                size_t room = adieu_wire_in(s, &at), have = own + lent;
                assert_true(room >= BLOCK_LARGE - (have - taken));
                memset(at, 0x55, room);
                memcpy(at, bytes + have, 100);
                adieu_wire_in_done(s, 100);
                assert_int_equal(stream_waits(s), have - taken + 100);
                assert_int_equal(stream_take(s, got + taken, sizeof got - taken), have - taken + 100);
                assert_memory_equal(got, bytes, have + 100);
                adieu_free(s);
            }
    assert_int_equal(counting_blocks(), before);
}

static void a_block_that_holds_nothing_is_given_back(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    uint8_t *at = NULL;
    assert_true(adieu_wire_in(s, &at) > 0);
    adieu_wire_in_done(s, 0);
    assert_null(s->input.own);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_NONE); /* and nothing came */
    assert_false(adieu_readable(s));
    adieu_free(s);
}

static void no_more_came_than_there_was_room_for(void **state)
{
    (void)state;
    static const size_t more[] = {1, 1000, SIZE_MAX / 2};
    for (int i = 0; i < 3; i++) {
        struct adieu_stream *s = established();
        uint8_t *at = NULL;
        receive(s, "D\0", 2);
        size_t room = adieu_wire_in(s, &at);
        adieu_wire_in_done(s, room + more[i]);
        assert_int_equal(stream_waits(s), room + 2);
        adieu_free(s);
    }
}

static void a_place_behind_what_waits_takes_no_memory(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t *at = NULL;
    receive(s, "D\0", 2);
    counting_fail(0, true);
    assert_int_equal(adieu_wire_in(s, &at), BLOCK_LARGE - 2);
    counting_relent();
    assert_false(counting_failed());
    adieu_wire_in_done(s, 0);
    adieu_free(s);
}

static void a_place_that_is_out_is_freed_with_its_stream(void **state)
{
    (void)state;
    size_t before = counting_blocks();
    struct adieu_stream *s = established();
    uint8_t *at = NULL;
    assert_true(adieu_wire_in(s, &at) > 0);
    adieu_free(s);
    assert_int_equal(counting_blocks(), before);
}

/* Only the end of receiving ends a loan. */
static void a_loan_outlives_a_shutdown(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_wire_lend(s, (const uint8_t *)"T\0", 2), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_status(adieu_wire_lend(s, (const uint8_t *)"\0.", 2), ADIEU_MISUSE);
    adieu_free(s);
}

static void what_was_put_behind_the_end_never_came(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    uint8_t *at = NULL;
    assert_true(adieu_wire_in(s, &at) > 0);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    adieu_wire_in_done(s, 5);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_NONE);
    assert_null(s->input.own);
    adieu_free(s);

    s = established();
    receive(s, "D\0", 2); /* nobody reads it any more, either */
    assert_true(adieu_wire_in(s, &at) > 0);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    adieu_wire_in_done(s, 0);
    assert_null(s->input.own);
    adieu_free(s);
}

/* Behind full data the engine's words may fill half of the reserve; beyond that it is given nothing to answer. */
static void the_engine_is_fed_until_half_of_the_reserve_is_used(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh_with_queue(false, 1);
    establish(s);
    uint8_t byte;
    receive(s, "T\0", 2);
    for (size_t put = 0; put < RECORD_SEALED + RESERVE / 2; put += 16)
        assert_true(stream_put(s, bytes, 16));
    assert_int_equal(s->output.length, RECORD_SEALED + RESERVE / 2);
    assert_int_equal(stream_take(s, &byte, 1), 1);
    assert_true(stream_put(s, bytes, 1));
    assert_int_equal(stream_take(s, &byte, 1), 0);
    assert_int_equal(stream_waits(s), 1);
    adieu_free(s);
}

static void a_record_that_just_fits_is_written_as_one(void **state)
{
    (void)state;
    for (size_t size = RECORD_PLAIN - 1; size <= RECORD_PLAIN + 1; size++) {
        struct adieu_stream *s = established();
        assert_int_equal(write_much(s, size), size);
        assert_string_equal(flush(s), size <= RECORD_PLAIN ? "D" : "DD");
        assert_int_equal(adieu_ending(s).sent, size);
        adieu_free(s);
    }
}

/* Neither the engine nor its config can be made. */
static void without_memory_there_is_no_config(void **state)
{
    (void)state;
    size_t before = counting_blocks();
    for (size_t nth = 0; nth < 2; nth++) {
        counting_fail(nth, false);
        struct adieu_config *config = adieu_config_new();
        counting_relent();
        assert_true(counting_failed());
        assert_null(config);
    }
    assert_int_equal(counting_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_room_is_a_large_block_less_what_waits),
        cmocka_unit_test(all_the_room_may_be_lent_and_no_more),
        cmocka_unit_test(what_is_our_own_and_what_is_lent_wait_together),
        cmocka_unit_test(what_waits_is_kept_whole_when_its_block_is_moved_or_grows),
        cmocka_unit_test(a_block_that_holds_nothing_is_given_back),
        cmocka_unit_test(no_more_came_than_there_was_room_for),
        cmocka_unit_test(a_place_behind_what_waits_takes_no_memory),
        cmocka_unit_test(a_place_that_is_out_is_freed_with_its_stream),
        cmocka_unit_test(a_loan_outlives_a_shutdown),
        cmocka_unit_test(what_was_put_behind_the_end_never_came),
        cmocka_unit_test(the_engine_is_fed_until_half_of_the_reserve_is_used),
        cmocka_unit_test(a_record_that_just_fits_is_written_as_one),
        cmocka_unit_test(without_memory_there_is_no_config),
    };
    return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
