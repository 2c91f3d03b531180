/* SPDX-License-Identifier: MIT */
/* OCSP responses stapled to the handshake: sent by servers, required by clients. */
#include "joined.h"
#include "revoking.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "adieu_openssl.h"

enum { BAD_STATUS = 113 };

static const struct saying usual;

static struct adieu_config *requiring(enum adieu_version version)
{
    struct adieu_config *client = client_config(version);
    check_status(adieu_config_require_staple(client), ADIEU_OK);
    return client;
}

static struct adieu_config *stapling(enum adieu_version version, const struct der *staple)
{
    struct adieu_config *server = server_config(version);
    check_status(adieu_config_staple(server, staple->bytes, staple->size), ADIEU_OK);
    return server;
}

static void good_staple(struct der *staple)
{
    authority_says(&the_authority, &the_identity, &usual, staple);
}

static void check_says(const struct adieu_stream *s, const char *words)
{
    check_that(strstr(adieu_error(s)->text, words) != NULL, "it says: %s", adieu_error(s)->text);
}

/* Whether this client got one in its handshake, and exactly this. */
static bool got_staple(const struct adieu_stream *client, const struct der *staple)
{
    const unsigned char *bytes = NULL;
    long size = SSL_get_tlsext_status_ocsp_resp(adieu_openssl_ssl(client), &bytes);
    return bytes && (size_t)size == staple->size && !memcmp(bytes, staple->bytes, staple->size);
}

/* ------------------------------------------------ accepted */

static void check_accepts(enum adieu_version version, const struct der *staple)
{
    struct joined joined = join(requiring(version), stapling(version, staple), HOST);
    shake_hands(&joined);
    assert_true(got_staple(joined.client, staple));
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_NAME);
    say(joined.client, "hello");
    carry(joined.client, joined.server);
    check_hears(joined.server, "hello");
    say_goodbye(&joined);
    part(&joined);
}

static void good(enum adieu_version version)
{
    struct issued other, delegate;
    authority_issue(&the_authority, "DNS:other.example", -1, 5, &other);
    authority_delegate(&the_authority, &delegate);
    const struct saying ways[] = {
        {.sha256 = false},       {.sha256 = true},           {.first = &other},
        {.delegate = &delegate}, {.from = -100000, .to = 1}, {.from = 4, .to = 60}, /* our clock is late, or theirs */
        {.from = -60, .to = -4},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct der staple;
        authority_says(&the_authority, &the_identity, &ways[i], &staple);
        check_accepts(version, &staple);
    }
}

static void a_good_staple_is_sent_and_accepted(void **state)
{
    (void)state;
    for_versions(good);
}

static void nobody_asks(enum adieu_version version)
{
    struct der staple;
    good_staple(&staple);
    struct joined joined = join(client_config(version), stapling(version, &staple), HOST);
    shake_hands(&joined);
    assert_false(got_staple(joined.client, &staple));
    say_goodbye(&joined);
    part(&joined);
}

static void a_client_that_does_not_ask_gets_none(void **state)
{
    (void)state;
    for_versions(nobody_asks);
}

/* ------------------------------------------------ refused */

/* It reaches the server, and nothing of the application is sent or taken. */
static void check_refuses(struct joined *joined, const char *words)
{
    check_client_refuses(joined, BAD_STATUS);
    check_says(joined->client, words);
    check_says(joined->server, "bad_certificate_status_response");
    size_t took = 0;
    check_status(adieu_write(joined->client, "x", 1, &took), ADIEU_FAIL);
    check_status(adieu_write(joined->server, "x", 1, &took), ADIEU_FAIL);
    assert_int_equal(adieu_ending(joined->server).received, 0);
    part(joined);
}

static void no_staple(enum adieu_version version)
{
    struct joined joined = join(requiring(version), server_config(version), HOST);
    check_refuses(&joined, "sent no OCSP response");
}

/* In TLS 1.3 the alert is protected: most servers could not read another. */
static void a_refusal_for_want_of_a_staple_is_sealed(void **state)
{
    (void)state;
    static const uint8_t change[] = {20, 3, 3, 0, 1, 1}, sealed[] = {23, 3, 3, 0, 1 + 2 + 16};
    struct joined joined = join(requiring(ADIEU_TLS_1_3), server_config(ADIEU_TLS_1_3), HOST);
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    (void)!adieu_handshake(joined.server);
    carry(joined.server, joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_FAIL);
    const uint8_t *at = NULL;
    assert_int_equal(adieu_wire_out(joined.client, &at), sizeof change + sizeof sealed + 19);
    assert_memory_equal(at, change, sizeof change);
    assert_memory_equal(at + sizeof change, sealed, sizeof sealed);
    part(&joined);
}

static void a_server_without_a_staple_is_refused(void **state)
{
    (void)state;
    for_versions(no_staple);
}

/* A server that sends whatever it is given: ours would not. */
static int send_anything(SSL *ssl, void *arg)
{
    const struct der *staple = arg;
    SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(staple->bytes, staple->size), (long)staple->size);
    return SSL_TLSEXT_ERR_OK;
}

static struct joined with_any_staple(struct adieu_config *client, enum adieu_version version, struct der *staple)
{
    SSL_CTX *context = foreign_context(version);
    SSL_CTX_set_tlsext_status_cb(context, send_anything);
    SSL_CTX_set_tlsext_status_arg(context, staple);
    struct joined joined = join(client, adieu_config_adopt(context), HOST);
    SSL_CTX_free(context);
    return joined;
}

static void check_refuses_staple(enum adieu_version version, struct der *staple, const char *words)
{
    struct joined joined = with_any_staple(requiring(version), version, staple);
    check_refuses(&joined, words);
}

static void bad(enum adieu_version version)
{
    struct authority stranger = authority_new("nobody's authority"), twin = authority_new("the tests' authority");
    struct issued delegate, other, no_delegate;
    authority_delegate(&stranger, &delegate);
    authority_issue(&the_authority, "DNS:other.example", -1, 5, &other);
    authority_issue(&the_authority, "DNS:responder", -1, 5, &no_delegate);
    const struct {
        struct saying how;
        const struct issued *about;
        const char *words;
    } cases[] = {
        {{.status = V_OCSP_CERTSTATUS_REVOKED}, &the_identity, "has been revoked"},
        {{.status = V_OCSP_CERTSTATUS_UNKNOWN}, &the_identity, "not known"},
        {{.status = 0}, &other, "another certificate"},
        {{.about_by = &stranger}, &the_identity, "another certificate"},
        {{.about_by = &twin}, &the_identity, "another certificate"}, /* the issuer's name is right, its key is not */
        {{.signer = &stranger}, &the_identity, "not signed"},
        {{.signer = &twin}, &the_identity, "not signed"},
        {{.delegate = &delegate}, &the_identity, "not signed"},
        {{.delegate = &no_delegate}, &the_identity, "not signed"},
        {{.delegate = &the_identity}, &the_identity, "not signed"}, /* by itself */
        {{.from = -60, .to = -6}, &the_identity, "out of its time"},
        {{.from = 6, .to = 60}, &the_identity, "out of its time"},
        {{.endless = true}, &the_identity, "names none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct der staple;
        authority_says(&the_authority, cases[i].about, &cases[i].how, &staple);
        check_refuses_staple(version, &staple, cases[i].words);
    }
    authority_free(&stranger);
    authority_free(&twin);
}

static void a_staple_that_proves_nothing_is_refused(void **state)
{
    (void)state;
    for_versions(bad);
}

/* A certificate that vouches for itself could as well say by itself that it is good. */
static void of_itself(enum adieu_version version)
{
    struct issued issued;
    struct authority alone = authority_with(HOST, EVP_EC_gen("P-256"), EVP_sha256());
    struct der staple;
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, alone.key, NULL, NULL, 0, NULL, NULL);
    issued.key.size = (size_t)BIO_read(bio, issued.key.text, sizeof issued.key.text);
    BIO_free(bio);
    issued.chain = alone.pem;
    authority_says(&alone, &issued, &usual, &staple);
    struct adieu_config *client = adieu_config_new(), *server = adieu_config_new();
    check_status(adieu_config_versions(client, version, version), ADIEU_OK);
    check_status(adieu_config_require_staple(client), ADIEU_OK);
    trust(client, &alone);
    identify(server, &issued);
    check_status(adieu_config_staple(server, staple.bytes, staple.size), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    check_refuses(&joined, "no issuer to ask");
    authority_free(&alone);
}

static void who_vouches_for_himself_has_nobody_to_ask(void **state)
{
    (void)state;
    for_versions(of_itself);
}

static void no_response(enum adieu_version version)
{
    struct der staple, bent;
    good_staple(&staple);
    OCSP_RESPONSE *busy = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);
    unsigned char *at = bent.bytes;
    bent.size = (size_t)i2d_OCSP_RESPONSE(busy, &at);
    OCSP_RESPONSE_free(busy);
    check_refuses_staple(version, &bent, "a failure");
    bent = staple;
    bent.bytes[bent.size - 5] ^= 1;
    check_refuses_staple(version, &bent, "not signed");
    bent = staple;
    bent.size--;
    check_refuses_staple(version, &bent, "no OCSP response");
    bent = staple;
    bent.bytes[bent.size++] = 0;
    check_refuses_staple(version, &bent, "no OCSP response");
    bent = (struct der){.bytes = "nonsense", .size = 8};
    check_refuses_staple(version, &bent, "no OCSP response");
}

static void what_is_no_response_is_refused(void **state)
{
    (void)state;
    for_versions(no_response);
}

/* ------------------------------------------------ beside other trust */

static enum adieu_decision accept_anybody(void *context, const struct adieu_stream *s, bool verified,
                                          const char *problem, const uint8_t *leaf, size_t leaf_size)
{
    (void)s, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    ++*(unsigned *)context;
    return ADIEU_ACCEPT;
}

static void forgiven(enum adieu_version version)
{
    unsigned asked = 0;
    struct adieu_config *client = requiring(version);
    check_status(adieu_config_insecure_on_verify(client, accept_anybody, &asked), ADIEU_OK);
    struct joined joined = join(client, server_config(version), HOST);
    check_refuses(&joined, "sent no OCSP response");
    assert_int_equal(asked, 1);
}

static void the_program_cannot_forgive_a_missing_staple(void **state)
{
    (void)state;
    for_versions(forgiven);
}

static void first_refused(enum adieu_version version)
{
    struct der staple;
    good_staple(&staple);
    struct joined joined = join(requiring(version), stapling(version, &staple), "another.example");
    check_client_refuses(&joined, 42); /* and not the staple's alert */
    part(&joined);
    joined = join(requiring(version), server_config(version), "another.example");
    check_client_refuses(&joined, 42);
    part(&joined);
}

static void whom_the_chain_refuses_no_staple_saves(void **state)
{
    (void)state;
    for_versions(first_refused);
}

static void insecure(enum adieu_version version)
{
    struct adieu_config *client = requiring(version);
    check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    check_trusts(client, server_config(version), HOST, ADIEU_VERIFIED_NO);
}

static void without_verification_none_is_required(void **state)
{
    (void)state;
    for_versions(insecure);
}

static void a_pin_alone(enum adieu_version version)
{
    struct der staple;
    uint8_t pin[ADIEU_PIN_SIZE];
    good_staple(&staple);
    identity_pin(&the_identity, pin);
    struct adieu_config *client = adieu_config_new();
    check_status(adieu_config_versions(client, version, version), ADIEU_OK);
    check_status(adieu_config_trust_pin(client, pin), ADIEU_OK);
    check_status(adieu_config_require_staple(client), ADIEU_OK);
    struct joined joined = join(client, stapling(version, &staple), HOST);
    check_client_refuses(&joined, 48); /* nobody vouches for whom the staple is signed by */
    part(&joined);
}

static void with_a_pin_alone_nobody_vouches_for_a_staple(void **state)
{
    (void)state;
    for_versions(a_pin_alone);
}

/* ------------------------------------------------ sessions */

static void sessions(enum adieu_version version)
{
    struct der staple;
    struct kept kept = {.came = 0}, before;
    good_staple(&staple);
    struct adieu_config *client = requiring(version), *server = stapling(version, &staple);
    struct adieu_config *next = server_config(version); /* with nothing to send */
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    check_status(adieu_config_carry(next, server), ADIEU_OK);
    struct joined joined = join(adieu_config_ref(client), server, HOST);
    shake_hands(&joined);
    say_goodbye(&joined);
    part(&joined);
    before = kept;
    joined = join(client, next, HOST);
    check_status(adieu_resume(joined.client, before.bytes, before.size), ADIEU_OK);
    shake_hands(&joined);
    assert_true(adieu_resumed(joined.client));
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_NAME);
    part(&joined);
}

static void a_stapled_session_is_resumed_without_a_new_one(void **state)
{
    (void)state;
    for_versions(sessions);
}

static void unstapled_session(enum adieu_version version)
{
    struct kept kept = {.came = 0};
    struct adieu_config *client = client_config(version), *server = server_config(version);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    struct joined joined = join(client, adieu_config_ref(server), HOST);
    shake_hands(&joined);
    part(&joined);
    joined = join(requiring(version), server, HOST);
    check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_FAIL);
    check_refuses(&joined, "sent no OCSP response");
}

static void a_session_without_a_staple_does_not_replace_one(void **state)
{
    (void)state;
    for_versions(unstapled_session);
}

/* ------------------------------------------------ servers */

static struct issued rsa_identity(void)
{
    struct issued issued;
    authority_issue_key(&the_authority, "DNS:" HOST, rsa_key(), -1, 5, &issued);
    return issued;
}

/* RSA beside EC: each client gets the one of the certificate that it is shown. */
static void two_identities(enum adieu_version version)
{
    static const char *const ciphers[] = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"};
    struct issued rsa = rsa_identity();
    struct der staples[2];
    good_staple(&staples[0]);
    authority_says(&the_authority, &rsa, &usual, &staples[1]);
    for (int order = 0; order < 2; order++) {
        struct adieu_config *server = server_config(version);
        identify(server, &rsa);
        for (int i = 0; i < 2; i++)
            check_status(adieu_config_staple(server, staples[i ^ order].bytes, staples[i ^ order].size), ADIEU_OK);
        for (int i = 0; i < 2; i++) {
            struct adieu_config *client = requiring(version);
            check_status(adieu_config_ciphers(client, NULL, ciphers[i]), ADIEU_OK);
            struct joined joined = join(client, adieu_config_ref(server), HOST);
            SSL *ssl = adieu_openssl_ssl(joined.client);
            assert_int_equal(SSL_set1_sigalgs_list(ssl, i ? "RSA-PSS+SHA256:ECDSA+SHA384" : "ECDSA+SHA256"), 1);
            shake_hands(&joined);
            assert_true(got_staple(joined.client, &staples[i]));
            part(&joined);
        }
        adieu_config_free(server);
    }
}

static void each_identity_has_its_own_staple(void **state)
{
    (void)state;
    for_versions(two_identities);
}

static void later_one(enum adieu_version version)
{
    struct der older, newer;
    authority_says(&the_authority, &the_identity, &(struct saying){.from = -20, .to = 20}, &older);
    good_staple(&newer);
    struct adieu_config *server = stapling(version, &older);
    check_status(adieu_config_staple(server, newer.bytes, newer.size), ADIEU_OK);
    struct joined joined = join(requiring(version), server, HOST);
    shake_hands(&joined);
    assert_true(got_staple(joined.client, &newer));
    part(&joined);
}

static void a_later_staple_is_preferred(void **state)
{
    (void)state;
    for_versions(later_one);
}

static void outlived(enum adieu_version version)
{
    struct der staple;
    authority_says(&the_authority, &the_identity, &(struct saying){.from = -60, .to = -10}, &staple);
    struct joined joined = join(requiring(version), stapling(version, &staple), HOST);
    check_refuses(&joined, "sent no OCSP response");
}

static void a_staple_out_of_its_time_is_not_sent(void **state)
{
    (void)state;
    for_versions(outlived);
}

static struct adieu_config *choose(void *context, const char *name)
{
    (void)name;
    return context;
}

static void chosen_staple(enum adieu_version version)
{
    struct der staple;
    good_staple(&staple);
    for (int of_choice = 0; of_choice < 2; of_choice++) {
        struct adieu_config *chosen = of_choice ? stapling(version, &staple) : server_config(version);
        struct adieu_config *server = of_choice ? server_config(version) : stapling(version, &staple);
        check_status(adieu_config_on_name(server, choose, chosen), ADIEU_OK);
        struct joined joined = join(requiring(version), server, HOST);
        if (of_choice) {
            shake_hands(&joined);
            assert_true(got_staple(joined.client, &staple));
            part(&joined);
        } else {
            check_refuses(&joined, "sent no OCSP response");
        }
        adieu_config_free(chosen);
    }
}

static void the_chosen_config_shows_its_own_staple(void **state)
{
    (void)state;
    for_versions(chosen_staple);
}

/* ------------------------------------------------ the setters */

#define check_fails(config, call, want)                                                                                \
    do {                                                                                                               \
        check_status(call, ADIEU_FAIL);                                                                                \
        CHECK_NAMED(adieu_error_code_name, adieu_config_error(config)->code, want);                                    \
        assert_true(adieu_config_error(config)->text[0]);                                                              \
    } while (0)

static void what_is_no_staple_of_ours_is_told(void **state)
{
    (void)state;
    struct adieu_config *config = server_config(0), *nobody = adieu_config_new();
    struct issued other;
    struct der staple;
    static const uint8_t large[65001];
    const uint8_t busy[] = {0x30, 3, 0x0a, 1, OCSP_RESPONSE_STATUS_TRYLATER};
    authority_issue(&the_authority, "DNS:other.example", -1, 5, &other);
    authority_says(&the_authority, &other, &usual, &staple);
    check_fails(config, adieu_config_staple(config, staple.bytes, staple.size), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_staple(config, busy, sizeof busy), ADIEU_ERR_ARGUMENT);
    assert_non_null(strstr(adieu_config_error(config)->text, "trylater"));
    authority_says(&the_authority, &the_identity, &(struct saying){.endless = true}, &staple);
    check_fails(config, adieu_config_staple(config, staple.bytes, staple.size), ADIEU_ERR_ARGUMENT);
    assert_non_null(strstr(adieu_config_error(config)->text, "names no end"));
    check_fails(config, adieu_config_staple(config, "", 0), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_staple(config, large, sizeof large), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_staple_file(config, "/nowhere/staple"), ADIEU_ERR_FILE);
    check_fails(config, adieu_config_staple_file(config, "/"), ADIEU_ERR_FILE);
    check_fails(config, adieu_config_staple_file(config, "/dev/null"), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_staple_file(config, "/dev/zero"), ADIEU_ERR_ARGUMENT);
    good_staple(&staple);
    check_fails(nobody, adieu_config_staple(nobody, staple.bytes, staple.size), ADIEU_ERR_ARGUMENT);
    uint8_t before[ADIEU_PIN_SIZE], after[ADIEU_PIN_SIZE];
    other = rsa_identity();
    identify(config, &other);
    check_status(adieu_config_identity_pin(config, before), ADIEU_OK);
    check_status(adieu_config_staple(config, staple.bytes, staple.size), ADIEU_OK);
    check_status(adieu_config_identity_pin(config, after), ADIEU_OK);
    assert_memory_equal(before, after, sizeof before); /* the last one given, still */
    adieu_config_free(config);
    adieu_config_free(nobody);
}

static void a_staple_comes_from_a_file(void **state)
{
    (void)state;
    struct der staple;
    char path[] = "/tmp/adieu-staple-XXXXXX";
    good_staple(&staple);
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(staple.bytes, 1, staple.size, file), staple.size);
    fclose(file);
    struct adieu_config *server = server_config(0);
    check_status(adieu_config_staple_file(server, path), ADIEU_OK);
    unlink(path);
    struct joined joined = join(requiring(0), server, HOST);
    shake_hands(&joined);
    assert_true(got_staple(joined.client, &staple));
    check_fails(server, adieu_config_staple(server, staple.bytes, staple.size), ADIEU_ERR_FROZEN);
    part(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_staple_is_sent_and_accepted),
        cmocka_unit_test(a_client_that_does_not_ask_gets_none),
        cmocka_unit_test(a_server_without_a_staple_is_refused),
        cmocka_unit_test(a_refusal_for_want_of_a_staple_is_sealed),
        cmocka_unit_test(who_vouches_for_himself_has_nobody_to_ask),
        cmocka_unit_test(a_staple_that_proves_nothing_is_refused),
        cmocka_unit_test(what_is_no_response_is_refused),
        cmocka_unit_test(the_program_cannot_forgive_a_missing_staple),
        cmocka_unit_test(whom_the_chain_refuses_no_staple_saves),
        cmocka_unit_test(without_verification_none_is_required),
        cmocka_unit_test(with_a_pin_alone_nobody_vouches_for_a_staple),
        cmocka_unit_test(a_stapled_session_is_resumed_without_a_new_one),
        cmocka_unit_test(a_session_without_a_staple_does_not_replace_one),
        cmocka_unit_test(each_identity_has_its_own_staple),
        cmocka_unit_test(a_later_staple_is_preferred),
        cmocka_unit_test(a_staple_out_of_its_time_is_not_sent),
        cmocka_unit_test(the_chosen_config_shows_its_own_staple),
        cmocka_unit_test(what_is_no_staple_of_ours_is_told),
        cmocka_unit_test(a_staple_comes_from_a_file),
    };
    return cmocka_run_group_tests_name("engine staple", tests, setup_authority, teardown_authority);
}
