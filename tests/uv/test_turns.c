/* SPDX-License-Identifier: MIT */
/* When callbacks come: from the loop, once each, in order, and none after the last. */
#include <sys/socket.h>
#include <unistd.h>

#include "talk.h"

/* ------------------------------------------------ a diary */

/* What was called, a letter each, in order. */
static char diary[64];
static bool inside; /* a call that asks */

static void note(char letter)
{
    size_t length = strlen(diary);
    assert_false(inside);
    assert_true(length + 1 < sizeof diary);
    diary[length] = letter;
    diary[length + 1] = '\0';
}

struct noted {
    struct waiter waiter;
    char letter;
};

static struct adieu_uv_request *noted(struct noted *noted, char letter)
{
    *noted = (struct noted){.letter = letter};
    return &noted->waiter.request;
}

static void note_done(struct adieu_uv_request *request, int status)
{
    note(((struct noted *)request)->letter);
    waiter_done(request, status);
}

static void note_closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    note(((struct noted *)request)->letter);
    waiter_closed(request, status, ending);
}

static void note_read(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    note(nread > 0 ? 'r' : 'e');
    ear_read(uv, nread, buf);
}

static const struct adieu_uv_patience patience = {.quiet_ms = 5000, .total_ms = 10000};

/* Everything that a handle can be asked for. */
struct all {
    struct noted handshake, write[3], shutdown;
    struct ear ear;
};

static void ask_for_all(struct all *all, struct adieu_uv *uv)
{
    const uv_buf_t hello = pattern_buf(0, 5), more = pattern_buf(5, 20000);
    diary[0] = '\0';
    inside = true;
    hear(uv, &all->ear);
    assert_code(adieu_uv_read_start(uv, ear_alloc, note_read), 0);
    assert_code(adieu_uv_write(noted(&all->write[0], '1'), uv, &hello, 1, note_done), 0);
    assert_code(adieu_uv_write(noted(&all->write[1], '2'), uv, &more, 1, note_done), 0);
    assert_code(adieu_uv_write(noted(&all->write[2], '3'), uv, NULL, 0, note_done), 0);
    assert_code(adieu_uv_shutdown(noted(&all->shutdown, 's'), uv, note_done), 0);
    assert_code(adieu_uv_handshake(noted(&all->handshake, 'h'), uv, note_done), 0);
    inside = false;
}

/* The peer, whose callbacks nobody notes. */
struct other {
    struct waiter handshake, word, shutdown, close;
    struct ear ear;
};

static void play_along(struct other *other, struct adieu_uv *uv, size_t size)
{
    *other = (struct other){.ear.got = 0};
    assert_code(adieu_uv_handshake(&other->handshake.request, uv, waiter_done), 0);
    say(&other->word, uv, 0, size);
    assert_code(adieu_uv_shutdown(&other->shutdown.request, uv, waiter_done), 0);
    hear(uv, &other->ear);
}

static void both_heard_all(const struct ear *a, const struct ear *b, size_t of_a, size_t of_b)
{
    run_until_that(a->ended && b->ended);
    assert_true(a->intact && b->intact);
    assert_int_equal(a->got, of_a);
    assert_int_equal(b->got, of_b);
    assert_code(a->end, UV_EOF);
    assert_code(b->end, UV_EOF);
}

/* ------------------------------------------------ in one breath */

static void all_at_once(struct talk *talk)
{
    struct all ours;
    struct other theirs;
    ask_for_all(&ours, talk->us);
    play_along(&theirs, talk->peer, 7);
    both_heard_all(&ours.ear, &theirs.ear, 7, 20005);
    for (int i = 0; i < 3; i++)
        ends_with(&ours.write[i].waiter, 0);
    ends_with(&ours.handshake.waiter, 0);
    ends_with(&ours.shutdown.waiter, 0);
    assert_int_equal(ours.write[1].waiter.request.taken, 20000);
    assert_int_equal(ours.write[1].waiter.request.sent, 20000);
    close_both(talk->us, talk->peer);
}

static void everything_can_be_asked_for_in_one_breath(void **state)
{
    (void)state;
    each_early_talk(all_at_once);
}

static void and_before_there_is_a_connection(void **state)
{
    struct all ours;
    struct other theirs;
    struct noted connect;
    char port[8];
    struct talk talk = {.version = ADIEU_TLS_1_3};
    int listener = raw_listener(port, 5);
    const struct adieu_uv_address where = {.host = "127.0.0.1", .port = port};
    (void)state;
    talk_make(&talk);
    assert_code(adieu_uv_connect(noted(&connect, 'k'), talk.us, &where, note_done), 0);
    ask_for_all(&ours, talk.us);
    ends_with(&connect.waiter, 0);
    assert_string_equal(diary, "k");
    assert_code(adieu_uv_open(talk.peer, accept(listener, NULL, NULL)), 0);
    (void)close(listener);
    play_along(&theirs, talk.peer, 7);
    both_heard_all(&ours.ear, &theirs.ear, 7, 20005);
    close_both(talk.us, talk.peer);
    talk_free(&talk);
}

/* Each call that can be asked, with everything ready that it needs. */
static void nobody_is_called_inside(struct talk *talk)
{
    struct noted write, shutdown, close, handshake;
    struct ear ear;
    struct waiter word;
    const uv_buf_t buf = pattern_buf(0, 5);
    say(&word, talk->peer, 0, 5);
    ends_with(&word, 0);
    diary[0] = '\0';
    inside = true;
    hear(talk->us, &ear);
    assert_code(adieu_uv_read_start(talk->us, ear_alloc, note_read), 0);
    assert_code(adieu_uv_handshake(noted(&handshake, 'h'), talk->us, note_done), 0);
    assert_code(adieu_uv_write(noted(&write, 'w'), talk->us, &buf, 1, note_done), 0);
    assert_int_equal(adieu_uv_try_write(talk->us, &buf, 1), UV_EAGAIN);
    assert_code(adieu_uv_shutdown(noted(&shutdown, 's'), talk->us, note_done), 0);
    assert_code(adieu_uv_cancel(&shutdown.waiter.request), 0);
    assert_code(adieu_uv_close(noted(&close, 'c'), talk->us, patience, note_closed), 0);
    adieu_uv_abort(talk->us, ADIEU_REASON_REQUEST);
    inside = false;
    assert_string_equal(diary, "");
    ends_with(&close.waiter, 0);
    assert_int_equal(strlen(diary), 5);
    assert_int_equal(diary[4], 'c');
}

static void no_callback_runs_inside_the_call_that_asks(void **state)
{
    (void)state;
    each_talk(nobody_is_called_inside);
}

/* ------------------------------------------------ order */

static struct noted close_in_order;

static void close_when_done(struct adieu_uv_request *request, int status)
{
    note_done(request, status);
    assert_code(adieu_uv_close(noted(&close_in_order, 'c'), request->uv, patience, note_closed), 0);
}

/* A server that was silent: its client's Finished, word and end come in one piece, and so does all that it says itself. */
static void callbacks_of_one_turn_come_in_order(void **state)
{
    struct talk talk = {.carrier = CARRIER_SOCKETPAIR, .version = ADIEU_TLS_1_3, .we_serve = true};
    struct all ours;
    struct other theirs;
    (void)state;
    talk_open(&talk);
    ask_for_all(&ours, talk.us);
    ours.handshake.waiter.request.done = close_when_done;
    play_along(&theirs, talk.peer, 7);
    run_until_that(diary[0]);
    assert_string_equal(diary, "h123sre"); /* one turn, and no other */
    ends_with(&close_in_order.waiter, 0);
    assert_string_equal(diary, "h123srec");
    talk_free(&talk);
}

/* ------------------------------------------------ after the last */

static void nothing_comes_after_close(struct talk *talk)
{
    struct noted write, shutdown, close[2];
    struct ear ear, other;
    struct waiter word, bye;
    const uv_buf_t buf = pattern_buf(0, BIG);
    diary[0] = '\0';
    hear(talk->us, &ear);
    assert_code(adieu_uv_read_start(talk->us, ear_alloc, note_read), 0);
    hear(talk->peer, &other);
    say(&word, talk->peer, 0, 100000);
    assert_code(adieu_uv_write(noted(&write, 'w'), talk->us, &buf, 1, note_done), 0);
    assert_code(adieu_uv_close(noted(&close[0], 'c'), talk->us, patience, note_closed), 0);
    assert_code(adieu_uv_shutdown(noted(&shutdown, 's'), talk->us, note_done), 0);
    assert_code(adieu_uv_close(noted(&close[1], 'c'), talk->us, patience, note_closed), 0);
    run_until_that(other.ended);
    part(&bye, talk->peer);
    ends_with(&close[1].waiter, 0);
    size_t length = strlen(diary);
    assert_string_equal(diary + length - 3, "ecc");
    assert_non_null(strchr(diary, 'w'));
    assert_non_null(strchr(diary, 's'));
    assert_int_equal(ear.got, 100000);
    ends_with(&bye, 0);
    run_ms(20);
    assert_int_equal(strlen(diary), length);
}

static void nothing_is_called_after_the_close_callback(void **state)
{
    (void)state;
    each_talk(nothing_comes_after_close);
}

/* A goodbye whose patience ends at once, with everything pending. */
static void nothing_comes_after_a_hurried_close(struct talk *talk)
{
    const struct adieu_uv_patience none = {.quiet_ms = 0, .total_ms = 0};
    struct waiter blocked;
    struct noted close;
    struct ear ear;
    diary[0] = '\0';
    say_too_much(&blocked, talk->us);
    hear(talk->us, &ear);
    assert_code(adieu_uv_read_start(talk->us, ear_alloc, note_read), 0);
    assert_code(adieu_uv_close(noted(&close, 'c'), talk->us, none, note_closed), 0);
    ends_with(&close.waiter, 0);
    assert_true(blocked.done);
    assert_code(blocked.status, UV_ETIMEDOUT);
    assert_string_equal(diary, "ec");
    assert_code(ear.end, UV_ETIMEDOUT);
    assert_ends(close.waiter.ending, "aborted", "abandoned");
    assert_string_equal(adieu_reason_name(close.waiter.ending.reason), "deadline");
    run_ms(10);
    assert_string_equal(diary, "ec");
}

static void nor_after_one_whose_patience_ended(void **state)
{
    (void)state;
    each_talk(nothing_comes_after_a_hurried_close);
}

/* ------------------------------------------------ what waits for something that fails */

static void a_failed_connect_fails_all_that_waits_for_it(void **state)
{
    struct noted connect;
    struct all ours;
    char port[8];
    struct talk talk = {.version = ADIEU_TLS_1_3};
    int taken = refused_port(port);
    const struct adieu_uv_address where = {.host = "127.0.0.1", .port = port};
    (void)state;
    talk_make(&talk);
    assert_code(adieu_uv_connect(noted(&connect, 'k'), talk.us, &where, note_done), 0);
    ask_for_all(&ours, talk.us);
    run_until_that(ours.ear.ended);
    assert_string_equal(diary, "kh123se");
    assert_code(connect.waiter.status, UV_ECONNREFUSED);
    assert_code(ours.handshake.waiter.status, UV_ECONNREFUSED);
    assert_code(ours.write[2].waiter.status, UV_ECONNREFUSED);
    assert_code(ours.shutdown.waiter.status, UV_ECONNREFUSED);
    assert_code(ours.ear.end, UV_ECONNREFUSED);
    talk_free(&talk);
    (void)close(taken);
}

static void handshake_fails(struct talk *talk)
{
    struct all ours;
    struct noted again;
    struct ear ear;
    ask_for_all(&ours, talk->us);
    cut(talk->peer);
    run_until_that(ours.ear.ended);
    assert_string_equal(diary, "h123se");
    assert_code(ours.handshake.waiter.status, UV_ECONNABORTED);
    assert_code(ours.write[0].waiter.status, UV_ECONNABORTED);
    assert_code(ours.shutdown.waiter.status, UV_ECONNABORTED);
    assert_code(ours.ear.end, UV_ECONNABORTED);
    hear(talk->us, &ear); /* and what is asked later, with the same */
    assert_code(adieu_uv_handshake(noted(&again, 'h'), talk->us, note_done), 0);
    ends_with(&again.waiter, UV_ECONNABORTED);
    run_until_that(ear.ended);
    assert_code(ear.end, UV_ECONNABORTED);
}

static void a_failed_handshake_fails_all_that_waits_for_it(void **state)
{
    (void)state;
    each_early_talk(handshake_fails);
}

/* What is there is read, so that we learn of it: the kernel tells of room only. */
static void take_no_more(int descriptor)
{
    char piece[4096];
    assert_int_equal(shutdown(descriptor, SHUT_RD), 0);
    while (recv(descriptor, piece, sizeof piece, MSG_DONTWAIT) > 0)
        continue;
}

/* Their socket takes no more, but says what it has to say: on a Unix socket, where that can be had. */
static void a_failed_send_fails_the_writes_and_reading_goes_on(void **state)
{
    struct talk talk = {.carrier = CARRIER_SOCKETPAIR, .version = ADIEU_TLS_1_3};
    struct waiter blocked, word;
    struct noted write, half;
    struct ear ear;
    (void)state;
    talk_open(&talk);
    talk_shake(&talk);
    diary[0] = '\0';
    say_too_much(&blocked, talk.us);
    const uv_buf_t buf = pattern_buf(0, 5);
    assert_code(adieu_uv_write(noted(&write, 'w'), talk.us, &buf, 1, note_done), 0);
    assert_code(adieu_uv_shutdown(noted(&half, 's'), talk.us, note_done), 0);
    say(&word, talk.peer, 0, 20000);
    ends_with(&word, 0);
    take_no_more(descriptor_of(adieu_uv_transport(talk.peer)));
    ends_with(&half.waiter, UV_EPIPE);
    assert_string_equal(diary, "ws");
    assert_code(blocked.status, UV_EPIPE);
    assert_true(blocked.request.sent <= blocked.request.taken && blocked.request.taken < BIG);
    assert_code(write.waiter.status, UV_EPIPE);
    assert_int_equal(write.waiter.request.taken, 0);
    hear(talk.us, &ear);
    run_until_that(ear.got == 20000);
    assert_true(ear.intact && !ear.ended);
    talk_free(&talk);
}

static void a_farewell_is_too_late_to_cancel(void **state)
{
    struct talk talk = {.carrier = CARRIER_TCP, .version = ADIEU_TLS_1_3};
    struct noted farewell;
    struct ear ear;
    struct waiter bye;
    (void)state;
    talk_open(&talk);
    talk_shake(&talk);
    diary[0] = '\0';
    assert_code(adieu_uv_farewell(noted(&farewell, 'f'), talk.us, patience, note_closed), 0);
    talk.us = NULL;
    assert_code(adieu_uv_cancel(&farewell.waiter.request), UV_EALREADY);
    ends_with(&farewell.waiter, 0);
    hear(talk.peer, &ear);
    run_until_that(ear.ended);
    assert_code(ear.end, UV_EOF);
    part(&bye, talk.peer);
    ends_with(&bye, 0);
    assert_ends(bye.ending, "closed", "closed");
    talk_free(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_can_be_asked_for_in_one_breath),
        uv_unit_test(and_before_there_is_a_connection),
        cmocka_unit_test(no_callback_runs_inside_the_call_that_asks),
        uv_unit_test(callbacks_of_one_turn_come_in_order),
        cmocka_unit_test(nothing_is_called_after_the_close_callback),
        cmocka_unit_test(nor_after_one_whose_patience_ended),
        uv_unit_test(a_failed_connect_fails_all_that_waits_for_it),
        cmocka_unit_test(a_failed_handshake_fails_all_that_waits_for_it),
        uv_unit_test(a_failed_send_fails_the_writes_and_reading_goes_on),
        uv_unit_test(a_farewell_is_too_late_to_cancel),
    };
    return cmocka_run_group_tests_name("uv turns", tests, setup_talks, teardown_talks);
}
