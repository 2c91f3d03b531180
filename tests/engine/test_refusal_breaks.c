/* SPDX-License-Identifier: MIT */
/*
 * A client has refused a server in TLS 1.3, and the alert waits for the handshake's keys: what goes wrong until then, and
 * what only looks like something that may leave. Partly seen from inside.
 */
#include "joined.h"

#include <string.h>

#include <openssl/x509_vfy.h>

#include "openssl.h"

enum { HEAD = 5, CHANGE = HEAD + 1, ALERT = HEAD + 2, SEALED_ALERT = ALERT + 1 + 16 };

/* Runs both until the client waits no more, or nothing moves. */
static void run(struct joined *joined)
{
    while (adieu_handshake(joined->client) == ADIEU_WAIT) {
        carry(joined->client, joined->server);
        (void)!adieu_handshake(joined->server);
        if (!carry(joined->server, joined->client))
            break;
    }
}

static void check_wire(const struct joined *joined, const uint8_t *wanted, size_t size)
{
    const uint8_t *at = NULL;
    assert_int_equal(adieu_wire_out(joined->client, &at), size);
    if (size)
        assert_memory_equal(at, wanted, size);
}

/* ------------------------------------------------ what may leave */

/* OpenSSL hands over a long flight in pieces, of which all but the first begin anywhere. */
static void what_looks_like_an_alert_within_a_record_does_not_leave(void **state)
{
    (void)state;
    struct joined joined = join(client_config(ADIEU_TLS_1_3), server_config(ADIEU_TLS_1_3), HOST);
    struct engine *engine = stream_engine(joined.client);
    const uint8_t alert[ALERT] = {21, 3, 3, 0, 2, 2, 40}, piece[100] = {21, 252, 214},
                  like_one[ALERT] = {21, 3, 3, 0, 3};
    assert_false(refusal_swallows(engine, piece, sizeof piece));
    engine->refusal.due = true;
    assert_true(refusal_swallows(engine, piece, sizeof piece));
    assert_true(refusal_swallows(engine, piece, ALERT));
    assert_true(refusal_swallows(engine, like_one, ALERT));
    assert_true(refusal_swallows(engine, alert, ALERT - 1));
    assert_false(refusal_swallows(engine, alert, ALERT));
    part(&joined);
}

/* The identity, with a chain that fills more than one of OpenSSL's buffers of 4 KB. */
static void identify_at_length(struct adieu_config *config)
{
    enum { MORE = 20 };
    static char chain[sizeof the_identity.chain.text * (MORE + 1)];
    size_t size = the_identity.chain.size;
    memcpy(chain, the_identity.chain.text, size);
    for (int i = 0; i < MORE; i++, size += the_authority.pem.size)
        memcpy(chain + size, the_authority.pem.text, the_authority.pem.size);
    check_status(adieu_config_identity_pem(config, chain, size, the_identity.key.text, the_identity.key.size, NULL),
                 ADIEU_OK);
}

static struct adieu_config *asking_server(void)
{
    struct adieu_config *server = server_config(ADIEU_TLS_1_3);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    return server;
}

static void a_long_flight_does_not_leave_either(void **state)
{
    (void)state;
    enum { TIMES = 100 };
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = asking_server();
    identify_at_length(client);
    for (int i = 0; i < TIMES; i++) {
        struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), "another.example");
        run(&joined);
        assert_int_equal(adieu_wire_out(joined.client, NULL), CHANGE + SEALED_ALERT);
        part(&joined);
    }
    adieu_config_free(client);
    adieu_config_free(server);
}

/* The same chain leaves whole where the server is trusted. */
static void a_long_flight_leaves_where_the_server_is_trusted(void **state)
{
    (void)state;
    struct adieu_config *client = client_config(ADIEU_TLS_1_3);
    identify_at_length(client);
    struct joined joined = join(client, asking_server(), HOST);
    shake_hands(&joined);
    say_goodbye(&joined);
    part(&joined);
}

/* RFC 9846 appendix E.4: one, before the second ClientHello or before the protected flight. */
static void after_a_hello_retry_request_there_is_no_second_change_cipher_spec(void **state)
{
    (void)state;
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = server_config(ADIEU_TLS_1_3);
    check_status(adieu_config_groups(client, "X25519:P-256"), ADIEU_OK);
    check_status(adieu_config_groups(server, "P-256"), ADIEU_OK);
    struct joined joined = join(client, server, "another.example");
    run(&joined);
    check_status(adieu_handshake(joined.client), ADIEU_FAIL);
    assert_int_equal(adieu_wire_out(joined.client, NULL), SEALED_ALERT);
    carry(joined.client, joined.server);
    check_refused(joined.server, ADIEU_ERR_ALERTED, 42);
    part(&joined);
}

/* ------------------------------------------------ what breaks meanwhile */

static void a_server_that_breaks_its_flight_while_a_refusal_waits_gets_a_plaintext_alert(void **state)
{
    (void)state;
    struct joined joined = join(client_config(ADIEU_TLS_1_3), server_config(ADIEU_TLS_1_3), "another.example");
    const uint8_t bad_record_mac[ALERT] = {21, 3, 3, 0, 2, 2, 20};
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    (void)!adieu_handshake(joined.server);
    carry_bent(joined.server, joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_FAIL);
    check_receiving(joined.client, ADIEU_RECEIVING_REJECTED);
    check_wire(&joined, bad_record_mac, ALERT);
    carry(joined.client, joined.server);
    assert_int_equal(adieu_ending(joined.client).alert_sent.number, 20);
    check_refused(joined.server, ADIEU_ERR_ALERTED, 20);
    part(&joined);
}

/* Of its flight everything has come but the last byte. */
static struct joined awaiting_finished(void)
{
    struct joined joined = join(client_config(ADIEU_TLS_1_3), server_config(ADIEU_TLS_1_3), "another.example");
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    (void)!adieu_handshake(joined.server);
    carry_some(joined.server, joined.client, adieu_wire_out(joined.server, NULL) - 1);
    check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    return joined;
}

static void while_a_refusal_waits_nothing_can_be_said_or_read(void **state)
{
    (void)state;
    struct joined joined = awaiting_finished();
    size_t took = 0;
    check_status(adieu_write(joined.client, "secret", 6, &took), ADIEU_MISUSE);
    check_status(adieu_shutdown(joined.client), ADIEU_MISUSE);
    check_status(listen_once(joined.client), ADIEU_MISUSE);
    assert_int_equal(adieu_awaited(joined.client), ADIEU_AWAITED_NOTHING);
    check_status(adieu_decide(joined.client, ADIEU_ACCEPT), ADIEU_MISUSE);
    assert_int_equal(adieu_verified(joined.client), ADIEU_VERIFIED_NO);
    check_wire(&joined, NULL, 0);
    part(&joined);
}

static void an_abort_while_a_refusal_waits_says_nothing_more(void **state)
{
    (void)state;
    struct joined joined = awaiting_finished();
    adieu_abort(joined.client, ADIEU_REASON_REQUEST);
    carry(joined.server, joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_FAIL);
    check_ends(joined.client, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    check_wire(&joined, NULL, 0);
    part(&joined);
}

static enum adieu_decision as_told(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                   const uint8_t *leaf, size_t leaf_size)
{
    (void)stream, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    return *(const enum adieu_decision *)context;
}

static struct adieu_config *client_told(enum adieu_version version, enum adieu_decision *decision)
{
    struct adieu_config *client = client_config(version);
    check_status(adieu_config_insecure_on_verify(client, as_told, decision), ADIEU_OK);
    return client;
}

static void what_breaks_behind_an_accepted_problem_is_told_as_itself(void **state)
{
    (void)state;
    enum adieu_decision accept = ADIEU_ACCEPT;
    struct joined joined = join(client_told(ADIEU_TLS_1_3, &accept), server_config(ADIEU_TLS_1_3), "another.example");
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    (void)!adieu_handshake(joined.server);
    carry_bent(joined.server, joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_FAIL);
    check_error(joined.client, ADIEU_ERR_VIOLATION);
    assert_null(strstr(adieu_error(joined.client)->text, "another.example"));
    part(&joined);
}

/*
 * A server's refusal that OpenSSL has no alert for waits until the next step. What breaks before it, in the same read, makes
 * OpenSSL say something else: that does not leave, and our alert does.
 */
static void what_a_server_refuses_is_told_whatever_breaks_behind_it(void **state)
{
    (void)state;
    enum { ACCESS_DENIED = 49 };
    enum adieu_decision decision = ADIEU_REFUSE_ACCESS;
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = asking_server();
    identify(client, &the_identity);
    check_status(adieu_config_insecure_on_verify(server, as_told, &decision), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    (void)!adieu_handshake(joined.server);
    carry(joined.server, joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_OK);
    carry_bent(joined.client, joined.server); /* its Finished */
    check_status(adieu_handshake(joined.server), ADIEU_FAIL);
    check_error(joined.server, ADIEU_ERR_REFUSED);
    assert_int_equal(adieu_wire_out(joined.server, NULL), SEALED_ALERT);
    carry(joined.server, joined.client);
    assert_int_equal(adieu_ending(joined.server).alert_sent.number, ACCESS_DENIED);
    check_status(listen_once(joined.client), ADIEU_FAIL);
    assert_int_equal(adieu_ending(joined.client).alert_received.number, ACCESS_DENIED);
    part(&joined);
}

/* ------------------------------------------------ which alert */

static void a_program_that_refuses_too_leaves_the_finding(void **state)
{
    (void)state;
    enum adieu_decision refuse = ADIEU_REFUSE;
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = join(client_told(versions[i], &refuse), server_config(versions[i]), "another.example");
        check_client_refuses(&joined, 42);
        assert_non_null(strstr(adieu_error(joined.client)->text, "not for another.example"));
        part(&joined);
    }
}

static void the_alert_is_the_one_of_the_chains_error(void **state)
{
    (void)state;
    static const struct {
        int error;
        uint8_t alert;
    } cases[] = {
        {X509_V_ERR_CERT_HAS_EXPIRED, 45},
        {X509_V_ERR_CRL_HAS_EXPIRED, 45},
        {X509_V_ERR_CERT_REVOKED, 44},
        {X509_V_ERR_INVALID_PURPOSE, 43},
        {X509_V_ERR_CERT_SIGNATURE_FAILURE, 51},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 48},
        {X509_V_ERR_INVALID_CA, 48},
        {X509_V_ERR_PATH_LENGTH_EXCEEDED, 48},
        {X509_V_ERR_CERT_NOT_YET_VALID, 42},
        {X509_V_ERR_HOSTNAME_MISMATCH, 42},
        {X509_V_ERR_CERT_REJECTED, 42},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(refusal_alert(cases[i].error), cases[i].alert);
}

/* Both say the same: OpenSSL in TLS 1.2, and refusal.c in TLS 1.3. */
static void check_in_both_versions(const struct issued *issued, uint8_t alert)
{
    for (int i = 0; i < VERSIONS; i++) {
        struct adieu_config *server = adieu_config_new();
        check_status(adieu_config_versions(server, versions[i], versions[i]), ADIEU_OK);
        identify(server, issued);
        struct joined joined = join(client_config(versions[i]), server, HOST);
        check_client_refuses(&joined, alert);
        part(&joined);
    }
}

static void the_alert_is_the_same_in_both_versions(void **state)
{
    (void)state;
    struct issued old, early, strange;
    struct authority another = authority_new("another authority"), namesake = authority_new("the tests' authority");
    authority_issue(&the_authority, "DNS:" HOST, -10, -5, &old);
    check_in_both_versions(&old, 45);
    authority_issue(&the_authority, "DNS:" HOST, 5, 9, &early);
    check_in_both_versions(&early, 42);
    authority_issue(&another, "DNS:" HOST, -1, 5, &strange);
    check_in_both_versions(&strange, 48);
    authority_issue(&namesake, "DNS:" HOST, -1, 5, &strange);
    check_in_both_versions(&strange, 51);
    authority_free(&another);
    authority_free(&namesake);
}

/* ------------------------------------------------ the secret */

static bool holds_secret(const struct adieu_stream *s)
{
    const struct refusal *refusal = &stream_engine(s)->refusal;
    bool any = refusal->secret_size > 0;
    for (size_t i = 0; i < sizeof refusal->secret; i++)
        any = any || refusal->secret[i];
    return any;
}

static void only_the_clients_own_line_of_the_key_log_is_a_secret(void **state)
{
    (void)state;
    static const char *const others[] = {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET", /* no word behind it */
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET 00 nothex",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET 00 0123456789abcdef",
        "CLIENT_TRAFFIC_SECRET_0 00 0123456789abcdef",
    };
    struct joined joined = join(client_config(ADIEU_TLS_1_3), server_config(ADIEU_TLS_1_3), HOST);
    struct engine *client = stream_engine(joined.client), *server = stream_engine(joined.server);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        refusal_note_key(client, others[i]);
        assert_int_equal(client->refusal.secret_size, 0);
    }
    refusal_note_key(client, "CLIENT_HANDSHAKE_TRAFFIC_SECRET 00 0123456789abcdef");
    assert_int_equal(client->refusal.secret_size, 8);
    refusal_note_key(server, "CLIENT_HANDSHAKE_TRAFFIC_SECRET 00 0123456789abcdef");
    assert_false(holds_secret(joined.server));
    ERR_clear_error();
    part(&joined);
}

static void behind_the_handshake_no_secret_is_left(void **state)
{
    (void)state;
    for (int refused = 0; refused < 2; refused++) {
        struct joined joined =
            join(client_config(ADIEU_TLS_1_3), server_config(ADIEU_TLS_1_3), refused ? "another.example" : HOST);
        shake(&joined);
        check_status(adieu_handshake(joined.client), refused ? ADIEU_FAIL : ADIEU_OK);
        assert_false(holds_secret(joined.client));
        assert_false(holds_secret(joined.server));
        part(&joined);
    }
}

/* ------------------------------------------------ resumed */

static void check_resumed_and_refused(enum adieu_version version, enum adieu_decision first)
{
    enum adieu_decision decision = ADIEU_ACCEPT;
    struct kept kept = {.came = 0};
    struct adieu_config *client = client_told(version, &decision), *server = server_config(version);
    struct joined joined = joined_again(client, server, &kept);
    decision = first;
    shake(&joined);
    if (first == ADIEU_LATER) {
        check_status(adieu_handshake(joined.client), ADIEU_WAIT);
        assert_int_equal(adieu_awaited(joined.client), ADIEU_AWAITED_VERIFY);
        check_status(adieu_decide(joined.client, ADIEU_REFUSE), ADIEU_OK);
    }
    check_refused(joined.client, ADIEU_ERR_REFUSED, 0);
    assert_int_equal(adieu_verified(joined.client), ADIEU_VERIFIED_NO);
    assert_false(adieu_resumed(joined.client));
    part(&joined);
}

static void a_resumed_server_is_asked_about_again_now_or_later(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        check_resumed_and_refused(versions[i], ADIEU_REFUSE);
        check_resumed_and_refused(versions[i], ADIEU_LATER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_looks_like_an_alert_within_a_record_does_not_leave),
        cmocka_unit_test(a_long_flight_does_not_leave_either),
        cmocka_unit_test(a_long_flight_leaves_where_the_server_is_trusted),
        cmocka_unit_test(after_a_hello_retry_request_there_is_no_second_change_cipher_spec),
        cmocka_unit_test(a_server_that_breaks_its_flight_while_a_refusal_waits_gets_a_plaintext_alert),
        cmocka_unit_test(while_a_refusal_waits_nothing_can_be_said_or_read),
        cmocka_unit_test(an_abort_while_a_refusal_waits_says_nothing_more),
        cmocka_unit_test(what_breaks_behind_an_accepted_problem_is_told_as_itself),
        cmocka_unit_test(what_a_server_refuses_is_told_whatever_breaks_behind_it),
        cmocka_unit_test(a_program_that_refuses_too_leaves_the_finding),
        cmocka_unit_test(the_alert_is_the_one_of_the_chains_error),
        cmocka_unit_test(the_alert_is_the_same_in_both_versions),
        cmocka_unit_test(only_the_clients_own_line_of_the_key_log_is_a_secret),
        cmocka_unit_test(behind_the_handshake_no_secret_is_left),
        cmocka_unit_test(a_resumed_server_is_asked_about_again_now_or_later),
    };
    return cmocka_run_group_tests_name("engine refusal breaks", tests, setup_authority, teardown_authority);
}
