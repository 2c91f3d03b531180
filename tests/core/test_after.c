/* SPDX-License-Identifier: MIT */
/* What the transport does beside and behind the ends: what of it is told, and that nothing of ours leaves any more. */
#include "scripted.h"

#include <errno.h>
#include <string.h>

#include "counting.h"
#include "stream.h"

#define check_after(s, want) CHECK_NAMED(adieu_after_name, adieu_ending(s).after, want)

/* A client whose peer has said all. */
static struct adieu_stream *heard_out(void)
{
    struct adieu_stream *s = established();
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    return s;
}

/* ------------------------------------------------ what came after */

static void nothing_is_after_an_end_that_is_still_to_come(void **state)
{
    (void)state;
    struct adieu_stream *s = heard_out();
    adieu_wire_eof(s);
    check_after(s, ADIEU_AFTER_NOTHING);
    check_error(s, ADIEU_ERR_NONE); /* the peer's end was authentic: what follows does not cut it */
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_after(s, ADIEU_AFTER_NOTHING);
    flush(s);
    check_ends(s, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    check_after(s, ADIEU_AFTER_EOF);
    adieu_wire_reset(s, ECONNRESET);
    check_after(s, ADIEU_AFTER_RESET);
    adieu_free(s);
}

static void what_ended_a_direction_did_not_come_after(void **state)
{
    (void)state;
    struct adieu_stream *s = heard_out();
    adieu_wire_reset(s, ECONNRESET);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_CLOSED);
    check_after(s, ADIEU_AFTER_NOTHING);
    adieu_wire_reset(s, EPIPE); /* once more is not another */
    check_after(s, ADIEU_AFTER_NOTHING);
    assert_int_equal(adieu_ending(s).os_error, ECONNRESET);
    adieu_free(s);

    s = established();
    check_status(read_status(s), ADIEU_WAIT);
    check_status(adieu_shutdown(s), ADIEU_OK);
    flush(s);
    adieu_wire_reset(s, ECONNRESET);
    check_ends(s, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_RESET);
    check_after(s, ADIEU_AFTER_NOTHING);
    assert_int_equal(adieu_error(s)->os_error, ECONNRESET);
    adieu_free(s);
}

static void the_first_failure_is_told_but_a_reset_says_more(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    adieu_wire_out_failed(s, EPIPE);
    adieu_wire_out_failed(s, EIO);
    assert_int_equal(adieu_ending(s).os_error, EPIPE);
    adieu_wire_reset(s, ECONNRESET);
    assert_int_equal(adieu_ending(s).os_error, ECONNRESET);
    adieu_wire_reset(s, EIO);
    assert_int_equal(adieu_ending(s).os_error, ECONNRESET);
    adieu_free(s);
}

static void an_eof_stays_one_whatever_is_told_behind_it(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "unread");
    adieu_wire_eof(s);
    adieu_wire_reset(s, ECONNRESET);
    adieu_wire_eof(s);
    check_reads(s, "unread");
    check_status(read_status(s), ADIEU_FAIL);
    check_receiving(s, ADIEU_RECEIVING_TRUNCATED);
    adieu_free(s);
}

static void where_it_was_cut_is_told_of_a_cut_only(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    receive(s, "D\0\7abc", 6);
    check_status(read_status(s), ADIEU_WAIT);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    adieu_wire_eof(s);
    assert_false(adieu_ending(s).inside_record);
    adieu_free(s);

    s = fresh(false);
    fake_of(s)->plan.refused = true;
    receive(s, "H\0\7abc", 6);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    adieu_wire_eof(s);
    check_receiving(s, ADIEU_RECEIVING_REJECTED);
    assert_false(adieu_ending(s).inside_record);
    adieu_free(s);
}

static void a_refusal_waits_for_what_may_come_until_nothing_can(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    fake_of(s)->plan.refused = true;
    check_status(adieu_handshake(s), ADIEU_WAIT);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    check_receiving(s, ADIEU_RECEIVING_OPEN);
    adieu_wire_reset(s, ECONNRESET);
    check_receiving(s, ADIEU_RECEIVING_REJECTED);
    check_error(s, ADIEU_ERR_REFUSED);
    adieu_free(s);
}

static void the_two_directions_can_be_asked_for_alone(void **state)
{
    (void)state;
    struct adieu_stream *s = heard_out();
    CHECK_NAMED(adieu_sending_name, adieu_sending(s), ADIEU_SENDING_OPEN);
    CHECK_NAMED(adieu_receiving_name, adieu_receiving(s), ADIEU_RECEIVING_CLOSED);
    check_status(adieu_shutdown(s), ADIEU_OK);
    CHECK_NAMED(adieu_sending_name, adieu_sending(s), ADIEU_SENDING_CLOSING);
    adieu_free(s);
}

/* ------------------------------------------------ nothing of ours leaves any more */

/* What an engine would still say is swallowed, and no alert is told as sent. */
static void check_sealed(struct adieu_stream *s)
{
    size_t before = s->output.length;
    assert_true(stream_put(s, "x", 1));
    assert_int_equal(s->output.length, before);
    assert_false(stream_alert(s, true, 2, 80));
    assert_false(s->alert_sealed.seen && s->alert_sealed.number == 80);
    adieu_free(s);
}

static void behind_an_end_of_sending_nothing_is_put(void **state)
{
    (void)state;
    for (int due = 0; due < 2; due++)
        for (int how = 0; how < 5; how++) {
            struct adieu_stream *s = established();
            if (due) { /* close_notify waits for the other half of a message */
                say_tag(s, 'M');
                check_status(read_status(s), ADIEU_WAIT);
                check_status(adieu_shutdown(s), ADIEU_OK);
                assert_true(s->goodbye_due);
                assert_true(stream_put(s, "x", 1)); /* what the engine still has to say leaves before it */
                assert_int_equal(s->output.length, 1);
            }
            if (how == 0)
                adieu_abort(s, ADIEU_REASON_REQUEST);
            else if (how == 1)
                adieu_wire_out_failed(s, EPIPE);
            else if (how == 2)
                say_tag(s, 'V');
            else if (how == 3)
                say_number(s, 'A', 40);
            else
                stream_fault_memory(s);
            if (how == 2 || how == 3)
                check_status(read_status(s), ADIEU_FAIL);
            if (how != 2 && how != 4) /* what the engine put stays where its alert may follow */
                assert_int_equal(s->output.length, 0);
            check_sealed(s);
        }
}

static void a_closed_direction_puts_nothing_even_if_its_transport_fails(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    flush(s);
    s->sealed = false; /* whoever takes it back: */
    adieu_wire_out_failed(s, EPIPE);
    check_sealed(s);
}

/* The peer could make nothing of what followed a record that is missing. */
static void behind_a_record_that_found_no_memory_nothing_is_put(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    pool_clear(config_pool(s->config));
    counting_fail(0, false);
    assert_false(stream_put(s, "x", 1));
    counting_relent();
    check_sealed(s);
}

static void a_shortage_that_comes_after_both_ends_changes_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = heard_out();
    check_status(adieu_shutdown(s), ADIEU_OK);
    flush(s);
    stream_fault_memory(s);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_NONE);
    check_error(s, ADIEU_ERR_NONE);
    adieu_free(s);

    s = established();
    stream_fault_memory(s);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_FAULT);
    assert_int_equal(adieu_error(s)->os_error, 0);
    adieu_free(s);
}

/* ------------------------------------------------ behind half of a message */

static struct adieu_stream *made_mute(void)
{
    struct adieu_stream *s = established();
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    return s;
}

static void what_lies_unread_is_still_there_after_a_write(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct adieu_stream *s = made_mute();
        if (whole)
            say_tag(s, 'm');
        say_data(s, "data");
        check_status(write_text(s, "x"), whole ? ADIEU_OK : ADIEU_WAIT);
        assert_true(adieu_readable(s));
        check_reads(s, "data");
        adieu_free(s);
    }
}

/* That it cannot seal is no fault of ours where the peer gave up. */
static void an_alert_that_a_write_finds_is_no_fault(void **state)
{
    (void)state;
    struct adieu_stream *s = made_mute();
    say_number(s, 'A', 40);
    check_status(write_text(s, "x"), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_ALERTED);
    check_error(s, ADIEU_ERR_ALERTED);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_NONE);
    adieu_free(s);
}

static void a_fault_leaves_its_alert_instead_of_a_close_notify_that_is_due(void **state)
{
    (void)state;
    struct adieu_stream *s = made_mute();
    check_status(adieu_shutdown(s), ADIEU_OK);
    say_number(s, 'F', 80);
    check_status(read_status(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    assert_string_equal(flush(s), "A");
    assert_int_equal(adieu_ending(s).alert_sent.number, 80);
    adieu_free(s);
}

/* ------------------------------------------------ the range that is out */

static void none_of_it_taken_leaves_it_out(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    const uint8_t *at = NULL;
    check_status(write_text(s, "hello"), ADIEU_OK);
    size_t n = adieu_wire_out(s, &at);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    adieu_wire_out_done(s, 0);
    assert_non_null(s->output.pinned);
    assert_memory_equal(at + FAKE_HEAD, "hello", 5);
    adieu_wire_out_done(s, n);
    assert_null(s->output.pinned);
    adieu_free(s);
}

static void after_a_failure_nobody_looks_at_it_any_more(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    const uint8_t *at = NULL;
    check_status(write_text(s, "hello"), ADIEU_OK);
    assert_true(adieu_wire_out(s, &at) > 0);
    adieu_wire_out_failed(s, EPIPE);
    assert_null(s->output.pinned);
    assert_null(s->output.head);
    adieu_free(s);
}

static void an_alert_that_was_sent_stays_sent(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_number(s, 'V', 50);
    check_status(read_status(s), ADIEU_FAIL);
    assert_string_equal(flush(s), "A");
    assert_true(adieu_ending(s).alert_sent.seen);
    adieu_wire_out_done(s, 1);
    assert_true(adieu_ending(s).alert_sent.seen);
    assert_int_equal(adieu_ending(s).alert_sent.number, 50);
    adieu_free(s);
}

static void data_is_heard(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_ESTABLISHED);
    say_data(s, "x");
    check_reads(s, "x");
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_HEARD);
    adieu_free(s);
}

/* ------------------------------------------------ alerts as the engine tells of them */

static void only_a_fatal_alert_of_ours_explains_an_end(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    assert_true(stream_alert(s, true, 1, 40));
    assert_false(s->alert_sealed.seen);
    assert_true(stream_alert(s, true, 2, 0)); /* close_notify, whatever its level */
    assert_false(s->alert_sealed.seen);
    assert_true(stream_alert(s, true, 2, 1));
    assert_true(s->alert_sealed.seen);
    assert_true(stream_alert(s, false, 1, 100));
    assert_false(adieu_ending(s).user_canceled);
    assert_true(stream_alert(s, false, 1, 90));
    assert_true(adieu_ending(s).user_canceled);
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_after_an_end_that_is_still_to_come),
        cmocka_unit_test(what_ended_a_direction_did_not_come_after),
        cmocka_unit_test(the_first_failure_is_told_but_a_reset_says_more),
        cmocka_unit_test(an_eof_stays_one_whatever_is_told_behind_it),
        cmocka_unit_test(where_it_was_cut_is_told_of_a_cut_only),
        cmocka_unit_test(a_refusal_waits_for_what_may_come_until_nothing_can),
        cmocka_unit_test(the_two_directions_can_be_asked_for_alone),
        cmocka_unit_test(behind_an_end_of_sending_nothing_is_put),
        cmocka_unit_test(a_closed_direction_puts_nothing_even_if_its_transport_fails),
        cmocka_unit_test(behind_a_record_that_found_no_memory_nothing_is_put),
        cmocka_unit_test(a_shortage_that_comes_after_both_ends_changes_nothing),
        cmocka_unit_test(what_lies_unread_is_still_there_after_a_write),
        cmocka_unit_test(an_alert_that_a_write_finds_is_no_fault),
        cmocka_unit_test(a_fault_leaves_its_alert_instead_of_a_close_notify_that_is_due),
        cmocka_unit_test(none_of_it_taken_leaves_it_out),
        cmocka_unit_test(after_a_failure_nobody_looks_at_it_any_more),
        cmocka_unit_test(an_alert_that_was_sent_stays_sent),
        cmocka_unit_test(data_is_heard),
        cmocka_unit_test(only_a_fatal_alert_of_ours_explains_an_end),
    };
    return cmocka_run_group_tests_name("after", tests, NULL, NULL);
}
