/* SPDX-License-Identifier: MIT */
/* The transport's side, inwards: room, places, loans. */
#include "scripted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_SEALED = 16640 };

static void room_is_a_whole_record_or_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    static uint8_t frame[FAKE_OVERHEAD + FAKE_PAYLOAD], zeros[FAKE_PAYLOAD];
    size_t size = fake_frame(frame, 'D', zeros, sizeof zeros), room, fed = 0;
    for (; (room = adieu_wire_in(s, NULL)) > 0; fed += size) {
        assert_true(room >= RECORD_SEALED);
        assert_true(fed < 1 << 20); /* what nobody reads is bounded */
        receive(s, frame, size);
    }
    size_t total = 0;
    check_status(read_out(s, &total), ADIEU_WAIT);
    assert_int_equal(total, fed / size * FAKE_PAYLOAD);
    assert_true(adieu_wire_in(s, NULL) >= RECORD_SEALED);
    adieu_free(s);
}

/* A transport that polls while there is room would spin on an EOF. */
static void after_the_transports_end_there_is_no_room(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        struct adieu_stream *s = established();
        say_data(s, "unread");
        if (reset)
            adieu_wire_reset(s, ECONNRESET);
        else
            adieu_wire_eof(s);
        uint8_t *at = NULL;
        assert_int_equal(adieu_wire_in(s, NULL), 0);
        assert_int_equal(adieu_wire_in(s, &at), 0);
        check_status(adieu_wire_lend(s, (const uint8_t *)"x", 1), ADIEU_MISUSE);
        check_reads(s, "unread");
        adieu_free(s);
    }
}

static void asking_for_room_makes_no_promise_and_takes_no_memory(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    size_t room = adieu_wire_in(s, NULL);
    assert_true(room >= RECORD_SEALED);
    assert_int_equal(adieu_wire_in(s, NULL), room);
    adieu_wire_in_done(s, 0); /* nothing was offered: nothing happens */
    say_data(s, "x");
    check_reads(s, "x");
    adieu_free(s);
}

static void an_unused_place_is_given_back(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    for (int i = 0; i < 100; i++) {
        uint8_t *at = NULL;
        assert_true(adieu_wire_in(s, &at) > 0);
        assert_non_null(at);
        adieu_wire_in_done(s, 0);
    }
    check_status(read_status(s), ADIEU_WAIT);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_ESTABLISHED);
    adieu_free(s);
}

static void asked_again_the_place_is_no_smaller_than_the_room(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "read while a place is out");
    uint8_t *at = NULL, *again = NULL;
    size_t room = adieu_wire_in(s, &at);
    check_reads(s, "read while a place is out");
    size_t more = adieu_wire_in(s, &again);
    assert_ptr_equal(at, again);
    assert_true(more > 0);
    memset(again, 'x', more > room ? more : room); /* the address sanitizer looks on */
    adieu_wire_in_done(s, 0);
    check_status(read_status(s), ADIEU_WAIT);
    adieu_free(s);
}

static void an_offered_place_holds_whatever_verb_is_called(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "data");
    uint8_t *at = NULL;
    size_t room = adieu_wire_in(s, &at);
    check_reads(s, "data");
    adieu_abort(s, ADIEU_REASON_REQUEST);
    memset(at, 'x', room);
    adieu_wire_in_done(s, room);
    check_status(read_status(s), ADIEU_FAIL);
    check_receiving(s, ADIEU_RECEIVING_ABANDONED);
    adieu_free(s);
}

static void a_stream_is_freed_while_places_are_out(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t *in = NULL;
    const uint8_t *out = NULL;
    check_status(write_text(s, "x"), ADIEU_OK);
    assert_true(adieu_wire_in(s, &in) > 0);
    assert_true(adieu_wire_out(s, &out) > 0);
    adieu_free(s);
}

/* A conversation of many frames, as the peer's bytes; its plaintext is counted. */
static size_t conversation(uint8_t *at, size_t *plain)
{
    static const uint8_t zeros[FAKE_PAYLOAD];
    const size_t sizes[] = {1, 16384, 0, 100, 5000, 16384, 3};
    size_t n = 0;
    *plain = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++, n += fake_frame(at + n, 'T', "ticket", 6)) {
        n += fake_frame(at + n, 'D', zeros, sizes[i]);
        *plain += sizes[i];
    }
    return n + fake_frame(at + n, 'C', "\1", 1);
}

enum { CONVERSATION = 40000 };

static void loans_and_copies_mix_at_any_split(void **state)
{
    (void)state;
    static uint8_t bytes[CONVERSATION];
    size_t plain, size = conversation(bytes, &plain);
    for (size_t step = 1; step < size; step += step < 50 ? 7 : 997) {
        struct adieu_stream *s = established();
        size_t total = 0;
        enum adieu_status status = ADIEU_WAIT;
        for (size_t at = 0, turn = 0; at < size; turn++) {
            size_t n = size - at < step ? size - at : step, got = 0;
            uint8_t *lent = malloc(n); /* gone after the loan: nobody may look at it */
            memcpy(lent, bytes + at, n);
            if (turn % 3 == 0) {
                receive(s, lent, n);
            } else {
                check_status(adieu_wire_lend(s, lent, n), ADIEU_OK);
                if (turn % 3 == 1)
                    status = read_out(s, &got);
                adieu_wire_settle(s);
            }
            free(lent);
            total += got;
            at += n;
            status = read_out(s, &got);
            total += got;
        }
        check_status(status, ADIEU_END);
        assert_int_equal(total, plain);
        adieu_free(s);
    }
}

static void one_loan_at_a_time_and_never_too_large(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    static uint8_t big[1 << 20];
    size_t room = adieu_wire_in(s, NULL);
    assert_true(room < sizeof big);
    check_status(adieu_wire_lend(s, big, room + 1), ADIEU_MISUSE);
    uint8_t frame[20];
    size_t size = fake_frame(frame, 'D', "abc", 3);
    check_status(adieu_wire_lend(s, frame, 2), ADIEU_OK);
    check_status(adieu_wire_lend(s, frame + 2, size - 2), ADIEU_MISUSE);
    adieu_wire_settle(s);
    adieu_wire_settle(s);
    check_status(adieu_wire_lend(s, frame + 2, size - 2), ADIEU_OK);
    check_reads(s, "abc");
    adieu_wire_settle(s);
    uint8_t *at = NULL;
    assert_true(adieu_wire_in(s, &at) > 0);
    check_status(adieu_wire_lend(s, frame, size), ADIEU_MISUSE); /* a place is out */
    adieu_wire_in_done(s, 0);
    adieu_free(s);
}

static void a_loan_that_is_never_read_is_kept(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t frame[20];
    size_t size = fake_frame(frame, 'D', "kept", 4);
    check_status(adieu_wire_lend(s, frame, size), ADIEU_OK);
    adieu_wire_settle(s);
    memset(frame, 0, sizeof frame);
    adieu_wire_eof(s);
    check_reads(s, "kept");
    check_status(read_status(s), ADIEU_FAIL);
    adieu_free(s);
}

static void settling_after_an_abort_keeps_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_wire_lend(s, (const uint8_t *)"D\0", 2), ADIEU_OK);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    adieu_wire_settle(s);
    check_status(read_status(s), ADIEU_FAIL);
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_a_whole_record_or_nothing),
        cmocka_unit_test(after_the_transports_end_there_is_no_room),
        cmocka_unit_test(asking_for_room_makes_no_promise_and_takes_no_memory),
        cmocka_unit_test(an_unused_place_is_given_back),
        cmocka_unit_test(asked_again_the_place_is_no_smaller_than_the_room),
        cmocka_unit_test(an_offered_place_holds_whatever_verb_is_called),
        cmocka_unit_test(a_stream_is_freed_while_places_are_out),
        cmocka_unit_test(loans_and_copies_mix_at_any_split),
        cmocka_unit_test(one_loan_at_a_time_and_never_too_large),
        cmocka_unit_test(a_loan_that_is_never_read_is_kept),
        cmocka_unit_test(settling_after_an_abort_keeps_nothing),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
