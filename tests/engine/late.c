/* SPDX-License-Identifier: MIT */
#include "late.h"

#include <string.h>

#include <openssl/ssl.h>

#include "adieu_openssl.h"

struct adieu_config *late_server(enum adieu_version version)
{
    struct adieu_config *config = server_config(version);
    trust(config, &the_authority);
    check_status(adieu_config_client_auth(config, ADIEU_CLIENT_AUTH_LATE), ADIEU_OK);
    return config;
}

struct adieu_config *member_client(enum adieu_version version)
{
    struct adieu_config *config = client_config(version);
    identify(config, &the_identity);
    return config;
}

struct adieu_config *empty_handed_client(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), the_authority.certificate);
    SSL_CTX_set_post_handshake_auth(context, 1);
    struct adieu_config *config = adieu_config_adopt(context);
    SSL_CTX_free(context);
    return config;
}

void count_answers(void *context, const struct adieu_stream *stream, enum adieu_news news,
                   const struct adieu_alert *alert)
{
    (void)alert;
    if (news != ADIEU_NEWS_CERTIFICATE)
        return;
    ++*(unsigned *)context;
    check_status(adieu_ask_certificate((struct adieu_stream *)stream), ADIEU_MISUSE); /* no verb in here */
}

struct joined shaken(struct adieu_config *client, struct adieu_config *server, unsigned *answers)
{
    struct joined joined = join(client, server, HOST);
    *answers = 0;
    adieu_watch(joined.server, count_answers, answers);
    shake_hands(&joined);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_NO);
    assert_int_equal(adieu_peer_certificate(joined.server, NULL, 0), 0);
    return joined;
}

void ask_and_answer(struct joined *joined)
{
    check_status(adieu_ask_certificate(joined->server), ADIEU_OK);
    carry(joined->server, joined->client);
    check_status(listen_once(joined->client), ADIEU_WAIT);
    assert_true(adieu_wire_out(joined->client, NULL) > 0);
}

void check_shown(struct joined *joined, const struct issued *issued)
{
    uint8_t pin[ADIEU_PIN_SIZE], wanted[ADIEU_PIN_SIZE];
    identity_pin(issued, wanted);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined->server), ADIEU_VERIFIED_AUTHORITY);
    check_status(adieu_peer_pin(joined->server, pin), ADIEU_OK);
    assert_memory_equal(pin, wanted, sizeof pin);
}

void check_read_refuses(struct joined *joined, int alert)
{
    carry(joined->client, joined->server);
    check_status(listen_once(joined->server), ADIEU_FAIL);
    check_error(joined->server, ADIEU_ERR_REFUSED);
    check_ends(joined->server, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined->server), ADIEU_VERIFIED_NO);
    carry(joined->server, joined->client);
    check_status(listen_once(joined->client), ADIEU_FAIL);
    assert_int_equal(adieu_ending(joined->client).alert_received.number, alert);
}
