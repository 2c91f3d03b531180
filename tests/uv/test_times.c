/* SPDX-License-Identifier: MIT */
/* Deadlines: of the handshake, and of silence. The clock is the loop's. */
#include <sys/socket.h>

#include "talk.h"

static uint64_t now(void)
{
    uv_update_time(&the_uv_loop);
    return uv_now(&the_uv_loop);
}

/* ------------------------------------------------ the handshake */

enum { DEADLINE_MS = 150 };

static void ask_within(struct waiter *waiter, struct adieu_uv *uv, uint64_t milliseconds)
{
    *waiter = (struct waiter){.done = false};
    adieu_uv_handshake_timeout(uv, milliseconds);
    assert_code(adieu_uv_handshake(&waiter->request, uv, waiter_done), 0);
}

static void broken_off(struct talk *talk, uint64_t begun)
{
    struct ear ear;
    assert_in_range(now() - begun, DEADLINE_MS, 2000);
    assert_string_equal(adieu_error_code_name(adieu_uv_error(talk->us)->code), "deadline");
    assert_true(strstr(adieu_uv_error(talk->us)->text, "handshake") != NULL);
    assert_null(adieu_uv_transport(talk->us));
    assert_string_equal(adieu_reason_name(adieu_uv_ending(talk->us).reason), "deadline");
    hear(talk->us, &ear);
    run_until_that(ear.ended);
    assert_code(ear.end, UV_ETIMEDOUT);
}

static void silent_peer(struct talk *talk)
{
    struct waiter ours, write = {.done = false};
    const uv_buf_t buf = pattern_buf(0, 5);
    uint64_t begun = now();
    ask_within(&ours, talk->us, DEADLINE_MS);
    assert_code(adieu_uv_write(&write.request, talk->us, &buf, 1, waiter_done), 0);
    ends_with(&ours, UV_ETIMEDOUT);
    ends_with(&write, UV_ETIMEDOUT);
    broken_off(talk, begun);
}

/* A byte now and then, of a record that may well come, does not move it. */
static void trickling_peer(struct talk *talk)
{
    static const uint8_t begins[] = {0x16, 3, 3, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3, 0, 0, 0, 0, 0, 0};
    struct waiter ours;
    uint64_t begun = now();
    ask_within(&ours, talk->us, DEADLINE_MS);
    for (size_t i = 0; i < sizeof begins && !ours.done; i++) {
        (void)send(descriptor_of(adieu_uv_transport(talk->peer)), begins + i, 1, MSG_NOSIGNAL);
        run_ms(20);
    }
    ends_with(&ours, UV_ETIMEDOUT);
    broken_off(talk, begun);
}

static void a_handshake_that_is_not_done_in_time_is_broken_off(void **state)
{
    (void)state;
    some_early_talks(silent_peer);
    some_early_talks(trickling_peer);
}

/* A cancel does not stop the clock: who asks again has what is left of it. */
static void cancelled_on_the_clock(struct talk *talk)
{
    struct waiter ours, again = {.done = false};
    uint64_t begun = now();
    ask_within(&ours, talk->us, DEADLINE_MS);
    run_ms(20);
    assert_code(adieu_uv_cancel(&ours.request), 0);
    ends_with(&ours, UV_ECANCELED);
    assert_code(adieu_uv_handshake(&again.request, talk->us, waiter_done), 0);
    ends_with(&again, UV_ETIMEDOUT);
    broken_off(talk, begun);
}

static void a_cancel_does_not_stop_the_clock(void **state)
{
    (void)state;
    some_early_talks(cancelled_on_the_clock);
}

/* A cancelled handshake rests where it is, and is done when it is asked for again. */
static void rested(struct talk *talk)
{
    struct waiter ours = {.done = false}, again = {.done = false}, theirs = {.done = false}, write;
    struct ear ear;
    assert_code(adieu_uv_handshake(&ours.request, talk->us, waiter_done), 0);
    assert_code(adieu_uv_handshake(&theirs.request, talk->peer, waiter_done), 0);
    say(&write, talk->us, 0, 5);
    assert_code(adieu_uv_cancel(&ours.request), 0);
    ends_with(&ours, UV_ECANCELED);
    run_ms(10);
    assert_false(write.done); /* it waits on */
    assert_code(adieu_uv_handshake(&again.request, talk->us, waiter_done), 0);
    ends_with(&again, 0);
    ends_with(&theirs, 0);
    ends_with(&write, 0);
    hear(talk->peer, &ear);
    run_until_that(ear.got == 5);
}

static void a_cancelled_handshake_rests_and_goes_on(void **state)
{
    (void)state;
    each_early_talk(rested);
}

static void done_in_time(struct talk *talk)
{
    struct waiter ours, theirs;
    ask_within(&ours, talk->us, 600);
    ask_within(&theirs, talk->peer, 0);
    ends_with(&ours, 0);
    ends_with(&theirs, 0);
    run_ms(650);
    assert_non_null(adieu_uv_transport(talk->us));
    assert_int_equal(adieu_uv_error(talk->us)->code, ADIEU_ERR_NONE);
}

static void once_done_its_deadline_is_over(void **state)
{
    (void)state;
    some_early_talks(done_in_time);
}

static void no_deadline(struct talk *talk)
{
    struct waiter ours;
    ask_within(&ours, talk->us, 0);
    run_ms(50);
    assert_false(ours.done);
    talk_shake(talk);
    ends_with(&ours, 0);
}

static void with_none_it_waits(void **state)
{
    (void)state;
    some_early_talks(no_deadline);
}

/* ------------------------------------------------ silence */

static unsigned idles;
static uint64_t first_idle;
static void (*in_idle)(struct adieu_uv *uv);

static void idle(struct adieu_uv *uv)
{
    if (!idles++)
        first_idle = uv_now(&the_uv_loop);
    if (in_idle)
        in_idle(uv);
}

static void silence(struct talk *talk)
{
    uint64_t begun = now();
    idles = 0;
    in_idle = NULL;
    adieu_uv_on_idle(talk->us, 50, idle);
    run_until_that(idles == 3); /* again after as long again, and nothing has ended */
    assert_in_range(first_idle - begun, 50, 1000);
    assert_in_range(now() - begun, 150, 2000);
    assert_non_null(adieu_uv_transport(talk->us));
    adieu_uv_on_idle(talk->us, 0, idle);
    run_ms(120);
    assert_int_equal(idles, 3);
    adieu_uv_on_idle(talk->us, 30, NULL);
    run_ms(60);
    assert_int_equal(idles, 3);
}

static void silence_is_told_again_and_again(void **state)
{
    (void)state;
    some_talks(silence);
}

/* Whatever moves, either way, begins it anew. */
static void no_silence(struct talk *talk)
{
    struct waiter word;
    struct ear ours, theirs;
    idles = 0;
    in_idle = NULL;
    hear(talk->us, &ours);
    hear(talk->peer, &theirs);
    adieu_uv_on_idle(talk->us, 150, idle);
    for (unsigned i = 0; i < 10; i++) {
        struct adieu_uv *speaker = i % 2 ? talk->us : talk->peer;
        struct ear *ear = i % 2 ? &theirs : &ours;
        say(&word, speaker, ear->got, 1);
        ends_with(&word, 0);
        run_ms(30);
    }
    assert_int_equal(idles, 0);
    run_until_that(idles == 1);
}

static void what_moves_either_way_is_no_silence(void **state)
{
    (void)state;
    some_talks(no_silence);
}

static struct waiter idle_bye;

static void part_in_idle(struct adieu_uv *uv)
{
    if (idles == 1)
        part(&idle_bye, uv);
}

static void goodbye_in_silence(struct talk *talk)
{
    struct waiter bye;
    struct ear ear;
    idles = 0;
    in_idle = part_in_idle;
    adieu_uv_on_idle(talk->us, 20, idle);
    hear(talk->peer, &ear);
    run_until_that(ear.ended);
    run_ms(60);
    part(&bye, talk->peer);
    ends_with(&idle_bye, 0);
    assert_ends(idle_bye.ending, "closed", "closed");
    ends_with(&bye, 0);
    assert_int_equal(idles, 1); /* a goodbye has its patience instead */
}

static void free_in_silence(struct talk *talk)
{
    struct ear ear;
    idles = 0;
    in_idle = adieu_uv_free;
    adieu_uv_on_idle(talk->us, 20, idle);
    talk->us = NULL;
    hear(talk->peer, &ear);
    run_until_that(ear.ended);
    assert_int_equal(idles, 1);
}

static void in_silence_anything_may_be_done(void **state)
{
    (void)state;
    some_talks(goodbye_in_silence);
    some_talks(free_in_silence);
}

/* It is counted from the end of the handshake. */
static void early_silence(struct talk *talk)
{
    idles = 0;
    in_idle = NULL;
    adieu_uv_on_idle(talk->us, 30, idle);
    run_ms(80);
    assert_int_equal(idles, 0);
    uint64_t begun = now();
    talk_shake(talk);
    run_until_that(idles == 1);
    assert_true(now() - begun >= 30);
}

static void before_the_handshake_nobody_is_silent(void **state)
{
    (void)state;
    some_early_talks(early_silence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_that_is_not_done_in_time_is_broken_off),
        cmocka_unit_test(a_cancel_does_not_stop_the_clock),
        cmocka_unit_test(a_cancelled_handshake_rests_and_goes_on),
        cmocka_unit_test(once_done_its_deadline_is_over),
        cmocka_unit_test(with_none_it_waits),
        cmocka_unit_test(silence_is_told_again_and_again),
        cmocka_unit_test(what_moves_either_way_is_no_silence),
        cmocka_unit_test(in_silence_anything_may_be_done),
        cmocka_unit_test(before_the_handshake_nobody_is_silent),
    };
    return cmocka_run_group_tests_name("uv times", tests, setup_talks, teardown_talks);
}
