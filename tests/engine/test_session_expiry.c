/* SPDX-License-Identifier: MIT */
/* A session does not outlive the certificate that it stands for. The clock is the test's own. */
#include "joined.h"
#include "revoking.h"

#include <string.h>
#include <time.h>

#include <openssl/pem.h>

enum { HALF_AN_HOUR = 30 * 60, HOUR = 60 * 60 };

static time_t moved;

/* In place of the C library's, for OpenSSL, too. */
time_t time(time_t *where)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where)
        *where = now.tv_sec + moved;
    return now.tv_sec + moved;
}

/* The usual identity, but for half an hour. */
static struct issued short_lived(void)
{
    struct issued issued = the_identity;
    BIO *from = BIO_new_mem_buf(issued.chain.text, (int)issued.chain.size), *to = BIO_new(BIO_s_mem());
    X509 *certificate = PEM_read_bio_X509(from, NULL, NULL, NULL);
    assert_non_null(certificate);
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), HALF_AN_HOUR));
    assert_true(X509_sign(certificate, the_authority.key, the_authority.digest) > 0);
    assert_true(PEM_write_bio_X509(to, certificate));
    issued.chain.size = (size_t)BIO_read(to, issued.chain.text, sizeof issued.chain.text - 1);
    X509_free(certificate);
    BIO_free(from);
    BIO_free(to);
    return issued;
}

static struct kept kept;

static struct adieu_config *keeping_client(enum adieu_version version)
{
    struct adieu_config *client = client_config(version);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    return client;
}

/* Takes a reference of each. */
static struct joined joined_with(struct adieu_config *client, struct adieu_config *server)
{
    return join(adieu_config_ref(client), adieu_config_ref(server), HOST);
}

/* ------------------------------------------------ clients' certificates */

static void client_expires(enum adieu_version version)
{
    moved = 0;
    struct issued identity = short_lived();
    struct adieu_config *client = keeping_client(version), *server = server_config(version);
    identify(client, &identity);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    struct joined joined = joined_with(client, server);
    shake_hands(&joined);
    part(&joined);
    for (int over = 0; over < 2; over++) {
        moved = over ? HOUR : HALF_AN_HOUR / 2;
        joined = joined_with(client, server);
        check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_OK);
        shake(&joined);
        if (over) {
            check_refused(joined.server, ADIEU_ERR_REFUSED, 45);
        } else {
            shake_hands(&joined);
            assert_true(adieu_resumed(joined.server));
            CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_AUTHORITY);
        }
        part(&joined);
    }
    adieu_config_free(client);
    adieu_config_free(server);
}

static void a_clients_session_ends_with_its_certificate(void **state)
{
    (void)state;
    for_versions(client_expires);
}

/* ------------------------------------------------ servers' certificates */

static struct adieu_config *showing(enum adieu_version version, const struct issued *identity,
                                    struct adieu_config *carried)
{
    struct adieu_config *config = adieu_config_new();
    check_status(adieu_config_versions(config, version, version), ADIEU_OK);
    identify(config, identity);
    if (carried)
        check_status(adieu_config_carry(config, carried), ADIEU_OK);
    return config;
}

/* By hand or out of the cache: a new handshake shows the new certificate. */
static void server_expires(enum adieu_version version, bool cached)
{
    moved = 0;
    struct issued identity = short_lived();
    struct adieu_config *client = keeping_client(version), *old = showing(version, &identity, NULL);
    struct adieu_config *new = showing(version, &the_identity, old);
    check_status(adieu_config_session_cache(client, cached ? 8 : 0), ADIEU_OK);
    struct joined joined = joined_with(client, old);
    shake_hands(&joined);
    part(&joined);
    for (int over = 0; over < 2; over++) {
        moved = over ? HOUR : HALF_AN_HOUR / 2;
        joined = joined_with(client, over ? new : old);
        if (!cached)
            check_status(adieu_resume(joined.client, kept.bytes, kept.size), over ? ADIEU_FAIL : ADIEU_OK);
        shake_hands(&joined);
        assert_int_equal(adieu_resumed(joined.client), !over);
        CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_NAME);
        part(&joined);
    }
    adieu_config_free(client);
    adieu_config_free(old);
    adieu_config_free(new);
}

static void a_servers_session_ends_with_its_certificate(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VERSIONS; i++)
        for (int cached = 0; cached < 2; cached++)
            server_expires(versions[i], cached);
}

/* ------------------------------------------------ lists */

static void list_expires(enum adieu_version version)
{
    moved = 0;
    struct pem crl;
    authority_crl(&the_authority, -5, HALF_AN_HOUR / 60, NULL, &crl);
    struct adieu_config *client = keeping_client(version), *server = server_config(version);
    check_status(adieu_config_crl_pem(client, crl.text, crl.size), ADIEU_OK);
    struct joined joined = joined_with(client, server);
    shake_hands(&joined);
    part(&joined);
    for (int over = 0; over < 2; over++) {
        moved = over ? HOUR : HALF_AN_HOUR / 2;
        joined = joined_with(client, server);
        check_status(adieu_resume(joined.client, kept.bytes, kept.size), over ? ADIEU_FAIL : ADIEU_OK);
        if (over)
            check_client_refuses(&joined, 45);
        else
            shake_hands(&joined);
        part(&joined);
    }
    adieu_config_free(client);
    adieu_config_free(server);
}

static void no_session_outlives_a_revocation_list(void **state)
{
    (void)state;
    for_versions(list_expires);
}

/* ------------------------------------------------ where dates are not asked for */

static void pinned(enum adieu_version version)
{
    moved = 0;
    struct issued identity = short_lived();
    uint8_t pin[ADIEU_PIN_SIZE];
    identity_pin(&identity, pin);
    struct adieu_config *client = adieu_config_new(), *server = showing(version, &identity, NULL);
    check_status(adieu_config_trust_pin(client, pin), ADIEU_OK);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    struct joined joined = joined_with(client, server);
    shake_hands(&joined);
    part(&joined);
    moved = HOUR;
    joined = joined_with(client, server);
    check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_OK);
    shake_hands(&joined);
    assert_true(adieu_resumed(joined.client));
    part(&joined);
    adieu_config_free(client);
    adieu_config_free(server);
}

static void with_a_pin_alone_no_date_ends_a_session(void **state)
{
    (void)state;
    for_versions(pinned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clients_session_ends_with_its_certificate),
        cmocka_unit_test(a_servers_session_ends_with_its_certificate),
        cmocka_unit_test(no_session_outlives_a_revocation_list),
        cmocka_unit_test(with_a_pin_alone_no_date_ends_a_session),
    };
    return cmocka_run_group_tests_name("engine session expiry", tests, setup_authority, teardown_authority);
}
