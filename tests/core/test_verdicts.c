/* SPDX-License-Identifier: MIT */
/* What ends a stream: the order in which ends are seen, abort, failed sends, and which explanation is shown. */
#include "scripted.h"

#include <errno.h>
#include <string.h>

/* ------------------------------------------------ order */

static void data_is_delivered_before_every_verdict(void **state)
{
    (void)state;
    static const struct {
        char tag;
        enum adieu_status status;
        enum adieu_receiving end;
    } verdicts[] = {
        {'C', ADIEU_END, ADIEU_RECEIVING_CLOSED},    {'A', ADIEU_FAIL, ADIEU_RECEIVING_ALERTED},
        {'V', ADIEU_FAIL, ADIEU_RECEIVING_REJECTED}, {'F', ADIEU_FAIL, ADIEU_RECEIVING_ABANDONED},
        {'?', ADIEU_FAIL, ADIEU_RECEIVING_REJECTED},
    };
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        struct adieu_stream *s = established();
        say_data(s, "first");
        say_number(s, verdicts[i].tag, 50);
        check_receiving(s, ADIEU_RECEIVING_OPEN);
        check_reads(s, "first");
        check_status(read_status(s), verdicts[i].status);
        check_receiving(s, verdicts[i].end);
        check_stable(s);
        adieu_free(s);
    }
}

static void eof_counts_only_when_all_is_read(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "all of it");
    receive(s, "D\0\4ab", 5); /* and a record that was cut */
    adieu_wire_eof(s);
    check_receiving(s, ADIEU_RECEIVING_OPEN);
    check_reads(s, "all of");
    check_receiving(s, ADIEU_RECEIVING_OPEN);
    check_reads(s, " it");
    check_status(read_status(s), ADIEU_FAIL);
    check_receiving(s, ADIEU_RECEIVING_TRUNCATED);
    check_error(s, ADIEU_ERR_TRUNCATED);
    check_sending(s, ADIEU_SENDING_OPEN); /* the peer's end says nothing of ours */
    check_status(write_text(s, "still"), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    assert_string_equal(flush(s), "DC");
    check_ends(s, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_TRUNCATED);
    adieu_free(s);
}

static void the_text_says_whether_the_cut_was_inside_a_record(void **state)
{
    (void)state;
    for (int inside = 0; inside < 2; inside++) {
        struct adieu_stream *s = established();
        say_data(s, "whole");
        if (inside)
            receive(s, "D\0\4ab", 5);
        adieu_wire_eof(s);
        check_reads(s, "whole");
        check_status(read_status(s), ADIEU_FAIL);
        assert_int_equal(adieu_ending(s).inside_record, inside);
        assert_string_equal(adieu_error(s)->text,
                            inside ? "the connection ended without close_notify: data may be missing: inside a record, "
                                     "after 5 bytes received"
                                   : "the connection ended without close_notify: data may be missing: after 5 bytes "
                                     "received");
        adieu_free(s);
    }
}

/* The engine may know before it can say so. */
static void the_transports_end_does_not_hide_a_refusal(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        struct adieu_stream *s = fresh(false);
        check_status(adieu_handshake(s), ADIEU_WAIT);
        assert_string_equal(flush(s), "H");
        fake_of(s)->plan.refused = true;
        if (reset)
            adieu_wire_reset(s, ECONNRESET);
        else
            adieu_wire_eof(s);
        check_ends(s, reset ? ADIEU_SENDING_FAILED : ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
        check_error(s, ADIEU_ERR_REFUSED);
        assert_string_equal(flush(s), reset ? "" : "A");
        assert_int_equal(adieu_ending(s).alert_sent.seen, !reset);
        check_status(adieu_handshake(s), ADIEU_FAIL);
        check_stable(s);
        adieu_free(s);
    }
}

static void eof_waits_for_what_the_engine_holds(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        struct adieu_stream *s = established();
        say_data(s, "half read");
        check_reads(s, "half"); /* the engine has the rest */
        if (reset)
            adieu_wire_reset(s, ECONNRESET);
        else
            adieu_wire_eof(s);
        check_receiving(s, ADIEU_RECEIVING_OPEN);
        check_reads(s, " read");
        check_status(read_status(s), ADIEU_FAIL);
        check_receiving(s, reset ? ADIEU_RECEIVING_RESET : ADIEU_RECEIVING_TRUNCATED);
        adieu_free(s);
    }
}

static void end_comes_before_an_eof_behind_it(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "x");
    say_tag(s, 'C');
    adieu_wire_eof(s);
    check_reads(s, "x");
    check_status(read_status(s), ADIEU_END);
    check_receiving(s, ADIEU_RECEIVING_CLOSED);
    check_error(s, ADIEU_ERR_NONE);
    check_stable(s);
    adieu_free(s);
}

static void what_lies_before_a_reset_is_delivered(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "before");
    adieu_wire_reset(s, ECONNRESET);
    check_sending(s, ADIEU_SENDING_FAILED); /* at once */
    check_receiving(s, ADIEU_RECEIVING_OPEN);
    check_status(write_text(s, "x"), ADIEU_FAIL);
    check_reads(s, "before");
    check_status(read_status(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_RESET);
    check_error(s, ADIEU_ERR_RESET);
    assert_int_equal(adieu_ending(s).os_error, ECONNRESET);
    assert_int_equal(adieu_error(s)->os_error, ECONNRESET);
    check_stable(s);
    adieu_free(s);
}

static void close_notify_before_a_reset_is_an_end(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    flush(s);
    say_tag(s, 'C');
    adieu_wire_reset(s, ECONNRESET);
    check_status(read_status(s), ADIEU_END);
    check_ends(s, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    assert_int_equal(adieu_ending(s).after, ADIEU_AFTER_RESET);
    assert_int_equal(adieu_ending(s).os_error, ECONNRESET);
    adieu_free(s);
}

static void data_after_close_notify_is_ignored(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    static uint8_t both[3 * FAKE_OVERHEAD + 8];
    size_t n = fake_frame(both, 'C', NULL, 0);
    n += fake_frame(both + n, 'D', "late", 4);
    n += fake_frame(both + n, 'A', "\50", 1);
    receive(s, both, n);
    for (int i = 0; i < 3; i++)
        check_status(read_status(s), ADIEU_END);
    check_receiving(s, ADIEU_RECEIVING_CLOSED);
    assert_int_equal(adieu_ending(s).received, 0);
    check_status(write_text(s, "ours goes on"), ADIEU_OK);
    assert_string_equal(flush(s), "D");
    adieu_free(s);
}

static void user_canceled_ends_nothing_and_is_remembered(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_number(s, 'W', 90);
    check_status(read_status(s), ADIEU_WAIT);
    assert_true(adieu_ending(s).user_canceled);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_HEARD);
    check_ends(s, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_OPEN);
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    assert_false(adieu_ending(s).alert_received.seen);
    adieu_free(s);
}

static void close_notify_at_level_fatal_ends_theirs_and_fails_ours(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "queued"), ADIEU_OK);
    say_number(s, 'C', 2);
    check_status(read_status(s), ADIEU_END);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_CLOSED);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_HEARD);
    check_stable(s);
    adieu_free(s);
}

static void a_violation_leaves_what_was_sealed_and_then_the_alert(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "queued"), ADIEU_OK);
    say_number(s, 'V', 50);
    check_status(read_status(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    check_last(s, ADIEU_LAST_GO_ON); /* there are bytes to send */
    assert_string_equal(flush(s), "DA");
    check_last(s, ADIEU_LAST_END_WRITE);
    check_error(s, ADIEU_ERR_VIOLATION);
    assert_int_equal(adieu_error(s)->alert.number, 50);
    check_stable(s);
    adieu_free(s);
}

static void a_violation_while_closing_drops_close_notify(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "queued"), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    say_number(s, 'V', 50);
    check_status(read_status(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    assert_string_equal(flush(s), "");
    adieu_free(s);
}

static void nothing_leaves_after_the_peers_fatal_alert(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "queued"), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    say_number(s, 'A', 48);
    check_status(read_status(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_ALERTED);
    assert_string_equal(flush(s), ""); /* 6.2 */
    assert_int_equal(adieu_ending(s).alert_received.number, 48);
    assert_int_equal(adieu_ending(s).alert_received.level, 2);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_ESTABLISHED); /* an alert is no hearing */
    adieu_free(s);
}

/* ------------------------------------------------ abort */

static void nothing_leaves_after_abort(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "queued"), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    adieu_abort(s, ADIEU_REASON_LOCAL_IO);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    assert_string_equal(flush(s), "");
    check_last(s, ADIEU_LAST_RESET);
    check_status(read_status(s), ADIEU_FAIL);
    check_status(write_text(s, "x"), ADIEU_MISUSE); /* shutdown was called */
    check_error(s, ADIEU_ERR_LOCAL_IO);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_LOCAL_IO);
    assert_int_equal(adieu_ending(s).first, ADIEU_FIRST_SELF);
    check_stable(s);
    adieu_free(s);
}

static void abort_twice_is_abort_once(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    adieu_abort(s, ADIEU_REASON_DEADLINE);
    struct adieu_ending before = adieu_ending(s);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    struct adieu_ending after = adieu_ending(s);
    assert_memory_equal(&before, &after, sizeof before);
    adieu_free(s);
}

static void abort_discards_what_was_received(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "unread");
    say_tag(s, 'C');
    adieu_abort(s, ADIEU_REASON_REQUEST);
    check_status(read_status(s), ADIEU_FAIL);
    check_receiving(s, ADIEU_RECEIVING_ABANDONED);
    adieu_free(s);
}

static void a_reason_after_both_ended_is_remembered_and_changes_no_end(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    flush(s);
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    adieu_abort(s, ADIEU_REASON_DEADLINE);
    check_ends(s, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_DEADLINE);
    check_error(s, ADIEU_ERR_NONE);
    check_last(s, ADIEU_LAST_END_WRITE);
    check_status(read_status(s), ADIEU_END);
    adieu_free(s);
}

static void a_fault_is_no_reason_to_give(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    adieu_abort(s, ADIEU_REASON_FAULT);
    check_last(s, ADIEU_LAST_RESET); /* an abort never looks like an end, whatever reason is made up */
    adieu_free(s);
}

/* ------------------------------------------------ failed sends */

static void a_failed_send_leaves_reading_alive(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "lost"), ADIEU_OK);
    adieu_wire_out_failed(s, EPIPE);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_OPEN);
    check_last(s, ADIEU_LAST_GO_ON);
    check_error(s, ADIEU_ERR_SEND_FAILED);
    assert_int_equal(adieu_ending(s).os_error, EPIPE);
    assert_int_equal(adieu_wire_out(s, NULL), 0);
    check_status(write_text(s, "x"), ADIEU_FAIL);
    check_status(read_status(s), ADIEU_WAIT);
    say_data(s, "why");
    check_reads(s, "why");
    adieu_free(s);
}

static void a_later_alert_explains_a_failed_send(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    adieu_wire_out_failed(s, EPIPE);
    say_number(s, 'A', 116);
    check_status(read_status(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_ALERTED);
    check_error(s, ADIEU_ERR_ALERTED);
    assert_int_equal(adieu_error(s)->alert.number, 116);
    assert_int_equal(adieu_ending(s).os_error, EPIPE);
    check_stable(s);
    adieu_free(s);
}

static void a_transport_that_takes_nothing_is_not_asked_to_take_the_last_word(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        struct adieu_stream *s = established();
        say_number(s, 'V', 50);
        check_status(read_status(s), ADIEU_FAIL);
        assert_true(adieu_wire_out(s, NULL) > 0);
        if (gone)
            adieu_wire_reset(s, ECONNRESET);
        else
            adieu_wire_out_failed(s, EPIPE);
        assert_int_equal(adieu_wire_out(s, NULL), 0);
        check_last(s, ADIEU_LAST_END_WRITE);
        check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
        assert_false(adieu_ending(s).alert_sent.seen);
        adieu_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_delivered_before_every_verdict),
        cmocka_unit_test(eof_counts_only_when_all_is_read),
        cmocka_unit_test(the_text_says_whether_the_cut_was_inside_a_record),
        cmocka_unit_test(the_transports_end_does_not_hide_a_refusal),
        cmocka_unit_test(eof_waits_for_what_the_engine_holds),
        cmocka_unit_test(end_comes_before_an_eof_behind_it),
        cmocka_unit_test(what_lies_before_a_reset_is_delivered),
        cmocka_unit_test(close_notify_before_a_reset_is_an_end),
        cmocka_unit_test(data_after_close_notify_is_ignored),
        cmocka_unit_test(user_canceled_ends_nothing_and_is_remembered),
        cmocka_unit_test(close_notify_at_level_fatal_ends_theirs_and_fails_ours),
        cmocka_unit_test(a_violation_leaves_what_was_sealed_and_then_the_alert),
        cmocka_unit_test(a_violation_while_closing_drops_close_notify),
        cmocka_unit_test(nothing_leaves_after_the_peers_fatal_alert),
        cmocka_unit_test(nothing_leaves_after_abort),
        cmocka_unit_test(abort_twice_is_abort_once),
        cmocka_unit_test(abort_discards_what_was_received),
        cmocka_unit_test(a_reason_after_both_ended_is_remembered_and_changes_no_end),
        cmocka_unit_test(a_fault_is_no_reason_to_give),
        cmocka_unit_test(a_failed_send_leaves_reading_alive),
        cmocka_unit_test(a_later_alert_explains_a_failed_send),
        cmocka_unit_test(a_transport_that_takes_nothing_is_not_asked_to_take_the_last_word),
    };
    return cmocka_run_group_tests_name("verdicts", tests, NULL, NULL);
}
