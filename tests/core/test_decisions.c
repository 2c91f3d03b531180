/* SPDX-License-Identifier: MIT */
/* The questions that the engine asks the application through the core: whether to trust, and whether to ask again. */
#include "scripted.h"

#include <string.h>

#include "stream.h"

/* ------------------------------------------------ whether to trust: the engine's side is played by the test */

static struct {
    unsigned asked;
    bool inside; /* verbs are misuse, and the engine knows that it was left */
    enum adieu_decision answer;
} app;

static enum adieu_decision ask(void *arg)
{
    struct adieu_stream *s = arg;
    app.asked++;
    app.inside = stream_in_callback(s) && fake_outside == 1 && adieu_handshake(s) == ADIEU_MISUSE;
    return app.answer;
}

static struct adieu_stream *asking(enum adieu_decision answer)
{
    memset(&app, 0, sizeof app);
    app.answer = answer;
    return fresh(false);
}

static void check_decision(enum adieu_decision got, enum adieu_decision want)
{
    CHECK_NAMED(adieu_decision_name, got, want);
}

static void check_awaited(const struct adieu_stream *s, enum adieu_awaited want)
{
    CHECK_NAMED(adieu_awaited_name, adieu_awaited(s), want);
}

static struct {
    unsigned awaited, certificates, others;
} heard;

static void hear(void *context, const struct adieu_stream *s, enum adieu_news news, const struct adieu_alert *alert)
{
    (void)context, (void)s;
    assert_null(alert);
    heard.awaited += news == ADIEU_NEWS_AWAITED;
    heard.certificates += news == ADIEU_NEWS_CERTIFICATE;
    heard.others += news != ADIEU_NEWS_AWAITED && news != ADIEU_NEWS_CERTIFICATE;
}

static void an_answer_given_at_once_is_the_decision(void **state)
{
    (void)state;
    for (int answer = ADIEU_REFUSE; answer <= ADIEU_REFUSE_ACCESS; answer++) {
        if (answer == ADIEU_LATER)
            continue;
        struct adieu_stream *s = asking((enum adieu_decision)answer);
        memset(&heard, 0, sizeof heard);
        adieu_watch(s, hear, NULL);
        check_decision(stream_decision(s, ask, s), (enum adieu_decision)answer);
        assert_true(app.inside && app.asked == 1);
        assert_false(stream_in_callback(s));
        assert_int_equal(fake_outside, 0);
        check_awaited(s, ADIEU_AWAITED_NOTHING);
        assert_int_equal(heard.awaited, 0);
        check_status(adieu_decide(s, ADIEU_ACCEPT), ADIEU_MISUSE);
        adieu_free(s);
    }
}

static struct adieu_stream *awaiting(void)
{
    struct adieu_stream *s = asking(ADIEU_LATER);
    memset(&heard, 0, sizeof heard);
    adieu_watch(s, hear, NULL);
    check_decision(stream_decision(s, ask, s), ADIEU_LATER);
    assert_int_equal(app.asked, 1);
    return s;
}

static void later_is_awaited_and_told(void **state)
{
    (void)state;
    struct adieu_stream *s = awaiting();
    check_awaited(s, ADIEU_AWAITED_VERIFY);
    assert_true(heard.awaited == 1 && !heard.others);
    adieu_free(s);
}

static void while_a_decision_is_awaited_the_engine_is_left_alone(void **state)
{
    (void)state;
    struct adieu_stream *s = awaiting();
    check_status(adieu_handshake(s), ADIEU_WAIT);
    assert_false(fake_of(s)->hello_put);
    check_status(adieu_decide(s, ADIEU_ACCEPT), ADIEU_OK);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    assert_true(fake_of(s)->hello_put);
    adieu_free(s);
}

static void what_was_decided_later_answers_one_question(void **state)
{
    (void)state;
    struct adieu_stream *s = awaiting();
    check_status(adieu_decide(s, ADIEU_REFUSE_REVOKED), ADIEU_OK);
    check_awaited(s, ADIEU_AWAITED_NOTHING);
    check_status(adieu_decide(s, ADIEU_ACCEPT), ADIEU_MISUSE);
    check_decision(stream_decision(s, ask, s), ADIEU_REFUSE_REVOKED);
    assert_int_equal(app.asked, 1); /* it was not asked again */
    check_awaited(s, ADIEU_AWAITED_NOTHING);
    check_decision(stream_decided(s), ADIEU_LATER);
    app.answer = ADIEU_ACCEPT;
    check_decision(stream_decision(s, ask, s), ADIEU_ACCEPT);
    assert_int_equal(app.asked, 2);
    adieu_free(s);
}

static void nothing_was_decided_before_it_was_asked(void **state)
{
    (void)state;
    struct adieu_stream *s = asking(ADIEU_ACCEPT);
    check_decision(stream_decided(s), ADIEU_LATER);
    check_status(adieu_decide(s, ADIEU_ACCEPT), ADIEU_MISUSE);
    stream_await(s, ADIEU_AWAITED_NAME); /* that is another question */
    check_status(adieu_decide(s, ADIEU_ACCEPT), ADIEU_MISUSE);
    check_awaited(s, ADIEU_AWAITED_NAME);
    adieu_free(s);
}

static void later_is_no_decision(void **state)
{
    (void)state;
    struct adieu_stream *s = awaiting();
    check_status(adieu_decide(s, ADIEU_LATER), ADIEU_MISUSE);
    check_awaited(s, ADIEU_AWAITED_VERIFY);
    bool before = stream_enter_callback(s);
    assert_false(before);
    check_status(adieu_decide(s, ADIEU_ACCEPT), ADIEU_MISUSE);
    stream_leave_callback(s, before);
    check_awaited(s, ADIEU_AWAITED_VERIFY);
    check_decision(stream_decided(s), ADIEU_LATER);
    adieu_free(s);
}

/* Behind the handshake nothing can wait. */
static void later_behind_the_handshake_is_a_refusal(void **state)
{
    (void)state;
    struct adieu_stream *s = asking(ADIEU_LATER);
    establish(s);
    check_decision(stream_decision(s, ask, s), ADIEU_REFUSE);
    check_awaited(s, ADIEU_AWAITED_NOTHING);
    app.answer = ADIEU_ACCEPT;
    check_decision(stream_decision(s, ask, s), ADIEU_ACCEPT);
    app.answer = ADIEU_REFUSE_EXPIRED;
    check_decision(stream_decision(s, ask, s), ADIEU_REFUSE_EXPIRED);
    adieu_free(s);
}

static void callbacks_within_callbacks_are_left_one_by_one(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    bool first = stream_enter_callback(s), second = stream_enter_callback(s);
    assert_int_equal(fake_outside, 2);
    assert_true(!first && second);
    stream_leave_callback(s, second);
    assert_true(stream_in_callback(s));
    stream_leave_callback(s, first);
    assert_false(stream_in_callback(s));
    assert_int_equal(fake_outside, 0);
    adieu_free(s);
}

static void the_end_of_receiving_awaits_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = awaiting();
    adieu_wire_out_failed(s, 32); /* of the other direction only */
    check_awaited(s, ADIEU_AWAITED_VERIFY);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    check_awaited(s, ADIEU_AWAITED_NOTHING);
    check_status(adieu_decide(s, ADIEU_ACCEPT), ADIEU_MISUSE);
    adieu_free(s);
}

/* The transport's end is found once the program has decided: what came may still be worth a handshake. */
static void an_end_waits_for_the_decision(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(true);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    receive(s, "H", 1);
    fake_of(s)->plan.awaits = true;
    check_status(adieu_handshake(s), ADIEU_WAIT);
    check_awaited(s, ADIEU_AWAITED_VERIFY);
    adieu_wire_eof(s);
    check_receiving(s, ADIEU_RECEIVING_OPEN);
    check_status(adieu_decide(s, ADIEU_ACCEPT), ADIEU_OK);
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_receiving(s, ADIEU_RECEIVING_TRUNCATED);
    adieu_free(s);
}

/* ------------------------------------------------ the certificate, asked for late */

static struct adieu_stream *that_may_ask(void)
{
    struct adieu_stream *s = fresh_with_queue(true, 1);
    establish(s);
    fake_of(s)->plan.may_ask = true;
    return s;
}

static void a_request_is_sealed_where_it_may_be_asked_for(void **state)
{
    (void)state;
    struct adieu_stream *s = that_may_ask();
    check_status(adieu_ask_certificate(s), ADIEU_OK);
    assert_string_equal(flush(s), "Q");
    fake_of(s)->plan.may_ask = false;
    check_status(adieu_ask_certificate(s), ADIEU_MISUSE);
    assert_string_equal(flush(s), "");
    adieu_free(s);
}

static void nothing_is_asked_where_it_could_not_be_said_or_answered(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(true);
    fake_of(s)->plan.may_ask = true;
    check_status(adieu_ask_certificate(s), ADIEU_MISUSE); /* the handshake is not done */
    adieu_abort(s, ADIEU_REASON_REQUEST);
    check_status(adieu_ask_certificate(s), ADIEU_FAIL);
    adieu_free(s);

    s = that_may_ask();
    bool before = stream_enter_callback(s);
    check_status(adieu_ask_certificate(s), ADIEU_MISUSE);
    stream_leave_callback(s, before);
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_status(adieu_ask_certificate(s), ADIEU_MISUSE);
    flush(s);
    check_status(adieu_ask_certificate(s), ADIEU_MISUSE); /* closed, as it was shut */
    adieu_free(s);

    s = that_may_ask();
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    check_status(adieu_ask_certificate(s), ADIEU_MISUSE); /* who has said all answers nothing */
    adieu_free(s);

    s = that_may_ask();
    adieu_wire_out_failed(s, 32);
    check_status(adieu_ask_certificate(s), ADIEU_FAIL);
    adieu_free(s);
}

static void a_request_waits_for_the_other_half_of_a_message(void **state)
{
    (void)state;
    struct adieu_stream *s = that_may_ask();
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    check_status(adieu_ask_certificate(s), ADIEU_WAIT);
    say_tag(s, 'm');
    check_status(read_status(s), ADIEU_WAIT);
    check_status(adieu_ask_certificate(s), ADIEU_OK);
    assert_string_equal(flush(s), "Q");
    adieu_free(s);
}

static void a_request_finds_the_other_half_that_lies_unread(void **state)
{
    (void)state;
    struct adieu_stream *s = that_may_ask();
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    say_tag(s, 'm');
    check_status(adieu_ask_certificate(s), ADIEU_OK);
    assert_string_equal(flush(s), "Q");
    say_tag(s, 'M');
    say_number(s, 'A', 40); /* or that the peer gave up: then nothing more is asked of the engine */
    check_status(adieu_ask_certificate(s), ADIEU_OK);
    check_status(read_status(s), ADIEU_FAIL);
    adieu_free(s);

    s = that_may_ask();
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    say_number(s, 'A', 40);
    check_status(adieu_ask_certificate(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_ALERTED);
    adieu_free(s);
}

static void a_request_that_faults_ends_the_stream(void **state)
{
    (void)state;
    struct adieu_stream *s = that_may_ask();
    fake_of(s)->plan.ask_faults = true;
    check_status(adieu_ask_certificate(s), ADIEU_FAIL);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    check_error(s, ADIEU_ERR_ENGINE);
    adieu_free(s);
}

/* A queue of one record holds 16,640 bytes; of those the last 256 are room for what a record adds. */
static void a_word_of_ours_waits_where_a_record_would_not_fit(void **state)
{
    (void)state;
    enum { FITS = (int)(RECORD_SEALED - RECORD_ADDS) - FAKE_OVERHEAD };
    for (int more = 0; more < 2; more++) {
        enum adieu_status want = more ? ADIEU_WAIT : ADIEU_OK;
        struct adieu_stream *s = that_may_ask();
        assert_int_equal(write_much(s, FITS + (size_t)more), FITS + more);
        check_status(adieu_ask_certificate(s), want);
        assert_string_equal(flush(s), more ? "D" : "DQ");
        assert_int_equal(write_much(s, FITS + (size_t)more), FITS + more);
        check_status(adieu_key_update(s, true), want);
        assert_string_equal(flush(s), more ? "D" : "DU");
        adieu_free(s);
    }
}

static void an_answer_is_told(void **state)
{
    (void)state;
    struct adieu_stream *s = that_may_ask();
    memset(&heard, 0, sizeof heard);
    adieu_watch(s, hear, NULL);
    stream_answered(s);
    assert_true(heard.certificates == 1 && !heard.awaited && !heard.others);
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_given_at_once_is_the_decision),
        cmocka_unit_test(later_is_awaited_and_told),
        cmocka_unit_test(while_a_decision_is_awaited_the_engine_is_left_alone),
        cmocka_unit_test(what_was_decided_later_answers_one_question),
        cmocka_unit_test(nothing_was_decided_before_it_was_asked),
        cmocka_unit_test(later_is_no_decision),
        cmocka_unit_test(later_behind_the_handshake_is_a_refusal),
        cmocka_unit_test(callbacks_within_callbacks_are_left_one_by_one),
        cmocka_unit_test(the_end_of_receiving_awaits_nothing),
        cmocka_unit_test(an_end_waits_for_the_decision),
        cmocka_unit_test(a_request_is_sealed_where_it_may_be_asked_for),
        cmocka_unit_test(nothing_is_asked_where_it_could_not_be_said_or_answered),
        cmocka_unit_test(a_request_waits_for_the_other_half_of_a_message),
        cmocka_unit_test(a_request_finds_the_other_half_that_lies_unread),
        cmocka_unit_test(a_request_that_faults_ends_the_stream),
        cmocka_unit_test(a_word_of_ours_waits_where_a_record_would_not_fit),
        cmocka_unit_test(an_answer_is_told),
    };
    return cmocka_run_group_tests_name("decisions", tests, NULL, NULL);
}
