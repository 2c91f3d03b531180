/* SPDX-License-Identifier: MIT */
/* The byte counts of the ending, and the alert that counts as sent: late at worst, never early. */
#include "scripted.h"

#include <errno.h>
#include <string.h>

#include "marks.h"

enum { RECORDS = 40, RECORD = 1000 };

/* Queues RECORDS data frames of RECORD bytes each. */
static struct adieu_stream *with_records(void)
{
    struct adieu_stream *s = established();
    for (int i = 0; i < RECORDS; i++)
        assert_int_equal(write_much(s, RECORD), RECORD);
    assert_int_equal(adieu_ending(s).taken, RECORDS * RECORD);
    assert_int_equal(adieu_ending(s).sent, 0);
    return s;
}

/* How much plaintext lies in whole records among the first n bytes of with_records. */
static uint64_t plain_of(uint64_t n)
{
    return n / (RECORD + FAKE_OVERHEAD) * RECORD;
}

static void sent_is_never_early_wherever_the_transport_stops(void **state)
{
    (void)state;
    for (size_t step = 1; step < 5000; step += 97) {
        struct adieu_stream *s = with_records();
        uint64_t gone = 0, before = 0;
        for (size_t n; (n = flush_some(s, step)) > 0;) {
            gone += n;
            uint64_t sent = adieu_ending(s).sent;
            check_that(sent <= plain_of(gone), "%llu of %llu bytes on the wire are told as %llu sent",
                       (unsigned long long)plain_of(gone), (unsigned long long)gone, (unsigned long long)sent);
            assert_true(sent >= before);
            before = sent;
        }
        assert_int_equal(before, RECORDS * RECORD); /* late, but in the end exact */
        adieu_free(s);
    }
}

static void acknowledged_is_never_too_many(void **state)
{
    (void)state;
    for (size_t step = 1; step < 5000; step += 97) {
        struct adieu_stream *s = with_records();
        uint64_t hello = FAKE_OVERHEAD + 6, gone = hello;
        assert_true(adieu_ending(s).acknowledged == ADIEU_UNKNOWN);
        for (size_t n; (n = flush_some(s, step)) > 0;) {
            gone += n;
            uint64_t of_these = gone - (n > 300 ? 300 : n);
            adieu_wire_acknowledged(s, of_these);
            struct adieu_ending ending = adieu_ending(s);
            assert_true(ending.acknowledged <= ending.sent);
            assert_true(of_these < hello || ending.acknowledged <= plain_of(of_these - hello));
        }
        adieu_wire_acknowledged(s, gone);
        assert_int_equal(adieu_ending(s).acknowledged, RECORDS * RECORD);
        adieu_free(s);
    }
}

static void more_acknowledged_than_handed_over_is_clamped(void **state)
{
    (void)state;
    struct adieu_stream *s = with_records();
    flush_some(s, 3 * (RECORD + FAKE_OVERHEAD));
    adieu_wire_acknowledged(s, UINT64_MAX);
    assert_true(adieu_ending(s).acknowledged <= 3 * RECORD);
    uint64_t before = adieu_ending(s).acknowledged;
    adieu_wire_acknowledged(s, 1); /* a total, which only grows */
    assert_int_equal(adieu_ending(s).acknowledged, before);
    flush(s);
    assert_int_equal(adieu_ending(s).acknowledged, before);
    adieu_wire_acknowledged(s, UINT64_MAX);
    assert_int_equal(adieu_ending(s).acknowledged, RECORDS * RECORD);
    adieu_free(s);
}

static void acknowledged_is_known_from_the_first_call_on(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    assert_true(adieu_ending(s).acknowledged == ADIEU_UNKNOWN);
    adieu_wire_acknowledged(s, 0);
    assert_int_equal(adieu_ending(s).acknowledged, 0);
    adieu_free(s);
}

static void bytes_dropped_by_abort_are_not_sent(void **state)
{
    (void)state;
    struct adieu_stream *s = with_records();
    flush_some(s, 10 * (RECORD + FAKE_OVERHEAD) + 5);
    uint64_t sent = adieu_ending(s).sent;
    assert_true(sent <= 10 * RECORD);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    assert_string_equal(flush(s), "");
    assert_int_equal(adieu_ending(s).sent, sent);
    assert_int_equal(adieu_ending(s).taken, RECORDS * RECORD);
    adieu_free(s);
}

static void what_was_shown_and_left_after_abort_counts(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "on its way"), ADIEU_OK);
    const uint8_t *at = NULL;
    size_t n = adieu_wire_out(s, &at);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    adieu_wire_out_done(s, n);
    assert_int_equal(adieu_ending(s).sent, 10);
    check_sending(s, ADIEU_SENDING_ABORTED);
    adieu_free(s);
}

static void an_alert_is_sent_once_the_transport_has_taken_it(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "queued"), ADIEU_OK);
    say_number(s, 'V', 50);
    check_status(read_status(s), ADIEU_FAIL);
    assert_false(adieu_ending(s).alert_sent.seen);
    size_t waits = adieu_wire_out(s, NULL);
    assert_int_equal(flush_some(s, waits - 1), waits - 1);
    assert_false(adieu_ending(s).alert_sent.seen);
    assert_int_equal(flush_some(s, 1), 1);
    struct adieu_ending ending = adieu_ending(s);
    assert_true(ending.alert_sent.seen);
    assert_int_equal(ending.alert_sent.level, 2);
    assert_int_equal(ending.alert_sent.number, 50);
    assert_false(ending.alert_received.seen);
    adieu_free(s);
}

static void an_alert_that_did_not_leave_is_not_sent(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "queued"), ADIEU_OK);
    say_number(s, 'V', 50);
    check_status(read_status(s), ADIEU_FAIL);
    flush_some(s, adieu_wire_out(s, NULL) - 1);
    adieu_wire_reset(s, ECONNRESET);
    assert_false(adieu_ending(s).alert_sent.seen);
    adieu_free(s);
}

static void close_notify_is_no_alert_of_the_ending(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    flush(s);
    assert_false(adieu_ending(s).alert_sent.seen);
    assert_false(adieu_ending(s).alert_received.seen);
    adieu_free(s);
}

static void the_phase_tells_how_far_it_got(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(true);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_NONE);
    receive(s, "H", 1);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_HANDSHAKING);
    receive(s, "\0\1h.", 4);
    check_status(adieu_handshake(s), ADIEU_OK);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_ESTABLISHED);
    say_tag(s, 'T');
    check_status(read_status(s), ADIEU_WAIT);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_HEARD);
    adieu_free(s);
}

static void a_fresh_ending_is_zero_but_for_what_nobody_knows(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    struct adieu_ending zero = {.acknowledged = ADIEU_UNKNOWN}, ending = adieu_ending(s);
    assert_memory_equal(&ending.taken, &zero.taken, sizeof zero - offsetof(struct adieu_ending, taken));
    check_ends(s, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_OPEN);
    assert_false(ending.decided);
    adieu_free(s);
}

/* ------------------------------------------------ the marks by themselves */

static void marks_are_late_at_worst(void **state)
{
    (void)state;
    for (unsigned count = 1; count < 200; count++) {
        struct marks marks = {.count = 0};
        for (unsigned i = 1; i <= count; i++)
            marks_add(&marks, (struct mark){.wire = 10 * i, .plain = i});
        struct mark mark = {0};
        for (uint64_t wire = 0; wire < 10 * count; wire += 3)
            while (marks_take(&marks, wire, &mark))
                assert_true(mark.wire <= wire && mark.plain <= wire / 10);
        while (marks_take(&marks, 10 * count, &mark))
            continue;
        assert_int_equal(mark.plain, count);
        assert_false(marks_take(&marks, UINT64_MAX, &mark));
    }
}

/* A deep queue: what is told of any part of it is late by an eighth of the whole at most. */
static void marks_are_spread_over_all_that_is_waited_for(void **state)
{
    (void)state;
    for (uint64_t reached = 1000; reached <= 10000; reached += 700) {
        struct marks marks = {.count = 0};
        for (unsigned i = 1; i <= 1000; i++)
            marks_add(&marks, (struct mark){.wire = 10 * i, .plain = i});
        struct mark mark = {0};
        while (marks_take(&marks, reached, &mark))
            continue;
        assert_in_range(mark.plain, reached / 10 < 125 ? 0 : reached / 10 - 125, reached / 10);
    }
}

/* One send of many records, acknowledged piece by piece, is counted piece by piece. */
static void acknowledged_counts_each_record_of_one_send(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    const uint8_t *at;
    struct adieu_ending before = adieu_ending(s);
    uint64_t wire = 0;
    assert_int_equal(write_much(s, 4 * 16384), 4 * 16384);
    size_t all = adieu_wire_out(s, &at);
    adieu_wire_out_done(s, all);
    assert_int_equal(adieu_ending(s).sent, before.sent + 4 * 16384);
    for (uint64_t seen = 0; seen < 4 * 16384 && wire < 2 * all; wire++) {
        adieu_wire_acknowledged(s, wire);
        uint64_t now = adieu_ending(s).acknowledged;
        assert_true(now == seen || now == seen + 16384);
        seen = now;
    }
    assert_int_equal(adieu_ending(s).acknowledged, 4 * 16384);
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sent_is_never_early_wherever_the_transport_stops),
        cmocka_unit_test(acknowledged_is_never_too_many),
        cmocka_unit_test(more_acknowledged_than_handed_over_is_clamped),
        cmocka_unit_test(acknowledged_is_known_from_the_first_call_on),
        cmocka_unit_test(bytes_dropped_by_abort_are_not_sent),
        cmocka_unit_test(what_was_shown_and_left_after_abort_counts),
        cmocka_unit_test(an_alert_is_sent_once_the_transport_has_taken_it),
        cmocka_unit_test(an_alert_that_did_not_leave_is_not_sent),
        cmocka_unit_test(close_notify_is_no_alert_of_the_ending),
        cmocka_unit_test(the_phase_tells_how_far_it_got),
        cmocka_unit_test(a_fresh_ending_is_zero_but_for_what_nobody_knows),
        cmocka_unit_test(marks_are_late_at_worst),
        cmocka_unit_test(marks_are_spread_over_all_that_is_waited_for),
        cmocka_unit_test(acknowledged_counts_each_record_of_one_send),
    };
    return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
