/* SPDX-License-Identifier: MIT */
/* Values outside their ranges, calls that find nothing to do, and blocks larger than any record: seen from inside where need be. */
#include "scripted.h"

#include <string.h>

#include "counting.h"
#include "ending.h"
#include "queue.h"
#include "stream.h"

/* ------------------------------------------------ values */

static void a_value_outside_its_range_is_worth_nothing(void **state)
{
    (void)state;
    struct adieu_ending ending = {.sending = (enum adieu_sending)77, .receiving = ADIEU_RECEIVING_CLOSED};
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_OTHER);
    ending.sending = ADIEU_SENDING_CLOSED;
    ending.receiving = (enum adieu_receiving)77;
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_OTHER);
    assert_int_equal(ending_last(&(struct adieu_ending){.sending = (enum adieu_sending)77}), ADIEU_LAST_RESET);
}

/* Only what ends a stream explains an ending. */
static void a_configs_error_has_no_rank(void **state)
{
    (void)state;
    for (int code = ADIEU_ERR_ALERTED; code <= ADIEU_ERR_ENGINE; code++)
        assert_in_range(error_rank((enum adieu_error_code)code), 1, 20);
    for (int code = ADIEU_ERR_FROZEN; code <= ADIEU_ERR_SOCKET; code++) {
        bool at_handshake = code >= ADIEU_ERR_NO_IDENTITY && code <= ADIEU_ERR_BAD_NAME;
        assert_true(at_handshake || error_rank((enum adieu_error_code)code) == 0);
    }
    assert_int_equal(error_rank((enum adieu_error_code)777), 0);
}

static void an_abort_for_no_reason_is_a_request(void **state)
{
    (void)state;
    static const int reasons[] = {ADIEU_REASON_NONE, ADIEU_REASON_FAULT, 77};
    for (int i = 0; i < 3; i++) {
        struct adieu_stream *s = established();
        adieu_abort(s, (enum adieu_reason)reasons[i]);
        check_error(s, ADIEU_ERR_ABORTED);
        struct adieu_ending ending = adieu_ending(s);
        assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_OTHER);
        assert_true(i == 2 || ending.reason == ADIEU_REASON_REQUEST);
        adieu_free(s);
    }
}

static void a_text_of_no_size_is_not_written(void **state)
{
    (void)state;
    struct adieu_ending ending = {.sending = ADIEU_SENDING_CLOSED};
    char text[] = "untouched";
    assert_ptr_equal(adieu_ending_text(&ending, text, 0), text);
    assert_string_equal(text, "untouched");
}

enum engine_verdict __real_engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error);
enum engine_verdict __wrap_engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error);
static bool raves;

/* The linker sends the core's calls here. */
enum engine_verdict __wrap_engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error)
{
    return raves ? (enum engine_verdict)77 : __real_engine_write(engine, buf, size, error);
}

static void a_verdict_that_is_none_is_no_success(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    raves = true;
    check_status(write_text(s, "x"), ADIEU_FAIL);
    raves = false;
    assert_int_equal(adieu_ending(s).taken, 0);
    adieu_free(s);
}

/* ------------------------------------------------ an end inside a record */

static void an_end_inside_a_record_is_told_so(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    receive(s, "D\0\7abc", 6);
    check_status(read_status(s), ADIEU_WAIT);
    adieu_wire_eof(s);
    check_status(read_status(s), ADIEU_FAIL);
    check_receiving(s, ADIEU_RECEIVING_TRUNCATED);
    assert_true(adieu_ending(s).inside_record);
    assert_non_null(strstr(adieu_error(s)->text, ": inside a record, after 0 bytes received"));
    adieu_free(s);
}

static void an_end_between_records_is_not_told_as_inside_one(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "abc");
    check_reads(s, "abc");
    adieu_wire_eof(s);
    check_status(read_status(s), ADIEU_FAIL);
    assert_false(adieu_ending(s).inside_record);
    assert_non_null(strstr(adieu_error(s)->text, ": after 3 bytes received"));
    adieu_free(s);
}

/* ------------------------------------------------ calls that find nothing to do */

static void what_was_not_shown_cannot_be_taken(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    adieu_wire_out_done(s, 5);
    check_status(write_text(s, "x"), ADIEU_OK);
    adieu_wire_out_done(s, 5); /* nobody was shown where */
    assert_int_equal(adieu_ending(s).sent, 0);
    assert_string_equal(flush(s), "D");
    assert_int_equal(adieu_ending(s).sent, 1);
    adieu_free(s);
}

static void while_a_range_is_lent_there_is_room_but_no_place(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t frame[20], *at = NULL;
    size_t size = fake_frame(frame, 'D', "abc", 3);
    check_status(adieu_wire_lend(s, frame, size), ADIEU_OK);
    assert_true(adieu_wire_in(s, NULL) > 0);
    assert_int_equal(adieu_wire_in(s, &at), 0);
    assert_null(at);
    check_reads(s, "abc");
    adieu_wire_settle(s);
    adieu_free(s);
}

static void a_place_that_is_out_is_shown_again(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    uint8_t *at = NULL, *again = NULL;
    size_t room = adieu_wire_in(s, &at);
    counting_fail(0, true); /* and takes no memory */
    assert_int_equal(adieu_wire_in(s, &again), room);
    counting_relent();
    assert_ptr_equal(again, at);
    adieu_wire_in_done(s, 0);
    adieu_free(s);
}

/* The engine puts nothing; a stream takes it for put. */
static void nothing_is_put_at_once(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    counting_fail(0, true);
    assert_true(stream_put(s, "", 0));
    counting_relent();
    assert_int_equal(adieu_wire_out(s, NULL), 0);
    adieu_free(s);
}

/* ------------------------------------------------ memory */

static void a_loan_that_finds_no_memory_is_a_fault(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    struct adieu_stream *s = adieu_client(config, "peer.example");
    establish(s);
    pool_clear(config_pool(config));
    check_status(adieu_wire_lend(s, (const uint8_t *)"D\0", 2), ADIEU_OK);
    counting_fail(0, true);
    adieu_wire_settle(s);
    counting_relent();
    assert_true(counting_failed());
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    check_error(s, ADIEU_ERR_MEMORY);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_FAULT);
    check_stable(s);
    adieu_free(s);
    adieu_config_free(config);
}

/* The reason of an abort stays its reason, whatever fails behind it. */
static void a_fault_behind_an_abort_changes_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    adieu_abort(s, ADIEU_REASON_DEADLINE);
    stream_fault_memory(s);
    assert_int_equal(adieu_ending(s).reason, ADIEU_REASON_DEADLINE);
    check_error(s, ADIEU_ERR_DEADLINE);
    adieu_free(s);
}

/* ------------------------------------------------ queues and blocks */

enum { HUGE = 5 * 40000 };

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 >> 3);
}

static void check_holds(struct queue *queue, struct pool *pool, size_t size)
{
    const uint8_t *at = NULL;
    size_t have = 0;
    for (size_t n; (n = queue_show(queue, &at)) > 0; have += n) {
        for (size_t i = 0; i < n; i++)
            assert_int_equal(at[i], pattern(have + i));
        queue_done(queue, pool, n);
    }
    assert_int_equal(have, size);
    assert_int_equal(queue->length, 0);
    assert_int_equal(queue->left, size);
}

/* No engine seals such a record; the queue does not depend on that. */
static void a_put_larger_than_any_block_is_kept_whole(void **state)
{
    (void)state;
    static uint8_t bytes[HUGE];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(i);
    for (size_t first = 0; first < 200; first += 100) {
        static struct pool pool;
        struct queue queue = {.head = NULL};
        size_t before = counting_blocks();
        if (first)
            assert_true(queue_put(&queue, &pool, bytes, first, 0));
        assert_true(queue_put(&queue, &pool, bytes + first, sizeof bytes - first, 0));
        check_holds(&queue, &pool, sizeof bytes);
        pool_clear(&pool);
        assert_int_equal(counting_blocks(), before);
    }
}

/* The transport reads from it until it says so, however often the rest is dropped. */
static void the_range_that_is_out_outlives_every_drop(void **state)
{
    (void)state;
    static struct pool pool;
    struct queue queue = {.head = NULL};
    const uint8_t *at = NULL;
    size_t before = counting_blocks();
    assert_true(queue_put(&queue, &pool, "shown", 5, 0));
    assert_int_equal(queue_show(&queue, &at), 5);
    queue_drop(&queue, &pool);
    queue_drop(&queue, &pool);
    assert_true(queue_put(&queue, &pool, "later", 5, 0));
    queue_drop(&queue, &pool);
    assert_memory_equal(at, "shown", 5);
    assert_int_equal(queue_show(&queue, NULL), 0);
    queue_done(&queue, &pool, 5);
    assert_int_equal(queue.left, 5);
    pool_clear(&pool);
    assert_int_equal(counting_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_outside_its_range_is_worth_nothing),
        cmocka_unit_test(a_configs_error_has_no_rank),
        cmocka_unit_test(an_abort_for_no_reason_is_a_request),
        cmocka_unit_test(a_text_of_no_size_is_not_written),
        cmocka_unit_test(a_verdict_that_is_none_is_no_success),
        cmocka_unit_test(an_end_inside_a_record_is_told_so),
        cmocka_unit_test(an_end_between_records_is_not_told_as_inside_one),
        cmocka_unit_test(what_was_not_shown_cannot_be_taken),
        cmocka_unit_test(while_a_range_is_lent_there_is_room_but_no_place),
        cmocka_unit_test(a_place_that_is_out_is_shown_again),
        cmocka_unit_test(nothing_is_put_at_once),
        cmocka_unit_test(a_loan_that_finds_no_memory_is_a_fault),
        cmocka_unit_test(a_fault_behind_an_abort_changes_nothing),
        cmocka_unit_test(a_put_larger_than_any_block_is_kept_whole),
        cmocka_unit_test(the_range_that_is_out_outlives_every_drop),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
