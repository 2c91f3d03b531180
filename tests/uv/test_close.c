/* SPDX-License-Identifier: MIT */
/* The goodbye: in every state, with every patience, told at its end or early. */
#include <sys/socket.h>
#include <unistd.h>

#include "talk.h"

static const struct adieu_uv_patience soon_enough = {.quiet_ms = 5000, .total_ms = 10000};

static uint64_t now(void)
{
    uv_update_time(&the_uv_loop);
    return uv_now(&the_uv_loop);
}

static struct adieu_ending close_within(struct adieu_uv *uv, struct adieu_uv_patience patience)
{
    struct waiter bye = {.done = false};
    assert_code(adieu_uv_close(&bye.request, uv, patience, waiter_closed), 0);
    assert_false(bye.done);
    ends_with(&bye, 0);
    assert_true(bye.ending.decided);
    assert_null(adieu_uv_transport(uv));
    assert_code(adieu_uv_cancel(&bye.request), UV_EALREADY);
    return bye.ending;
}

/* ------------------------------------------------ in every state */

/* And again, when it is over: the same answer. */
static void closes_with(struct adieu_uv *uv, const char *sending, const char *receiving)
{
    const struct adieu_uv_patience short_one = {.quiet_ms = 10, .total_ms = 1000};
    struct adieu_ending ending = close_within(uv, short_one);
    assert_ends(ending, sending, receiving);
    ending = close_within(uv, short_one);
    assert_ends(ending, sending, receiving);
}

static void before_a_connection(struct talk *talk)
{
    struct talk other = {.version = talk->version, .we_serve = talk->we_serve};
    talk_make(&other);
    closes_with(other.us, "aborted", "abandoned");
    talk_free(&other);
}

static void before_the_handshake(struct talk *talk)
{
    closes_with(talk->us, "aborted", "abandoned");
}

static void inside_the_handshake(struct talk *talk)
{
    struct waiter ours = {.done = false};
    assert_code(adieu_uv_handshake(&ours.request, talk->us, waiter_done), 0);
    run_ms(2);
    closes_with(talk->us, "aborted", "abandoned");
    assert_code(ours.status, UV_ECANCELED);
}

static void after_the_handshake_failed(struct talk *talk)
{
    struct waiter ours = {.done = false};
    assert_code(adieu_uv_handshake(&ours.request, talk->us, waiter_done), 0);
    cut(talk->peer);
    ends_with(&ours, UV_ECONNABORTED);
    closes_with(talk->us, "aborted", "truncated");
}

static void established(struct talk *talk)
{
    closes_with(talk->us, "closed", "abandoned");
}

static void after_shutdown(struct talk *talk)
{
    struct waiter half = {.done = false};
    assert_code(adieu_uv_shutdown(&half.request, talk->us, waiter_done), 0);
    ends_with(&half, 0);
    closes_with(talk->us, "closed", "abandoned");
}

static void after_the_peers_goodbye(struct talk *talk)
{
    struct waiter half = {.done = false};
    assert_code(adieu_uv_shutdown(&half.request, talk->peer, waiter_done), 0);
    ends_with(&half, 0);
    closes_with(talk->us, "closed", "closed");
}

static void after_a_cut(struct talk *talk)
{
    cut(talk->peer);
    run_ms(1);
    closes_with(talk->us, "closed", "truncated");
}

static void after_a_reset(struct talk *talk)
{
    struct waiter word;
    struct ear ear;
    say(&word, talk->us, 0, 5);
    ends_with(&word, 0);
    reset_it(&talk->peer);
    hear(talk->us, &ear);
    run_until_that(ear.ended);
    closes_with(talk->us, "failed", "reset");
}

static void after_an_alert(struct talk *talk)
{
    struct ear ear;
    hear(talk->peer, &ear);
    say_nonsense(talk->us);
    hear(talk->us, &ear);
    run_until_that(ear.ended);
    adieu_uv_free(talk->peer);
    talk->peer = NULL;
    struct adieu_ending ending = close_within(talk->us, soon_enough);
    assert_string_equal(adieu_receiving_name(ending.receiving), "alerted");
}

static void after_abort(struct talk *talk)
{
    adieu_uv_abort(talk->us, ADIEU_REASON_REQUEST);
    closes_with(talk->us, "aborted", "abandoned");
}

static void blocked(struct talk *talk)
{
    struct waiter write;
    say_too_much(&write, talk->us);
    closes_with(talk->us, "aborted", "abandoned");
    assert_code(write.status, UV_ETIMEDOUT);
}

static void it_closes_in_every_state(void **state)
{
    (void)state;
    each_early_talk(before_a_connection);
    each_early_talk(before_the_handshake);
    each_early_talk(inside_the_handshake);
    each_early_talk(after_the_handshake_failed);
    each_talk(established);
    some_talks(after_shutdown);
    some_talks(after_the_peers_goodbye);
    each_talk(after_a_cut);
    each_talk(after_a_reset);
    some_talks(after_an_alert);
    each_talk(after_abort);
    each_talk(blocked);
}

/* ------------------------------------------------ with data in flight */

/* Both have a megabyte under way; nobody reads: what comes is discarded and counted, and what was said arrives. */
static void crossing(struct talk *talk)
{
    struct waiter ours, theirs, bye, bye_too;
    say_too_much(&ours, talk->us);
    say_too_much(&theirs, talk->peer);
    part(&bye, talk->us);
    part(&bye_too, talk->peer);
    ends_with(&bye, 0);
    ends_with(&bye_too, 0);
    assert_code(ours.status, 0);
    assert_code(theirs.status, 0);
    assert_ends(bye.ending, "closed", "closed");
    assert_ends(bye_too.ending, "closed", "closed");
    assert_int_equal(bye.ending.discarded, BIG);
    assert_int_equal(bye.ending.sent, BIG);
    assert_int_equal(bye_too.ending.discarded, BIG);
}

static void two_goodbyes_pass_through_two_megabytes(void **state)
{
    (void)state;
    some_talks(crossing);
}

/* While somebody reads, what arrives is theirs, to the last byte. */
static void read_while_closing(struct talk *talk)
{
    struct waiter theirs, bye, bye_too;
    struct ear ear;
    say_too_much(&theirs, talk->peer);
    hear(talk->us, &ear);
    part(&bye, talk->us);
    part(&bye_too, talk->peer);
    ends_with(&bye, 0);
    assert_int_equal(ear.got, BIG);
    assert_true(ear.intact);
    assert_code(ear.end, UV_EOF);
    assert_int_equal(bye.ending.received, BIG);
    assert_int_equal(bye.ending.discarded, 0);
    ends_with(&bye_too, 0);
}

static void who_reads_gets_all_while_it_closes(void **state)
{
    (void)state;
    each_talk(read_while_closing);
}

/* ------------------------------------------------ patience */

static void no_answer(struct talk *talk)
{
    uint64_t begun = now();
    struct adieu_ending ending = close_within(talk->us, (struct adieu_uv_patience){.quiet_ms = 150, .total_ms = -1});
    assert_in_range(now() - begun, 150, 2000);
    assert_ends(ending, "closed", "abandoned");
    assert_string_equal(adieu_reason_name(ending.reason), "deadline");
    begun = now();
}

static void no_answer_in_all(struct talk *talk)
{
    uint64_t begun = now();
    struct adieu_ending ending = close_within(talk->us, (struct adieu_uv_patience){.quiet_ms = -1, .total_ms = 150});
    assert_in_range(now() - begun, 150, 2000);
    assert_string_equal(adieu_reason_name(ending.reason), "deadline");
}

static void patience_ends(void **state)
{
    (void)state;
    some_talks(no_answer);
    some_talks(no_answer_in_all);
}

static void no_patience(struct talk *talk)
{
    struct waiter word;
    struct ear ear;
    say(&word, talk->us, 0, 100);
    ends_with(&word, 0);
    uint64_t begun = now();
    (void)close_within(talk->us, (struct adieu_uv_patience){.quiet_ms = 0, .total_ms = -1});
    assert_in_range(now() - begun, 0, 100);
    hear(talk->peer, &ear);
    run_until_that(ear.ended);
    assert_code(ear.end, UV_EOF); /* the kernel goes on delivering */
    assert_int_equal(ear.got, 100);
}

static void without_patience_it_says_goodbye_and_goes(void **state)
{
    (void)state;
    each_talk(no_patience);
}

/* What the peer sends moves nothing: it must take. */
static void chatty(struct talk *talk)
{
    struct waiter write, word;
    say_too_much(&write, talk->us);
    uint64_t begun = now();
    struct waiter bye = {.done = false};
    const struct adieu_uv_patience patience = {.quiet_ms = 200, .total_ms = -1};
    assert_code(adieu_uv_close(&bye.request, talk->us, patience, waiter_closed), 0);
    while (!bye.done && now() - begun < 3000) {
        say(&word, talk->peer, 0, 1);
        run_ms(20);
        assert_true(word.done || bye.done);
    }
    ends_with(&bye, 0);
    assert_in_range(now() - begun, 200, 2000);
    assert_string_equal(adieu_reason_name(bye.ending.reason), "deadline");
}

static void a_peer_that_talks_and_takes_nothing_does_not_hold_it(void **state)
{
    (void)state;
    some_talks(chatty);
}

/* It takes little, but goes on: longer than the patience, which begins anew. */
static void slow(struct talk *talk)
{
    struct waiter write;
    struct ear ear;
    say_too_much(&write, talk->us);
    uint64_t begun = now();
    struct waiter bye = {.done = false};
    const struct adieu_uv_patience patience = {.quiet_ms = 300, .total_ms = -1};
    assert_code(adieu_uv_close(&bye.request, talk->us, patience, waiter_closed), 0);
    hear(talk->peer, &ear);
    for (size_t goal = BIG / 8; goal < BIG && !bye.done; goal += BIG / 8) {
        run_until_that(ear.got >= goal || bye.done);
        adieu_uv_read_stop(talk->peer);
        run_ms(60);
        assert_code(adieu_uv_read_start(talk->peer, ear_alloc, ear_read), 0);
    }
    run_until_that(ear.ended);
    close_within(talk->peer, soon_enough);
    ends_with(&bye, 0);
    assert_true(now() - begun > 350);
    assert_ends(bye.ending, "closed", "closed");
}

static void a_peer_that_goes_on_taking_holds_it(void **state)
{
    (void)state;
    some_talks(slow);
}

static void two_patiences(struct talk *talk)
{
    struct waiter patient = {.done = false}, hasty = {.done = false};
    const struct adieu_uv_patience longer = {.quiet_ms = -1, .total_ms = -1},
                                   shorter = {.quiet_ms = 60, .total_ms = -1};
    uint64_t begun = now();
    assert_code(adieu_uv_close(&patient.request, talk->us, longer, waiter_closed), 0);
    run_ms(5);
    assert_code(adieu_uv_close(&hasty.request, talk->us, shorter, waiter_closed), 0);
    ends_with(&hasty, 0);
    assert_true(patient.done);
    assert_in_range(now() - begun, 50, 2000);
}

static void of_two_patiences_the_shorter_holds(void **state)
{
    (void)state;
    some_talks(two_patiences);
}

/* ------------------------------------------------ cancelled, and again */

static void rested(struct talk *talk)
{
    struct waiter bye, again, word;
    struct ear ear;
    part(&bye, talk->us);
    run_ms(5); /* close_notify has left */
    assert_code(adieu_uv_cancel(&bye.request), 0);
    ends_with(&bye, UV_ECANCELED);
    assert_ends(bye.ending, "closed", "open");
    say(&word, talk->peer, 0, 1000);
    hear(talk->us, &ear); /* reading is as before */
    run_until_that(ear.got == 1000);
    part(&again, talk->us);
    part(&bye, talk->peer);
    ends_with(&again, 0);
    assert_ends(again.ending, "closed", "closed");
    ends_with(&bye, 0);
}

static void a_goodbye_that_rests_goes_on_when_asked_again(void **state)
{
    (void)state;
    each_talk(rested);
}

/* ------------------------------------------------ farewell */

static void farewell_to_one_who_answers(struct talk *talk)
{
    struct waiter write, farewell = {.done = false}, bye;
    struct ear ear;
    say_too_much(&write, talk->us);
    assert_code(adieu_uv_farewell(&farewell.request, talk->us, soon_enough, waiter_closed), 0);
    talk->us = NULL;
    run_ms(5);
    assert_false(farewell.done); /* close_notify has not left */
    hear(talk->peer, &ear);
    ends_with(&farewell, 0);
    assert_string_equal(adieu_sending_name(farewell.ending.sending), "closed");
    assert_string_equal(adieu_receiving_name(farewell.ending.receiving), "open");
    assert_code(write.status, 0);
    memset(&farewell, 0xa5, sizeof farewell); /* it is ours again */
    run_until_that(ear.ended);
    assert_int_equal(ear.got, BIG);
    assert_code(ear.end, UV_EOF);
    say(&write, talk->peer, 0, 100000); /* is drained behind our back */
    part(&bye, talk->peer);
    ends_with(&bye, 0);
    assert_ends(bye.ending, "closed", "closed");
}

static void a_farewell_is_told_when_close_notify_has_left(void **state)
{
    (void)state;
    each_talk(farewell_to_one_who_answers);
}

static void farewell_to_the_silent(struct talk *talk)
{
    struct waiter farewell = {.done = false};
    const struct adieu_uv_patience patience = {.quiet_ms = 50, .total_ms = -1};
    assert_code(adieu_uv_farewell(&farewell.request, talk->us, patience, waiter_closed), 0);
    talk->us = NULL;
    ends_with(&farewell, 0);
    run_ms(200); /* and then it has gone: the loop is looked at behind this */
}

static void farewell_in_vain(struct talk *talk)
{
    struct waiter write, farewell = {.done = false};
    const struct adieu_uv_patience patience = {.quiet_ms = 50, .total_ms = -1};
    say_too_much(&write, talk->us);
    assert_code(adieu_uv_farewell(&farewell.request, talk->us, patience, waiter_closed), 0);
    talk->us = NULL;
    ends_with(&farewell, UV_ETIMEDOUT);
    assert_code(write.status, UV_ETIMEDOUT);
    assert_ends(farewell.ending, "aborted", "abandoned");
}

static void farewell_too_early(struct talk *talk)
{
    struct waiter farewell = {.done = false};
    assert_code(adieu_uv_farewell(&farewell.request, talk->us, soon_enough, waiter_closed), 0);
    talk->us = NULL;
    ends_with(&farewell, UV_ECANCELED);
    assert_ends(farewell.ending, "aborted", "abandoned");
}

static void a_farewell_goes_though_nobody_answers(void **state)
{
    (void)state;
    some_talks(farewell_to_the_silent);
    some_talks(farewell_in_vain);
    each_early_talk(farewell_too_early);
}

/* ------------------------------------------------ the loop */

/* When all is said the loop ends, though handles stand that wait for nothing. */
static void the_loop_ends_by_itself(struct talk *talk)
{
    struct waiter bye, bye_too;
    uint64_t begun = now();
    assert_int_equal(uv_run(&the_uv_loop, UV_RUN_DEFAULT), 0);
    part(&bye, talk->us);
    part(&bye_too, talk->peer);
    assert_int_equal(uv_run(&the_uv_loop, UV_RUN_DEFAULT), 0);
    assert_true(bye.done && bye_too.done);
    assert_true(now() - begun < 2000);
}

static void the_loop_returns_when_nobody_waits(void **state)
{
    (void)state;
    some_talks(the_loop_ends_by_itself);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_closes_in_every_state),
        cmocka_unit_test(two_goodbyes_pass_through_two_megabytes),
        cmocka_unit_test(who_reads_gets_all_while_it_closes),
        cmocka_unit_test(patience_ends),
        cmocka_unit_test(without_patience_it_says_goodbye_and_goes),
        cmocka_unit_test(a_peer_that_talks_and_takes_nothing_does_not_hold_it),
        cmocka_unit_test(a_peer_that_goes_on_taking_holds_it),
        cmocka_unit_test(of_two_patiences_the_shorter_holds),
        cmocka_unit_test(a_goodbye_that_rests_goes_on_when_asked_again),
        cmocka_unit_test(a_farewell_is_told_when_close_notify_has_left),
        cmocka_unit_test(a_farewell_goes_though_nobody_answers),
        cmocka_unit_test(the_loop_returns_when_nobody_waits),
    };
    return cmocka_run_group_tests_name("uv close", tests, setup_talks, teardown_talks);
}
