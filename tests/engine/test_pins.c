/* SPDX-License-Identifier: MIT */
/* Trust by pin, alone and beside roots; throwaway identities; and no verification at all. */
#include "joined.h"

#include <string.h>

#include <openssl/pem.h>

static struct adieu_config *pinning_config(enum adieu_version version, bool right, bool roots)
{
    uint8_t pin[ADIEU_PIN_SIZE];
    identity_pin(&the_identity, pin);
    pin[31] ^= right ? 0 : 1;
    struct adieu_config *config = roots ? client_config(version) : adieu_config_new();
    check_status(adieu_config_trust_pin(config, pin), ADIEU_OK);
    return config;
}

static void pins_alone(enum adieu_version version)
{
    check_trusts(pinning_config(version, true, false), server_config(version), NULL, ADIEU_VERIFIED_PIN);
    check_trusts(pinning_config(version, true, false), server_config(version), "any.name", ADIEU_VERIFIED_PIN);
    struct joined joined = join(pinning_config(version, false, false), server_config(version), HOST);
    check_client_refuses(&joined, 42);
    assert_non_null(strstr(adieu_error(joined.client)->text, "pin")); /* what is wrong, not only that */
    part(&joined);
}

static void a_pin_alone_is_trust_enough(void **state)
{
    (void)state;
    for_versions(pins_alone);
}

/* Where no name is asked for, a strange one is no obstacle; nor is it sent. */
static void strange_names(enum adieu_version version)
{
    static const char *const names[] = {"", ".", "localhost..", "1.2.3.4 x", "a b", "[::1]", "host:443", "%lo", ":"};
    char too_long[300];
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    for (size_t i = 0; i <= sizeof names / sizeof *names; i++) {
        const char *name = i < sizeof names / sizeof *names ? names[i] : too_long;
        struct joined joined = join(pinning_config(version, true, false), server_config(version), name);
        shake_hands(&joined);
        CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_PIN);
        assert_null(adieu_server_name(joined.server));
        part(&joined);
        joined = join(pinning_config(version, true, true), server_config(version), name);
        shake(&joined);
        check_refused(joined.client, ADIEU_ERR_BAD_NAME, 0); /* here it is asked for */
        part(&joined);
    }
}

static void to_a_pin_alone_a_strange_name_is_no_obstacle(void **state)
{
    (void)state;
    for_versions(strange_names);
}

static void pins_and_roots(enum adieu_version version)
{
    check_trusts(pinning_config(version, true, true), server_config(version), HOST, ADIEU_VERIFIED_NAME);
    struct joined joined = join(pinning_config(version, false, true), server_config(version), HOST);
    check_client_refuses(&joined, 42);
    part(&joined);
    joined = join(pinning_config(version, true, true), server_config(version), "example.org");
    shake(&joined);
    check_refused(joined.client, ADIEU_ERR_REFUSED, 0);
    part(&joined);
}

static void with_named_roots_pin_and_name_must_both_hold(void **state)
{
    (void)state;
    for_versions(pins_and_roots);
}

static void one_of_several(enum adieu_version version)
{
    struct adieu_config *client = pinning_config(version, false, false);
    uint8_t pin[ADIEU_PIN_SIZE];
    identity_pin(&the_identity, pin);
    check_status(adieu_config_trust_pin(client, pin), ADIEU_OK);
    check_trusts(client, server_config(version), NULL, ADIEU_VERIFIED_PIN);
}

static void one_pin_of_several_suffices(void **state)
{
    (void)state;
    for_versions(one_of_several);
}

static void throwaway(enum adieu_version version)
{
    uint8_t pin[ADIEU_PIN_SIZE], seen[ADIEU_PIN_SIZE];
    struct adieu_config *server = adieu_config_new(), *client = adieu_config_new();
    check_status(adieu_config_identity_throwaway(server, HOST), ADIEU_OK);
    check_status(adieu_config_versions(server, version, version), ADIEU_OK);
    check_status(adieu_config_identity_pin(server, pin), ADIEU_OK);
    check_status(adieu_config_trust_pin(client, pin), ADIEU_OK);
    struct joined joined = join(client, server, NULL);
    shake_hands(&joined);
    assert_int_equal(adieu_verified(joined.client), ADIEU_VERIFIED_PIN);
    check_status(adieu_peer_pin(joined.client, seen), ADIEU_OK);
    assert_memory_equal(seen, pin, sizeof pin);
    check_status(adieu_peer_pin(joined.server, seen), ADIEU_FAIL); /* the client showed no certificate */
    check_error(joined.server, ADIEU_ERR_NONE);
    part(&joined);
}

static void a_throwaway_identity_is_trusted_by_its_pin(void **state)
{
    (void)state;
    for_versions(throwaway);
}

/* The DER certificate as PEM. */
static void trust_der(struct adieu_config *config, const uint8_t *der, size_t size)
{
    X509 *certificate = d2i_X509(NULL, &der, (long)size);
    assert_non_null(certificate);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    char *pem;
    long n = BIO_get_mem_data(bio, &pem);
    check_status(adieu_config_trust_pem(config, pem, (size_t)n), ADIEU_OK);
    BIO_free(bio);
    X509_free(certificate);
}

static void a_throwaway_identity_can_be_trusted_as_a_root_for_its_name(void **state)
{
    (void)state;
    static const char *const names[] = {"host.example", "127.0.0.1", "::1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct adieu_config *server = adieu_config_new(), *looks = adieu_config_new(), *trusts = adieu_config_new();
        check_status(adieu_config_identity_throwaway(server, names[i]), ADIEU_OK);
        check_status(adieu_config_insecure_no_verify(looks), ADIEU_OK);
        struct joined joined = join(looks, adieu_config_ref(server), NULL);
        shake_hands(&joined);
        uint8_t der[4000];
        size_t size = adieu_peer_certificate(joined.client, NULL, 0);
        assert_in_range(size, 100, sizeof der);
        assert_int_equal(adieu_peer_certificate(joined.client, der, sizeof der), size);
        trust_der(trusts, der, size);
        part(&joined);
        check_trusts(trusts, server, names[i], ADIEU_VERIFIED_NAME);
    }
}

static void insecure(enum adieu_version version)
{
    struct adieu_config *client = adieu_config_new();
    check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    check_trusts(client, server_config(version), NULL, ADIEU_VERIFIED_NO);
    client = pinning_config(version, false, false);
    check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    struct joined joined = join(client, server_config(version), NULL);
    check_client_refuses(&joined, 42); /* a pin is still held against it */
    part(&joined);
}

static void without_verification_anybody_is_accepted_but_for_a_wrong_pin(void **state)
{
    (void)state;
    for_versions(insecure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pin_alone_is_trust_enough),
        cmocka_unit_test(to_a_pin_alone_a_strange_name_is_no_obstacle),
        cmocka_unit_test(with_named_roots_pin_and_name_must_both_hold),
        cmocka_unit_test(one_pin_of_several_suffices),
        cmocka_unit_test(a_throwaway_identity_is_trusted_by_its_pin),
        cmocka_unit_test(a_throwaway_identity_can_be_trusted_as_a_root_for_its_name),
        cmocka_unit_test(without_verification_anybody_is_accepted_but_for_a_wrong_pin),
    };
    return cmocka_run_group_tests_name("engine pins", tests, setup_authority, teardown_authority);
}
