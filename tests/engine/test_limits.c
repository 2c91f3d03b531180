/* SPDX-License-Identifier: MIT */
/* Values at their limits, questions that have no answer, and an SSL that its program has meddled with. Partly seen from inside. */
#include "joined.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "openssl.h"

/* ------------------------------------------------ setters */

static void more_than_2_gib_of_pem_is_not_read(void **state)
{
    (void)state;
    const size_t most = INT_MAX;
    struct adieu_config *config = adieu_config_new();
    check_status(adieu_config_identity_pem(config, "", most + 1, "", 0, NULL), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_ARGUMENT);
    check_status(adieu_config_identity_pem(config, "", 0, "", most + 1, NULL), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_ARGUMENT);
    check_status(adieu_config_trust_pem(config, "", most + 1), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_ARGUMENT);
    adieu_config_free(config);
}

static void a_password_that_is_too_long_is_wrong(void **state)
{
    (void)state;
    static char password[5000];
    struct pem key;
    memset(password, 'x', sizeof password - 1);
    encrypt_key(&the_identity, "right", &key);
    struct adieu_config *config = adieu_config_new();
    check_status(adieu_config_identity_pem(config, the_identity.chain.text, the_identity.chain.size, key.text, key.size,
                                           password),
                 ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_KEY_PASSWORD);
    assert_int_equal(give_password(password, sizeof password, 0, NULL), -1);
    adieu_config_free(config);
}

static void a_link_that_leads_nowhere_is_passed_over(void **state)
{
    (void)state;
    char folder[] = "/tmp/adieu-limits-XXXXXX", link[64], root[64];
    assert_non_null(mkdtemp(folder));
    snprintf(link, sizeof link, "%s/nowhere", folder);
    snprintf(root, sizeof root, "%s/root.pem", folder);
    assert_int_equal(symlink("/nonexistent/root.pem", link), 0);
    struct adieu_config *config = adieu_config_new();
    check_status(adieu_config_trust_directory(config, folder), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_EMPTY_TRUST);
    FILE *file = fopen(root, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(the_authority.pem.text, 1, the_authority.pem.size, file), the_authority.pem.size);
    fclose(file);
    check_status(adieu_config_trust_directory(config, folder), ADIEU_OK);
    check_trusts(config, server_config(0), HOST, ADIEU_VERIFIED_NAME);
    unlink(link);
    unlink(root);
    rmdir(folder);
}

static struct adieu_config *choose_nobody(void *context, const char *name)
{
    (void)context, (void)name;
    fail_msg("a callback that was taken away is called");
    return NULL;
}

static void no_session(void *context, const struct adieu_stream *stream, const uint8_t *session, size_t size)
{
    (void)context, (void)stream, (void)session, (void)size;
    fail_msg("a callback that was taken away is called");
}

static void a_callback_that_was_taken_away_is_not_called(void **state)
{
    (void)state;
    struct adieu_config *client = client_config(0), *server = server_config(0);
    check_status(adieu_config_on_name(server, choose_nobody, NULL), ADIEU_OK);
    check_status(adieu_config_on_name(server, NULL, NULL), ADIEU_OK);
    check_status(adieu_config_on_session(client, no_session, NULL), ADIEU_OK);
    check_status(adieu_config_on_session(client, NULL, NULL), ADIEU_OK);
    check_trusts(client, server, HOST, ADIEU_VERIFIED_NAME);
}

/* A lock that cannot be had: here because its owner would wait for itself. */
static void roots_that_cannot_be_locked_are_not_loaded(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    assert_int_equal(CRYPTO_THREAD_write_lock(config_engine(config)->roots_lock), 1);
    assert_null(adieu_client(config, HOST));
    assert_int_equal(CRYPTO_THREAD_unlock(config_engine(config)->roots_lock), 1);
    struct adieu_stream *s = adieu_client(config, HOST);
    assert_non_null(s);
    adieu_free(s);
    adieu_config_free(config);
}

/* ------------------------------------------------ questions */

static void a_stream_that_cannot_begin_answers_every_question(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    struct adieu_stream *s = adieu_client(config, NULL);
    uint8_t pin[ADIEU_PIN_SIZE], out[8];
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_error(s, ADIEU_ERR_NO_NAME);
    assert_null(adieu_server_name(s));
    assert_null(adieu_openssl_ssl(s));
    assert_null(adieu_version(s));
    assert_int_equal(adieu_peer_certificate(s, NULL, 0), 0);
    assert_int_equal(adieu_peer_chain(s, 1, NULL, 0), 0);
    check_status(adieu_peer_pin(s, pin), ADIEU_FAIL);
    check_status(adieu_export(s, "label", NULL, 0, out, sizeof out), ADIEU_MISUSE);
    check_status(adieu_resume(s, "session", 7), ADIEU_MISUSE);
    adieu_wire_eof(s);
    adieu_free(s);
    adieu_config_free(config);
}

static void a_certificate_that_does_not_fit_is_not_copied(void **state)
{
    (void)state;
    struct joined joined = joined_by(0);
    uint8_t buf[4096] = {0};
    size_t size = adieu_peer_certificate(joined.client, NULL, 0);
    assert_in_range(size, 100, sizeof buf);
    assert_int_equal(adieu_peer_certificate(joined.client, buf, size - 1), size);
    assert_int_equal(buf[0], 0);
    assert_int_equal(adieu_peer_certificate(joined.client, buf, size), size);
    assert_int_equal(buf[0], 0x30);
    part(&joined);
}

/* RFC 5869: at most 255 blocks of the digest. RFC 5705 4: the labels of TLS itself are its own. */
static void what_cannot_be_exported_is_refused(void **state)
{
    (void)state;
    static uint8_t much[100000];
    struct joined joined = joined_by(ADIEU_TLS_1_3);
    check_status(adieu_export(joined.client, "label", NULL, 0, much, sizeof much), ADIEU_FAIL);
    check_error(joined.client, ADIEU_ERR_NONE);
    part(&joined);
    joined = joined_by(ADIEU_TLS_1_2);
    check_status(adieu_export(joined.client, "client finished", NULL, 0, much, 12), ADIEU_FAIL);
    assert_int_equal(ERR_peek_error(), 0);
    say_goodbye(&joined);
    part(&joined);
}

/* ------------------------------------------------ sessions */

static void a_session_of_broken_bytes_is_no_session(void **state)
{
    (void)state;
    struct kept kept = {.came = 0};
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = server_config(ADIEU_TLS_1_3);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
    shake_hands(&joined);
    part(&joined);
    assert_true(kept.came > 0);
    joined = join(client, server, HOST);
    kept.bytes[sizeof(struct pin)] ^= 0x10;
    check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_FAIL);
    check_status(adieu_resume(joined.client, kept.bytes, SIZE_MAX), ADIEU_FAIL);
    assert_int_equal(ERR_peek_error(), 0);
    shake_hands(&joined);
    assert_false(adieu_resumed(joined.client));
    part(&joined);
}

/* Without memory for the digest of whom we trust: a session is neither given out nor taken up. */
static void whom_nobody_can_tell_that_we_trust_is_not_resumed(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (int side = 0; side < 2; side++) {
            struct kept kept = {.came = 0};
            struct adieu_config *client = client_config(versions[i]), *server = server_config(versions[i]);
            check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
            trust(server, &the_authority);
            check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_OPTIONAL), ADIEU_OK);
            config_engine(side ? server : client)->trust_unknown = true;
            struct joined joined = join(adieu_config_ref(client), server, HOST);
            shake_hands(&joined);
            assert_int_equal(kept.came, 0);
            part(&joined);
            joined = join(client, server_config(versions[i]), HOST);
            if (!side)
                check_status(adieu_resume(joined.client, kept.bytes, sizeof kept.bytes), ADIEU_FAIL);
            part(&joined);
        }
    }
}

/* Twice, by the session of the first time; what this side then thinks of its peer is the same. Takes over the configs. */
static void check_twice(struct adieu_config *client, struct adieu_config *server, const char *name,
                        const struct kept *kept, bool of_server, enum adieu_verified how)
{
    for (int again = 0; again < 2; again++) {
        struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), name);
        if (again)
            check_status(adieu_resume(joined.client, kept->bytes, kept->size), ADIEU_OK);
        shake_hands(&joined);
        struct adieu_stream *side = of_server ? joined.server : joined.client;
        assert_int_equal(adieu_resumed(side), again);
        CHECK_NAMED(adieu_verified_name, adieu_verified(side), how);
        part(&joined);
    }
    adieu_config_free(client);
    adieu_config_free(server);
}

static void an_optional_certificate_is_not_asked_of_a_session(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct kept kept = {.came = 0};
        struct adieu_config *client = client_config(versions[i]), *server = server_config(versions[i]);
        check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
        trust(server, &the_authority);
        check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_OPTIONAL), ADIEU_OK);
        check_twice(client, server, HOST, &kept, true, ADIEU_VERIFIED_NO);
    }
}

/* Who trusts a key asks for no name, also of a session. */
static void a_session_of_a_pinned_server_is_taken_up_under_any_name(void **state)
{
    (void)state;
    uint8_t pin[ADIEU_PIN_SIZE];
    identity_pin(&the_identity, pin);
    for (int i = 0; i < VERSIONS; i++) {
        struct kept kept = {.came = 0};
        struct adieu_config *client = adieu_config_new(), *server = server_config(versions[i]);
        check_status(adieu_config_trust_pin(client, pin), ADIEU_OK);
        check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
        check_twice(client, server, "another.example", &kept, false, ADIEU_VERIFIED_PIN);
    }
}

/* ------------------------------------------------ decisions */

static enum adieu_decision later(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                 const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)stream, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    return ADIEU_LATER;
}

/* No byte has come behind the certificate. */
static struct joined at_the_decision(void)
{
    struct adieu_config *client = client_config(ADIEU_TLS_1_3);
    check_status(adieu_config_insecure_on_verify(client, later, NULL), ADIEU_OK);
    struct joined joined = join(client, server_config(ADIEU_TLS_1_3), HOST);
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    (void)!adieu_handshake(joined.server);
    while (adieu_awaited(joined.client) == ADIEU_AWAITED_NOTHING) {
        assert_int_equal(carry_some(joined.server, joined.client, 1), 1);
        check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    }
    return joined;
}

static void an_end_right_behind_the_certificate_waits_for_the_decision(void **state)
{
    (void)state;
    struct joined joined = at_the_decision();
    adieu_wire_eof(joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    check_receiving(joined.client, ADIEU_RECEIVING_OPEN);
    check_status(adieu_decide(joined.client, ADIEU_ACCEPT), ADIEU_OK);
    check_status(adieu_handshake(joined.client), ADIEU_FAIL);
    check_receiving(joined.client, ADIEU_RECEIVING_TRUNCATED);
    part(&joined);
}

static void decide_within(void *context, const struct adieu_stream *s, enum adieu_news news,
                          const struct adieu_alert *alert)
{
    (void)s, (void)news, (void)alert;
    struct joined *joined = context;
    check_status(adieu_decide(joined->client, ADIEU_ACCEPT), ADIEU_MISUSE);
    joined->server = NULL;
}

static void nothing_is_decided_within_a_callback(void **state)
{
    (void)state;
    struct joined joined = at_the_decision(), seen = joined;
    adieu_watch(joined.client, decide_within, &seen);
    adieu_wire_out_failed(joined.client, EPIPE);
    assert_null(seen.server);
    assert_int_equal(adieu_awaited(joined.client), ADIEU_AWAITED_VERIFY);
    part(&joined);
}

/* ------------------------------------------------ an SSL that was meddled with, by adieu_openssl_ssl */

static void an_ssl_that_seals_a_part_is_a_fault(void **state)
{
    (void)state;
    static const uint8_t zeros[10000];
    struct joined joined = joined_by(0);
    SSL *ssl = adieu_openssl_ssl(joined.client);
    size_t took = 0;
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_set_max_send_fragment(ssl, 512);
    check_status(adieu_write(joined.client, zeros, sizeof zeros, &took), ADIEU_FAIL);
    check_error(joined.client, ADIEU_ERR_ENGINE);
    check_ends(joined.client, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    carry(joined.client, joined.server);
    adieu_wire_eof(joined.server);
    while (listen_once(joined.server) == ADIEU_OK)
        ;
    check_receiving(joined.server, ADIEU_RECEIVING_TRUNCATED);
    part(&joined);
}

static void an_ssl_that_shuts_down_quietly_is_a_fault(void **state)
{
    (void)state;
    struct joined joined = joined_by(0);
    SSL_set_quiet_shutdown(adieu_openssl_ssl(joined.client), 1);
    check_status(adieu_shutdown(joined.client), ADIEU_FAIL);
    check_error(joined.client, ADIEU_ERR_ENGINE);
    check_ends(joined.client, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    assert_int_equal(adieu_wire_out(joined.client, NULL), 0);
    part(&joined);
}

static void an_ssl_that_is_told_not_to_verify_verifies_nobody(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(0);
    struct joined joined = join(adieu_config_adopt(context), server_config(0), HOST);
    SSL_CTX_free(context);
    SSL_set_verify(adieu_openssl_ssl(joined.client), SSL_VERIFY_NONE, NULL);
    shake_hands(&joined);
    assert_int_equal(adieu_verified(joined.client), ADIEU_VERIFIED_NO);
    part(&joined);
}

/* Also who resumes: the session is the context's own. */
static void an_adopted_server_that_asks_its_clients_verifies_them(void **state)
{
    (void)state;
    struct kept kept = {.came = 0};
    SSL_CTX *context = foreign_context(0);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_session_id_context(context, (const uint8_t *)"owner", 5);
    struct adieu_config *client = client_config(0), *server = adieu_config_adopt(context);
    identify(client, &the_identity);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    check_twice(client, server, HOST, &kept, true, ADIEU_VERIFIED_AUTHORITY);
    SSL_CTX_free(context);
}

static void who_verifies_nothing_needs_no_name_even_with_roots(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct adieu_config *client = client_config(versions[i]);
        check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
        check_trusts(client, server_config(versions[i]), NULL, ADIEU_VERIFIED_NO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_2_gib_of_pem_is_not_read),
        cmocka_unit_test(a_password_that_is_too_long_is_wrong),
        cmocka_unit_test(a_link_that_leads_nowhere_is_passed_over),
        cmocka_unit_test(a_callback_that_was_taken_away_is_not_called),
        cmocka_unit_test(roots_that_cannot_be_locked_are_not_loaded),
        cmocka_unit_test(a_stream_that_cannot_begin_answers_every_question),
        cmocka_unit_test(a_certificate_that_does_not_fit_is_not_copied),
        cmocka_unit_test(what_cannot_be_exported_is_refused),
        cmocka_unit_test(a_session_of_broken_bytes_is_no_session),
        cmocka_unit_test(whom_nobody_can_tell_that_we_trust_is_not_resumed),
        cmocka_unit_test(an_optional_certificate_is_not_asked_of_a_session),
        cmocka_unit_test(a_session_of_a_pinned_server_is_taken_up_under_any_name),
        cmocka_unit_test(an_end_right_behind_the_certificate_waits_for_the_decision),
        cmocka_unit_test(nothing_is_decided_within_a_callback),
        cmocka_unit_test(an_ssl_that_seals_a_part_is_a_fault),
        cmocka_unit_test(an_ssl_that_shuts_down_quietly_is_a_fault),
        cmocka_unit_test(an_ssl_that_is_told_not_to_verify_verifies_nobody),
        cmocka_unit_test(an_adopted_server_that_asks_its_clients_verifies_them),
        cmocka_unit_test(who_verifies_nothing_needs_no_name_even_with_roots),
    };
    return cmocka_run_group_tests_name("engine limits", tests, setup_authority, teardown_authority);
}
