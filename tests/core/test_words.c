/* SPDX-License-Identifier: MIT */
/* What an ending and an error say, word by word, and which of two explanations is kept. */
#include "scripted.h"

#include <errno.h>
#include <string.h>

#include "stream.h"

#define check_text(s, want) assert_string_equal(adieu_error(s)->text, want)

/* ------------------------------------------------ sentences */

static void check_sentence(const struct adieu_ending *ending, const char *want)
{
    char text[160];
    assert_string_equal(adieu_ending_text(ending, text, sizeof text), want);
}

static void the_sentence_tells_what_was_lost_and_what_was_thrown_away(void **state)
{
    (void)state;
    struct adieu_ending ending = {.sending = ADIEU_SENDING_CLOSED, .taken = 100, .sent = 90, .received = 7};
    ending.acknowledged = ADIEU_UNKNOWN;
    check_sentence(&ending, "sending closed (90 of 100 bytes sent), receiving open (7 bytes)");
    ending.taken = ADIEU_UNKNOWN; /* however much there is: what nobody knows is not said */
    check_sentence(&ending, "sending closed (90 of 18446744073709551615 bytes sent), receiving open (7 bytes)");
    ending.taken = ending.acknowledged = 100;
    check_sentence(&ending, "sending closed (90 of 100 bytes sent), receiving open (7 bytes)");
    ending.acknowledged = 99;
    check_sentence(&ending, "sending closed (90 of 100 bytes sent, 99 acknowledged), receiving open (7 bytes)");
    ending.acknowledged = 0;
    ending.discarded = 5;
    check_sentence(&ending,
                   "sending closed (90 of 100 bytes sent, 0 acknowledged), receiving open (7 bytes, 5 discarded)");
}

static void nothing_is_written_where_there_is_no_room(void **state)
{
    (void)state;
    struct adieu_ending ending = {.sending = ADIEU_SENDING_OPEN};
    assert_null(adieu_ending_text(&ending, NULL, 0));
}

static void an_error_says_its_general_text_and_what_is_known_more(void **state)
{
    (void)state;
    struct adieu_error error;
    memset(&error, 0xAA, sizeof error);
    error_set(&error, ADIEU_ERR_MEMORY, ENOMEM, NULL);
    assert_string_equal(error.text, "there is not enough memory");
    assert_int_equal(error.os_error, ENOMEM);
    assert_false(error.alert.seen);
    error_set(&error, ADIEU_ERR_FILE, 0, "%s: %d", "here", 7);
    assert_string_equal(error.text, "a file cannot be read: here: 7");
    assert_int_equal(error.os_error, 0);
}

static void a_configs_error_says_what_was_wrong(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    assert_int_equal(config_queue_limit(config), 8 * RECORD_SEALED);
    check_status(adieu_config_queue_limit(config, 0), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->os_error, 0);
    assert_string_equal(adieu_config_error(config)->text, "a value cannot be used: a queue limit is 1 to 1024 records");
    assert_int_equal(config_queue_limit(config), 8 * RECORD_SEALED);
    check_status(config_fail(config, ADIEU_ERR_FILE, ENOENT, NULL), ADIEU_FAIL);
    assert_string_equal(adieu_config_error(config)->text, "a file cannot be read");
    assert_int_equal(adieu_config_error(config)->os_error, ENOENT);
    check_status(adieu_config_queue_limit(config, 3), ADIEU_OK);
    assert_int_equal(config_queue_limit(config), 3 * RECORD_SEALED);
    adieu_config_free(config);
}

/* ------------------------------------------------ where, and after how much */

static void an_error_in_the_handshake_says_so(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    adieu_abort(s, ADIEU_REASON_RELEASED);
    check_text(s, "the connection was let go without a goodbye: in the handshake");
    assert_int_equal(adieu_error(s)->os_error, 0);
    check_error(s, ADIEU_ERR_RELEASED);
    adieu_free(s);
}

static void an_error_while_a_decision_was_awaited_says_so(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh(false);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    stream_await(s, ADIEU_AWAITED_NAME);
    adieu_abort(s, ADIEU_REASON_DEADLINE);
    check_text(s, "time ran out: in the handshake, which waited for the program's decision");
    adieu_free(s);
}

static void an_error_behind_the_handshake_says_after_how_much(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, "abc");
    check_reads(s, "abc");
    say_data(s, "defgh");
    check_status(adieu_discard(s, NULL), ADIEU_OK);
    adieu_abort(s, ADIEU_REASON_LOCAL_IO);
    check_text(s, "this side's own input or output failed: after 8 bytes received");
    check_text(s, "this side's own input or output failed: after 8 bytes received"); /* told once, it stays */
    adieu_free(s);
}

static void an_engine_that_became_mute_is_told(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_tag(s, 'M');
    check_status(read_status(s), ADIEU_WAIT);
    adieu_wire_eof(s);
    check_status(read_status(s), ADIEU_FAIL);
    check_receiving(s, ADIEU_RECEIVING_TRUNCATED);
    check_status(write_text(s, "x"), ADIEU_FAIL);
    check_sending(s, ADIEU_SENDING_ABORTED);
    check_status(adieu_shutdown(s), ADIEU_FAIL);
    adieu_free(s);
}

static void an_end_inside_a_message_leaves_nothing_to_be_sealed(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_tag(s, 'M');
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
    check_status(write_text(s, "x"), ADIEU_FAIL);
    check_text(s, "the TLS engine could not go on: the peer ended inside a message, after which nothing can be sealed, "
                  "after 0 bytes received");
    adieu_free(s);
}

/* ------------------------------------------------ which explanation is kept */

static void explain(struct adieu_stream *s, enum adieu_error_code code, int os_error, const char *text)
{
    struct adieu_error error = {.code = code, .os_error = os_error};
    strcpy(error.text, text);
    stream_explain(s, &error);
}

static void the_first_of_two_that_are_as_good_is_kept(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    explain(s, ADIEU_ERR_VIOLATION, 0, "1");
    explain(s, ADIEU_ERR_REFUSED, 0, "2");
    check_text(s, "what the peer sent broke the TLS protocol or failed to authenticate: 1, after 0 bytes received");
    explain(s, ADIEU_ERR_NOT_TLS, 0, "3");
    check_error(s, ADIEU_ERR_VIOLATION);
    explain(s, ADIEU_ERR_ALERTED, 0, "4");
    check_error(s, ADIEU_ERR_ALERTED);
    adieu_free(s);
}

static void what_explains_no_ending_is_not_kept(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    explain(s, ADIEU_ERR_ARGUMENT, 0, "");
    check_error(s, ADIEU_ERR_NONE);
    adieu_free(s);
}

static void a_better_explanation_keeps_the_systems_error(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    adieu_wire_out_failed(s, EPIPE);
    assert_int_equal(adieu_error(s)->os_error, EPIPE);
    say_number(s, 'A', 40);
    check_status(read_status(s), ADIEU_FAIL);
    check_error(s, ADIEU_ERR_ALERTED);
    assert_int_equal(adieu_error(s)->os_error, EPIPE);
    assert_true(adieu_error(s)->alert.seen && adieu_error(s)->alert.number == 40);
    adieu_free(s);

    s = established();
    explain(s, ADIEU_ERR_SEND_FAILED, EPIPE, "");
    explain(s, ADIEU_ERR_RESET, ECONNRESET, "");
    assert_int_equal(adieu_error(s)->os_error, ECONNRESET);
    adieu_free(s);
}

static void what_was_wrong_with_the_config_is_not_hidden_by_the_transport(void **state)
{
    (void)state;
    fake_refuses = ADIEU_ERR_NO_IDENTITY;
    struct adieu_stream *s = fresh(true);
    adieu_wire_out_failed(s, EPIPE);
    check_error(s, ADIEU_ERR_NO_IDENTITY);
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_error(s, ADIEU_ERR_NO_IDENTITY);
    adieu_free(s);
}

static void without_memory_for_its_engine_there_is_no_stream(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    fake_refuses = ADIEU_ERR_MEMORY;
    assert_null(adieu_client(config, "peer.example"));
    fake_refuses = ADIEU_ERR_ENGINE;
    struct adieu_stream *s = adieu_client(config, "peer.example");
    assert_non_null(s);
    adieu_free(s);
    adieu_config_free(config);
}

/* ------------------------------------------------ only what the engine said */

/* What a call leaves behind where the next one puts its variables. */
static __attribute__((noinline)) void litter(void)
{
    volatile uint8_t stack[16384];
    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = 0x7A;
}

static void check_says_no_more(struct adieu_stream *s)
{
    check_error(s, ADIEU_ERR_ENGINE);
    const struct adieu_error *error = adieu_error(s);
    assert_int_equal(error->os_error, 0);
    assert_false(error->alert.seen);
    assert_int_equal(error->alert.number, 0);
    assert_null(strchr(error->text, 0x7A));
    adieu_free(s);
}

/* A fault of which the engine knows nothing but that it is one. */
static void an_error_says_no_more_than_the_engine_did(void **state)
{
    (void)state;
    for (int verb = 0; verb < 6; verb++) {
        struct adieu_stream *s = verb ? established() : fresh(false);
        struct fake_plan *plan = &fake_of(s)->plan;
        plan->silent = plan->write_faults = plan->shutdown_faults = plan->update_faults = plan->ask_faults = true;
        plan->may_ask = true;
        if (verb < 2)
            say_tag(s, 'F');
        litter();
        check_status(verb == 0   ? adieu_handshake(s)
                     : verb == 1 ? adieu_read(s, NULL, 0, &(size_t){0})
                     : verb == 2 ? adieu_write(s, "x", 1, &(size_t){0})
                     : verb == 3 ? adieu_key_update(s, false)
                     : verb == 4 ? adieu_ask_certificate(s)
                                 : adieu_shutdown(s),
                     ADIEU_FAIL);
        check_says_no_more(s);
    }
}

static void a_transports_error_has_no_text_of_its_own(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    litter();
    adieu_wire_out_failed(s, EPIPE);
    check_text(s, "the connection takes no more data: what was sent may be lost: after 0 bytes received");
    assert_false(adieu_error(s)->alert.seen);
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sentence_tells_what_was_lost_and_what_was_thrown_away),
        cmocka_unit_test(nothing_is_written_where_there_is_no_room),
        cmocka_unit_test(an_error_says_its_general_text_and_what_is_known_more),
        cmocka_unit_test(a_configs_error_says_what_was_wrong),
        cmocka_unit_test(an_error_in_the_handshake_says_so),
        cmocka_unit_test(an_error_while_a_decision_was_awaited_says_so),
        cmocka_unit_test(an_error_behind_the_handshake_says_after_how_much),
        cmocka_unit_test(an_engine_that_became_mute_is_told),
        cmocka_unit_test(an_end_inside_a_message_leaves_nothing_to_be_sealed),
        cmocka_unit_test(the_first_of_two_that_are_as_good_is_kept),
        cmocka_unit_test(what_explains_no_ending_is_not_kept),
        cmocka_unit_test(a_better_explanation_keeps_the_systems_error),
        cmocka_unit_test(what_was_wrong_with_the_config_is_not_hidden_by_the_transport),
        cmocka_unit_test(without_memory_for_its_engine_there_is_no_stream),
        cmocka_unit_test(an_error_says_no_more_than_the_engine_did),
        cmocka_unit_test(a_transports_error_has_no_text_of_its_own),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
