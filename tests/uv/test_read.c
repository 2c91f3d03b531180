/* SPDX-License-Identifier: MIT */
/* Reading: the buffers of alloc, the end, half-closes, and what was read before TLS. */
#include "talk.h"

/* ------------------------------------------------ buffers */

/* An ear whose alloc gives that much at a time; 0: none. */
static size_t room;
static unsigned allocs;

static void some_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    ear_alloc(uv, suggested, buf);
    allocs++;
    buf->len = room;
}

static void read_no_room(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct ear *ear = adieu_uv_data(uv);
    if (nread == UV_ENOBUFS)
        ear->calls++;
    else
        ear_read(uv, nread, buf);
}

static void in_small_pieces(struct talk *talk)
{
    struct waiter write;
    struct ear ear;
    hear(talk->us, &ear);
    assert_code(adieu_uv_read_start(talk->us, some_room, ear_read), 0);
    say(&write, talk->peer, 0, 40000);
    room = 1000;
    run_until_that(ear.got == 40000);
    assert_true(ear.intact);
    assert_in_range(ear.calls, 40, 60);
}

static void a_small_buffer_gets_it_piece_by_piece(void **state)
{
    (void)state;
    each_talk(in_small_pieces);
}

/* Several records, if they have come. */
static void in_one_piece(struct talk *talk)
{
    struct waiter writes[10];
    struct ear ear;
    for (unsigned i = 0; i < 10; i++)
        say(&writes[i], talk->peer, (size_t)i * 100, 100);
    ends_with(&writes[9], 0);
    hear(talk->us, &ear);
    run_until_that(ear.got == 1000);
    assert_true(ear.intact);
    assert_int_equal(ear.calls, 1);
}

static void a_large_buffer_gets_several_records(void **state)
{
    (void)state;
    each_talk(in_one_piece);
}

static void no_room(struct talk *talk)
{
    struct waiter write;
    struct ear ear;
    hear(talk->us, &ear);
    assert_code(adieu_uv_read_start(talk->us, some_room, read_no_room), 0);
    say(&write, talk->peer, 0, 5);
    room = 0;
    run_until_that(ear.calls >= 3);
    unsigned before = ear.calls;
    run_turn(run_bound());
    assert_in_range(ear.calls, before + 1, before + 2); /* before and behind the poll, not for ever */
    assert_int_equal(ear.got, 0);
    room = 65536;
    run_until_that(ear.got == 5);
    assert_true(ear.intact);
}

static void alloc_without_room_is_asked_again_next_turn(void **state)
{
    (void)state;
    each_talk(no_room);
}

/* ------------------------------------------------ stopping */

static void stop_in_alloc(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    ear_alloc(uv, suggested, buf);
    allocs++;
    adieu_uv_read_stop(uv);
}

static void stopped_in_alloc(struct talk *talk)
{
    struct waiter write;
    struct ear ear;
    hear(talk->us, &ear);
    allocs = 0;
    assert_code(adieu_uv_read_start(talk->us, stop_in_alloc, ear_read), 0);
    say(&write, talk->peer, 0, 5);
    run_until_that(allocs == 1);
    run_ms(5);
    assert_int_equal(ear.got, 0);
    assert_int_equal(ear.calls, 0);
    assert_code(adieu_uv_read_start(talk->us, ear_alloc, ear_read), 0);
    run_until_that(ear.got == 5);
    assert_true(ear.intact);
}

static void read_then_stop(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    ear_read(uv, nread, buf);
    adieu_uv_read_stop(uv);
}

/* With more behind it in the stream and in the kernel. */
static void stopped_in_read(struct talk *talk)
{
    struct waiter write;
    struct ear ear;
    hear(talk->us, &ear);
    assert_code(adieu_uv_read_start(talk->us, some_room, read_then_stop), 0);
    room = 100;
    say(&write, talk->peer, 0, 50000);
    run_until_that(ear.calls == 1);
    run_ms(10);
    assert_int_equal(ear.got, 100);
    assert_int_equal(ear.calls, 1);
    assert_code(adieu_uv_read_start(talk->us, ear_alloc, ear_read), 0);
    run_until_that(ear.got == 50000);
    assert_true(ear.intact);
}

static void stopped_it_stops_and_loses_nothing(void **state)
{
    (void)state;
    each_talk(stopped_in_read);
    each_talk(stopped_in_alloc);
}

static void arguments_are_checked(struct talk *talk)
{
    assert_code(adieu_uv_read_start(talk->us, NULL, ear_read), UV_EINVAL);
    assert_code(adieu_uv_read_start(talk->us, ear_alloc, NULL), UV_EINVAL);
    assert_code(adieu_uv_read_stop(talk->us), 0);
}

static void without_callbacks_nothing_is_begun(void **state)
{
    (void)state;
    each_talk(arguments_are_checked);
}

/* ------------------------------------------------ the end */

static void end_behind_the_last_byte(struct talk *talk)
{
    struct waiter write, half;
    struct ear ear;
    say(&write, talk->peer, 0, 100000);
    assert_code(adieu_uv_shutdown(&half.request, talk->peer, waiter_done), 0);
    hear(talk->us, &ear);
    run_until_that(ear.ended);
    assert_code(ear.end, UV_EOF);
    assert_int_equal(ear.got, 100000);
    assert_true(ear.intact);
    run_ms(10);
    assert_int_equal(ear.ends, 1);
    hear(talk->us, &ear); /* and again */
    run_until_that(ear.ended);
    assert_code(ear.end, UV_EOF);
    assert_int_equal(ear.got, 0);
}

static void the_end_is_told_once_and_again_when_asked_again(void **state)
{
    (void)state;
    each_talk(end_behind_the_last_byte);
}

/* One way is closed, and a megabyte goes the other way; then that one closes. */
static void half_closed(struct talk *talk)
{
    struct waiter half = {.done = false}, other = {.done = false}, request, reply, late = {.done = false};
    struct ear ours, theirs;
    const uv_buf_t buf = pattern_buf(0, 1);
    hear(talk->peer, &theirs);
    say(&request, talk->us, 0, 1000);
    assert_code(adieu_uv_shutdown(&half.request, talk->us, waiter_done), 0);
    ends_with(&half, 0);
    assert_string_equal(adieu_sending_name(adieu_uv_ending(talk->us).sending), "closed");
    assert_code(adieu_uv_write(&late.request, talk->us, &buf, 1, waiter_done), UV_EPIPE);
    run_until_that(theirs.ended);
    assert_int_equal(theirs.got, 1000);
    say(&reply, talk->peer, 0, BIG);
    assert_code(adieu_uv_shutdown(&other.request, talk->peer, waiter_done), 0);
    hear(talk->us, &ours);
    run_until_that(ours.ended);
    assert_code(ours.end, UV_EOF);
    assert_int_equal(ours.got, BIG);
    assert_true(ours.intact && theirs.intact);
    ends_with(&reply, 0);
    ends_with(&other, 0);
    assert_false(late.done);
    assert_ends(adieu_uv_ending(talk->us), "closed", "closed");
    assert_non_null(adieu_uv_transport(talk->us)); /* the socket stays, until close */
    close_both(talk->us, talk->peer);
}

static void each_direction_closes_by_itself(void **state)
{
    (void)state;
    each_talk(half_closed);
}

static void shut_down_twice(struct talk *talk)
{
    struct waiter one = {.done = false}, two = {.done = false}, three = {.done = false};
    assert_code(adieu_uv_shutdown(&one.request, talk->us, waiter_done), 0);
    assert_code(adieu_uv_shutdown(&two.request, talk->us, waiter_done), 0);
    ends_with(&two, 0);
    assert_true(one.done);
    assert_code(adieu_uv_shutdown(&three.request, talk->us, waiter_done), 0);
    ends_with(&three, 0);
}

static void shutting_down_twice_is_once(void **state)
{
    (void)state;
    each_talk(shut_down_twice);
}

/* ------------------------------------------------ cancelling a shutdown */

static void sealed_shutdown(struct talk *talk)
{
    struct waiter blocked, half = {.done = false}, more = {.done = false};
    struct ear ear;
    const uv_buf_t buf = pattern_buf(0, 5);
    say_too_much(&blocked, talk->us);
    assert_code(adieu_uv_cancel(&blocked.request), 0);
    size_t taken = (size_t)adieu_uv_ending(talk->us).taken;
    assert_code(adieu_uv_shutdown(&half.request, talk->us, waiter_done), 0);
    hear(talk->peer, &ear);
    run_until_that(adieu_uv_ending(talk->us).sending != ADIEU_SENDING_OPEN);
    if (!half.done) { /* sealed, and waits for the kernel */
        assert_code(adieu_uv_cancel(&half.request), 0);
        ends_with(&half, UV_ECANCELED);
    }
    assert_code(adieu_uv_write(&more.request, talk->us, &buf, 1, waiter_done), UV_EPIPE);
    run_until_that(ear.ended);
    assert_code(ear.end, UV_EOF);
    assert_int_equal(ear.got, taken);
    assert_true(ear.intact);
}

static void a_sealed_shutdown_leaves_though_it_is_cancelled(void **state)
{
    (void)state;
    each_talk(sealed_shutdown);
}

/* A close that is cancelled before it said anything leaves what was shut before it shut. */
static void shut_stays_shut(struct talk *talk)
{
    struct waiter half = {.done = false}, bye, write = {.done = false};
    const uv_buf_t buf = pattern_buf(0, 5);
    assert_code(adieu_uv_shutdown(&half.request, talk->us, waiter_done), 0);
    ends_with(&half, 0);
    part(&bye, talk->us);
    assert_code(adieu_uv_cancel(&bye.request), 0);
    ends_with(&bye, UV_ECANCELED);
    assert_code(adieu_uv_write(&write.request, talk->us, &buf, 1, waiter_done), UV_EPIPE);
}

static void a_cancelled_close_opens_nothing_that_was_shut(void **state)
{
    (void)state;
    each_talk(shut_stays_shut);
}

/* And one that did not come to say anything leaves writes open. */
static void still_open(struct talk *talk)
{
    struct waiter bye, write;
    struct ear ear;
    part(&bye, talk->us);
    assert_code(adieu_uv_cancel(&bye.request), 0);
    say(&write, talk->us, 0, 5);
    ends_with(&bye, UV_ECANCELED);
    hear(talk->peer, &ear);
    run_until_that(ear.got == 5);
    assert_false(ear.ended);
    close_both(talk->us, talk->peer);
}

static void a_close_cancelled_before_its_goodbye_never_was(void **state)
{
    (void)state;
    each_talk(still_open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_buffer_gets_it_piece_by_piece),
        cmocka_unit_test(a_large_buffer_gets_several_records),
        cmocka_unit_test(alloc_without_room_is_asked_again_next_turn),
        cmocka_unit_test(stopped_it_stops_and_loses_nothing),
        cmocka_unit_test(without_callbacks_nothing_is_begun),
        cmocka_unit_test(the_end_is_told_once_and_again_when_asked_again),
        cmocka_unit_test(each_direction_closes_by_itself),
        cmocka_unit_test(shutting_down_twice_is_once),
        cmocka_unit_test(a_sealed_shutdown_leaves_though_it_is_cancelled),
        cmocka_unit_test(a_cancelled_close_opens_nothing_that_was_shut),
        cmocka_unit_test(a_close_cancelled_before_its_goodbye_never_was),
    };
    return cmocka_run_group_tests_name("uv read", tests, setup_talks, teardown_talks);
}
