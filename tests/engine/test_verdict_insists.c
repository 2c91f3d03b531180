/* SPDX-License-Identifier: MIT */
/* What a stream's SSL is told whatever its context says, which names it takes, and how a name is proved: seen from inside. */
#include "joined.h"

#include <string.h>

#include "openssl.h"

/* ------------------------------------------------ options */

static SSL_CTX *lax_context(void)
{
    SSL_CTX *context = foreign_context(0);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    SSL_CTX_clear_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_ASYNC | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_quiet_shutdown(context, 1);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_max_send_fragment(context, 512);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    return context;
}

static void an_ends_rules_hold_whatever_the_context_says(void **state)
{
    (void)state;
    const uint64_t must = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
    const uint64_t must_not = SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION;
    const long modes_not = SSL_MODE_ASYNC | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS;
    SSL_CTX *context = lax_context();
    struct joined joined = join(adieu_config_adopt(context), adieu_config_adopt(context), HOST);
    for (int i = 0; i < 2; i++) {
        SSL *ssl = stream_engine(i ? joined.server : joined.client)->ssl;
        assert_true((SSL_get_options(ssl) & must) == must);
        assert_true((SSL_get_options(ssl) & must_not) == 0);
        assert_true(SSL_get_mode(ssl) & SSL_MODE_AUTO_RETRY);
        assert_true((SSL_get_mode(ssl) & modes_not) == 0);
        assert_int_equal(SSL_get_quiet_shutdown(ssl), 0);
        assert_int_equal(SSL_get_read_ahead(ssl), 0);
        assert_int_equal(SSL_get_min_proto_version(ssl), TLS1_2_VERSION);
    }
    part(&joined);
    SSL_CTX_free(context);
}

static void a_context_that_is_stricter_about_versions_stays_so(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(0);
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    struct joined joined = join(adieu_config_adopt(context), adieu_config_adopt(context), HOST);
    assert_int_equal(SSL_get_min_proto_version(stream_engine(joined.client)->ssl), TLS1_3_VERSION);
    assert_int_equal(SSL_get_min_proto_version(stream_engine(joined.server)->ssl), TLS1_3_VERSION);
    part(&joined);
    SSL_CTX_free(context);
}

/* ------------------------------------------------ names that can be one */

static void check_name(const char *name, enum adieu_error_code code)
{
    struct adieu_config *config = client_config(0);
    struct adieu_stream *s = adieu_client(config, name);
    adieu_config_free(config);
    (void)!adieu_handshake(s);
    check_error(s, code);
    adieu_free(s);
}

static void a_name_of_253_bytes_is_one_and_a_longer_one_is_not(void **state)
{
    (void)state;
    char name[256];
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 50 == 49 ? '.' : 'a';
    name[253] = '\0';
    check_name(name, ADIEU_ERR_NONE);
    name[253] = 'a';
    name[254] = '\0';
    check_name(name, ADIEU_ERR_BAD_NAME);
}

static void a_host_name_may_have_letters_digits_and_three_signs(void **state)
{
    (void)state;
    check_name("a", ADIEU_ERR_NONE);
    check_name("a-b_c.Z9", ADIEU_ERR_NONE);
    check_name("_a", ADIEU_ERR_NONE);
    check_name("a-", ADIEU_ERR_NONE);
    check_name(".a", ADIEU_ERR_BAD_NAME);
    check_name("-a", ADIEU_ERR_BAD_NAME);
    check_name("a..", ADIEU_ERR_BAD_NAME);
    check_name("a..b", ADIEU_ERR_BAD_NAME);
    check_name("a b", ADIEU_ERR_BAD_NAME);
    check_name("", ADIEU_ERR_BAD_NAME);
    check_name(".", ADIEU_ERR_BAD_NAME);
}

static void addresses_are_of_both_kinds(void **state)
{
    (void)state;
    assert_true(is_address("127.0.0.1"));
    assert_true(is_address("::1"));
    assert_false(is_address("127.0.0.1.example"));
    assert_false(is_address("localhost"));
}

/* The bad name is told, as far as there is room. */
static void a_bad_name_is_quoted(void **state)
{
    (void)state;
    struct adieu_config *config = client_config(0);
    struct adieu_stream *s = adieu_client(config, "a b");
    adieu_config_free(config);
    check_status(adieu_handshake(s), ADIEU_FAIL);
    assert_non_null(strstr(adieu_error(s)->text, "\"a b\""));
    adieu_free(s);
}

/* ------------------------------------------------ and names that are proved */

static void check_has_name(const char *certified, const char *asked, bool has)
{
    struct issued issued;
    authority_issue(&the_authority, certified, -1, 5, &issued);
    BIO *chain = BIO_new_mem_buf(issued.chain.text, (int)issued.chain.size);
    X509 *leaf = PEM_read_bio_X509(chain, NULL, NULL, NULL);
    char name[64];
    struct engine engine = {.name = asked ? strcpy(name, asked) : NULL};
    assert_int_equal(engine_has_name(&engine, leaf), has);
    X509_free(leaf);
    BIO_free(chain);
}

static void a_name_is_proved_whole_and_wildcards_stand_for_whole_labels(void **state)
{
    (void)state;
    check_has_name("DNS:" HOST, NULL, true);
    check_has_name("DNS:" HOST, HOST, true);
    check_has_name("DNS:" HOST, "another.example", false);
    check_has_name("DNS:*.example.org", "www.example.org", true);
    check_has_name("DNS:w*.example.org", "www.example.org", false);
    check_has_name("IP:127.0.0.1", "127.0.0.1", true);
    check_has_name("IP:127.0.0.1", "127.0.0.2", false);
    check_has_name("DNS:127.0.0.1", "127.0.0.1", false);
}

static void check_wildcard(enum adieu_version version)
{
    struct issued issued;
    authority_issue(&the_authority, "DNS:w*.example.org", -1, 5, &issued);
    struct adieu_config *server = adieu_config_new();
    identify(server, &issued);
    struct joined joined = join(client_config(version), server, "www.example.org");
    check_client_refuses(&joined, 42);
    assert_non_null(strstr(adieu_error(joined.client)->text, "www.example.org"));
    part(&joined);
}

static void a_part_of_a_label_is_no_wildcard(void **state)
{
    (void)state;
    for_versions(check_wildcard);
}

/* ------------------------------------------------ the last word */

static void what_is_decided_already_is_not_decided_again(void **state)
{
    (void)state;
    struct joined joined = joined_by(ADIEU_TLS_1_3);
    struct engine *engine = stream_engine(joined.client);
    assert_int_equal(engine_trusts(engine), ADIEU_ACCEPT);
    engine->refusal.due = true;
    assert_int_equal(engine_trusts(engine), ADIEU_REFUSE);
    engine->later.decided = true;
    assert_int_equal(engine_trusts(engine), ADIEU_REFUSE);
    engine->refusal.due = false;
    assert_int_equal(engine_trusts(engine), ADIEU_ACCEPT);
    part(&joined);
}

static void a_pin_is_of_a_certificates_key(void **state)
{
    (void)state;
    uint8_t pin[ADIEU_PIN_SIZE] = {0}, wanted[ADIEU_PIN_SIZE];
    identity_pin(&the_identity, wanted);
    struct joined joined = joined_by(ADIEU_TLS_1_3);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    check_status(pin_told(SSL_get0_peer_certificate(stream_engine(joined.client)->ssl), pin), ADIEU_OK);
    assert_memory_equal(pin, wanted, sizeof pin);
    assert_int_equal(ERR_peek_error(), 0);
    check_status(pin_told(NULL, pin), ADIEU_FAIL);
    part(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ends_rules_hold_whatever_the_context_says),
        cmocka_unit_test(a_context_that_is_stricter_about_versions_stays_so),
        cmocka_unit_test(a_name_of_253_bytes_is_one_and_a_longer_one_is_not),
        cmocka_unit_test(a_host_name_may_have_letters_digits_and_three_signs),
        cmocka_unit_test(addresses_are_of_both_kinds),
        cmocka_unit_test(a_bad_name_is_quoted),
        cmocka_unit_test(a_name_is_proved_whole_and_wildcards_stand_for_whole_labels),
        cmocka_unit_test(a_part_of_a_label_is_no_wildcard),
        cmocka_unit_test(what_is_decided_already_is_not_decided_again),
        cmocka_unit_test(a_pin_is_of_a_certificates_key),
    };
    return cmocka_run_group_tests_name("verdict insists", tests, setup_authority, teardown_authority);
}
