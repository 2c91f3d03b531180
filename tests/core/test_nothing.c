/* SPDX-License-Identifier: MIT */
/* S34: a read or a write of nothing says how it stands, in every state, and changes nothing. */
#include "scripted.h"

#include <errno.h>

/* Both, three times: the same answers, and neither the ending nor the wire knows of it. */
static void check_nothing(struct adieu_stream *s, enum adieu_status read, enum adieu_status write)
{
    struct adieu_ending before = adieu_ending(s);
    size_t waits = adieu_wire_out(s, NULL), got, took;
    for (int i = 0; i < 3; i++) {
        got = took = 77;
        check_status(adieu_read(s, NULL, 0, &got), read);
        assert_int_equal(got, read == ADIEU_OK ? 0 : 77);
        check_status(adieu_write(s, NULL, 0, &took), write);
        assert_int_equal(took, write == ADIEU_OK ? 0 : 77);
    }
    struct adieu_ending after = adieu_ending(s);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(adieu_wire_out(s, NULL), waits);
}

static void before_the_handshake_it_is_misuse(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    check_nothing(s, ADIEU_MISUSE, ADIEU_MISUSE);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    check_nothing(s, ADIEU_MISUSE, ADIEU_MISUSE);
    flush(s);
    say(s, 'H', "peer", 4);
    check_nothing(s, ADIEU_MISUSE, ADIEU_MISUSE);
    check_status(adieu_handshake(s), ADIEU_OK);
    check_nothing(s, ADIEU_WAIT, ADIEU_OK);
    adieu_free(s);
}

static void after_a_failed_handshake_it_fails(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    say_number(s, 'A', 40);
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_nothing(s, ADIEU_FAIL, ADIEU_FAIL);
    adieu_free(s);
}

static void it_tells_that_there_is_data_and_leaves_it(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "abc");
    check_status(adieu_read(s, NULL, 0, &(size_t){0}), ADIEU_OK); /* hears it */
    check_nothing(s, ADIEU_OK, ADIEU_OK);
    check_reads(s, "ab");
    check_nothing(s, ADIEU_OK, ADIEU_OK);
    check_reads(s, "c");
    check_nothing(s, ADIEU_WAIT, ADIEU_OK);
    adieu_free(s);
}

static void a_full_queue_takes_nothing_all_the_same(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    size_t taken = write_much(s, 10 << 20);
    check_nothing(s, ADIEU_WAIT, ADIEU_OK);
    say_data(s, "x");
    check_status(adieu_read(s, NULL, 0, &(size_t){0}), ADIEU_OK);
    check_nothing(s, ADIEU_OK, ADIEU_OK);
    assert_int_equal(adieu_ending(s).taken, taken);
    adieu_free(s);
}

static void half_of_a_message_hinders_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    check_nothing(s, ADIEU_WAIT, ADIEU_OK);
    adieu_free(s);
}

static void between_real_writes_it_changes_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    for (int i = 0; i < 3; i++) {
        check_status(write_text(s, "real"), ADIEU_OK);
        check_nothing(s, ADIEU_WAIT, ADIEU_OK);
    }
    assert_string_equal(flush(s), "DDD");
    assert_int_equal(adieu_ending(s).sent, 12);
    adieu_free(s);
}

static void behind_an_end_it_says_which(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_nothing(s, ADIEU_WAIT, ADIEU_MISUSE);
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    check_nothing(s, ADIEU_END, ADIEU_MISUSE);
    flush(s);
    check_nothing(s, ADIEU_END, ADIEU_MISUSE);
    adieu_free(s);

    s = established();
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    check_nothing(s, ADIEU_END, ADIEU_OK);
    adieu_wire_out_failed(s, EPIPE);
    check_nothing(s, ADIEU_END, ADIEU_FAIL);
    adieu_free(s);

    s = established();
    adieu_wire_eof(s);
    check_status(read_status(s), ADIEU_FAIL);
    check_nothing(s, ADIEU_FAIL, ADIEU_OK);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    check_nothing(s, ADIEU_FAIL, ADIEU_FAIL);
    adieu_free(s);
}

/* The end that is found by asking is found for good. */
static void asking_finds_the_end_as_a_read_would(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    size_t got;
    say_tag(s, 'C');
    check_status(adieu_read(s, NULL, 0, &got), ADIEU_END);
    check_receiving(s, ADIEU_RECEIVING_CLOSED);
    adieu_free(s);
    s = established();
    say_number(s, 'V', 20);
    check_status(adieu_read(s, NULL, 0, &got), ADIEU_FAIL);
    check_receiving(s, ADIEU_RECEIVING_REJECTED);
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_handshake_it_is_misuse),
        cmocka_unit_test(after_a_failed_handshake_it_fails),
        cmocka_unit_test(it_tells_that_there_is_data_and_leaves_it),
        cmocka_unit_test(a_full_queue_takes_nothing_all_the_same),
        cmocka_unit_test(half_of_a_message_hinders_nothing),
        cmocka_unit_test(between_real_writes_it_changes_nothing),
        cmocka_unit_test(behind_an_end_it_says_which),
        cmocka_unit_test(asking_finds_the_end_as_a_read_would),
    };
    return cmocka_run_group_tests_name("nothing", tests, NULL, NULL);
}
