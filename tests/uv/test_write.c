/* SPDX-License-Identifier: MIT */
/* Writing: arrays of buffers, counts, order, and back-pressure. */
#include "talk.h"

/* ------------------------------------------------ arrays */

enum { MANY = 100 };

/* That many buffers of these sizes in turn, from there on in the pattern. */
static size_t cut_up(uv_buf_t bufs[MANY], unsigned count, const size_t sizes[3], size_t from)
{
    size_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t size = sizes[i % 3];
        bufs[i] = size ? pattern_buf(from + total, size) : uv_buf_init(NULL, 0);
        total += size;
    }
    return total;
}

static void write_arrays(struct talk *talk, const size_t sizes[3])
{
    static const unsigned counts[] = {1, 4, 5, MANY, 0};
    enum { WRITES = sizeof counts / sizeof counts[0] };
    struct waiter waiters[WRITES] = {{.done = false}};
    size_t expected[WRITES], total = 0;
    struct ear ear;
    hear(talk->peer, &ear);
    for (int i = 0; i < WRITES; i++) {
        uv_buf_t bufs[MANY];
        expected[i] = cut_up(bufs, counts[i], sizes, total);
        assert_code(adieu_uv_write(&waiters[i].request, talk->us, counts[i] ? bufs : NULL, counts[i], waiter_done), 0);
        total += expected[i];
        memset(bufs, 0xff, sizeof bufs); /* the array is copied */
        assert_int_equal(adieu_uv_write_queue_size(talk->us), total);
    }
    for (int i = 0; i < WRITES; i++) {
        ends_with(&waiters[i], 0);
        assert_int_equal(waiters[i].request.taken, expected[i]);
        assert_int_equal(waiters[i].request.sent, expected[i]);
    }
    run_until_that(ear.got == total);
    assert_true(ear.intact);
    assert_int_equal(adieu_uv_write_queue_size(talk->us), 0);
    assert_int_equal(adieu_uv_ending(talk->us).taken, total);
}

static void arrays_of_small_ones(struct talk *talk)
{
    write_arrays(talk, (const size_t[]){1, 0, 300});
}

static void arrays_of_large_ones(struct talk *talk)
{
    write_arrays(talk, (const size_t[]){16384, 40001, 0});
}

static void arrays_of_empty_ones(struct talk *talk)
{
    write_arrays(talk, (const size_t[]){0, 0, 0});
}

static void any_array_of_buffers_arrives_in_order(void **state)
{
    (void)state;
    each_talk(arrays_of_small_ones);
    each_talk(arrays_of_large_ones);
    each_talk(arrays_of_empty_ones);
}

/* ------------------------------------------------ order */

static unsigned last_done;

static void done_in_order(struct adieu_uv_request *request, int status)
{
    assert_ptr_equal(request->data, (void *)(uintptr_t)(last_done + 1));
    last_done++;
    waiter_done(request, status);
}

static void many_pending(struct talk *talk)
{
    enum { WRITES = 300, PIECE = 4000 };
    struct waiter *waiters = calloc(WRITES, sizeof *waiters);
    struct ear ear;
    last_done = 0;
    for (unsigned i = 0; i < WRITES; i++) {
        const uv_buf_t buf = pattern_buf((size_t)i * PIECE, PIECE);
        waiters[i].request.data = (void *)(uintptr_t)(i + 1);
        assert_code(adieu_uv_write(&waiters[i].request, talk->us, &buf, 1, done_in_order), 0);
    }
    run_ms(5);
    assert_in_range(last_done, 0, WRITES - 1); /* the peer does not read yet */
    hear(talk->peer, &ear);
    run_until_that(last_done == WRITES);
    for (unsigned i = 0; i < WRITES; i++) {
        assert_int_equal(waiters[i].calls, 1);
        assert_code(waiters[i].status, 0);
        assert_int_equal(waiters[i].request.sent, PIECE);
    }
    run_until_that(ear.got == (size_t)WRITES * PIECE);
    assert_true(ear.intact);
    free(waiters);
}

static void many_writes_are_pending_and_complete_in_order(void **state)
{
    (void)state;
    each_talk(many_pending);
}

/* The next write is asked for in the callback of the one before. */
struct chain {
    struct waiter waiter;
    size_t said;
};

static void write_on(struct adieu_uv_request *request, int status)
{
    enum { PIECE = 10000 };
    struct chain *chain = (struct chain *)request;
    assert_code(status, 0);
    if (chain->said == 20 * PIECE) {
        chain->waiter.done = true;
        return;
    }
    const uv_buf_t buf = pattern_buf(chain->said, PIECE);
    chain->said += PIECE;
    assert_code(adieu_uv_write(request, request->uv, &buf, 1, write_on), 0);
}

static void chained(struct talk *talk)
{
    struct chain chain = {.said = 0};
    struct ear ear;
    hear(talk->peer, &ear);
    assert_code(adieu_uv_write(&chain.waiter.request, talk->us, NULL, 0, write_on), 0);
    run_until_that(chain.waiter.done);
    run_until_that(ear.got == chain.said);
    assert_true(ear.intact);
}

static void a_request_may_be_used_again_in_its_callback(void **state)
{
    (void)state;
    each_talk(chained);
}

static void nobody_told(struct talk *talk)
{
    const uv_buf_t buf = pattern_buf(0, 5);
    struct adieu_uv_request write, half;
    struct ear ear;
    hear(talk->peer, &ear);
    assert_code(adieu_uv_write(&write, talk->us, &buf, 1, NULL), 0);
    assert_code(adieu_uv_shutdown(&half, talk->us, NULL), 0);
    run_until_that(ear.ended);
    assert_int_equal(ear.got, 5);
}

static void a_callback_may_be_left_out(void **state)
{
    (void)state;
    each_talk(nobody_told);
}

/* ------------------------------------------------ back-pressure */

/* What waits is counted, all of it, until the kernel has it: what the stream has sealed, too. */
static void queue_is_counted(struct talk *talk)
{
    struct waiter blocked;
    struct ear ear;
    assert_int_equal(adieu_uv_write_queue_size(talk->us), 0);
    say_too_much(&blocked, talk->us);
    size_t taken = (size_t)adieu_uv_ending(talk->us).taken, sent = (size_t)adieu_uv_ending(talk->us).sent;
    assert_true(taken - sent >
                2 * 16384); /* it is given 4 records at once, the first of which may have begun to leave */
    assert_true(adieu_uv_write_queue_size(talk->us) >= BIG - sent - 16384);
    assert_true(adieu_uv_write_queue_size(talk->us) <= BIG - sent + 16640);
    hear(talk->peer, &ear);
    ends_with(&blocked, 0);
    assert_int_equal(adieu_uv_write_queue_size(talk->us), 0);
}

static void the_queue_size_is_all_that_waits(void **state)
{
    (void)state;
    each_talk(queue_is_counted);
}

/* Says as much as is taken at once, and what remains when the queue is empty again. */
static void try_until_said(struct talk *talk)
{
    struct ear ear;
    size_t said = 0, refused = 0;
    hear(talk->peer, &ear);
    while (said < BIG) {
        const uv_buf_t bufs[2] = {pattern_buf(said, 3), pattern_buf(said + 3, BIG - said)};
        int taken = adieu_uv_try_write(talk->us, bufs, 2);
        if (taken == UV_EAGAIN) {
            refused++;
            run_turn(run_bound());
            continue;
        }
        assert_true(taken > 0);
        said += (size_t)taken;
        assert_int_equal(adieu_uv_ending(talk->us).taken, said);
    }
    assert_true(refused > 0);
    run_until_that(ear.got >= BIG);
    assert_true(ear.intact);
}

static void try_write_takes_what_can_be_taken_at_once(void **state)
{
    (void)state;
    each_talk(try_until_said);
}

static void try_write_waits_for_nobody(struct talk *talk)
{
    const uv_buf_t buf = pattern_buf(BIG, 5);
    struct waiter blocked, half;
    struct ear ear;
    assert_int_equal(adieu_uv_try_write(talk->us, NULL, 0), 0);
    say(&blocked, talk->us, 0, BIG);
    assert_code(adieu_uv_try_write(talk->us, &buf, 1), UV_EAGAIN); /* it must not overtake */
    hear(talk->peer, &ear);
    ends_with(&blocked, 0);
    assert_int_equal(adieu_uv_try_write(talk->us, &buf, 1), 5);
    assert_code(adieu_uv_shutdown(&half.request, talk->us, waiter_done), 0);
    assert_code(adieu_uv_try_write(talk->us, &buf, 1), UV_EPIPE);
    run_until_that(ear.ended);
    assert_int_equal(ear.got, BIG + 5);
    assert_true(ear.intact);
    adieu_uv_abort(talk->us, ADIEU_REASON_REQUEST);
    assert_code(adieu_uv_try_write(talk->us, &buf, 1), UV_EPIPE);
}

static void try_write_never_overtakes(void **state)
{
    (void)state;
    each_talk(try_write_waits_for_nobody);
}

static void try_write_before_the_handshake(struct talk *talk)
{
    const uv_buf_t buf = pattern_buf(0, 5);
    struct waiter ours = {.done = false};
    struct ear ear;
    assert_code(adieu_uv_try_write(talk->us, &buf, 1), UV_EAGAIN);
    assert_code(adieu_uv_handshake(&ours.request, talk->us, waiter_done), 0);
    assert_code(adieu_uv_try_write(talk->us, &buf, 1), UV_EAGAIN);
    cut(talk->peer);
    ends_with(&ours, UV_ECONNABORTED);
    assert_code(adieu_uv_try_write(talk->us, &buf, 1), UV_ECONNABORTED);
    hear(talk->us, &ear);
    run_until_that(ear.ended);
}

static void try_write_waits_for_the_handshake_and_fails_with_it(void **state)
{
    (void)state;
    each_early_talk(try_write_before_the_handshake);
}

/* A reader that stops stops the writer: neither side holds more than its queue and 64 KiB, beside the kernel's. */
static void stopped_reader(struct talk *talk)
{
    struct waiter write;
    struct ear ear;
    hear(talk->peer, &ear);
    say(&write, talk->us, 0, 4 * BIG);
    run_until_that(ear.got > BIG / 2);
    assert_code(adieu_uv_read_stop(talk->peer), 0);
    size_t got = ear.got;
    uint64_t before;
    do {
        before = adieu_uv_ending(talk->us).taken;
        run_ms(10);
    } while (adieu_uv_ending(talk->us).taken != before);
    assert_int_equal(ear.got, got);
    assert_false(write.done);
    assert_in_range(before - got, 0, 3 * BIG); /* the kernel's buffers */
    assert_code(adieu_uv_read_start(talk->peer, ear_alloc, ear_read), 0);
    ends_with(&write, 0);
    run_until_that(ear.got == 4 * BIG);
    assert_true(ear.intact);
}

static void a_reader_that_stops_stops_the_writer(void **state)
{
    (void)state;
    each_talk(stopped_reader);
}

/* ------------------------------------------------ cancelling */

static void cancelled_write(struct talk *talk)
{
    struct waiter blocked, untouched, next;
    struct ear ear;
    say_too_much(&blocked, talk->us);
    say(&untouched, talk->us, 0, 5000);
    assert_code(adieu_uv_cancel(&untouched.request), 0);
    assert_code(adieu_uv_cancel(&blocked.request), 0);
    assert_code(adieu_uv_cancel(&blocked.request), UV_EALREADY);
    assert_false(blocked.done);
    size_t taken = (size_t)adieu_uv_ending(talk->us).taken;
    ends_with(&blocked, UV_ECANCELED);
    ends_with(&untouched, UV_ECANCELED);
    assert_int_equal(blocked.request.taken, taken);
    assert_in_range(blocked.request.sent, 0, taken);
    assert_int_equal(untouched.request.taken, 0);
    assert_true(adieu_uv_write_queue_size(talk->us) < 9 * 16640);
    say(&next, talk->us, taken, 100000); /* the stream goes on in order */
    hear(talk->peer, &ear);
    ends_with(&next, 0);
    run_until_that(ear.got == taken + 100000);
    assert_true(ear.intact);
}

static void a_cancelled_write_leaves_its_count_and_the_stream_goes_on(void **state)
{
    (void)state;
    each_talk(cancelled_write);
}

static void cancelled_arrays(struct talk *talk)
{
    uv_buf_t bufs[MANY];
    struct waiter waiter = {.done = false}, next;
    struct ear ear;
    size_t total = cut_up(bufs, MANY, (const size_t[]){20000, 0, 30000}, 0);
    assert_code(adieu_uv_write(&waiter.request, talk->us, bufs, MANY, waiter_done), 0);
    run_ms(5);
    assert_code(adieu_uv_cancel(&waiter.request), 0);
    ends_with(&waiter, UV_ECANCELED);
    size_t taken = waiter.request.taken;
    assert_in_range(taken, 1, total - 1);
    say(&next, talk->us, taken, 3);
    hear(talk->peer, &ear);
    run_until_that(ear.got == taken + 3);
    assert_true(ear.intact);
}

static void an_array_is_cancelled_in_the_middle(void **state)
{
    (void)state;
    each_talk(cancelled_arrays);
}

/* All of it was taken, and waits for the kernel only: it leaves. */
static void cancelled_when_sealed(struct talk *talk)
{
    struct waiter blocked, last;
    struct ear ear;
    say_too_much(&blocked, talk->us);
    assert_code(adieu_uv_cancel(&blocked.request), 0);
    ends_with(&blocked, UV_ECANCELED);
    size_t taken = (size_t)adieu_uv_ending(talk->us).taken;
    hear(talk->peer, &ear);
    say(&last, talk->us, taken, 10);
    run_until_that(last.request.taken == 10 || last.done);
    if (!last.done) {
        assert_code(adieu_uv_cancel(&last.request), 0);
        ends_with(&last, UV_ECANCELED);
    }
    run_until_that(ear.got == taken + 10);
    assert_true(ear.intact);
}

static void what_was_taken_of_a_cancelled_write_leaves(void **state)
{
    (void)state;
    each_talk(cancelled_when_sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_array_of_buffers_arrives_in_order),
        cmocka_unit_test(many_writes_are_pending_and_complete_in_order),
        cmocka_unit_test(a_request_may_be_used_again_in_its_callback),
        cmocka_unit_test(a_callback_may_be_left_out),
        cmocka_unit_test(the_queue_size_is_all_that_waits),
        cmocka_unit_test(try_write_takes_what_can_be_taken_at_once),
        cmocka_unit_test(try_write_never_overtakes),
        cmocka_unit_test(try_write_waits_for_the_handshake_and_fails_with_it),
        cmocka_unit_test(a_reader_that_stops_stops_the_writer),
        cmocka_unit_test(a_cancelled_write_leaves_its_count_and_the_stream_goes_on),
        cmocka_unit_test(an_array_is_cancelled_in_the_middle),
        cmocka_unit_test(what_was_taken_of_a_cancelled_write_leaves),
    };
    return cmocka_run_group_tests_name("uv write", tests, setup_talks, teardown_talks);
}
