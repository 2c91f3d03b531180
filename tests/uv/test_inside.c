/* SPDX-License-Identifier: MIT */
/* Calls from inside callbacks: those of the stream (adieu_watch, on_verify), and those of the handle. */
#include "talk.h"

/* ------------------------------------------------ what is done in one */

static const struct adieu_uv_patience patience = {.quiet_ms = 2000, .total_ms = 5000};

/* A conversation of which something happens at one news, once. */
static struct inside {
    struct adieu_uv *uv; /* NULL: freed, or the library's */
    enum adieu_news at;
    bool done;
    struct waiter handshake, write, half, more, bye;
    unsigned calls; /* of callbacks of the handle, after it */
} inside;

static void counted(struct adieu_uv_request *request, int status)
{
    inside.calls += inside.done;
    waiter_done(request, status);
}

static void do_close(struct adieu_uv *uv)
{
    assert_code(adieu_uv_close(&inside.bye.request, uv, patience, waiter_closed), 0);
}

static void do_farewell(struct adieu_uv *uv)
{
    assert_code(adieu_uv_farewell(&inside.bye.request, uv, patience, waiter_closed), 0);
    inside.uv = NULL;
}

static void do_abort(struct adieu_uv *uv)
{
    adieu_uv_abort(uv, ADIEU_REASON_REQUEST);
    do_close(uv);
}

static void do_free(struct adieu_uv *uv)
{
    adieu_uv_free(uv);
    inside.uv = NULL;
    inside.bye.done = true; /* nobody will say so */
}

static void do_write(struct adieu_uv *uv)
{
    const uv_buf_t buf = pattern_buf(5, 5);
    (void)adieu_uv_write(&inside.more.request, uv, &buf, 1, waiter_done);
    assert_true(adieu_uv_try_write(uv, &buf, 1) < 0);
    do_close(uv);
}

static void do_cancel(struct adieu_uv *uv)
{
    (void)adieu_uv_cancel(&inside.handshake.request);
    (void)adieu_uv_cancel(&inside.write.request);
    (void)adieu_uv_cancel(&inside.half.request);
    do_close(uv);
}

static void do_read(struct adieu_uv *uv)
{
    assert_code(adieu_uv_read_stop(uv), 0);
    assert_code(adieu_uv_read_start(uv, ear_alloc, ear_read), 0);
    do_close(uv);
}

static void (*const doings[])(struct adieu_uv *uv) = {do_close, do_farewell, do_abort, do_free,
                                                      do_write, do_cancel,   do_read};
enum { DOINGS = sizeof doings / sizeof doings[0] };

static void (*doing)(struct adieu_uv *uv);
static enum adieu_news at;

static void watched(void *context, const struct adieu_stream *stream, enum adieu_news news,
                    const struct adieu_alert *alert)
{
    (void)context, (void)stream, (void)alert;
    if (news != inside.at || inside.done || !inside.uv)
        return;
    inside.done = true;
    doing(inside.uv);
}

/* ------------------------------------------------ in adieu_watch */

/* It says hello and shuts down; the peer does so, too, and closes at our end. */
static void something_happens(struct talk *talk)
{
    struct waiter word, half = {.done = false}, shake, bye;
    struct ear ours, theirs;
    inside = (struct inside){.uv = talk->us, .at = at};
    adieu_watch(adieu_uv_stream(talk->us), watched, NULL);
    const uv_buf_t hello = pattern_buf(0, 5);
    assert_code(adieu_uv_write(&inside.write.request, talk->us, &hello, 1, counted), 0);
    assert_code(adieu_uv_shutdown(&inside.half.request, talk->us, counted), 0);
    hear(talk->us, &ours);
    say(&word, talk->peer, 0, 10);
    assert_code(adieu_uv_shutdown(&half.request, talk->peer, waiter_done), 0);
    hear(talk->peer, &theirs);
    assert_code(adieu_uv_handshake(&inside.handshake.request, talk->us, counted), 0);
    assert_code(adieu_uv_handshake(&shake.request, talk->peer, NULL), 0);
    run_until_that(theirs.ended);
    part(&bye, talk->peer);
    run_until_that(inside.done && inside.bye.done);
    talk->us = inside.uv;
    ends_with(&bye, 0);
    assert_true(ours.intact && theirs.intact);
    assert_in_range(inside.bye.calls, inside.uv || doing == do_farewell ? 1 : 0, 1);
    if (doing == do_free)
        assert_int_equal(inside.calls, 0);
    if (doing == do_abort && inside.at == ADIEU_NEWS_ESTABLISHED)
        assert_ends(inside.bye.ending, "aborted", "abandoned");
    if (doing == do_close && inside.at == ADIEU_NEWS_ESTABLISHED)
        assert_ends(inside.bye.ending, "closed", "closed");
}

static void in_the_observer_of_a_stream_any_call_is_allowed(void **state)
{
    static const enum adieu_news news[] = {ADIEU_NEWS_ESTABLISHED, ADIEU_NEWS_ALERT_RECEIVED, ADIEU_NEWS_ALERT_SEALED,
                                           ADIEU_NEWS_SENDING, ADIEU_NEWS_RECEIVING};
    (void)state;
    for (int i = 0; i < 5 * DOINGS; i++) {
        at = news[i / DOINGS];
        doing = doings[i % DOINGS];
        early_talk(i, something_happens);
    }
}

/* ------------------------------------------------ in on_verify */

static enum adieu_decision decision;

static enum adieu_decision verified(void *context, const struct adieu_stream *stream, bool good, const char *problem,
                                    const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)stream, (void)problem, (void)leaf, (void)leaf_size;
    assert_true(good);
    inside.done = true;
    if (doing)
        doing(inside.uv);
    return decision;
}

/* A client of a config with the callback, and a server. */
static struct talk asks(struct adieu_config **config)
{
    struct talk talk = {.carrier = CARRIER_SOCKETPAIR, .version = ADIEU_TLS_1_3};
    uint8_t pin[ADIEU_PIN_SIZE];
    int sockets[2];
    inside = (struct inside){.done = false};
    *config = adieu_config_new();
    assert_status(adieu_config_identity_pin(the_server_config, pin), ADIEU_OK);
    assert_status(adieu_config_trust_pin(*config, pin), ADIEU_OK);
    assert_status(adieu_config_insecure_on_verify(*config, verified, NULL), ADIEU_OK);
    talk.us = inside.uv = adieu_uv_client(the_loop, *config, "localhost");
    talk.peer = new_uv_server();
    connected_sockets(CARRIER_SOCKETPAIR, sockets);
    assert_code(adieu_uv_open(talk.us, sockets[0]), 0);
    assert_code(adieu_uv_open(talk.peer, sockets[1]), 0);
    return talk;
}

static void in_on_verify_any_call_is_allowed(void **state)
{
    (void)state;
    decision = ADIEU_ACCEPT;
    for (int i = 0; i < DOINGS; i++) {
        struct adieu_config *config;
        struct talk talk = asks(&config);
        struct waiter theirs = {.done = false};
        struct ear ear;
        inside.at = ADIEU_NEWS_ESTABLISHED;
        doing = doings[i];
        hear(talk.us, &ear);
        assert_code(adieu_uv_handshake(&theirs.request, talk.peer, waiter_done), 0);
        assert_code(adieu_uv_handshake(&inside.handshake.request, talk.us, counted), 0);
        assert_code(adieu_uv_write(&inside.write.request, talk.us, NULL, 0, counted), 0);
        assert_code(adieu_uv_shutdown(&inside.half.request, talk.us, counted), 0);
        run_until_that(inside.done && inside.bye.done);
        talk.us = inside.uv;
        if (doing == do_free)
            assert_int_equal(inside.calls, 0);
        talk_free(&talk);
        adieu_config_free(config);
    }
}

/* Nothing moves until somebody decides. */
static struct talk until_a_decision(struct adieu_config **config, struct waiter *theirs)
{
    struct talk talk = asks(config);
    doing = NULL;
    decision = ADIEU_LATER;
    *theirs = (struct waiter){.done = false};
    adieu_uv_handshake_timeout(talk.us, 200);
    assert_code(adieu_uv_handshake(&theirs->request, talk.peer, waiter_done), 0);
    assert_code(adieu_uv_handshake(&inside.handshake.request, talk.us, counted), 0);
    run_until_that(inside.done);
    run_ms(30);
    assert_false(inside.handshake.done);
    assert_false(theirs->done);
    assert_int_equal(adieu_awaited(adieu_uv_stream(talk.us)), ADIEU_AWAITED_VERIFY);
    return talk;
}

static void a_decision_is_waited_for_and_wake_goes_on(void **state)
{
    struct adieu_config *config;
    struct waiter theirs;
    (void)state;
    struct talk talk = until_a_decision(&config, &theirs);
    assert_status(adieu_decide(adieu_uv_stream(talk.us), ADIEU_ACCEPT), ADIEU_OK);
    assert_false(inside.handshake.done);
    adieu_uv_wake(talk.us);
    ends_with(&inside.handshake, 0);
    ends_with(&theirs, 0);
    close_both(talk.us, talk.peer);
    talk_free(&talk);
    adieu_config_free(config);
}

static void a_decision_against_the_peer_is_told_to_it(void **state)
{
    struct adieu_config *config;
    struct waiter theirs;
    struct ear ear;
    (void)state;
    struct talk talk = until_a_decision(&config, &theirs);
    assert_status(adieu_decide(adieu_uv_stream(talk.us), ADIEU_REFUSE), ADIEU_OK);
    adieu_uv_wake(talk.us);
    ends_with(&inside.handshake, UV_EACCES);
    hear(talk.peer, &ear);
    run_until_that(ear.ended);
    assert_code(ear.end, UV_EPROTO);
    talk_free(&talk);
    adieu_config_free(config);
}

static void a_decision_has_the_handshakes_deadline(void **state)
{
    struct adieu_config *config;
    struct waiter theirs;
    (void)state;
    struct talk talk = until_a_decision(&config, &theirs);
    ends_with(&inside.handshake, UV_ETIMEDOUT);
    talk_free(&talk);
    adieu_config_free(config);
}

/* ------------------------------------------------ in the handle's own */

static struct adieu_uv **victim;

static void free_in_done(struct adieu_uv_request *request, int status)
{
    (void)status;
    struct adieu_uv *uv = request->uv;
    memset(request, 0xa5, sizeof *request);
    adieu_uv_free(uv);
    *victim = NULL;
}

static void free_in_read(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    (void)nread, (void)buf;
    adieu_uv_free(uv);
    *victim = NULL;
}

static void free_in_alloc(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    ear_alloc(uv, suggested, buf);
    adieu_uv_free(uv);
    *victim = NULL;
}

static void never(struct adieu_uv_request *request, int status)
{
    (void)request, (void)status;
    fail_msg("the handle has gone");
}

/* With more pending behind it, which is ours again at once. */
static void freed_in_a_write(struct talk *talk)
{
    struct adieu_uv_request *requests = calloc(3, sizeof *requests);
    const uv_buf_t bufs[7] = {pattern_buf(0, 5),  pattern_buf(5, 5),  pattern_buf(10, 5),  pattern_buf(15, 5),
                              pattern_buf(20, 5), pattern_buf(25, 5), pattern_buf(30, BIG)};
    struct ear ear;
    victim = &talk->us;
    assert_code(adieu_uv_write(&requests[0], talk->us, bufs, 2, free_in_done), 0);
    assert_code(adieu_uv_write(&requests[1], talk->us, bufs + 2, 5, never), 0);
    assert_code(adieu_uv_shutdown(&requests[2], talk->us, never), 0);
    run_until_that(!talk->us);
    free(requests);
    hear(talk->peer, &ear);
    run_until_that(ear.ended);
    assert_true(ear.end == UV_ECONNRESET || ear.end == UV_ECONNABORTED);
    assert_true(ear.intact);
}

static void freed_while_reading(struct talk *talk, bool in_alloc)
{
    struct waiter word;
    struct ear ear;
    victim = &talk->us;
    hear(talk->us, &ear);
    if (in_alloc)
        assert_code(adieu_uv_read_start(talk->us, free_in_alloc, ear_read), 0);
    else
        assert_code(adieu_uv_read_start(talk->us, ear_alloc, free_in_read), 0);
    say(&word, talk->peer, 0, 100000);
    run_until_that(!talk->us);
    assert_int_equal(ear.calls, 0);
    talk_free(talk);
}

static void freed_in_a_read(struct talk *talk)
{
    freed_while_reading(talk, false);
}

static void freed_in_an_alloc(struct talk *talk)
{
    freed_while_reading(talk, true);
}

static void freed_in_the_handshake(struct talk *talk)
{
    struct waiter theirs = {.done = false};
    struct adieu_uv_request *requests = calloc(2, sizeof *requests);
    const uv_buf_t buf = pattern_buf(0, 5);
    victim = &talk->us;
    assert_code(adieu_uv_handshake(&requests[0], talk->us, free_in_done), 0);
    assert_code(adieu_uv_write(&requests[1], talk->us, &buf, 1, never), 0);
    assert_code(adieu_uv_handshake(&theirs.request, talk->peer, waiter_done), 0);
    run_until_that(!talk->us);
    free(requests);
    run_until_that(theirs.done);
}

static void in_the_handles_own_it_may_be_freed(void **state)
{
    (void)state;
    each_talk(freed_in_a_write);
    each_talk(freed_in_a_read);
    each_talk(freed_in_an_alloc);
    each_early_talk(freed_in_the_handshake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_observer_of_a_stream_any_call_is_allowed),
        uv_unit_test(in_on_verify_any_call_is_allowed),
        uv_unit_test(a_decision_is_waited_for_and_wake_goes_on),
        uv_unit_test(a_decision_against_the_peer_is_told_to_it),
        uv_unit_test(a_decision_has_the_handshakes_deadline),
        cmocka_unit_test(in_the_handles_own_it_may_be_freed),
    };
    return cmocka_run_group_tests_name("uv inside", tests, setup_talks, teardown_talks);
}
