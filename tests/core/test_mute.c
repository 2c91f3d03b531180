/* SPDX-License-Identifier: MIT */
/*
 * Half of a message of the peer's has come, and until the other half does the engine can seal nothing: neither data nor
 * close_notify. An end that could not be said must not look as if it had been.
 */
#include "scripted.h"

#include <errno.h>

static struct adieu_stream *made_mute(void)
{
    struct adieu_stream *s = established();
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    return s;
}

static void a_write_waits_for_the_other_half(void **state)
{
    (void)state;
    struct adieu_stream *s = made_mute();
    check_status(write_text(s, "x"), ADIEU_WAIT);
    assert_true(adieu_wire_in(s, NULL) > 0); /* WAIT is honest */
    assert_int_equal(adieu_ending(s).taken, 0);
    say_tag(s, 'm');
    check_status(read_status(s), ADIEU_WAIT);
    check_status(write_text(s, "x"), ADIEU_OK);
    assert_string_equal(flush(s), "D");
    adieu_free(s);
}

/* A program that only writes does not read; WAIT would be no help to it. */
static void a_write_finds_the_other_half_that_lies_unread(void **state)
{
    (void)state;
    for (int ended = 0; ended < 2; ended++) {
        struct adieu_stream *s = made_mute();
        say_tag(s, 'm');
        if (ended)
            adieu_wire_eof(s);
        check_status(write_text(s, "x"), ADIEU_OK);
        assert_string_equal(flush(s), "D");
        adieu_free(s);
    }
}

static void so_do_a_key_update_and_a_shutdown(void **state)
{
    (void)state;
    struct adieu_stream *s = made_mute();
    say_tag(s, 'm');
    check_status(adieu_key_update(s, false), ADIEU_OK);
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    say_tag(s, 'm');
    check_status(adieu_shutdown(s), ADIEU_OK);
    assert_string_equal(flush(s), "UC");
    check_sending(s, ADIEU_SENDING_CLOSED);
    adieu_free(s);
}

static void what_it_finds_there_may_be_the_peers_end(void **state)
{
    (void)state;
    struct adieu_stream *s = made_mute();
    say_number(s, 'V', 50);
    check_status(write_text(s, "x"), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    assert_string_equal(flush(s), "A");
    adieu_free(s);
}

/* No close_notify was sealed, so the alert is our last word. */
static void an_alert_leaves_instead_of_a_close_notify_that_is_due(void **state)
{
    (void)state;
    struct adieu_stream *s = made_mute();
    check_status(adieu_shutdown(s), ADIEU_OK);
    say_number(s, 'V', 50);
    check_status(read_status(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    check_last(s, ADIEU_LAST_GO_ON);
    assert_string_equal(flush(s), "A");
    assert_int_equal(adieu_ending(s).alert_sent.number, 50);
    check_last(s, ADIEU_LAST_END_WRITE);
    adieu_free(s);
}

static void what_was_taken_leaves_before_a_fault_that_is_found_late(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "x"), ADIEU_OK);
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    check_status(adieu_shutdown(s), ADIEU_OK);
    adieu_wire_eof(s);
    check_status(read_status(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_TRUNCATED);
    assert_string_equal(flush(s), "D");
    check_last(s, ADIEU_LAST_END_WRITE);
    adieu_free(s);
}

static void close_notify_follows_as_soon_as_it_can(void **state)
{
    (void)state;
    struct adieu_stream *s = made_mute();
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_sending(s, ADIEU_SENDING_CLOSING);
    assert_string_equal(flush(s), "");
    check_sending(s, ADIEU_SENDING_CLOSING);
    check_last(s, ADIEU_LAST_GO_ON);
    check_status(write_text(s, "x"), ADIEU_MISUSE);
    say_tag(s, 'm');
    check_status(read_status(s), ADIEU_WAIT);
    check_sending(s, ADIEU_SENDING_CLOSING);
    assert_string_equal(flush(s), "C");
    check_sending(s, ADIEU_SENDING_CLOSED);
    adieu_free(s);
}

static void an_emptied_queue_does_not_close_what_is_not_sealed(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "queued"), ADIEU_OK);
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    check_status(adieu_shutdown(s), ADIEU_OK);
    assert_string_equal(flush(s), "D");
    check_sending(s, ADIEU_SENDING_CLOSING);
    say_tag(s, 'm');
    say_data(s, "data");
    check_reads(s, "data");
    assert_string_equal(flush(s), "C");
    check_sending(s, ADIEU_SENDING_CLOSED);
    adieu_free(s);
}

static void nothing_follows_a_close_notify_that_came_late(void **state)
{
    (void)state;
    struct adieu_stream *s = made_mute();
    check_status(adieu_shutdown(s), ADIEU_OK);
    say_tag(s, 'm');
    say_tag(s, 'K');
    check_status(read_status(s), ADIEU_WAIT);
    const char *left = flush(s);
    assert_true(left[0] && left[1] == 0 ? left[0] == 'C' : left[0] == 'k' && left[1] == 'C' && left[2] == 0);
    check_sending(s, ADIEU_SENDING_CLOSED);
    say_tag(s, 'K');
    check_status(read_status(s), ADIEU_WAIT);
    assert_string_equal(flush(s), "");
    adieu_free(s);
}

/* The other half will never come: the peer must not take our silence for an end, and we must not wait for ever. */
static void if_the_peer_ends_inside_its_message_it_is_a_fault(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct adieu_stream *s = made_mute();
        check_status(adieu_shutdown(s), ADIEU_OK);
        if (how)
            say_tag(s, 'C');
        else
            adieu_wire_eof(s);
        check_status(read_status(s), how ? ADIEU_END : ADIEU_FAIL);
        check_ends(s, ADIEU_SENDING_ABORTED, how ? ADIEU_RECEIVING_CLOSED : ADIEU_RECEIVING_TRUNCATED);
        assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_FAULT);
        assert_string_equal(flush(s), "");
        struct adieu_ending ending = adieu_ending(s);
        assert_int_not_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
        check_stable(s);
        adieu_free(s);
    }
}

static void a_shutdown_after_the_peers_end_inside_a_message_fails(void **state)
{
    (void)state;
    struct adieu_stream *s = made_mute();
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    check_status(adieu_shutdown(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_CLOSED);
    adieu_free(s);
}

static void abort_and_failure_end_the_wait(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct adieu_stream *s = made_mute();
        check_status(adieu_shutdown(s), ADIEU_OK);
        if (how == 0)
            adieu_abort(s, ADIEU_REASON_DEADLINE);
        else if (how == 1)
            adieu_wire_out_failed(s, EPIPE);
        else
            adieu_wire_reset(s, ECONNRESET);
        check_sending(s, how ? ADIEU_SENDING_FAILED : ADIEU_SENDING_ABORTED);
        if (how == 1) {
            say_tag(s, 'm');
            check_status(read_status(s), ADIEU_WAIT);
        }
        assert_string_equal(flush(s), "");
        check_sending(s, how ? ADIEU_SENDING_FAILED : ADIEU_SENDING_ABORTED);
        adieu_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_waits_for_the_other_half),
        cmocka_unit_test(a_write_finds_the_other_half_that_lies_unread),
        cmocka_unit_test(so_do_a_key_update_and_a_shutdown),
        cmocka_unit_test(what_it_finds_there_may_be_the_peers_end),
        cmocka_unit_test(an_alert_leaves_instead_of_a_close_notify_that_is_due),
        cmocka_unit_test(what_was_taken_leaves_before_a_fault_that_is_found_late),
        cmocka_unit_test(close_notify_follows_as_soon_as_it_can),
        cmocka_unit_test(an_emptied_queue_does_not_close_what_is_not_sealed),
        cmocka_unit_test(nothing_follows_a_close_notify_that_came_late),
        cmocka_unit_test(if_the_peer_ends_inside_its_message_it_is_a_fault),
        cmocka_unit_test(a_shutdown_after_the_peers_end_inside_a_message_fails),
        cmocka_unit_test(abort_and_failure_end_the_wait),
    };
    return cmocka_run_group_tests_name("mute", tests, NULL, NULL);
}
