/* SPDX-License-Identifier: MIT */
/*
 * S54: what the peer says behind its close_notify is not TLS's. The stream takes no more of it than it was given before it knew
 * of the end, and gives that back.
 */
#include "scripted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "close_notify", and text behind it in the same segment. */
static size_t end_and(uint8_t *at, const char *text)
{
    size_t n = fake_frame(at, 'C', "\1", 1);
    memcpy(at + n, text, strlen(text));
    return n + strlen(text);
}

static void check_surplus(const struct adieu_stream *s, const char *text)
{
    const uint8_t *at = NULL;
    size_t size = adieu_wire_surplus(s, &at);
    check_that(size == strlen(text), "%zu bytes of surplus, not %zu", size, strlen(text));
    assert_int_equal(adieu_wire_surplus(s, NULL), size);
    if (size > 0)
        assert_memory_equal(at, text, size);
    else
        assert_null(at);
}

static void what_follows_close_notify_is_given_back(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t bytes[64];
    check_surplus(s, "");
    say_data(s, "data");
    receive(s, bytes, end_and(bytes, "250 plain again\r\n"));
    check_surplus(s, ""); /* nobody has found the end yet */
    check_reads(s, "data");
    check_surplus(s, "");
    check_status(read_status(s), ADIEU_END);
    check_surplus(s, "250 plain again\r\n");
    check_status(adieu_discard(s, NULL), ADIEU_END);
    assert_int_equal(adieu_ending(s).received, 4);
    assert_int_equal(adieu_ending(s).discarded, 0);
    check_surplus(s, "250 plain again\r\n");
    adieu_free(s);
}

static void look_at_surplus(void *context, const struct adieu_stream *s, enum adieu_news news,
                            const struct adieu_alert *alert)
{
    (void)alert;
    if (news == ADIEU_NEWS_RECEIVING) {
        check_surplus(s, "in two parts");
        ++*(unsigned *)context;
    }
}

/* Half of it in the stream's own buffer, half of it lent. */
static void who_is_told_of_the_end_sees_all_of_the_surplus(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    unsigned told = 0;
    uint8_t bytes[64];
    adieu_watch(s, look_at_surplus, &told);
    receive(s, bytes, end_and(bytes, "in two "));
    check_status(adieu_wire_lend(s, (const uint8_t *)"parts", 5), ADIEU_OK);
    check_status(read_status(s), ADIEU_END);
    assert_int_equal(told, 1);
    adieu_free(s);
}

static void an_end_with_nothing_behind_it_leaves_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    check_surplus(s, "");
    adieu_free(s);
}

static void behind_the_end_there_is_no_room(void **state)
{
    (void)state;
    uint8_t bytes[64], *place = NULL;
    for (int some = 0; some < 2; some++) {
        struct adieu_stream *s = established();
        receive(s, bytes, end_and(bytes, some ? "plain" : ""));
        check_status(read_status(s), ADIEU_END);
        assert_int_equal(adieu_wire_in(s, NULL), 0);
        assert_int_equal(adieu_wire_in(s, &place), 0);
        check_status(adieu_wire_lend(s, bytes, 1), ADIEU_MISUSE);
        adieu_wire_in_done(s, 1);
        check_surplus(s, some ? "plain" : "");
        adieu_free(s);
    }
}

/* Whoever reads after each byte takes exactly the end, and what follows stays in the transport. */
static void byte_by_byte_nothing_behind_the_end_is_taken(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t bytes[64];
    size_t size = end_and(bytes, "plain"), at = 0;
    while (at < size && adieu_wire_in(s, NULL) > 0) {
        receive(s, bytes + at++, 1);
        enum adieu_status status = read_status(s);
        check_that(status == ADIEU_WAIT || status == ADIEU_END, "%s", adieu_status_name(status));
    }
    assert_int_equal(size - at, strlen("plain"));
    check_surplus(s, "");
    adieu_free(s);
}

/* First so much is received, the rest is lent; the loan's memory is gone afterwards. */
static void check_split(size_t own, bool settle_first)
{
    struct adieu_stream *s = established();
    uint8_t bytes[64];
    size_t size = end_and(bytes, "some plaintext");
    uint8_t *lent = malloc(size - own);
    memcpy(lent, bytes + own, size - own);
    receive(s, bytes, own);
    check_status(adieu_wire_lend(s, lent, size - own), ADIEU_OK);
    if (settle_first)
        adieu_wire_settle(s);
    check_status(read_status(s), ADIEU_END);
    const uint8_t *before = NULL, *after = NULL;
    adieu_wire_surplus(s, &before);
    adieu_wire_settle(s);
    free(lent);
    adieu_wire_surplus(s, &after);
    assert_ptr_equal(before, after); /* it stays where it is */
    check_surplus(s, "some plaintext");
    adieu_free(s);
}

static void received_lent_or_both_it_is_one_range_that_stays(void **state)
{
    (void)state;
    for (size_t own = 0; own < 19; own++) {
        check_split(own, false);
        check_split(own, true);
    }
}

/* A transport may be writing into its place when somebody finds the end. */
static void a_place_that_was_out_before_the_end_adds_to_it(void **state)
{
    (void)state;
    for (int some = 0; some < 2; some++) {
        struct adieu_stream *s = established();
        uint8_t bytes[64], *place = NULL;
        receive(s, bytes, end_and(bytes, some ? "what was there, " : ""));
        assert_true(adieu_wire_in(s, &place) > 0);
        check_status(read_status(s), ADIEU_END);
        memcpy(place, "what came late", 14);
        adieu_wire_in_done(s, 14);
        check_surplus(s, some ? "what was there, what came late" : "what came late");
        adieu_free(s);

        s = established();
        say_tag(s, 'C');
        assert_true(adieu_wire_in(s, &place) > 0);
        check_status(read_status(s), ADIEU_END);
        adieu_wire_in_done(s, 0);
        check_surplus(s, "");
        adieu_free(s);
    }
}

static void all_that_fits_is_kept(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    size_t room = adieu_wire_in(s, NULL);
    uint8_t *bytes = malloc(room);
    memset(bytes, 'p', room);
    size_t end = fake_frame(bytes, 'C', "\1", 1);
    receive(s, bytes, room);
    free(bytes);
    check_status(read_status(s), ADIEU_END);
    const uint8_t *at = NULL;
    assert_int_equal(adieu_wire_surplus(s, &at), room - end);
    for (size_t i = 0; i < room - end; i++)
        assert_int_equal(at[i], 'p');
    adieu_free(s);
}

static void it_outlives_what_we_still_say(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t bytes[64];
    receive(s, bytes, end_and(bytes, "plain"));
    check_status(read_status(s), ADIEU_END);
    check_status(write_text(s, "more of ours"), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    assert_string_equal(flush(s), "DC");
    check_ends(s, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    adieu_abort(s, ADIEU_REASON_DEADLINE);
    check_surplus(s, "plain");
    adieu_free(s);
}

/* The engine asks for input when it writes in the middle of a message. It would make TLS of plaintext. */
static void the_engine_gets_none_of_it(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t bytes[64], byte;
    receive(s, bytes, end_and(bytes, "plain"));
    check_status(read_status(s), ADIEU_END);
    assert_int_equal(stream_take(s, &byte, 1), 0);
    check_surplus(s, "plain");
    adieu_free(s);
}

static void the_engine_rests_beside_it(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t bytes[64];
    receive(s, bytes, end_and(bytes, "plain"));
    check_status(read_status(s), ADIEU_END);
    unsigned before = fake_of(s)->rests;
    check_status(write_text(s, "ours"), ADIEU_OK);
    flush(s);
    assert_true(fake_of(s)->rests > before);
    adieu_free(s);
}

/* What the transport does behind surplus came after the peer's authentic end, and caused neither end. */
static void the_transports_end_behind_it_is_no_end_of_tls(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        struct adieu_stream *s = established();
        uint8_t bytes[64];
        check_status(adieu_shutdown(s), ADIEU_OK);
        assert_string_equal(flush(s), "C");
        receive(s, bytes, end_and(bytes, "plain"));
        if (reset)
            adieu_wire_reset(s, ECONNRESET);
        else
            adieu_wire_eof(s);
        check_status(read_status(s), ADIEU_END);
        check_surplus(s, "plain");
        check_ends(s, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
        assert_int_equal(adieu_ending(s).after, reset ? ADIEU_AFTER_RESET : ADIEU_AFTER_EOF);
        check_error(s, ADIEU_ERR_NONE);
        check_status(read_status(s), ADIEU_END);
        adieu_free(s);
    }
}

static void a_fatal_close_notify_ends_tls_too(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_number(s, 'C', 2);
    receive(s, "plain", 5);
    check_status(read_status(s), ADIEU_END);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_CLOSED);
    check_surplus(s, "plain");
    adieu_free(s);
}

static void alerted(struct adieu_stream *s)
{
    say_number(s, 'A', 40);
}

static void violated(struct adieu_stream *s)
{
    say_number(s, 'V', 20);
}

static void aborted(struct adieu_stream *s)
{
    adieu_abort(s, ADIEU_REASON_REQUEST);
}

static void other_ends_keep_nothing(void **state)
{
    (void)state;
    void (*const ends[])(struct adieu_stream * s) = {alerted, violated, aborted};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct adieu_stream *s = established();
        uint8_t *place = NULL;
        ends[i](s);
        if (ends[i] == aborted) {
            assert_int_equal(adieu_wire_in(s, &place), 0);
        } else {
            receive(s, "plain", 5);
            assert_true(adieu_wire_in(s, &place) > 0);
        }
        check_status(read_status(s), ADIEU_FAIL);
        adieu_wire_in_done(s, place ? 1 : 0);
        check_surplus(s, "");
        adieu_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_close_notify_is_given_back),
        cmocka_unit_test(who_is_told_of_the_end_sees_all_of_the_surplus),
        cmocka_unit_test(an_end_with_nothing_behind_it_leaves_nothing),
        cmocka_unit_test(behind_the_end_there_is_no_room),
        cmocka_unit_test(byte_by_byte_nothing_behind_the_end_is_taken),
        cmocka_unit_test(received_lent_or_both_it_is_one_range_that_stays),
        cmocka_unit_test(a_place_that_was_out_before_the_end_adds_to_it),
        cmocka_unit_test(all_that_fits_is_kept),
        cmocka_unit_test(it_outlives_what_we_still_say),
        cmocka_unit_test(the_engine_gets_none_of_it),
        cmocka_unit_test(the_engine_rests_beside_it),
        cmocka_unit_test(the_transports_end_behind_it_is_no_end_of_tls),
        cmocka_unit_test(a_fatal_close_notify_ends_tls_too),
        cmocka_unit_test(other_ends_keep_nothing),
    };
    return cmocka_run_group_tests_name("surplus", tests, NULL, NULL);
}
