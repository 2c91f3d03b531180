/* SPDX-License-Identifier: MIT */
/* What a transport may have besides: records handed over as they are sealed, and a say in when the engine rests. */
#include "scripted.h"

#include <string.h>

#include "stream.h"

/* ------------------------------------------------ handed over at once */

static struct {
    unsigned calls;
    size_t size;   /* of the last */
    size_t taking; /* so many of each */
    void *context;
} direct;

static size_t take_directly(void *context, const uint8_t *bytes, size_t size)
{
    (void)bytes;
    direct.calls++;
    direct.size = size;
    direct.context = context;
    return direct.taking;
}

static struct adieu_stream *with_direct(size_t taking)
{
    struct adieu_stream *s = established();
    memset(&direct, 0, sizeof direct);
    direct.taking = taking;
    adieu_wire_direct(s, take_directly, &direct);
    adieu_wire_acknowledged(s, UINT64_MAX);
    return s;
}

static void a_record_alone_is_handed_over_at_once_and_counts(void **state)
{
    (void)state;
    struct adieu_stream *s = with_direct(5 + FAKE_OVERHEAD);
    uint64_t before = s->output.left;
    check_status(write_text(s, "hello"), ADIEU_OK);
    assert_int_equal(direct.calls, 1);
    assert_int_equal(direct.size, 5 + FAKE_OVERHEAD);
    assert_ptr_equal(direct.context, &direct);
    assert_int_equal(adieu_wire_out(s, NULL), 0);
    assert_int_equal(adieu_ending(s).taken, 5);
    assert_int_equal(adieu_ending(s).sent, 5);
    assert_int_equal(s->output.left, before + 5 + FAKE_OVERHEAD);
    adieu_wire_acknowledged(s, before + 4 + FAKE_OVERHEAD);
    assert_int_equal(adieu_ending(s).acknowledged, 0);
    adieu_wire_acknowledged(s, before + 5 + FAKE_OVERHEAD);
    assert_int_equal(adieu_ending(s).acknowledged, 5);
    adieu_free(s);
}

static void what_is_not_taken_at_once_is_queued_in_order(void **state)
{
    (void)state;
    for (size_t taking = 0; taking < 5 + FAKE_OVERHEAD; taking++) {
        struct adieu_stream *s = with_direct(taking);
        uint8_t whole[5 + FAKE_OVERHEAD];
        const uint8_t *at = NULL;
        uint64_t before = s->output.put;
        fake_frame(whole, 'D', "hello", 5);
        check_status(write_text(s, "hello"), ADIEU_OK);
        assert_int_equal(adieu_wire_out(s, &at), sizeof whole - taking);
        assert_memory_equal(at, whole + taking, sizeof whole - taking);
        assert_int_equal(adieu_ending(s).sent, 0);
        assert_int_equal(s->output.put, before + sizeof whole);
        adieu_wire_out_done(s, sizeof whole - taking);
        assert_int_equal(adieu_ending(s).sent, 5);
        adieu_free(s);
    }
}

static void no_more_is_taken_than_was_there(void **state)
{
    (void)state;
    struct adieu_stream *s = with_direct(1000);
    uint64_t before = s->output.left;
    check_status(write_text(s, "hello"), ADIEU_OK);
    assert_int_equal(s->output.put, before + 5 + FAKE_OVERHEAD);
    assert_int_equal(s->output.left, before + 5 + FAKE_OVERHEAD);
    assert_int_equal(adieu_wire_out(s, NULL), 0);
    adieu_free(s);
}

static void nothing_overtakes_what_waits(void **state)
{
    (void)state;
    struct adieu_stream *s = with_direct(0);
    check_status(write_text(s, "waits"), ADIEU_OK);
    direct.taking = 100;
    check_status(write_text(s, "behind"), ADIEU_OK);
    assert_int_equal(direct.calls, 1);
    assert_string_equal(flush(s), "DD");
    adieu_free(s);
}

static void several_records_are_put_together(void **state)
{
    (void)state;
    struct adieu_stream *s = with_direct(100000);
    assert_int_equal(write_much(s, 2 * FAKE_PAYLOAD), 2 * FAKE_PAYLOAD);
    assert_int_equal(direct.calls, 0);
    assert_string_equal(flush(s), "DD");
    assert_int_equal(write_much(s, FAKE_PAYLOAD), FAKE_PAYLOAD);
    assert_int_equal(direct.calls, 1);
    adieu_free(s);
}

/* Inside a write only: elsewhere the transport does not expect it. */
static void what_no_write_seals_is_queued(void **state)
{
    (void)state;
    struct adieu_stream *s = with_direct(100);
    check_status(adieu_key_update(s, false), ADIEU_OK);
    assert_string_equal(flush(s), "U");
    check_status(write_text(s, "hello"), ADIEU_OK);
    assert_int_equal(direct.calls, 1);
    say_tag(s, 'K');
    check_status(read_status(s), ADIEU_WAIT);
    check_status(adieu_shutdown(s), ADIEU_OK);
    assert_int_equal(direct.calls, 1);
    assert_string_equal(flush(s), "kC");
    check_sending(s, ADIEU_SENDING_CLOSED);
    adieu_free(s);
}

static void taken_back_it_is_not_called(void **state)
{
    (void)state;
    struct adieu_stream *s = with_direct(100);
    adieu_wire_direct(s, NULL, NULL);
    check_status(write_text(s, "hello"), ADIEU_OK);
    assert_int_equal(direct.calls, 0);
    assert_string_equal(flush(s), "D");
    adieu_free(s);
}

/* What a write did not get in is expected no more. */
static void nothing_is_expected_behind_a_write(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh_with_queue(false, 2);
    establish(s);
    assert_in_range(write_much(s, 60000), FAKE_PAYLOAD, 59999);
    assert_int_equal(s->expected, 0);
    adieu_free(s);
}

/* ------------------------------------------------ when the engine rests */

static unsigned rests(const struct adieu_stream *s)
{
    return fake_of(s)->rests;
}

static struct adieu_stream *that_keeps(void)
{
    struct adieu_stream *s = established();
    adieu_wire_keep(s);
    fake_of(s)->rests = 0;
    return s;
}

static void a_stream_that_keeps_rests_when_it_is_told_to(void **state)
{
    (void)state;
    struct adieu_stream *s = that_keeps();
    say_data(s, "x");
    check_reads(s, "x");
    check_status(read_status(s), ADIEU_WAIT);
    check_status(write_text(s, "x"), ADIEU_OK);
    flush(s);
    assert_int_equal(rests(s), 0);
    adieu_wire_rest(s);
    assert_int_equal(rests(s), 1);
    flush(s);
    check_status(write_text(s, "x"), ADIEU_OK);
    flush(s);
    say_tag(s, 'T');
    check_status(read_status(s), ADIEU_WAIT);
    assert_int_equal(rests(s), 1); /* told once is told once */
    adieu_free(s);
}

static void told_while_output_waits_it_rests_behind_it(void **state)
{
    (void)state;
    struct adieu_stream *s = that_keeps();
    check_status(write_text(s, "x"), ADIEU_OK);
    adieu_wire_rest(s);
    assert_int_equal(rests(s), 0);
    flush(s);
    assert_int_equal(rests(s), 1);
    check_status(write_text(s, "x"), ADIEU_OK);
    flush(s);
    assert_int_equal(rests(s), 1);
    adieu_free(s);
}

static void told_while_input_waits_it_rests_behind_it(void **state)
{
    (void)state;
    struct adieu_stream *s = that_keeps();
    say_data(s, "abc");
    adieu_wire_rest(s);
    assert_int_equal(rests(s), 0);
    char c;
    size_t got;
    check_status(adieu_read(s, &c, 1, &got), ADIEU_OK);
    assert_int_equal(rests(s), 0); /* the engine holds the rest */
    check_reads(s, "bc");
    assert_int_equal(rests(s), 1);
    adieu_free(s);
}

/* The engine holds a part of a record: it may rest only behind the other. */
static void told_while_the_engine_holds_something_it_rests_again(void **state)
{
    (void)state;
    struct adieu_stream *s = that_keeps();
    receive(s, "D\0\1", 3);
    check_status(read_status(s), ADIEU_WAIT);
    adieu_wire_rest(s);
    assert_int_equal(rests(s), 1);
    receive(s, "x.", 2);
    check_reads(s, "x");
    assert_int_equal(rests(s), 2);
    adieu_free(s);
}

static void without_keep_a_stream_owes_no_rest(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(write_text(s, "x"), ADIEU_OK);
    adieu_wire_rest(s);
    assert_false(s->rest_due);
    adieu_free(s);
}

static void rest_now(void *context, const struct adieu_stream *s, enum adieu_news news, const struct adieu_alert *alert)
{
    (void)news, (void)alert;
    adieu_wire_rest(context);
    *(unsigned *)&fake_of(s)->asked = rests(s) + 100;
}

/* Its buffers are in use below. */
static void inside_a_callback_the_engine_does_not_rest(void **state)
{
    (void)state;
    struct adieu_stream *s = that_keeps();
    adieu_watch(s, rest_now, s);
    say_tag(s, 'W');
    check_status(read_status(s), ADIEU_WAIT);
    assert_int_equal(fake_of(s)->asked, 100);
    adieu_free(s);
}

/* Nobody says that nothing follows what was just read. */
static void without_keep_the_engine_rests_at_a_wait(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(read_status(s), ADIEU_WAIT);
    unsigned before = rests(s);
    say_data(s, "x");
    check_reads(s, "x");
    assert_int_equal(rests(s), before);
    check_status(read_status(s), ADIEU_WAIT);
    assert_int_equal(rests(s), before + 1);
    adieu_free(s);
}

/* ------------------------------------------------ what is known is not asked */

static void a_stream_is_readable_while_a_read_may_say_something(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    assert_true(adieu_readable(s)); /* something may have come with the handshake */
    check_status(read_status(s), ADIEU_WAIT);
    assert_false(adieu_readable(s));
    say_data(s, "x");
    assert_true(adieu_readable(s));
    check_status(adieu_read(s, NULL, 0, &(size_t){0}), ADIEU_OK);
    assert_true(adieu_readable(s));
    check_reads(s, "x");
    assert_false(adieu_readable(s));
    adieu_abort(s, ADIEU_REASON_REQUEST);
    assert_true(adieu_readable(s));
    adieu_free(s);
}

static void a_stream_that_is_dry_does_not_ask_the_engine(void **state)
{
    (void)state;
    for (int keeps = 0; keeps < 2; keeps++) {
        struct adieu_stream *s = keeps ? that_keeps() : established();
        say_data(s, "x");
        check_reads(s, "x");
        unsigned before = fake_of(s)->asked;
        for (int i = 0; i < 3; i++)
            check_status(read_status(s), ADIEU_WAIT);
        assert_int_equal(fake_of(s)->asked, before);
        say_data(s, "y");
        check_reads(s, "y");
        assert_int_equal(fake_of(s)->asked, before + 1);
        adieu_free(s);
    }
}

/* The end came while there was still something to be read. */
static void a_stream_that_keeps_finds_the_transports_end_behind_its_data(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        struct adieu_stream *s = that_keeps();
        say_data(s, "last");
        if (reset)
            adieu_wire_reset(s, 104);
        else
            adieu_wire_eof(s);
        check_reads(s, "last");
        assert_true(adieu_readable(s));
        check_status(read_status(s), ADIEU_FAIL);
        check_receiving(s, reset ? ADIEU_RECEIVING_RESET : ADIEU_RECEIVING_TRUNCATED);
        adieu_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_alone_is_handed_over_at_once_and_counts),
        cmocka_unit_test(what_is_not_taken_at_once_is_queued_in_order),
        cmocka_unit_test(no_more_is_taken_than_was_there),
        cmocka_unit_test(nothing_overtakes_what_waits),
        cmocka_unit_test(several_records_are_put_together),
        cmocka_unit_test(what_no_write_seals_is_queued),
        cmocka_unit_test(taken_back_it_is_not_called),
        cmocka_unit_test(nothing_is_expected_behind_a_write),
        cmocka_unit_test(a_stream_that_keeps_rests_when_it_is_told_to),
        cmocka_unit_test(told_while_output_waits_it_rests_behind_it),
        cmocka_unit_test(told_while_input_waits_it_rests_behind_it),
        cmocka_unit_test(told_while_the_engine_holds_something_it_rests_again),
        cmocka_unit_test(without_keep_a_stream_owes_no_rest),
        cmocka_unit_test(inside_a_callback_the_engine_does_not_rest),
        cmocka_unit_test(without_keep_the_engine_rests_at_a_wait),
        cmocka_unit_test(a_stream_is_readable_while_a_read_may_say_something),
        cmocka_unit_test(a_stream_that_is_dry_does_not_ask_the_engine),
        cmocka_unit_test(a_stream_that_keeps_finds_the_transports_end_behind_its_data),
    };
    return cmocka_run_group_tests_name("direct", tests, NULL, NULL);
}
