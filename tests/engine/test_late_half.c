/* SPDX-License-Identifier: MIT */
/* A server that would ask for a certificate while half of a message of its client's has come. */
#include "../peer/keys.h"
#include "late.h"

#include <string.h>

enum { HEAD = 5, HANDSHAKE = 22, KEY_UPDATE = 24, HEADER = 4 };

static void learn(void *context, const char *line)
{
    secrets_learn(context, line);
}

/* The client's nth record behind the handshake: these bytes of a handshake message. The server has not read it. */
static void send_piece(struct adieu_stream *server, const struct secrets *secrets, uint8_t nth, const uint8_t *bytes,
                       size_t n)
{
    uint8_t inner[8], record[HEAD + sizeof inner + TAG_SIZE], nonce[NONCE_SIZE];
    struct keys keys;
    keys_from_secret(&keys, suite_named("aes128"), secrets->application[0].bytes);
    memcpy(nonce, keys.iv, sizeof nonce);
    nonce[NONCE_SIZE - 1] ^= nth;
    memcpy(inner, bytes, n);
    inner[n++] = HANDSHAKE;
    const uint8_t head[HEAD] = {23, 3, 3, 0, (uint8_t)(n + TAG_SIZE)};
    memcpy(record, head, HEAD);
    keys_seal(&keys, nonce, head, HEAD, inner, n, record + HEAD);
    uint8_t *room = NULL;
    assert_true(adieu_wire_in(server, &room) >= HEAD + n + TAG_SIZE);
    memcpy(room, record, HEAD + n + TAG_SIZE);
    adieu_wire_in_done(server, HEAD + n + TAG_SIZE);
}

/* What comes behind half a KeyUpdate is read by the server, or lies before it when it asks. */
static void check_waits_for_the_other_half(bool read)
{
    static const uint8_t update[] = {KEY_UPDATE, 0, 0, 1, 0};
    struct secrets secrets = {0};
    unsigned answers;
    struct adieu_config *client = member_client(ADIEU_TLS_1_3), *server = late_server(ADIEU_TLS_1_3);
    check_status(adieu_config_ciphers(client, "TLS_AES_128_GCM_SHA256", NULL), ADIEU_OK);
    check_status(adieu_config_tickets(server, 0), ADIEU_OK);
    check_status(adieu_config_insecure_on_key(server, learn, &secrets), ADIEU_OK);
    struct joined joined = shaken(client, server, &answers);
    send_piece(joined.server, &secrets, 0, update, HEADER);
    check_status(listen_once(joined.server), ADIEU_WAIT);
    check_status(adieu_ask_certificate(joined.server), ADIEU_WAIT);
    assert_int_equal(adieu_wire_out(joined.server, NULL), 0);
    send_piece(joined.server, &secrets, 1, update + HEADER, sizeof update - HEADER);
    if (read)
        check_status(listen_once(joined.server), ADIEU_WAIT);
    check_status(adieu_ask_certificate(joined.server), ADIEU_OK);
    assert_true(adieu_wire_out(joined.server, NULL) > 0);
    part(&joined);
}

static void while_half_a_message_has_come_nothing_is_asked(void **state)
{
    (void)state;
    check_waits_for_the_other_half(true);
}

static void the_other_half_that_lies_here_is_read_first(void **state)
{
    (void)state;
    check_waits_for_the_other_half(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_half_a_message_has_come_nothing_is_asked),
        cmocka_unit_test(the_other_half_that_lies_here_is_read_first),
    };
    return cmocka_run_group_tests_name("engine late half", tests, setup_authority, teardown_authority);
}
