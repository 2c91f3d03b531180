/* SPDX-License-Identifier: MIT */
/* What is not to be spent: allocations in the steady state, signals, and a program whose descriptors ran out. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "counting.h"
#include "talk.h"

/* ------------------------------------------------ no allocation */

enum { WRITES = 50, PIECE = 20000 };

/* One write of up to four buffers, and its reading on the other side. */
static void to_and_fro(struct talk *talk, struct waiter *waiter, struct ear *ear)
{
    uv_buf_t bufs[4];
    for (unsigned i = 0; i < 4; i++)
        bufs[i] = pattern_buf(ear->got + (size_t)i * PIECE / 4, PIECE / 4);
    size_t goal = ear->got + PIECE;
    *waiter = (struct waiter){.done = false};
    assert_code(adieu_uv_write(&waiter->request, talk->us, bufs, 4, waiter_done), 0);
    run_until_that(waiter->done && ear->got == goal);
}

static void steady(struct talk *talk)
{
    struct waiter waiter;
    struct ear ear;
    hear(talk->peer, &ear);
    for (int i = 0; i < 5; i++)
        to_and_fro(talk, &waiter, &ear);
    counting_fail(SIZE_MAX, false); /* none fails, and the count begins */
    size_t blocks = counting_blocks();
    for (int i = 0; i < WRITES; i++)
        to_and_fro(talk, &waiter, &ear);
    assert_int_equal(counting_asked(), 0);
    assert_int_equal(counting_blocks(), blocks);
    assert_true(ear.intact);
}

static void in_the_steady_state_a_write_and_a_read_allocate_nothing(void **state)
{
    (void)state;
    each_talk(steady);
}

/* ------------------------------------------------ no system call for nothing */

static int watched = -1;
static unsigned receives;

ssize_t __real_recv(int descriptor, void *buf, size_t size, int flags);
ssize_t __wrap_recv(int descriptor, void *buf, size_t size, int flags);
ssize_t __wrap_recv(int descriptor, void *buf, size_t size, int flags)
{
    receives += descriptor == watched;
    return __real_recv(descriptor, buf, size, flags);
}

/* Less than there was room for: whether something follows is the loop's to tell. */
static void one_receive_each(struct talk *talk)
{
    struct ear ear;
    hear(talk->us, &ear);
    run_ms(2);
    watched = descriptor_of(adieu_uv_transport(talk->us));
    receives = 0;
    for (unsigned i = 1; i <= 5; i++) {
        struct waiter word;
        say(&word, talk->peer, ear.got, 100);
        run_until_that(ear.got == (size_t)i * 100);
        ends_with(&word, 0);
        run_ms(2);
        assert_int_equal(receives, i);
    }
    watched = -1;
}

static void what_comes_in_one_piece_costs_one_receive(void **state)
{
    (void)state;
    each_talk(one_receive_each);
}

/* ------------------------------------------------ no memory */

/* A write of many buffers that cannot be remembered is refused at once. */
static void refused(struct talk *talk)
{
    uv_buf_t bufs[5];
    struct waiter waiter = {.done = false};
    struct ear ear;
    for (unsigned i = 0; i < 5; i++)
        bufs[i] = pattern_buf(i, 1);
    counting_fail(0, true);
    int code = adieu_uv_write(&waiter.request, talk->us, bufs, 5, waiter_done);
    counting_relent();
    assert_code(code, UV_ENOMEM);
    assert_int_equal(adieu_uv_write_queue_size(talk->us), 0);
    hear(talk->peer, &ear);
    assert_code(adieu_uv_write(&waiter.request, talk->us, bufs, 5, waiter_done), 0);
    ends_with(&waiter, 0);
    run_until_that(ear.got == 5);
}

static void a_write_without_memory_is_refused_and_nothing_is_begun(void **state)
{
    (void)state;
    each_talk(refused);
}

/* Whatever the stream lacks later becomes the request's code. */
static void no_memory(struct talk *talk)
{
    struct waiter waiter, bye;
    say(&waiter, talk->us, 0, 100000);
    counting_fail(0, true);
    uint64_t bound = run_bound();
    while (!waiter.done)
        run_turn(bound);
    counting_relent();
    assert_true(waiter.status == 0 || waiter.status == UV_ENOMEM || waiter.status == UV_EIO);
    part(&bye, talk->us);
    adieu_uv_free(talk->peer);
    talk->peer = NULL;
    ends_with(&bye, 0);
}

static void a_stream_without_memory_fails_and_can_be_closed(void **state)
{
    (void)state;
    each_talk(no_memory);
}

/* ------------------------------------------------ no handle */

static void without_memory_there_is_no_handle(void **state)
{
    (void)state;
    for (size_t nth = 0;; nth++) {
        counting_fail(nth, false);
        struct adieu_uv_loop *loop = adieu_uv_loop_new(&the_uv_loop);
        struct adieu_uv *uv = loop ? adieu_uv_client(loop, the_client_config, "localhost") : NULL;
        bool failed = counting_failed();
        counting_relent();
        assert_true(failed == !uv);
        adieu_uv_free(uv);
        adieu_uv_loop_free(loop);
        run_ms(1);
        if (!failed)
            break;
        assert_true(nth < 100);
    }
}

/* ------------------------------------------------ no signal */

/* Its default would end this program. */
static void reset_while_blocked(struct talk *talk)
{
    struct waiter blocked, next = {.done = false};
    const uv_buf_t buf = pattern_buf(0, 5);
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    say_too_much(&blocked, talk->us);
    reset_it(&talk->peer);
    run_until_that(blocked.done);
    assert_true(blocked.status < 0);
    assert_code(adieu_uv_write(&next.request, talk->us, &buf, 1, waiter_done), 0);
    run_until_that(next.done);
    assert_true(next.status < 0);
    part(&next, talk->us);
    ends_with(&next, 0);
}

/* The peer has gone: the FIN was its last, and what we say then is answered by a reset. */
static void write_to_nobody(struct talk *talk)
{
    struct waiter bye, write;
    part(&bye, talk->peer);
    adieu_uv_free(talk->peer);
    talk->peer = NULL;
    for (int i = 0; i < 3; i++) {
        const uv_buf_t buf = pattern_buf(0, 5);
        write = (struct waiter){.done = false};
        if (adieu_uv_write(&write.request, talk->us, &buf, 1, waiter_done) == 0)
            run_until_that(write.done);
    }
}

static void nothing_raises_a_signal(void **state)
{
    (void)state;
    each_talk(reset_while_blocked);
    each_talk(write_to_nobody);
}

/* ------------------------------------------------ no descriptor */

/* Takes all that are left. */
static size_t take_descriptors(int taken[64])
{
    struct rlimit limit;
    size_t count = 0;
    int lowest = dup(STDERR_FILENO);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    (void)close(lowest);
    limit.rlim_cur = (rlim_t)lowest + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (count < 64 && (taken[count] = dup(STDERR_FILENO)) >= 0)
        count++;
    return count;
}

static void give_descriptors_back(const int *taken, size_t count)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (count > 0)
        (void)close(taken[--count]);
}

/* A write that is blocked needs one more descriptor to be told of room; without it room is looked for. */
static void blocked_without(struct talk *talk)
{
    struct waiter write;
    struct ear ear;
    int taken[64];
    size_t count = take_descriptors(taken);
    say_too_much(&write, talk->us);
    hear(talk->peer, &ear);
    ends_with(&write, 0);
    run_until_that(ear.got == BIG);
    give_descriptors_back(taken, count);
    assert_true(ear.intact);
}

static void a_blocked_write_goes_on_without_a_descriptor(void **state)
{
    (void)state;
    some_talks(blocked_without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_steady_state_a_write_and_a_read_allocate_nothing),
        cmocka_unit_test(what_comes_in_one_piece_costs_one_receive),
        cmocka_unit_test(a_write_without_memory_is_refused_and_nothing_is_begun),
        cmocka_unit_test(a_stream_without_memory_fails_and_can_be_closed),
        uv_unit_test(without_memory_there_is_no_handle),
        cmocka_unit_test(nothing_raises_a_signal),
        cmocka_unit_test(a_blocked_write_goes_on_without_a_descriptor),
    };
    return cmocka_run_group_tests_name("uv scarce", tests, setup_talks, teardown_talks);
}
