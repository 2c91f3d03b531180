/* SPDX-License-Identifier: MIT */
/* A server that shows no certificate: TLS 1.2 has suites without one, and a client's cipher list may let them in. */
#include "joined.h"

#include <openssl/ssl.h>

#include "adieu_openssl.h"

#define ANY_SUITE "ALL:@SECLEVEL=0"

static struct adieu_config *anonymous_server(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    assert_non_null(context);
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(context, "aNULL:@SECLEVEL=0"), 1);
    struct adieu_config *config = adieu_config_adopt(context);
    SSL_CTX_free(context);
    return config;
}

/* The client takes any suite. */
static struct joined met(struct adieu_config *client)
{
    check_status(adieu_config_ciphers(client, NULL, ANY_SUITE), ADIEU_OK);
    struct joined joined = join(client, anonymous_server(), HOST);
    shake(&joined);
    return joined;
}

static void check_unmet(struct joined joined)
{
    check_refused(joined.client, ADIEU_ERR_REFUSED, 0);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_NO);
    check_receiving(joined.client, ADIEU_RECEIVING_REJECTED);
    struct adieu_ending ending = adieu_ending(joined.client);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_REJECTED);
    part(&joined);
}

static struct adieu_config *pinning(struct adieu_config *config)
{
    uint8_t pin[ADIEU_PIN_SIZE] = {1};
    check_status(adieu_config_trust_pin(config, pin), ADIEU_OK);
    return config;
}

static void who_verifies_refuses_a_server_that_shows_nothing(void **state)
{
    (void)state;
    check_unmet(met(client_config(0)));
    check_unmet(met(adieu_config_new()));
    check_unmet(met(client_config(ADIEU_TLS_1_2)));
}

static void who_pins_refuses_a_server_that_shows_nothing(void **state)
{
    (void)state;
    check_unmet(met(pinning(adieu_config_new())));
    check_unmet(met(pinning(client_config(0))));
}

/* A pin that is set is held against it even where nothing else is verified. */
static void an_insecure_client_with_a_pin_refuses_it_too(void **state)
{
    (void)state;
    struct adieu_config *client = pinning(adieu_config_new());
    check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    check_unmet(met(client));
}

static enum adieu_decision accept_anybody(void *context, const struct adieu_stream *s, bool verified,
                                          const char *problem, const uint8_t *leaf, size_t leaf_size)
{
    (void)s, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    ++*(unsigned *)context;
    return ADIEU_ACCEPT;
}

static void where_no_certificate_came_the_program_is_not_asked(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct adieu_config *client = client_config(0);
    check_status(adieu_config_insecure_on_verify(client, accept_anybody, &asked), ADIEU_OK);
    check_unmet(met(client));
    assert_int_equal(asked, 0);
}

static void an_adopted_client_refuses_it_too(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(0);
    assert_int_equal(SSL_CTX_set_cipher_list(context, ANY_SUITE), 1);
    struct joined joined = join(adieu_config_adopt(context), anonymous_server(), HOST);
    shake(&joined);
    check_unmet(joined);
    SSL_CTX_free(context);
}

static void who_verifies_nobody_accepts_it(void **state)
{
    (void)state;
    struct adieu_config *client = adieu_config_new();
    check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    struct joined joined = met(client);
    shake_hands(&joined);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_NO);
    assert_int_equal(adieu_peer_certificate(joined.client, NULL, 0), 0);
    for (int i = 0; i < 2; i++) {
        uint8_t bytes[ADIEU_BINDING_SIZE];
        size_t got = 0;
        struct adieu_stream *s = i ? joined.server : joined.client;
        check_status(adieu_channel_binding(s, ADIEU_BINDING_TLS_SERVER_END_POINT, bytes, sizeof bytes, &got),
                     ADIEU_FAIL);
    }
    say_goodbye(&joined);
    part(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_verifies_refuses_a_server_that_shows_nothing),
        cmocka_unit_test(who_pins_refuses_a_server_that_shows_nothing),
        cmocka_unit_test(an_insecure_client_with_a_pin_refuses_it_too),
        cmocka_unit_test(where_no_certificate_came_the_program_is_not_asked),
        cmocka_unit_test(an_adopted_client_refuses_it_too),
        cmocka_unit_test(who_verifies_nobody_accepts_it),
    };
    return cmocka_run_group_tests_name("engine no certificate", tests, setup_authority, teardown_authority);
}
