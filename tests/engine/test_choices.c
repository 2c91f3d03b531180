/* SPDX-License-Identifier: MIT */
/* What a choice by name, and a decision that is awaited, have to do with other things. */
#include "joined.h"

#include <string.h>

#include <openssl/ssl.h>

#include "adieu_openssl.h"

static struct adieu_config *choose(void *context, const char *name)
{
    (void)name;
    return context;
}

static struct adieu_config *choosing(enum adieu_version version, struct adieu_config *choice)
{
    struct adieu_config *config = server_config(version);
    check_status(adieu_config_on_name(config, choose, choice), ADIEU_OK);
    return config;
}

/* ------------------------------------------------ adopted contexts */

/* How its owner has chains verified (revocation, depth) belongs to it as what it asks for. */
static void verified_as_its_owner_said(enum adieu_version version)
{
    for (int chosen = 0; chosen < 2; chosen++) {
        SSL_CTX *context = foreign_context(version);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_CRL_CHECK); /* and there is none */
        struct adieu_config *adopted = adieu_config_adopt(context), *client = client_config(version);
        identify(client, &the_identity);
        struct joined joined = join(client, chosen ? choosing(version, adopted) : adieu_config_ref(adopted), HOST);
        shake(&joined);
        check_refused(joined.server, ADIEU_ERR_REFUSED, 48);
        part(&joined);
        adieu_config_free(adopted);
        SSL_CTX_free(context);
    }
}

static void a_chosen_context_verifies_as_its_owner_said(void **state)
{
    (void)state;
    for_versions(verified_as_its_owner_said);
}

/* ------------------------------------------------ names */

/* In TLS 1.2 OpenSSL tells the name of the session, which is another than the one by which the config was chosen. */
static void named_as_chosen(enum adieu_version version)
{
    static struct kept kept;
    struct adieu_config *choice = server_config(version), *server = choosing(version, choice);
    struct adieu_config *client = client_config(version);
    uint8_t pin[ADIEU_PIN_SIZE];
    identity_pin(&the_identity, pin);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), "first.example");
    shake_hands(&joined);
    assert_string_equal(adieu_server_name(joined.server), "first.example");
    part(&joined);
    joined = join(client, server, "second.example");
    check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_OK);
    shake_hands(&joined);
    assert_true(adieu_resumed(joined.server));
    assert_string_equal(adieu_server_name(joined.server), "second.example");
    part(&joined);
    adieu_config_free(choice);
}

static void the_name_that_is_told_is_the_one_that_was_chosen_by(void **state)
{
    (void)state;
    for_versions(named_as_chosen);
}

/* ------------------------------------------------ ends */

static enum adieu_decision later(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                 const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)stream, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    return ADIEU_LATER;
}

static void nothing_is_awaited(enum adieu_version version)
{
    struct adieu_config *choice = server_config(version), *client = client_config(version);
    struct joined joined = join(client_config(version), choosing(version, adieu_config_later()), HOST);
    shake(&joined);
    assert_int_equal(adieu_awaited(joined.server), ADIEU_AWAITED_NAME);
    adieu_abort(joined.server, ADIEU_REASON_DEADLINE);
    assert_int_equal(adieu_awaited(joined.server), ADIEU_AWAITED_NOTHING);
    check_status(adieu_choose(joined.server, choice), ADIEU_MISUSE);
    assert_string_equal(adieu_server_name(joined.server), HOST);
    part(&joined);
    adieu_config_free(choice);

    check_status(adieu_config_insecure_on_verify(client, later, NULL), ADIEU_OK);
    joined = join(client, server_config(version), HOST);
    shake(&joined);
    assert_int_equal(adieu_awaited(joined.client), ADIEU_AWAITED_VERIFY);
    adieu_abort(joined.client, ADIEU_REASON_REQUEST);
    assert_int_equal(adieu_awaited(joined.client), ADIEU_AWAITED_NOTHING);
    check_status(adieu_decide(joined.client, ADIEU_ACCEPT), ADIEU_MISUSE);
    check_status(adieu_handshake(joined.client), ADIEU_FAIL);
    part(&joined);
}

static void a_stream_that_was_aborted_awaits_nothing(void **state)
{
    (void)state;
    for_versions(nothing_is_awaited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chosen_context_verifies_as_its_owner_said),
        cmocka_unit_test(the_name_that_is_told_is_the_one_that_was_chosen_by),
        cmocka_unit_test(a_stream_that_was_aborted_awaits_nothing),
    };
    return cmocka_run_group_tests_name("engine choices", tests, setup_authority, teardown_authority);
}
