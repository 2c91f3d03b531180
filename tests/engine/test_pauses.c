/* SPDX-License-Identifier: MIT */
/* Where the engine stops in the middle: for a decision of the application, and for the other half of a message. */
#include "joined.h"

#include <string.h>

#include <adieu_openssl.h>

/* ------------------------------------------------ decisions */

struct verifier {
    enum adieu_decision answer;
    unsigned asked;
    bool verified;
    size_t leaf_size;
};

static enum adieu_decision answer(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                  const uint8_t *leaf, size_t leaf_size)
{
    struct verifier *verifier = context;
    verifier->asked++;
    verifier->verified = verified;
    verifier->leaf_size = leaf ? leaf_size : 0;
    assert_int_equal(verified, problem[0] == '\0');
    check_status(adieu_handshake((struct adieu_stream *)stream), ADIEU_MISUSE);
    return verifier->answer;
}

static struct joined asked_later(struct verifier *verifier, enum adieu_version version, const char *name)
{
    struct adieu_config *client = client_config(version);
    check_status(adieu_config_insecure_on_verify(client, answer, verifier), ADIEU_OK);
    struct joined joined = join(client, server_config(version), name);
    shake(&joined);
    assert_int_equal(verifier->asked, 1);
    assert_true(verifier->leaf_size > 0);
    check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    assert_int_equal(adieu_awaited(joined.client), ADIEU_AWAITED_VERIFY);
    return joined;
}

static void a_client_may_decide_later(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct verifier verifier = {.answer = ADIEU_LATER};
        struct joined joined = asked_later(&verifier, versions[i], HOST);
        check_status(adieu_decide(joined.client, ADIEU_LATER), ADIEU_MISUSE);
        check_status(adieu_decide(joined.client, ADIEU_ACCEPT), ADIEU_OK);
        check_status(adieu_decide(joined.client, ADIEU_ACCEPT), ADIEU_MISUSE);
        assert_int_equal(adieu_awaited(joined.client), ADIEU_AWAITED_NOTHING);
        shake_hands(&joined);
        assert_int_equal(verifier.asked, 1);
        assert_int_equal(adieu_verified(joined.client), ADIEU_VERIFIED_NAME);
        say_goodbye(&joined);
        part(&joined);
    }
}

static void a_refusal_that_comes_later_is_told_by_an_alert(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct verifier verifier = {.answer = ADIEU_LATER};
        struct joined joined = asked_later(&verifier, versions[i], HOST);
        check_status(adieu_decide(joined.client, ADIEU_REFUSE), ADIEU_OK);
        shake(&joined);
        check_refused(joined.client, ADIEU_ERR_REFUSED, SSL_AD_BAD_CERTIFICATE);
        check_refused(joined.server, ADIEU_ERR_ALERTED, SSL_AD_BAD_CERTIFICATE);
        part(&joined);
    }
}

static void what_is_accepted_against_the_finding_is_not_verified(void **state)
{
    (void)state;
    struct verifier verifier = {.answer = ADIEU_LATER};
    struct joined joined = asked_later(&verifier, ADIEU_TLS_1_3, "example.org");
    assert_false(verifier.verified);
    check_status(adieu_decide(joined.client, ADIEU_ACCEPT), ADIEU_OK);
    shake_hands(&joined);
    assert_int_equal(adieu_verified(joined.client), ADIEU_VERIFIED_NO);
    part(&joined);
}

/* A client that shows a certificate to a server which asks for one. */
static struct joined with_client_certificate(struct adieu_config *server, enum adieu_version version)
{
    struct adieu_config *client = client_config(version);
    identify(client, &the_identity);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    return join(client, server, HOST);
}

static void an_end_of_the_transport_waits_for_the_decision(void **state)
{
    (void)state;
    struct verifier verifier = {.answer = ADIEU_LATER};
    struct joined joined = asked_later(&verifier, ADIEU_TLS_1_3, HOST);
    adieu_wire_eof(joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    check_status(adieu_decide(joined.client, ADIEU_ACCEPT), ADIEU_OK);
    check_status(adieu_handshake(joined.client), ADIEU_OK);
    check_status(listen_once(joined.client), ADIEU_FAIL);
    check_receiving(joined.client, ADIEU_RECEIVING_TRUNCATED);
    part(&joined);
}

/* ------------------------------------------------ halves of a message */

/*
 * The client has half of a session ticket: the server's fragments are small, and the ticket carries the client's
 * certificate. OpenSSL then seals nothing before it has the other half.
 */
static struct joined half_a_ticket(void)
{
    struct adieu_config *server = server_config(ADIEU_TLS_1_3);
    check_status(adieu_config_insecure_no_verify(server), ADIEU_OK);
    struct joined joined = with_client_certificate(server, ADIEU_TLS_1_3);
    check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    carry(joined.client, joined.server);
    check_status(adieu_handshake(joined.server), ADIEU_WAIT);
    carry(joined.server, joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_OK);
    carry(joined.client, joined.server);
    SSL_set_max_send_fragment(adieu_openssl_ssl(joined.server), 512);
    check_status(adieu_handshake(joined.server), ADIEU_OK);
    enum { ONE_FRAGMENT = 5 + 512 + 1 + 16 };
    assert_true(adieu_wire_out(joined.server, NULL) > ONE_FRAGMENT);
    assert_int_equal(carry_some(joined.server, joined.client, ONE_FRAGMENT), ONE_FRAGMENT);
    check_status(listen_once(joined.client), ADIEU_WAIT);
    return joined;
}

static void a_write_waits_for_the_other_half(void **state)
{
    (void)state;
    struct joined joined = half_a_ticket();
    size_t took = 7;
    check_status(adieu_write(joined.client, "hello", 5, &took), ADIEU_WAIT);
    assert_int_equal(took, 7);
    assert_true(adieu_wire_in(joined.client, NULL) > 0);
    carry(joined.server, joined.client);
    say(joined.client, "hello");
    carry(joined.client, joined.server);
    check_hears(joined.server, "hello");
    say_goodbye(&joined);
    part(&joined);
}

static void a_shutdown_is_owed_until_the_other_half_comes(void **state)
{
    (void)state;
    struct joined joined = half_a_ticket();
    check_status(adieu_shutdown(joined.client), ADIEU_OK);
    check_sending(joined.client, ADIEU_SENDING_CLOSING);
    assert_int_equal(adieu_wire_out(joined.client, NULL), 0);
    size_t took;
    check_status(adieu_write(joined.client, "x", 1, &took), ADIEU_MISUSE);
    carry(joined.server, joined.client);
    check_status(listen_once(joined.client), ADIEU_WAIT);
    assert_true(adieu_wire_out(joined.client, NULL) > 0);
    carry(joined.client, joined.server);
    check_sending(joined.client, ADIEU_SENDING_CLOSED);
    check_status(listen_once(joined.server), ADIEU_END);
    part(&joined);
}

static void a_peer_that_ends_inside_a_message_leaves_no_false_end(void **state)
{
    (void)state;
    struct joined joined = half_a_ticket();
    check_status(adieu_shutdown(joined.client), ADIEU_OK);
    adieu_wire_eof(joined.client);
    check_status(listen_once(joined.client), ADIEU_FAIL);
    check_ends(joined.client, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_TRUNCATED);
    assert_int_equal(adieu_wire_out(joined.client, NULL), 0);
    part(&joined);

    joined = half_a_ticket();
    adieu_wire_eof(joined.client);
    check_status(listen_once(joined.client), ADIEU_FAIL);
    size_t took;
    check_status(adieu_write(joined.client, "x", 1, &took), ADIEU_FAIL);
    check_ends(joined.client, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_TRUNCATED);
    part(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_may_decide_later),
        cmocka_unit_test(a_refusal_that_comes_later_is_told_by_an_alert),
        cmocka_unit_test(what_is_accepted_against_the_finding_is_not_verified),
        cmocka_unit_test(an_end_of_the_transport_waits_for_the_decision),
        cmocka_unit_test(a_write_waits_for_the_other_half),
        cmocka_unit_test(a_shutdown_is_owed_until_the_other_half_comes),
        cmocka_unit_test(a_peer_that_ends_inside_a_message_leaves_no_false_end),
    };
    return cmocka_run_group_tests(tests, setup_authority, teardown_authority);
}
