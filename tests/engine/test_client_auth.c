/* SPDX-License-Identifier: MIT */
/* Certificates of clients: asked for, verified, missing, strange. */
#include "joined.h"

static struct joined with_client(enum adieu_version version, enum adieu_client_auth auth, const struct issued *issued)
{
    struct adieu_config *client = client_config(version), *server = server_config(version);
    if (issued)
        identify(client, issued);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, auth), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    shake(&joined);
    return joined;
}

static void client_certificates(enum adieu_version version)
{
    for (enum adieu_client_auth auth = ADIEU_CLIENT_AUTH_OPTIONAL; auth <= ADIEU_CLIENT_AUTH_REQUIRED; auth++) {
        struct joined joined = with_client(version, auth, &the_identity);
        shake_hands(&joined);
        assert_int_equal(adieu_verified(joined.server), ADIEU_VERIFIED_AUTHORITY);
        uint8_t der[4000], pin[ADIEU_PIN_SIZE], want[ADIEU_PIN_SIZE];
        assert_in_range(adieu_peer_certificate(joined.server, der, sizeof der), 100, sizeof der);
        identity_pin(&the_identity, want);
        check_status(adieu_peer_pin(joined.server, pin), ADIEU_OK);
        assert_memory_equal(pin, want, sizeof pin);
        say_goodbye(&joined);
        part(&joined);
    }
    struct joined joined = with_client(version, ADIEU_CLIENT_AUTH_OPTIONAL, NULL);
    shake_hands(&joined);
    assert_int_equal(adieu_verified(joined.server), ADIEU_VERIFIED_NO);
    part(&joined);
}

static void a_clients_certificate_is_verified_if_it_comes(void **state)
{
    (void)state;
    for_versions(client_certificates);
}

/* In TLS 1.3 the client's handshake has succeeded before the server can refuse it: it learns at its first read. */
static void check_client_is_told(struct joined *joined, enum adieu_version version, int alert)
{
    check_refused(joined->server, ADIEU_ERR_REFUSED, alert);
    check_ends(joined->server, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    if (version == ADIEU_TLS_1_2) {
        check_refused(joined->client, ADIEU_ERR_ALERTED, alert);
        return;
    }
    check_status(adieu_handshake(joined->client), ADIEU_OK);
    check_status(listen_once(joined->client), ADIEU_FAIL);
    check_error(joined->client, ADIEU_ERR_ALERTED);
    assert_int_equal(adieu_error(joined->client)->alert.number, alert);
    assert_int_equal(adieu_ending(joined->client).phase, ADIEU_PHASE_ESTABLISHED); /* it was never heard */
}

static void missing_certificate(enum adieu_version version)
{
    struct joined joined = with_client(version, ADIEU_CLIENT_AUTH_REQUIRED, NULL);
    check_client_is_told(&joined, version, version == ADIEU_TLS_1_2 ? 40 : 116);
    part(&joined);
}

static void a_missing_client_certificate_is_refused(void **state)
{
    (void)state;
    for_versions(missing_certificate);
}

static void strange_certificate(enum adieu_version version)
{
    struct authority stranger = authority_new("nobody's authority");
    struct issued issued;
    authority_issue(&stranger, "DNS:client", -1, 1, &issued);
    for (enum adieu_client_auth auth = ADIEU_CLIENT_AUTH_OPTIONAL; auth <= ADIEU_CLIENT_AUTH_REQUIRED; auth++) {
        struct joined joined = with_client(version, auth, &issued);
        check_client_is_told(&joined, version, 48);
        part(&joined);
    }
    authority_free(&stranger);
}

static void a_strange_client_certificate_is_refused(void **state)
{
    (void)state;
    for_versions(strange_certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clients_certificate_is_verified_if_it_comes),
        cmocka_unit_test(a_missing_client_certificate_is_refused),
        cmocka_unit_test(a_strange_client_certificate_is_refused),
    };
    return cmocka_run_group_tests_name("engine client auth", tests, setup_authority, teardown_authority);
}
