/* SPDX-License-Identifier: MIT */
/*
 * The words and numbers of the data files, written a second time by hand, so that a slip of either shows: names stand in
 * reports, and ranks decide which explanation of an ending is kept.
 */
#include "check.h"

#include "stream.h"

static const struct {
    const char *name, *text;
    unsigned rank;
} errors[] = {
    [ADIEU_ERR_NONE] = {"none", "no error", 0},
    [ADIEU_ERR_ALERTED] = {"alerted", "the peer gave up with a fatal alert", 7},
    [ADIEU_ERR_CLOSED_EARLY] = {"closed_early", "the peer closed before the handshake was done", 7},
    [ADIEU_ERR_VIOLATION] = {"violation", "what the peer sent broke the TLS protocol or failed to authenticate", 6},
    [ADIEU_ERR_NOT_TLS] = {"not_tls", "what the peer sent is not TLS", 6},
    [ADIEU_ERR_REFUSED] = {"refused", "the peer is not trusted", 6},
    [ADIEU_ERR_TRUNCATED] = {"truncated", "the connection ended without close_notify: data may be missing", 4},
    [ADIEU_ERR_RESET] = {"reset", "the connection was reset: data may be missing in both directions", 3},
    [ADIEU_ERR_SEND_FAILED] = {"send_failed", "the connection takes no more data: what was sent may be lost", 2},
    [ADIEU_ERR_ABORTED] = {"aborted", "the connection was broken off by this side", 5},
    [ADIEU_ERR_DEADLINE] = {"deadline", "time ran out", 5},
    [ADIEU_ERR_LOCAL_IO] = {"local_io", "this side's own input or output failed", 5},
    [ADIEU_ERR_RELEASED] = {"released", "the connection was let go without a goodbye", 5},
    [ADIEU_ERR_MEMORY] = {"memory", "there is not enough memory", 5},
    [ADIEU_ERR_ENGINE] = {"engine", "the TLS engine could not go on", 5},
    [ADIEU_ERR_FROZEN] = {"frozen", "the config is in use by a stream and cannot be changed; make a new one", 0},
    [ADIEU_ERR_ARGUMENT] = {"argument", "a value cannot be used", 0},
    [ADIEU_ERR_FILE] = {"file", "a file cannot be read", 0},
    [ADIEU_ERR_PEM] = {"pem", "no certificate, key or revocation list was found (PEM expected)", 0},
    [ADIEU_ERR_KEY_PASSWORD] = {"key_password", "the private key is encrypted, and the password is missing or wrong",
                                0},
    [ADIEU_ERR_KEY_MISMATCH] = {"key_mismatch", "the private key does not belong to the certificate", 0},
    [ADIEU_ERR_EMPTY_TRUST] = {"empty_trust", "no certificate to trust was found", 0},
    [ADIEU_ERR_NO_IDENTITY] = {"no_identity", "a server needs a certificate and a private key", 5},
    [ADIEU_ERR_NO_NAME] = {"no_name", "a client needs the server's name to verify, unless a pin is trusted", 5},
    [ADIEU_ERR_BAD_NAME] = {"bad_name", "the server name cannot be one", 5},
    [ADIEU_ERR_RESOLVE] = {"resolve", "the name could not be resolved", 0},
    [ADIEU_ERR_CONNECT] = {"connect", "nobody took the connection", 0},
    [ADIEU_ERR_SOCKET] = {"socket", "the socket could not be made or used", 0},
};

static void every_error_is_as_published(void **state)
{
    (void)state;
    assert_int_equal(sizeof errors / sizeof *errors, ADIEU_ERR_SOCKET + 1);
    for (int code = 0; code <= ADIEU_ERR_SOCKET; code++) {
        assert_string_equal(adieu_error_code_name((enum adieu_error_code)code), errors[code].name);
        assert_string_equal(adieu_error_code_text((enum adieu_error_code)code), errors[code].text);
        assert_int_equal(error_rank((enum adieu_error_code)code), errors[code].rank);
    }
}

/* The registry of IANA, with what SSL 3.0 and TLS 1.0 left in it. */
static const struct {
    uint8_t number;
    const char *name;
} alerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {52, "too_many_cids_requested"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {117, "general_error"},
    {120, "no_application_protocol"},
    {121, "ech_required"},
};
enum { ALERTS = sizeof alerts / sizeof *alerts };

static void every_alert_is_as_registered(void **state)
{
    (void)state;
    size_t next = 0;
    for (int number = 0; number < 256; number++) {
        bool registered = next < ALERTS && alerts[next].number == number;
        assert_string_equal(adieu_alert_name((uint8_t)number), registered ? alerts[next].name : "unknown");
        next += registered;
    }
    assert_int_equal(next, ALERTS);
}

static void every_reason_is_as_published(void **state)
{
    (void)state;
    const char *const reasons[] = {"none", "request", "deadline", "local_io", "released", "fault"};
    for (int i = 0; i <= ADIEU_REASON_FAULT; i++)
        assert_string_equal(adieu_reason_name((enum adieu_reason)i), reasons[i]);
}

/* A shutdown, an abort and a fault are ours; everything else is the peer's, or the network's. */
static void every_event_has_its_author(void **state)
{
    (void)state;
    for (enum ending_event event = 0; event < EVENTS; event++) {
        bool ours = event == EVENT_SHUTDOWN || event == EVENT_ABORT || event == EVENT_FAULT;
        enum adieu_first want = ours                     ? ADIEU_FIRST_SELF
                                : event == EVENT_FLUSHED ? ADIEU_FIRST_NOBODY
                                                         : ADIEU_FIRST_PEER;
        CHECK_NAMED(adieu_first_name, ending_event_first(event), want);
    }
}

/* The values next to those that there are: the tables end there. */
static void a_value_behind_the_last_is_worth_nothing(void **state)
{
    (void)state;
    struct adieu_ending ending = {.sending = (enum adieu_sending)(ADIEU_SENDING_ABORTED + 1)};
    for (int i = 0; i <= ADIEU_RECEIVING_ABANDONED + 1; i++) {
        ending.receiving = (enum adieu_receiving)i;
        assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_OTHER);
    }
    ending.sending = ADIEU_SENDING_ABORTED;
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_OTHER);
    ending.receiving = ADIEU_RECEIVING_ABANDONED;
    ending.reason = (enum adieu_reason)(ADIEU_REASON_FAULT + 1);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_is_as_published),
        cmocka_unit_test(every_alert_is_as_registered),
        cmocka_unit_test(every_reason_is_as_published),
        cmocka_unit_test(every_event_has_its_author),
        cmocka_unit_test(a_value_behind_the_last_is_worth_nothing),
    };
    return cmocka_run_group_tests_name("contract", tests, NULL, NULL);
}
