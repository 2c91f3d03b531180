/* SPDX-License-Identifier: MIT */
/* A new key on request: a record of the engine's behind what was taken, under the rules of a write. */
#include "scripted.h"

#include <errno.h>
#include <stdlib.h>

static void it_stands_behind_what_was_taken(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "old"), ADIEU_OK);
    check_status(adieu_key_update(s, false), ADIEU_OK);
    check_status(write_text(s, "new"), ADIEU_OK);
    check_status(adieu_key_update(s, true), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    assert_int_equal(adieu_ending(s).taken, 6);
    assert_string_equal(flush(s), "DUDUC");
    assert_int_equal(adieu_ending(s).sent, 6);
    check_sending(s, ADIEU_SENDING_CLOSED);
    adieu_free(s);
}

static void before_the_handshake_and_after_shutdown_it_is_misuse(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    check_status(adieu_key_update(s, false), ADIEU_MISUSE);
    establish(s);
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_status(adieu_key_update(s, false), ADIEU_MISUSE);
    assert_string_equal(flush(s), "C");
    check_status(adieu_key_update(s, false), ADIEU_MISUSE);
    adieu_free(s);
}

static void where_the_protocol_has_none_it_is_misuse(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    fake_of(s)->plan.old = true;
    check_status(adieu_key_update(s, true), ADIEU_MISUSE);
    assert_string_equal(flush(s), "");
    check_status(write_text(s, "x"), ADIEU_OK);
    adieu_free(s);
}

static void a_full_queue_makes_it_wait(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh_with_queue(false, 1);
    establish(s);
    int updates = 0;
    while (adieu_key_update(s, false) == ADIEU_OK)
        check_that(++updates < 10000, "nothing bounds them");
    check_status(adieu_key_update(s, false), ADIEU_WAIT);
    assert_true(adieu_wire_out(s, NULL) <= 16640);
    flush(s);
    check_status(adieu_key_update(s, false), ADIEU_OK);
    assert_string_equal(flush(s), "U");
    adieu_free(s);
}

static void half_of_a_message_makes_it_wait(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    check_status(adieu_key_update(s, true), ADIEU_WAIT);
    assert_true(adieu_wire_in(s, NULL) > 0);
    assert_string_equal(flush(s), "");
    say_tag(s, 'm');
    check_status(read_status(s), ADIEU_WAIT);
    check_status(adieu_key_update(s, true), ADIEU_OK);
    assert_string_equal(flush(s), "U");
    adieu_free(s);
}

/* The other half will never come. */
static void where_the_engine_stays_mute_it_is_a_fault(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_tag(s, 'M');
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    check_status(adieu_key_update(s, false), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_CLOSED);
    check_error(s, ADIEU_ERR_ENGINE);
    adieu_free(s);
}

static void where_sending_has_ended_it_fails(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    adieu_wire_out_failed(s, EPIPE);
    check_status(adieu_key_update(s, false), ADIEU_FAIL);
    adieu_free(s);
    s = established();
    adieu_abort(s, ADIEU_REASON_REQUEST);
    check_status(adieu_key_update(s, false), ADIEU_FAIL);
    adieu_free(s);
    s = fresh(false);
    adieu_abort(s, ADIEU_REASON_REQUEST); /* there never will be a handshake */
    check_status(adieu_key_update(s, false), ADIEU_FAIL);
    adieu_free(s);
}

static void the_peers_end_does_not_hinder_it(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    check_status(adieu_key_update(s, false), ADIEU_OK);
    assert_string_equal(flush(s), "U");
    adieu_free(s);
}

static void an_engine_that_cannot_is_a_fault(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    fake_of(s)->plan.update_faults = true;
    check_status(adieu_key_update(s, false), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_FAULT);
    assert_string_equal(flush(s), "A");
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stands_behind_what_was_taken),
        cmocka_unit_test(before_the_handshake_and_after_shutdown_it_is_misuse),
        cmocka_unit_test(where_the_protocol_has_none_it_is_misuse),
        cmocka_unit_test(a_full_queue_makes_it_wait),
        cmocka_unit_test(half_of_a_message_makes_it_wait),
        cmocka_unit_test(where_the_engine_stays_mute_it_is_a_fault),
        cmocka_unit_test(where_sending_has_ended_it_fails),
        cmocka_unit_test(the_peers_end_does_not_hinder_it),
        cmocka_unit_test(an_engine_that_cannot_is_a_fault),
    };
    return cmocka_run_group_tests_name("key update", tests, NULL, NULL);
}
