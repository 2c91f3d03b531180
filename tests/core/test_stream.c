/* SPDX-License-Identifier: MIT */
/* The verbs' contract, as adieu.h puts it. */
#include "scripted.h"

#include <errno.h>
#include <string.h>

/* ------------------------------------------------ the handshake */

static void before_the_handshake_is_done_verbs_are_misuse(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    for (int round = 0; round < 2; round++) {
        size_t n = 77;
        char c = 'x';
        check_status(read_status(s), ADIEU_MISUSE);
        check_status(adieu_read(s, NULL, 0, &n), ADIEU_MISUSE);
        check_status(adieu_discard(s, &n), ADIEU_MISUSE);
        check_status(adieu_write(s, &c, 1, &n), ADIEU_MISUSE);
        check_status(adieu_write(s, NULL, 0, &n), ADIEU_MISUSE);
        check_status(adieu_shutdown(s), ADIEU_MISUSE);
        assert_int_equal(n, 77);
        check_error(s, ADIEU_ERR_NONE);
        check_ends(s, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_OPEN);
        check_status(adieu_handshake(s), ADIEU_WAIT);
    }
    assert_string_equal(flush(s), "H"); /* and no close_notify in the clear */
    adieu_free(s);
}

static void the_handshake_is_ok_until_the_end_of_time(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_handshake(s), ADIEU_OK);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    check_status(adieu_handshake(s), ADIEU_OK);
    adieu_free(s);
}

static void after_a_failed_handshake_all_verbs_fail_alike(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    say_number(s, 'A', 40);
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_ALERTED);
    check_status(read_status(s), ADIEU_FAIL);
    check_status(write_text(s, "x"), ADIEU_FAIL);
    check_status(adieu_shutdown(s), ADIEU_FAIL);
    check_error(s, ADIEU_ERR_ALERTED);
    check_stable(s);
    adieu_free(s);
}

static void close_notify_in_the_handshake_is_no_end(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    say_tag(s, 'C');
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_error(s, ADIEU_ERR_CLOSED_EARLY);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_ALERTED);
    check_status(read_status(s), ADIEU_FAIL);
    adieu_free(s);
}

static void what_is_wrong_with_the_config_is_the_first_handshakes_failure(void **state)
{
    (void)state;
    fake_refuses = ADIEU_ERR_NO_IDENTITY;
    struct adieu_stream *s = fresh(true);
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_error(s, ADIEU_ERR_NO_IDENTITY);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_FAULT);
    assert_string_equal(flush(s), "");
    check_stable(s);
    adieu_free(s);
}

/* Without an engine there is nobody to ask what came. */
static void the_transport_may_end_before_a_wrong_config_is_told(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        fake_refuses = ADIEU_ERR_NO_IDENTITY;
        struct adieu_stream *s = fresh(true);
        if (reset)
            adieu_wire_reset(s, ECONNRESET);
        else
            adieu_wire_eof(s);
        check_receiving(s, reset ? ADIEU_RECEIVING_RESET : ADIEU_RECEIVING_TRUNCATED);
        check_status(adieu_handshake(s), ADIEU_FAIL);
        check_stable(s);
        adieu_free(s);
    }
}

static void abort_before_the_handshake_is_allowed(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    adieu_abort(s, ADIEU_REASON_DEADLINE);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    assert_string_equal(flush(s), "");
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_error(s, ADIEU_ERR_DEADLINE);
    check_last(s, ADIEU_LAST_RESET);
    check_stable(s);
    adieu_free(s);
}

static void eof_in_the_handshake_is_truncation(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    adieu_wire_eof(s);
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_receiving(s, ADIEU_RECEIVING_TRUNCATED);
    check_error(s, ADIEU_ERR_TRUNCATED);
    check_stable(s);
    adieu_free(s);
}

/* ------------------------------------------------ reading */

static void a_read_gives_what_came_in_any_portions(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "hello, ");
    say_data(s, "world");
    char buf[3];
    char all[13] = "";
    size_t got = 0, total = 0;
    while (adieu_read(s, buf, sizeof buf, &got) == ADIEU_OK) {
        assert_in_range(got, 1, sizeof buf);
        memcpy(all + total, buf, got);
        total += got;
    }
    assert_string_equal(all, "hello, world");
    assert_int_equal(adieu_ending(s).received, 12);
    check_status(read_status(s), ADIEU_WAIT);
    adieu_free(s);
}

static void a_read_of_nothing_consumes_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    size_t got = 77;
    check_status(adieu_read(s, NULL, 0, &got), ADIEU_WAIT);
    assert_int_equal(got, 77);
    say_data(s, "abc");
    say_tag(s, 'C');
    for (int i = 0; i < 3; i++) {
        got = 77;
        check_status(adieu_read(s, NULL, 0, &got), ADIEU_OK);
        assert_int_equal(got, 0);
    }
    check_reads(s, "abc");
    got = 77;
    check_status(adieu_read(s, NULL, 0, &got), ADIEU_END);
    assert_int_equal(got, 77);
    check_status(read_status(s), ADIEU_END);
    adieu_free(s);
}

static void discard_throws_away_and_counts(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "wanted");
    say_data(s, "unwanted");
    check_reads(s, "wan");
    size_t count = 0, total = 0;
    while (adieu_discard(s, &count) == ADIEU_OK)
        total += count;
    assert_int_equal(total, 11);
    assert_int_equal(adieu_ending(s).received, 3);
    assert_int_equal(adieu_ending(s).discarded, 11);
    say_data(s, "x");
    check_status(adieu_discard(s, NULL), ADIEU_OK);
    say_tag(s, 'C');
    check_status(adieu_discard(s, &count), ADIEU_END);
    assert_int_equal(adieu_ending(s).discarded, 12);
    adieu_free(s);
}

static void empty_records_are_no_end_and_no_data(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_tag(s, 'D');
    say_tag(s, 'D');
    check_status(read_status(s), ADIEU_WAIT);
    say_data(s, "x");
    check_reads(s, "x");
    adieu_free(s);
}

/* ------------------------------------------------ writing */

static void a_write_of_nothing_sends_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    size_t took = 77;
    check_status(adieu_write(s, NULL, 0, &took), ADIEU_OK);
    assert_int_equal(took, 0);
    assert_string_equal(flush(s), "");
    adieu_free(s);
}

static void a_full_queue_makes_a_write_wait(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    size_t taken = write_much(s, 10 << 20);
    assert_int_equal(taken, 8 * FAKE_PAYLOAD);
    static const uint8_t record[FAKE_PAYLOAD];
    size_t took = 77;
    check_status(adieu_write(s, record, sizeof record, &took), ADIEU_WAIT);
    assert_int_equal(took, 77);
    assert_int_equal(adieu_ending(s).taken, taken);
    say_data(s, "a full queue never stops reading");
    check_status(read_status(s), ADIEU_OK);
    assert_string_equal(flush(s), "DDDDDDDD");
    check_status(write_text(s, "x"), ADIEU_OK);
    adieu_free(s);
}

static void a_write_larger_than_a_record_is_cut_into_records(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    assert_int_equal(write_much(s, 40000), 40000);
    assert_string_equal(flush(s), "DDD");
    assert_int_equal(adieu_ending(s).taken, 40000);
    assert_int_equal(adieu_ending(s).sent, 40000);
    adieu_free(s);
}

static void an_engine_that_cannot_seal_is_a_fault(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "one"), ADIEU_OK);
    fake_of(s)->plan.write_faults = true;
    check_status(write_text(s, "two"), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    check_error(s, ADIEU_ERR_ENGINE);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_FAULT);
    assert_string_equal(flush(s), "DA"); /* 6.2: internal_error is our last word */
    assert_int_equal(adieu_ending(s).alert_sent.number, 80);
    check_last(s, ADIEU_LAST_END_WRITE);
    check_stable(s);
    adieu_free(s);
}

/* ------------------------------------------------ shutdown */

static void shutdown_seals_close_notify_behind_what_was_taken(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "last"), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_sending(s, ADIEU_SENDING_CLOSING);
    check_status(adieu_shutdown(s), ADIEU_OK);
    assert_string_equal(flush(s), "DC");
    check_sending(s, ADIEU_SENDING_CLOSED);
    check_status(adieu_shutdown(s), ADIEU_OK);
    assert_string_equal(flush(s), "");
    check_error(s, ADIEU_ERR_NONE);
    adieu_free(s);
}

static void closed_waits_for_the_last_byte(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    size_t waits = adieu_wire_out(s, NULL);
    assert_int_equal(flush_some(s, waits - 1), waits - 1);
    check_sending(s, ADIEU_SENDING_CLOSING);
    assert_int_equal(flush_some(s, 1), 1);
    check_sending(s, ADIEU_SENDING_CLOSED);
    adieu_free(s);
}

static void after_shutdown_a_write_is_misuse_for_ever(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_status(write_text(s, "x"), ADIEU_MISUSE);
    flush(s);
    check_status(write_text(s, "x"), ADIEU_MISUSE);
    say_number(s, 'A', 48);
    check_status(read_status(s), ADIEU_FAIL);
    check_status(write_text(s, "x"), ADIEU_MISUSE);
    check_error(s, ADIEU_ERR_ALERTED);
    adieu_free(s);
}

static void after_shutdown_and_failure_a_write_is_still_misuse(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    adieu_wire_out_failed(s, 32);
    check_status(write_text(s, "x"), ADIEU_MISUSE);
    check_status(adieu_shutdown(s), ADIEU_FAIL);
    adieu_free(s);
}

static void shutdown_after_a_failure_fails(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    adieu_wire_out_failed(s, 32);
    check_status(adieu_shutdown(s), ADIEU_FAIL);
    check_error(s, ADIEU_ERR_SEND_FAILED);
    assert_string_equal(flush(s), "");
    adieu_free(s);
}

static void a_shutdown_that_cannot_be_sealed_is_a_fault(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    fake_of(s)->plan.shutdown_faults = true;
    check_status(adieu_shutdown(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_FAULT);
    check_error(s, ADIEU_ERR_ENGINE);
    adieu_free(s);
}

static void reading_goes_on_after_shutdown(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    flush(s);
    say_data(s, "a late reply");
    check_reads(s, "a late reply");
    check_status(read_status(s), ADIEU_WAIT);
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    check_ends(s, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    assert_true(adieu_ending(s).decided);
    adieu_free(s);
}

static void what_the_engine_says_after_shutdown_is_swallowed(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    say_tag(s, 'K');
    check_status(read_status(s), ADIEU_WAIT);
    assert_int_equal(fake_of(s)->key_updates, 1);
    assert_string_equal(flush(s), "C");
    check_sending(s, ADIEU_SENDING_CLOSED);
    say_tag(s, 'K');
    check_status(read_status(s), ADIEU_WAIT);
    assert_string_equal(flush(s), "");
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_handshake_is_done_verbs_are_misuse),
        cmocka_unit_test(the_handshake_is_ok_until_the_end_of_time),
        cmocka_unit_test(after_a_failed_handshake_all_verbs_fail_alike),
        cmocka_unit_test(close_notify_in_the_handshake_is_no_end),
        cmocka_unit_test(what_is_wrong_with_the_config_is_the_first_handshakes_failure),
        cmocka_unit_test(the_transport_may_end_before_a_wrong_config_is_told),
        cmocka_unit_test(abort_before_the_handshake_is_allowed),
        cmocka_unit_test(eof_in_the_handshake_is_truncation),
        cmocka_unit_test(a_read_gives_what_came_in_any_portions),
        cmocka_unit_test(a_read_of_nothing_consumes_nothing),
        cmocka_unit_test(discard_throws_away_and_counts),
        cmocka_unit_test(empty_records_are_no_end_and_no_data),
        cmocka_unit_test(a_write_of_nothing_sends_nothing),
        cmocka_unit_test(a_full_queue_makes_a_write_wait),
        cmocka_unit_test(a_write_larger_than_a_record_is_cut_into_records),
        cmocka_unit_test(an_engine_that_cannot_seal_is_a_fault),
        cmocka_unit_test(shutdown_seals_close_notify_behind_what_was_taken),
        cmocka_unit_test(closed_waits_for_the_last_byte),
        cmocka_unit_test(after_shutdown_a_write_is_misuse_for_ever),
        cmocka_unit_test(after_shutdown_and_failure_a_write_is_still_misuse),
        cmocka_unit_test(shutdown_after_a_failure_fails),
        cmocka_unit_test(a_shutdown_that_cannot_be_sealed_is_a_fault),
        cmocka_unit_test(reading_goes_on_after_shutdown),
        cmocka_unit_test(what_the_engine_says_after_shutdown_is_swallowed),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
