/* SPDX-License-Identifier: MIT */
/* Which explanation is shown when causes pile up, and what its text says. */
#include "scripted.h"

#include <errno.h>
#include <string.h>

/* Everything that can happen to an established stream, as a test can do it. */
enum cause { SENT_FAILED, RESET, EOF_CAME, VIOLATION, ALERT, CLOSE_NOTIFY, ABORT, FAULT, CLOSED, CAUSES };

static const char *const cause_names[] = {"send failed",  "reset", "eof",   "violation",        "alert",
                                          "close_notify", "abort", "fault", "shutdown, flushed"};

/* Says it if there is still room to say it: after an end the peer is not listened to. */
static void say_if_heard(struct adieu_stream *s, char tag, uint8_t number)
{
    if (adieu_wire_in(s, NULL))
        say_number(s, tag, number);
}

static void cause(struct adieu_stream *s, enum cause what)
{
    switch (what) {
    case SENT_FAILED:
        adieu_wire_out_failed(s, EPIPE);
        break;
    case RESET:
        adieu_wire_reset(s, ECONNRESET);
        break;
    case EOF_CAME:
        adieu_wire_eof(s);
        break;
    case VIOLATION:
        say_if_heard(s, 'V', 50);
        break;
    case ALERT:
        say_if_heard(s, 'A', 48);
        break;
    case CLOSE_NOTIFY:
        say_if_heard(s, 'C', 1);
        break;
    case ABORT:
        adieu_abort(s, ADIEU_REASON_REQUEST);
        break;
    case FAULT:
        say_if_heard(s, 'F', 80);
        break;
    case CLOSED:
        if (adieu_shutdown(s) == ADIEU_OK)
            flush(s);
        break;
    case CAUSES:
        break;
    }
    read_status(s);
}

#define NONE ADIEU_ERR_NONE
#define SEND ADIEU_ERR_SEND_FAILED
#define RST ADIEU_ERR_RESET
#define TRUNC ADIEU_ERR_TRUNCATED
#define VIOL ADIEU_ERR_VIOLATION
#define ALRT ADIEU_ERR_ALERTED
#define ABRT ADIEU_ERR_ABORTED
#define ENGN ADIEU_ERR_ENGINE

/*
 * By hand from the published ranking: a received alert, then a violation, truncation, reset, a failed send. Abort and
 * fault rank above truncation if they came first, below everything if they came after an end. A row is what came
 * first, a column what came second. What ends both halves by itself cannot be explained any better.
 */
/* clang-format off */
static const enum adieu_error_code expected[CAUSES][CAUSES] = {
    /*                 sent failed reset  eof    violation alert close_notify abort fault closed */
    [SENT_FAILED] =   {SEND,       RST,   TRUNC, VIOL,     ALRT, SEND,        SEND, SEND, SEND},
    [RESET] =         {RST,        RST,   RST,   RST,      RST,  RST,         RST,  RST,  RST},
    [EOF_CAME] =      {TRUNC,      TRUNC, TRUNC, TRUNC,    TRUNC, TRUNC,      TRUNC, TRUNC, TRUNC},
    [VIOLATION] =     {VIOL,       VIOL,  VIOL,  VIOL,     VIOL, VIOL,        VIOL, VIOL, VIOL},
    [ALERT] =         {ALRT,       ALRT,  ALRT,  ALRT,     ALRT, ALRT,        ALRT, ALRT, ALRT},
    [CLOSE_NOTIFY] =  {SEND,       SEND,  NONE,  NONE,     NONE, NONE,        ABRT, NONE, NONE},
    [ABORT] =         {ABRT,       ABRT,  ABRT,  ABRT,     ABRT, ABRT,        ABRT, ABRT, ABRT},
    [FAULT] =         {ENGN,       ENGN,  ENGN,  ENGN,     ENGN, ENGN,        ENGN, ENGN, ENGN},
    [CLOSED] =        {NONE,       RST,   TRUNC, VIOL,     ALRT, NONE,        ABRT, ENGN, NONE},
};
/* clang-format on */

static void the_best_explanation_is_shown(void **state)
{
    (void)state;
    for (enum cause first = 0; first < CAUSES; first++) {
        for (enum cause second = 0; second < CAUSES; second++) {
            struct adieu_stream *s = established();
            cause(s, first);
            cause(s, second);
            enum adieu_error_code got = adieu_error(s)->code, want = expected[first][second];
            /* A reset on a stream whose reading is over is told by what it stopped, or by its own name. */
            bool either = first == CLOSE_NOTIFY && second == RESET && got == RST;
            check_that(got == want || either, "%s, then %s: %s, not %s", cause_names[first], cause_names[second],
                       adieu_error_code_name(got), adieu_error_code_name(want));
            assert_int_equal(adieu_ending(s).error, got);
            adieu_free(s);
        }
    }
}

static void an_explanation_never_changes_after_both_ended(void **state)
{
    (void)state;
    for (enum cause first = 0; first < CAUSES; first++) {
        for (enum cause second = 0; second < CAUSES; second++) {
            struct adieu_stream *s = established();
            cause(s, first);
            cause(s, second);
            struct adieu_error before = *adieu_error(s);
            for (enum cause third = 0; third < CAUSES && adieu_ending(s).decided; third++) {
                cause(s, third);
                assert_memory_equal(adieu_error(s), &before, sizeof before);
            }
            adieu_free(s);
        }
    }
}

static void who_came_first_is_told(void **state)
{
    (void)state;
    for (enum cause first = 0; first < CAUSES; first++) {
        for (enum cause second = 0; second < CAUSES; second++) {
            bool self = first == ABORT || first == FAULT || first == CLOSED;
            struct adieu_stream *s = established();
            assert_int_equal(adieu_ending(s).first, ADIEU_FIRST_NOBODY);
            cause(s, first);
            cause(s, second);
            CHECK_NAMED(adieu_first_name, adieu_ending(s).first, self ? ADIEU_FIRST_SELF : ADIEU_FIRST_PEER);
            adieu_free(s);
        }
    }
}

static void misuse_never_touches_the_error(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    struct adieu_error before = *adieu_error(s);
    struct adieu_ending stood = adieu_ending(s);
    check_status(write_text(s, "x"), ADIEU_MISUSE);
    check_status(adieu_wire_lend(s, (const uint8_t *)"x", (size_t)1 << 30), ADIEU_MISUSE);
    struct adieu_ending stands = adieu_ending(s);
    assert_memory_equal(adieu_error(s), &before, sizeof before);
    assert_memory_equal(&stood, &stands, sizeof stood);
    adieu_free(s);
}

static void the_text_is_whole_and_terminated(void **state)
{
    (void)state;
    for (enum cause what = 0; what < CAUSES; what++) {
        struct adieu_stream *s = established();
        cause(s, what);
        const struct adieu_error *error = adieu_error(s);
        assert_non_null(memchr(error->text, 0, sizeof error->text));
        assert_true((error->code == ADIEU_ERR_NONE) == (error->text[0] == 0));
        assert_null(strchr(error->text, '\n'));
        adieu_free(s);
    }
}

/* The text is written when it is asked for; what it tells is what was so when it happened. */
static void the_text_tells_of_the_moment_whenever_it_is_asked_for(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    char byte[8];
    size_t got;
    adieu_wire_out_failed(s, EPIPE);
    say_data(s, "later");
    check_status(adieu_read(s, byte, sizeof byte, &got), ADIEU_OK);
    assert_non_null(strstr(adieu_error(s)->text, "after 0 bytes received"));
    adieu_free(s);
}

static void an_error_that_was_asked_for_before_is_complete_without_asking_again(void **state)
{
    (void)state;
    for (enum cause what = 0; what < CAUSES; what++) {
        struct adieu_stream *kept = established(), *asked = established();
        const struct adieu_error *error = adieu_error(kept);
        cause(kept, what);
        cause(asked, what);
        assert_int_equal(error->code, adieu_error(asked)->code);
        assert_string_equal(error->text, adieu_error(asked)->text);
        adieu_free(kept);
        adieu_free(asked);
    }
}

static void a_text_that_is_too_long_is_cut(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    struct adieu_error error;
    error_set(&error, ADIEU_ERR_FILE, ENOENT, "%s", text);
    assert_int_equal(strlen(error.text), ADIEU_ERROR_TEXT - 1);
    assert_int_equal(error.os_error, ENOENT);
}

static void a_setter_that_fails_says_why_and_the_next_one_forgets(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_NONE);
    check_status(adieu_config_queue_limit(config, 0), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_ARGUMENT);
    check_status(adieu_config_queue_limit(config, 1025), ADIEU_FAIL);
    check_status(adieu_config_queue_limit(config, 1024), ADIEU_OK);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_NONE);
    struct adieu_stream *s = adieu_client(config, "peer.example");
    check_status(adieu_config_queue_limit(config, 1), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_FROZEN);
    adieu_free(s);
    check_status(adieu_config_queue_limit(config, 1), ADIEU_FAIL); /* for ever */
    adieu_config_free(config);
    adieu_config_free(NULL);
    adieu_free(NULL);
}

static void what_an_error_quotes_steers_no_terminal(void **state)
{
    (void)state;
    struct adieu_error error;
    error_set(&error, ADIEU_ERR_BAD_NAME, 0, "\"%s\"", "a\x1b[2J\x7f\nb\xc3\xa9\xc2\x9b");
    assert_non_null(strstr(error.text, "\"a?[2J??b\xc3\xa9??\""));
}

static void only_the_second_set_of_controls_is_tamed_behind_its_first_byte(void **state)
{
    (void)state;
    struct adieu_error error;
    error_set(&error, ADIEU_ERR_BAD_NAME, 0, "%s", "\xc2\x80 \xc2\x9f \xc2\xa0 \xc2\xa1 \xc2\x7e \xc2\x7f \xc3\x9b.");
    assert_non_null(strstr(error.text, "?? ?? \xc2\xa0 \xc2\xa1 \xc2\x7e \xc2? \xc3\x9b."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_explanation_is_shown),
        cmocka_unit_test(an_explanation_never_changes_after_both_ended),
        cmocka_unit_test(who_came_first_is_told),
        cmocka_unit_test(misuse_never_touches_the_error),
        cmocka_unit_test(the_text_is_whole_and_terminated),
        cmocka_unit_test(the_text_tells_of_the_moment_whenever_it_is_asked_for),
        cmocka_unit_test(an_error_that_was_asked_for_before_is_complete_without_asking_again),
        cmocka_unit_test(a_text_that_is_too_long_is_cut),
        cmocka_unit_test(a_setter_that_fails_says_why_and_the_next_one_forgets),
        cmocka_unit_test(what_an_error_quotes_steers_no_terminal),
        cmocka_unit_test(only_the_second_set_of_controls_is_tamed_behind_its_first_byte),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
