/* SPDX-License-Identifier: MIT */
/*
 * Where OpenSSL speaks of an internal error: callbacks of an adopted context that fail, and a context with nothing to show. It is a fault
 * of ours where it is ours, and the peer is still blamed for what the peer does. Partly seen from inside.
 */
#include "joined.h"

#include <string.h>

#include <openssl/ssl.h>

#include "openssl.h"

enum { INTERNAL_ERROR = 80 };

static void check_faulty(struct adieu_stream *s)
{
    check_refused(s, ADIEU_ERR_ENGINE, INTERNAL_ERROR);
    check_receiving(s, ADIEU_RECEIVING_ABANDONED);
    CHECK_NAMED(adieu_reason_name, adieu_ending(s).reason, ADIEU_REASON_FAULT);
}

/* ------------------------------------------------ callbacks */

static int has_no_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                      int seals)
{
    (void)ssl, (void)name, (void)iv, (void)cipher, (void)mac, (void)seals;
    return -1;
}

/* Behind the client's change_cipher_spec: a record that is too short there would be the client's fault. */
static void no_ticket_key(enum adieu_version version)
{
    SSL_CTX *context = foreign_context(version);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, has_no_key);
    struct joined joined = join(client_config(version), adieu_config_adopt(context), HOST);
    shake(&joined);
    check_faulty(joined.server);
    part(&joined);
    SSL_CTX_free(context);
}

static void a_ticket_that_cannot_be_sealed_is_our_fault(void **state)
{
    (void)state;
    for_versions(no_ticket_key);
}

static int has_no_certificate(SSL *ssl, void *arg)
{
    (void)ssl, (void)arg;
    return 0;
}

static void no_certificate(enum adieu_version version)
{
    SSL_CTX *context = foreign_context(version);
    SSL_CTX_set_cert_cb(context, has_no_certificate, NULL);
    struct adieu_config *server = server_config(version);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_OPTIONAL), ADIEU_OK);
    struct joined joined = join(adieu_config_adopt(context), server, HOST);
    shake(&joined);
    check_faulty(joined.client);
    part(&joined);
    SSL_CTX_free(context);
}

static void a_client_whose_owner_cannot_say_who_it_is_has_a_fault(void **state)
{
    (void)state;
    for_versions(no_certificate);
}

/* ------------------------------------------------ nothing to show */

static void what_is_no_tls_is_the_peers_doing_though_there_is_nothing_to_show(void **state)
{
    (void)state;
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    struct adieu_config *server = adieu_config_adopt(context);
    struct adieu_stream *s = adieu_server(server);
    uint8_t *room = NULL;
    assert_true(adieu_wire_in(s, &room) >= sizeof request);
    memcpy(room, request, sizeof request - 1);
    adieu_wire_in_done(s, sizeof request - 1);
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_error(s, ADIEU_ERR_NOT_TLS);
    check_receiving(s, ADIEU_RECEIVING_REJECTED);
    adieu_free(s);
    adieu_config_free(server);
    SSL_CTX_free(context);
}

/* ------------------------------------------------ what OpenSSL never tells */

/* Of whole headers and alerts, of messages that have a type, and of the change_cipher_spec that it sends. */
static void what_is_told_in_part_is_passed_over(void **state)
{
    (void)state;
    static const uint8_t bytes[5] = {SSL3_RT_ALERT, 3, 3, 0, 2};
    static const struct {
        int type;
        size_t size;
    } parts[] = {
        {SSL3_RT_HEADER, 4}, {SSL3_RT_HANDSHAKE, 0}, {SSL3_RT_CHANGE_CIPHER_SPEC, 1}, {SSL3_RT_ALERT, 1}, {99, 5},
    };
    struct joined joined = joined_by(ADIEU_TLS_1_3);
    struct engine *engine = stream_engine(joined.client);
    const size_t record_size = engine->record_size;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        engine_saw_message(0, TLS1_3_VERSION, parts[i].type, bytes, parts[i].size, engine->ssl, engine);
    assert_int_equal(engine->record_size, record_size);
    assert_false(engine->alert_in.seen);
    assert_false(engine->refusal.changes);
    say_goodbye(&joined);
    part(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_that_cannot_be_sealed_is_our_fault),
        cmocka_unit_test(a_client_whose_owner_cannot_say_who_it_is_has_a_fault),
        cmocka_unit_test(what_is_no_tls_is_the_peers_doing_though_there_is_nothing_to_show),
        cmocka_unit_test(what_is_told_in_part_is_passed_over),
    };
    return cmocka_run_group_tests_name("engine adopt fails", tests, setup_authority, teardown_authority);
}
