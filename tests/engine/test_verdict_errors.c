/* SPDX-License-Identifier: MIT */
/* What call.c makes of OpenSSL's error queue, entry by entry: the queue is filled here, and one call ends. */
#include "joined.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openssl.h"

enum { CLOSE_NOTIFY = 0, BAD_RECORD_MAC = 20, DECODE_ERROR = 50, INTERNAL_ERROR = 80 };

/* A client before its handshake, within a call. */
static struct joined beginning(enum adieu_version version)
{
    struct joined joined = join(client_config(version), server_config(version), HOST);
    engine_begin(stream_engine(joined.client));
    return joined;
}

static void check_end_of(struct engine *engine, enum engine_verdict verdict, enum adieu_error_code code,
                         const char *text)
{
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    assert_int_equal(engine_end(engine, -1, &error), verdict);
    CHECK_NAMED(adieu_error_code_name, error.code, code);
    assert_string_equal(error.text, text);
    assert_int_equal(ERR_peek_error(), 0);
}

/* One entry alone. */
static void check_entry(int library, int reason, enum engine_verdict verdict, enum adieu_error_code code)
{
    struct joined joined = beginning(0);
    ERR_raise(library, reason);
    const char *text = ERR_reason_error_string(ERR_peek_error());
    check_end_of(stream_engine(joined.client), verdict, code, text ? text : "no reason given");
    part(&joined);
}

static void lack_of_memory_is_a_fault_whoever_tells_of_it(void **state)
{
    (void)state;
    check_entry(ERR_LIB_X509, ERR_R_MALLOC_FAILURE, ENGINE_FAULT, ADIEU_ERR_MEMORY);
    check_entry(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE, ENGINE_FAULT, ADIEU_ERR_MEMORY);
    check_entry(ERR_LIB_SYS, ENOMEM, ENGINE_FAULT, ADIEU_ERR_MEMORY);
    check_entry(ERR_LIB_SYS, EIO, ENGINE_VIOLATION, ADIEU_ERR_VIOLATION);
    check_entry(ERR_LIB_X509, ENOMEM, ENGINE_VIOLATION, ADIEU_ERR_VIOLATION);
}

static void lack_of_memory_is_found_behind_another_entry_and_before_it(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct joined joined = beginning(0);
        ERR_raise(first ? ERR_LIB_ASN1 : ERR_LIB_SSL, first ? ERR_R_MALLOC_FAILURE : SSL_R_UNEXPECTED_MESSAGE);
        ERR_raise(first ? ERR_LIB_SSL : ERR_LIB_ASN1, first ? SSL_R_UNEXPECTED_MESSAGE : ERR_R_MALLOC_FAILURE);
        check_end_of(stream_engine(joined.client), ENGINE_FAULT, ADIEU_ERR_MEMORY, "unexpected message");
        part(&joined);
    }
}

static void lack_of_memory_is_told_by_errno_alone(void **state)
{
    (void)state;
    struct joined joined = beginning(0);
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_MESSAGE);
    errno = ENOMEM;
    check_end_of(stream_engine(joined.client), ENGINE_FAULT, ADIEU_ERR_MEMORY, "unexpected message");
    part(&joined);
}

/* Whatever came before belongs to another call. */
static void what_was_short_or_seen_in_one_call_is_nothing_to_the_next(void **state)
{
    (void)state;
    struct joined joined = beginning(0);
    struct engine *engine = stream_engine(joined.client);
    errno = ENOMEM;
    engine_look_for_shortage(engine);
    engine->alert_in.seen = engine->alert_out.seen = engine->told = engine->resting = true;
    engine->record_size = 1;
    engine->late.answers = 3;
    ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
    engine_begin(engine);
    assert_int_equal(errno, 0);
    assert_int_equal(ERR_peek_error(), 0);
    assert_false(engine->alert_in.seen || engine->alert_out.seen || engine->told || engine->resting || engine->starved);
    assert_true(engine->record_size == SIZE_MAX);
    assert_int_equal(engine->late.answers, 0);
    part(&joined);
}

static void an_internal_error_is_a_fault_unless_the_peer_was_told_another(void **state)
{
    (void)state;
    check_entry(ERR_LIB_SSL, ERR_R_INTERNAL_ERROR, ENGINE_FAULT, ADIEU_ERR_ENGINE);
    struct joined joined = beginning(0);
    struct engine *engine = stream_engine(joined.client);
    engine->alert_out = (struct adieu_alert){.seen = true, .level = 2, .number = DECODE_ERROR};
    ERR_raise(ERR_LIB_SSL, ERR_R_INTERNAL_ERROR);
    check_end_of(engine, ENGINE_VIOLATION, ADIEU_ERR_VIOLATION, "internal error");
    engine->alert_out.number = INTERNAL_ERROR;
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_MESSAGE);
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    assert_int_equal(engine_end(engine, -1, &error), ENGINE_FAULT);
    assert_true(error.alert.seen && error.alert.level == 2 && error.alert.number == INTERNAL_ERROR);
    part(&joined);
}

/* Only under keys, only in TLS 1.2, and only in a record that has no room for nonce and tag. */
static void check_internal_error_in(enum adieu_version version, bool keyed, size_t size, enum engine_verdict verdict)
{
    struct joined joined = joined_by(version);
    struct engine *engine = stream_engine(joined.client);
    engine_begin(engine);
    engine->peer_keyed = keyed;
    engine->record_size = size;
    ERR_raise(ERR_LIB_SSL, ERR_R_INTERNAL_ERROR);
    check_end_of(engine, verdict, verdict == ENGINE_FAULT ? ADIEU_ERR_ENGINE : ADIEU_ERR_VIOLATION, "internal error");
    part(&joined);
}

static void a_record_too_short_to_be_sealed_is_the_peers_doing(void **state)
{
    (void)state;
    check_internal_error_in(ADIEU_TLS_1_2, true, 0, ENGINE_VIOLATION);
    check_internal_error_in(ADIEU_TLS_1_2, true, 23, ENGINE_VIOLATION);
    check_internal_error_in(ADIEU_TLS_1_2, true, 24, ENGINE_FAULT);
    check_internal_error_in(ADIEU_TLS_1_2, false, 23, ENGINE_FAULT);
    check_internal_error_in(ADIEU_TLS_1_3, true, 23, ENGINE_FAULT);
}

static void check_words(enum engine_verdict verdict, const char *text, int count, const int entries[][2])
{
    struct joined joined = beginning(0);
    for (int i = 0; i < count; i++)
        ERR_raise(entries[i][0], entries[i][1]);
    check_end_of(stream_engine(joined.client), verdict, ADIEU_ERR_VIOLATION, text);
    part(&joined);
}

static void the_last_word_of_the_protocol_explains_and_else_the_first_of_anybody(void **state)
{
    (void)state;
    static const int ssl_last[][2] = {{ERR_LIB_ASN1, ERR_R_PASSED_NULL_PARAMETER}, {ERR_LIB_SSL, SSL_R_BAD_LENGTH}},
                     ssl_first[][2] = {{ERR_LIB_SSL, SSL_R_BAD_LENGTH}, {ERR_LIB_ASN1, ERR_R_PASSED_NULL_PARAMETER}},
                     two[][2] = {{ERR_LIB_SSL, SSL_R_BAD_LENGTH}, {ERR_LIB_SSL, SSL_R_UNEXPECTED_MESSAGE}},
                     none[][2] = {{ERR_LIB_X509, ERR_R_PASSED_NULL_PARAMETER}, {ERR_LIB_ASN1, ERR_R_DISABLED}};
    check_words(ENGINE_VIOLATION, "bad length", 2, ssl_last);
    check_words(ENGINE_VIOLATION, "bad length", 2, ssl_first);
    check_words(ENGINE_VIOLATION, "unexpected message", 2, two);
    check_words(ENGINE_VIOLATION, "passed a null parameter", 2, none);
    check_words(ENGINE_VIOLATION, "no reason given", 0, none);
}

/* The same number means another thing elsewhere; the common ones mean the same everywhere. */
static void the_numbers_of_other_libraries_are_not_taken_for_the_protocols(void **state)
{
    (void)state;
    check_entry(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED, ENGINE_VIOLATION, ADIEU_ERR_REFUSED);
    check_entry(ERR_LIB_X509, SSL_R_CERTIFICATE_VERIFY_FAILED, ENGINE_VIOLATION, ADIEU_ERR_VIOLATION);
    check_entry(ERR_LIB_X509, SSL_R_WRONG_VERSION_NUMBER, ENGINE_VIOLATION, ADIEU_ERR_VIOLATION);
    check_entry(ERR_LIB_EVP, ERR_R_INTERNAL_ERROR, ENGINE_FAULT, ADIEU_ERR_ENGINE);
}

static void what_refuses_a_certificate_is_told_as_a_refusal(void **state)
{
    (void)state;
    static const int refusing[] = {SSL_R_CERTIFICATE_VERIFY_FAILED, SSL_R_INVALID_STATUS_RESPONSE,
                                   SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE};
    for (int i = 0; i < 3; i++)
        check_entry(ERR_LIB_SSL, refusing[i], ENGINE_VIOLATION, ADIEU_ERR_REFUSED);
    struct joined joined = beginning(0);
    stream_engine(joined.client)->refusal.due = true;
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    check_end_of(stream_engine(joined.client), ENGINE_VIOLATION, ADIEU_ERR_REFUSED, "bad length");
    part(&joined);
}

/* What was found in want explains a refusal, and a name that nobody has, and nothing else. */
static void what_was_found_in_want_is_told_where_it_is_the_reason(void **state)
{
    (void)state;
    static const struct {
        int reason;
        enum naming naming;
        enum adieu_error_code code;
        const char *text;
    } cases[] = {
        {SSL_R_CERTIFICATE_VERIFY_FAILED, NAMING_NOT_YET, ADIEU_ERR_REFUSED, "a want"},
        {SSL_R_INVALID_STATUS_RESPONSE, NAMING_NOT_YET, ADIEU_ERR_REFUSED, "a want"},
        {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, NAMING_NOT_YET, ADIEU_ERR_REFUSED,
         "peer did not return a certificate"},
        {SSL_R_BAD_LENGTH, NAMING_NOT_YET, ADIEU_ERR_VIOLATION, "bad length"},
        {SSL_R_BAD_LENGTH, NAMING_AWAITED, ADIEU_ERR_VIOLATION, "bad length"},
        {SSL_R_BAD_LENGTH, NAMING_CHOSEN, ADIEU_ERR_VIOLATION, "a want"},
        {SSL_R_BAD_LENGTH, NAMING_SHOWN, ADIEU_ERR_VIOLATION, "bad length"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct joined joined = beginning(0);
        struct engine *engine = stream_engine(joined.client);
        engine_set_problem(engine, "a %s", "want");
        engine->naming = cases[i].naming;
        ERR_raise(ERR_LIB_SSL, cases[i].reason);
        check_end_of(engine, ENGINE_VIOLATION, cases[i].code, cases[i].text);
        part(&joined);
    }
}

static void what_is_no_tls_is_told_so_until_something_was_understood(void **state)
{
    (void)state;
    static const int other[] = {SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_WRONG_VERSION_NUMBER};
    for (int i = 0; i < 6; i++) {
        struct joined joined = beginning(0);
        struct engine *engine = stream_engine(joined.client);
        engine->understood = i >= 3;
        ERR_raise(ERR_LIB_SSL, other[i % 3]);
        const char *text = ERR_reason_error_string(ERR_peek_error());
        check_end_of(engine, ENGINE_VIOLATION, engine->understood ? ADIEU_ERR_VIOLATION : ADIEU_ERR_NOT_TLS, text);
        part(&joined);
    }
    check_entry(ERR_LIB_SSL, SSL_R_BAD_LENGTH, ENGINE_VIOLATION, ADIEU_ERR_VIOLATION);
}

/* One that shows something, or a client, which need not, has a peer that wants what it has not. */
static void a_server_with_nothing_to_show_is_at_fault_and_nobody_else(void **state)
{
    (void)state;
    static const int reasons[] = {SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_BAD_LENGTH};
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    for (int i = 0; i < 3; i++) {
        struct joined bare = join(client_config(0), adieu_config_adopt(context), HOST), showing = beginning(0);
        const struct adieu_stream *const streams[] = {bare.server, bare.client, showing.server};
        for (int k = 0; k < 3; k++) {
            struct adieu_error error = {.code = ADIEU_ERR_NONE};
            engine_begin(stream_engine(streams[k]));
            ERR_raise(ERR_LIB_SSL, reasons[i]);
            bool fault = i < 2 && k == 0;
            assert_int_equal(engine_end(stream_engine(streams[k]), -1, &error),
                             fault ? ENGINE_FAULT : ENGINE_VIOLATION);
            CHECK_NAMED(adieu_error_code_name, error.code, fault ? ADIEU_ERR_ENGINE : ADIEU_ERR_VIOLATION);
        }
        part(&bare);
        part(&showing);
    }
    SSL_CTX_free(context);
}

/* ------------------------------------------------ alerts */

static void an_alert_of_an_earlier_call_ends_nothing(void **state)
{
    (void)state;
    struct joined joined = beginning(0);
    struct engine *engine = stream_engine(joined.client);
    engine->alert_in = (struct adieu_alert){.seen = true, .level = 2, .number = BAD_RECORD_MAC};
    engine_begin(engine);
    ERR_raise(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + BAD_RECORD_MAC);
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    assert_int_equal(engine_end(engine, -1, &error), ENGINE_VIOLATION);
    part(&joined);
}

static void check_alerted(enum adieu_version version, bool established, uint8_t number, int reason,
                          enum engine_verdict verdict, enum adieu_error_code code, const char *text)
{
    struct joined joined = established ? joined_by(version) : beginning(version);
    struct engine *engine = stream_engine(joined.client);
    engine_begin(engine);
    engine->alert_in = (struct adieu_alert){.seen = true, .level = 2, .number = number};
    ERR_raise(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + reason);
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    assert_int_equal(engine_end(engine, -1, &error), verdict);
    CHECK_NAMED(adieu_error_code_name, error.code, code);
    if (text)
        assert_string_equal(error.text, text);
    assert_int_equal(error.alert.seen, verdict != ENGINE_VIOLATION);
    if (error.alert.seen)
        assert_true(error.alert.level == 2 && error.alert.number == number);
    part(&joined);
}

static void a_received_alert_ends_it_if_the_engine_says_that_it_does(void **state)
{
    (void)state;
    check_alerted(0, false, BAD_RECORD_MAC, BAD_RECORD_MAC, ENGINE_ALERT, ADIEU_ERR_ALERTED, "bad_record_mac (20)");
    check_alerted(0, false, BAD_RECORD_MAC, DECODE_ERROR, ENGINE_VIOLATION, ADIEU_ERR_VIOLATION, NULL);
    check_alerted(0, false, CLOSE_NOTIFY, CLOSE_NOTIFY, ENGINE_ALERT, ADIEU_ERR_CLOSED_EARLY, "close_notify (0)");
    for (int i = 0; i < VERSIONS; i++) {
        check_alerted(versions[i], true, BAD_RECORD_MAC, BAD_RECORD_MAC, ENGINE_ALERT, ADIEU_ERR_ALERTED,
                      "bad_record_mac (20)");
        check_alerted(versions[i], true, CLOSE_NOTIFY, CLOSE_NOTIFY, ENGINE_CLOSE_FATAL, ADIEU_ERR_SEND_FAILED,
                      "close_notify came as a fatal alert, after which nothing can be sent");
    }
    check_entry(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + BAD_RECORD_MAC, ENGINE_VIOLATION, ADIEU_ERR_VIOLATION);
}

static void the_peer_is_said_to_be_told_only_if_it_is(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++) {
        struct joined joined = beginning(0);
        struct engine *engine = stream_engine(joined.client);
        engine->alert_out = (struct adieu_alert){.seen = true, .level = 2, .number = DECODE_ERROR};
        engine->told = told;
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
        check_end_of(engine, ENGINE_VIOLATION, ADIEU_ERR_VIOLATION,
                     told ? "bad length; the peer is told decode_error (50)" : "bad length");
        part(&joined);
    }
}

/* ------------------------------------------------ what is not read for */

static void what_could_not_be_made_is_a_fault_of_ours(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct joined joined = beginning(0);
        struct engine *engine = stream_engine(joined.client);
        struct adieu_error error = {.code = ADIEU_ERR_NONE};
        ERR_raise(ERR_LIB_SSL, i == 1 ? ERR_R_MALLOC_FAILURE : SSL_R_BAD_LENGTH);
        errno = i == 2 ? ENOMEM : 0;
        engine->starved = i == 3;
        assert_int_equal(engine_cannot(engine, &error, "make it"), ENGINE_FAULT);
        CHECK_NAMED(adieu_error_code_name, error.code, i ? ADIEU_ERR_MEMORY : ADIEU_ERR_ENGINE);
        assert_string_equal(error.text, "it could not make it");
        assert_int_equal(ERR_peek_error(), 0);
        part(&joined);
    }
}

static void what_setters_lack_is_told_by_errno_or_by_any_entry(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        if (i % 2)
            ERR_raise(ERR_LIB_X509, ERR_R_MALLOC_FAILURE);
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
        errno = i / 2 ? ENOMEM : 0;
        assert_int_equal(engine_lacked_memory(), i > 0);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void what_could_be_made_leaves_no_errors_but_the_shortage_is_noted(void **state)
{
    (void)state;
    struct joined joined = beginning(0);
    struct engine *engine = stream_engine(joined.client);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    errno = ENOMEM;
    assert_int_equal(engine_can(engine), ENGINE_DONE);
    assert_int_equal(ERR_peek_error(), 0);
    assert_true(engine->starved);
    part(&joined);
}

static void a_problem_is_said_and_taken_back(void **state)
{
    (void)state;
    struct joined joined = beginning(0);
    struct engine *engine = stream_engine(joined.client);
    assert_string_equal(engine_problem(engine), "");
    engine_set_problem(engine, NULL);
    assert_null(engine->problem);
    engine_set_problem(engine, "%0159d", 7);
    assert_int_equal(strlen(engine_problem(engine)), 159);
    engine_set_problem(engine, "%0170d", 7);
    assert_int_equal(strlen(engine_problem(engine)), 159);
    engine_set_problem(engine, NULL);
    assert_string_equal(engine_problem(engine), "");
    assert_false(engine->starved);
    engine->starved = true;
    engine_set_problem(engine, "why");
    engine_set_problem(engine, NULL);
    assert_true(engine->starved);
    part(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lack_of_memory_is_a_fault_whoever_tells_of_it),
        cmocka_unit_test(lack_of_memory_is_found_behind_another_entry_and_before_it),
        cmocka_unit_test(lack_of_memory_is_told_by_errno_alone),
        cmocka_unit_test(what_was_short_or_seen_in_one_call_is_nothing_to_the_next),
        cmocka_unit_test(an_internal_error_is_a_fault_unless_the_peer_was_told_another),
        cmocka_unit_test(a_record_too_short_to_be_sealed_is_the_peers_doing),
        cmocka_unit_test(the_last_word_of_the_protocol_explains_and_else_the_first_of_anybody),
        cmocka_unit_test(the_numbers_of_other_libraries_are_not_taken_for_the_protocols),
        cmocka_unit_test(what_refuses_a_certificate_is_told_as_a_refusal),
        cmocka_unit_test(what_was_found_in_want_is_told_where_it_is_the_reason),
        cmocka_unit_test(what_is_no_tls_is_told_so_until_something_was_understood),
        cmocka_unit_test(a_server_with_nothing_to_show_is_at_fault_and_nobody_else),
        cmocka_unit_test(an_alert_of_an_earlier_call_ends_nothing),
        cmocka_unit_test(a_received_alert_ends_it_if_the_engine_says_that_it_does),
        cmocka_unit_test(the_peer_is_said_to_be_told_only_if_it_is),
        cmocka_unit_test(what_could_not_be_made_is_a_fault_of_ours),
        cmocka_unit_test(what_setters_lack_is_told_by_errno_or_by_any_entry),
        cmocka_unit_test(what_could_be_made_leaves_no_errors_but_the_shortage_is_noted),
        cmocka_unit_test(a_problem_is_said_and_taken_back),
    };
    return cmocka_run_group_tests_name("verdict errors", tests, setup_authority, teardown_authority);
}
