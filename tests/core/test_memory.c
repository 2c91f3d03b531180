/* SPDX-License-Identifier: MIT */
/* What a stream holds while it is idle, and what becomes of it when memory cannot be had. */
#include "scripted.h"

#include <errno.h>
#include <string.h>

#include "counting.h"

/* ------------------------------------------------ idle */

/* A config may keep a few blocks for all its streams together. */
enum { STREAMS = 32, MOST_OF_AN_IDLE_STREAM = 2048, MOST_OF_A_CONFIG = 512 << 10 };

static void make_idle(struct adieu_stream **streams, struct adieu_config *config)
{
    for (int i = 0; i < STREAMS; i++) {
        streams[i] = adieu_client(config, "peer.example");
        assert_non_null(streams[i]);
        establish(streams[i]);
    }
}

static void work(struct adieu_stream *s)
{
    write_much(s, 100000);
    flush(s);
    static const uint8_t zeros[FAKE_PAYLOAD];
    for (int i = 0; i < 5; i++)
        say(s, 'D', zeros, sizeof zeros);
    size_t total = 0;
    check_status(read_out(s, &total), ADIEU_WAIT);
    assert_int_equal(total, 5 * sizeof zeros);
}

/* The config keeps a few blocks for all its streams; what a stream itself holds is what one more of them costs. */
static void an_idle_stream_holds_no_buffers(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    struct adieu_stream *warm = adieu_client(config, "peer.example"), *streams[STREAMS];
    establish(warm);
    work(warm);
    size_t before = counting_bytes();
    make_idle(streams, config);
    for (int round = 0; round < 2; round++) {
        size_t each = (counting_bytes() - before) / STREAMS;
        check_that(each <= sizeof(struct engine) + MOST_OF_AN_IDLE_STREAM,
                   "an idle stream holds %zu bytes, %zu are the engine's", each, sizeof(struct engine));
        for (int i = 0; i < STREAMS; i++)
            work(streams[i]);
    }
    for (int i = 0; i < STREAMS; i++)
        adieu_free(streams[i]);
    adieu_free(warm);
    adieu_config_free(config);
}

static unsigned rests(const struct adieu_stream *s)
{
    return fake_of(s)->rests;
}

static void the_engine_rests_when_nothing_waits_in_either_direction(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    size_t total = 0;
    unsigned before = rests(s);
    write_much(s, 1000);
    check_status(read_out(s, &total), ADIEU_WAIT);
    assert_int_equal(rests(s), before); /* something of ours waits */
    flush(s);
    assert_true(rests(s) > before);
    before = rests(s);
    say(s, 'D', "x", 1);
    write_much(s, 1000);
    flush(s);
    assert_int_equal(rests(s), before); /* something of the peer's waits */
    check_status(read_out(s, &total), ADIEU_WAIT);
    assert_true(rests(s) > before);
    adieu_free(s);
}

static void asking_what_is_ready_takes_no_memory(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    counting_fail(SIZE_MAX, false);
    for (int i = 0; i < 100; i++) {
        assert_true(adieu_wire_in(s, NULL) > 0);
        assert_int_equal(adieu_wire_out(s, NULL), 0);
        check_status(read_status(s), ADIEU_WAIT);
        adieu_ending(s);
        adieu_wire_last(s);
    }
    assert_int_equal(counting_asked(), 0);
    adieu_free(s);
}

static void an_ended_stream_holds_no_buffers(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    struct adieu_stream *warm = adieu_client(config, "peer.example"), *streams[STREAMS];
    establish(warm);
    work(warm);
    make_idle(streams, config);
    size_t before = counting_bytes();
    for (int i = 0; i < STREAMS; i++) {
        write_much(streams[i], 100000);
        say_data(streams[i], "unread");
        adieu_abort(streams[i], ADIEU_REASON_REQUEST);
    }
    assert_true(counting_bytes() <= before + MOST_OF_A_CONFIG);
    for (int i = 0; i < STREAMS; i++)
        adieu_free(streams[i]);
    adieu_free(warm);
    adieu_config_free(config);
}

static void nothing_leaks_whatever_the_ending(void **state)
{
    (void)state;
    const char tags[] = {'C', 'A', 'V', 'F', '?', 'T'};
    for (size_t i = 0; i < sizeof tags; i++) {
        for (int how = 0; how < 4; how++) {
            size_t before = counting_blocks();
            struct adieu_stream *s = established();
            write_much(s, 30000);
            if (how == 1)
                check_status(adieu_shutdown(s), ADIEU_OK);
            say_data(s, "half read");
            say_number(s, tags[i], 48);
            check_reads(s, "half");
            if (how == 2)
                adieu_wire_reset(s, ECONNRESET);
            size_t total = 0;
            if (how != 3)
                read_out(s, &total);
            adieu_free(s);
            assert_int_equal(counting_blocks(), before);
        }
    }
}

/* ------------------------------------------------ the nth allocation fails */

/* The transport hands over as much as it is given a place for; what it is not given a place for is lost with the stream. */
static bool feed(struct adieu_stream *s, const uint8_t *bytes, size_t size)
{
    for (size_t n; size > 0; bytes += n, size -= n) {
        uint8_t *at = NULL;
        size_t room = adieu_wire_in(s, &at);
        if (!room)
            return false;
        n = room < size ? room : size;
        memcpy(at, bytes, n);
        adieu_wire_in_done(s, n);
    }
    return true;
}

static void lend(struct adieu_stream *s, char tag, const void *payload, size_t size)
{
    static uint8_t frame[FAKE_OVERHEAD + FAKE_PAYLOAD];
    size_t n = fake_frame(frame, tag, payload, size);
    if (adieu_wire_in(s, NULL) >= n && adieu_wire_lend(s, frame, n) == ADIEU_OK) {
        read_status(s);
        adieu_wire_settle(s);
    }
}

/* One of everything; goes on whatever fails. */
static void converse(struct adieu_stream *s)
{
    static uint8_t bytes[4 * (FAKE_OVERHEAD + FAKE_PAYLOAD)], zeros[FAKE_PAYLOAD];
    size_t total = 0, n = fake_frame(bytes, 'H', "peer", 4);
    (void)!adieu_handshake(s);
    feed(s, bytes, n);
    (void)!adieu_handshake(s);
    write_much(s, 70000);
    n = fake_frame(bytes, 'D', zeros, sizeof zeros);
    n += fake_frame(bytes + n, 'K', NULL, 0);
    n += fake_frame(bytes + n, 'D', zeros, 100);
    feed(s, bytes, n);
    read_out(s, &total);
    lend(s, 'D', zeros, sizeof zeros);
    (void)!adieu_discard(s, NULL);
    flush(s);
    feed(s, bytes, fake_frame(bytes, 'K', NULL, 0));
    read_out(s, &total);
    write_much(s, 10);
    (void)!adieu_shutdown(s);
    feed(s, bytes, fake_frame(bytes, 'C', "\1", 1));
    read_out(s, &total);
    flush(s);
}

/* What a lack of memory may look like: an honest fault, never an end that did not come. */
static void check_honest(struct adieu_stream *s, size_t nth)
{
    struct adieu_ending ending = adieu_ending(s);
    if (ending.error == ADIEU_ERR_NONE) { /* it could be done without */
        check_ends(s, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
        return;
    }
    check_that(ending.error == ADIEU_ERR_MEMORY, "allocation %zu: told as %s", nth,
               adieu_error_code_name(ending.error));
    assert_int_equal(ending.reason, ADIEU_REASON_FAULT);
    assert_true(ending.sending == ADIEU_SENDING_ABORTED || ending.receiving == ADIEU_RECEIVING_ABANDONED);
    assert_true(ending.decided);
    assert_int_not_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
    check_stable(s);
}

/* Returns whether an allocation failed. */
static bool converse_without(size_t nth, bool for_ever)
{
    size_t before = counting_blocks();
    counting_fail(nth, for_ever);
    struct adieu_config *config = adieu_config_new();
    struct adieu_stream *s = config ? adieu_client(config, "peer.example") : NULL;
    if (s)
        converse(s);
    bool failed = counting_failed();
    counting_relent();
    if (s)
        check_honest(s, nth);
    assert_true(s || failed);
    adieu_free(s);
    adieu_config_free(config);
    assert_int_equal(counting_blocks(), before);
    return failed;
}

static void when_an_allocation_fails_it_is_a_fault_and_nothing_leaks(void **state)
{
    (void)state;
    size_t nth = 0;
    while (converse_without(nth, false))
        nth++;
    assert_in_range(nth, 5, 1000); /* the conversation does allocate */
}

static void when_memory_is_gone_for_good_it_is_a_fault_and_nothing_leaks(void **state)
{
    (void)state;
    for (size_t nth = 0; converse_without(nth, true); nth++)
        assert_in_range(nth, 0, 1000);
}

/* Idle streams, of which all but the first use up what their config keeps. */
static struct adieu_config *with_nothing_kept(struct adieu_stream **streams)
{
    struct adieu_config *config = adieu_config_new();
    make_idle(streams, config);
    for (int i = 1; i < STREAMS; i++)
        check_status(write_text(streams[i], "x"), ADIEU_OK);
    return config;
}

static void part(struct adieu_stream **streams, struct adieu_config *config)
{
    for (int i = 0; i < STREAMS; i++)
        adieu_free(streams[i]);
    adieu_config_free(config);
}

/* Real engines forget to say that their answer found no memory; what would follow it could not be understood. */
static void an_answer_that_finds_no_memory_is_a_fault(void **state)
{
    (void)state;
    struct adieu_stream *streams[STREAMS];
    struct adieu_config *config = with_nothing_kept(streams);
    uint8_t frame[FAKE_OVERHEAD];
    check_status(adieu_wire_lend(streams[0], frame, fake_frame(frame, 'K', NULL, 0)), ADIEU_OK);
    counting_fail(0, true);
    check_status(read_status(streams[0]), ADIEU_FAIL);
    counting_relent();
    assert_true(counting_failed());
    assert_int_equal(fake_of(streams[0])->key_updates, 1);
    check_error(streams[0], ADIEU_ERR_MEMORY);
    check_ends(streams[0], ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    part(streams, config);
}

/* What was lent behind the end cannot be kept. The peer's end stands, since it was authentic; ours does not look like one. */
static void surplus_that_finds_no_memory_is_a_fault_behind_the_end(void **state)
{
    (void)state;
    struct adieu_stream *streams[STREAMS];
    struct adieu_config *config = with_nothing_kept(streams);
    uint8_t bytes[FAKE_OVERHEAD + 1 + 5];
    size_t end = fake_frame(bytes, 'C', "\1", 1);
    memcpy(bytes + end, "plain", 5);
    check_status(adieu_wire_lend(streams[0], bytes, sizeof bytes), ADIEU_OK);
    counting_fail(0, true);
    check_status(read_status(streams[0]), ADIEU_END);
    adieu_wire_settle(streams[0]);
    counting_relent();
    assert_true(counting_failed());
    check_error(streams[0], ADIEU_ERR_MEMORY);
    check_ends(streams[0], ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_CLOSED);
    assert_int_equal(adieu_wire_surplus(streams[0], NULL), 0);
    part(streams, config);
}

static void a_key_update_that_finds_no_memory_is_a_fault(void **state)
{
    (void)state;
    struct adieu_stream *streams[STREAMS];
    struct adieu_config *config = with_nothing_kept(streams);
    counting_fail(0, true);
    check_status(adieu_key_update(streams[0], false), ADIEU_FAIL);
    counting_relent();
    check_error(streams[0], ADIEU_ERR_MEMORY);
    check_ends(streams[0], ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    part(streams, config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_stream_holds_no_buffers),
        cmocka_unit_test(the_engine_rests_when_nothing_waits_in_either_direction),
        cmocka_unit_test(asking_what_is_ready_takes_no_memory),
        cmocka_unit_test(an_ended_stream_holds_no_buffers),
        cmocka_unit_test(nothing_leaks_whatever_the_ending),
        cmocka_unit_test(when_an_allocation_fails_it_is_a_fault_and_nothing_leaks),
        cmocka_unit_test(an_answer_that_finds_no_memory_is_a_fault),
        cmocka_unit_test(surplus_that_finds_no_memory_is_a_fault_behind_the_end),
        cmocka_unit_test(a_key_update_that_finds_no_memory_is_a_fault),
        cmocka_unit_test(when_memory_is_gone_for_good_it_is_a_fault_and_nothing_leaks),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
