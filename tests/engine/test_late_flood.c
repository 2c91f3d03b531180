/* SPDX-License-Identifier: MIT */
/*
 * A server that asks its client for a certificate as often as a record has room for. Each request is answered at once, behind
 * what is queued: that must not make us sign for ever, nor queue without a bound.
 */
#include "../peer/keys.h"
#include "joined.h"

#include <string.h>

enum { HEAD = 5, TAG = 16, REQUEST = 16, REQUESTS = 1000, PLAIN = REQUEST * REQUESTS };

static void learn(void *context, const char *line)
{
    secrets_learn(context, line);
}

/* The server's first record behind the handshake: many requests, each with a context of its own. */
static size_t seal_requests(const struct secrets *secrets, unsigned count, uint8_t *record)
{
    static const uint8_t request[REQUEST] = {13, 0, 0, REQUEST - 4, 1, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3};
    static uint8_t inner[PLAIN + 1];
    for (unsigned i = 0; i < count; i++) {
        memcpy(inner + i * REQUEST, request, REQUEST);
        inner[i * REQUEST + 5] = (uint8_t)i;
    }
    size_t size = count * REQUEST;
    inner[size++] = 22;
    struct keys keys;
    keys_from_secret(&keys, suite_named("aes128"), secrets->application[1].bytes);
    const uint8_t head[HEAD] = {23, 3, 3, (uint8_t)((size + TAG) >> 8), (uint8_t)(size + TAG)};
    memcpy(record, head, HEAD);
    keys_seal(&keys, keys.iv, head, HEAD, inner, size, record + HEAD);
    return HEAD + size + TAG;
}

/* How many bytes the client has to say to so many requests. */
static size_t answer_to(unsigned count)
{
    static uint8_t record[HEAD + PLAIN + 1 + TAG];
    struct secrets secrets = {0};
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = server_config(ADIEU_TLS_1_3);
    identify(client, &the_identity);
    check_status(adieu_config_ciphers(client, "TLS_AES_128_GCM_SHA256", NULL), ADIEU_OK);
    check_status(adieu_config_tickets(server, 0), ADIEU_OK);
    check_status(adieu_config_insecure_on_key(server, learn, &secrets), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    shake_hands(&joined);
    size_t size = seal_requests(&secrets, count, record);
    check_status(adieu_wire_lend(joined.client, record, size), ADIEU_OK);
    check_status(listen_once(joined.client), ADIEU_WAIT);
    adieu_wire_settle(joined.client);
    size_t answer = 0;
    const uint8_t *at;
    for (size_t n; (n = adieu_wire_out(joined.client, &at)) > 0; answer += n)
        adieu_wire_out_done(joined.client, n);
    size_t took = 0;
    check_status(adieu_write(joined.client, "still here", 10, &took), ADIEU_OK);
    part(&joined);
    return answer;
}

static void who_asks_too_often_is_shown_no_certificate_any_more(void **state)
{
    (void)state;
    enum { EMPTY_ANSWER = 200 };
    size_t one = answer_to(1), four = answer_to(4), many = answer_to(REQUESTS);
    assert_true(one > 500);
    assert_in_range(four, 4 * one - 40, 4 * one + 40); /* signatures are not all of one length */
    assert_in_range(many, four, four + (REQUESTS - 4) * EMPTY_ANSWER);
    assert_true(many < REQUESTS * one / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_too_often_is_shown_no_certificate_any_more),
    };
    return cmocka_run_group_tests_name("engine late flood", tests, setup_authority, teardown_authority);
}
