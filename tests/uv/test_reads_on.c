/* SPDX-License-Identifier: MIT */
/*
 * A server that asks its client for certificates without end, and then says something: the client stops reading while what its
 * engine answers waits to leave, and goes on as soon as it has left, though libuv has nothing more to tell it.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "../peer/keys.h"
#include "talk.h"

enum { HEAD = 5, TAG = 16, REQUEST = 16, REQUESTS = 1000, PLAIN = REQUEST * REQUESTS, HANDSHAKE = 22, DATA = 23 };

static struct {
    struct adieu_config *client_config, *server_config;
    struct adieu_uv *client;
    struct adieu_stream *server; /* in memory; the test carries */
    struct secrets secrets;
    int raw;
} pair;

static void learn(void *context, const char *line)
{
    secrets_learn(context, line);
}

/* ------------------------------------------------ the server, by hand */

static void carry_in(void)
{
    uint8_t *room;
    size_t size = adieu_wire_in(pair.server, &room);
    ssize_t n = recv(pair.raw, room, size, 0);
    assert_true(n > 0);
    adieu_wire_in_done(pair.server, (size_t)n);
}

static void carry_out(void)
{
    const uint8_t *bytes;
    for (size_t size; (size = adieu_wire_out(pair.server, &bytes)) > 0;) {
        assert_int_equal(send(pair.raw, bytes, size, MSG_NOSIGNAL), size);
        adieu_wire_out_done(pair.server, size);
    }
}

/* Its nth record behind the handshake, of which OpenSSL knows nothing. */
static size_t seal(uint8_t nth, const uint8_t *bytes, size_t n, uint8_t type, uint8_t *record)
{
    static uint8_t inner[PLAIN + 1];
    struct keys keys;
    memcpy(inner, bytes, n);
    inner[n++] = type;
    keys_from_secret(&keys, suite_named("aes128"), pair.secrets.application[1].bytes);
    keys.iv[NONCE_SIZE - 1] ^= nth;
    const uint8_t head[HEAD] = {23, 3, 3, (uint8_t)((n + TAG) >> 8), (uint8_t)(n + TAG)};
    memcpy(record, head, HEAD);
    keys_seal(&keys, keys.iv, head, HEAD, inner, n, record + HEAD);
    return HEAD + n + TAG;
}

/* A thousand requests, each with a context of its own, and a word behind them. */
static void ask_and_say(void)
{
    static const uint8_t request[REQUEST] = {13, 0, 0, REQUEST - 4, 1, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3};
    static uint8_t plain[PLAIN], wire[PLAIN + 200];
    for (size_t i = 0; i < REQUESTS; i++) {
        memcpy(plain + i * REQUEST, request, REQUEST);
        plain[i * REQUEST + 5] = (uint8_t)i;
    }
    size_t size = seal(0, plain, PLAIN, HANDSHAKE, wire);
    size += seal(1, (const uint8_t *)pattern_buf(0, 5).base, 5, DATA, wire + size);
    assert_int_equal(send(pair.raw, wire, size, MSG_NOSIGNAL), size);
}

/* ------------------------------------------------ the pair */

static void pair_make(void)
{
    const int enough = 1 << 20;
    int both[2];
    make_configs(ADIEU_TLS_1_3, &pair.client_config, &pair.server_config);
    assert_status(adieu_config_identity_throwaway(pair.client_config, "client"), ADIEU_OK);
    assert_status(adieu_config_ciphers(pair.client_config, "TLS_AES_128_GCM_SHA256", NULL), ADIEU_OK);
    assert_status(adieu_config_queue_limit(pair.client_config, 1), ADIEU_OK);
    assert_status(adieu_config_tickets(pair.server_config, 0), ADIEU_OK);
    assert_status(adieu_config_insecure_on_key(pair.server_config, learn, &pair.secrets), ADIEU_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
    assert_int_equal(setsockopt(both[0], SOL_SOCKET, SO_SNDBUF, &enough, sizeof enough), 0);
    pair.client = adieu_uv_client(the_loop, pair.client_config, "localhost");
    pair.server = adieu_server(pair.server_config);
    pair.raw = both[1];
    assert_code(adieu_uv_open(pair.client, both[0]), 0);
}

static void pair_shake_hands(void)
{
    struct waiter hands = {.done = false};
    assert_code(adieu_uv_handshake(&hands.request, pair.client, waiter_done), 0);
    run_ms(1);
    carry_in();
    assert_status(adieu_handshake(pair.server), ADIEU_WAIT);
    carry_out();
    ends_with(&hands, 0);
    carry_in();
    assert_status(adieu_handshake(pair.server), ADIEU_OK);
    assert_int_equal(adieu_wire_out(pair.server, NULL), 0);
}

static void pair_end(void)
{
    adieu_uv_free(pair.client);
    adieu_free(pair.server);
    (void)close(pair.raw);
    adieu_config_free(pair.client_config);
    adieu_config_free(pair.server_config);
}

static void what_waited_behind_the_engines_words_is_read_once_they_have_left(void **state)
{
    struct ear ear;
    (void)state;
    pair_make();
    pair_shake_hands();
    hear(pair.client, &ear);
    ask_and_say();
    run_until_that(ear.got == 5);
    assert_true(ear.intact);
    pair_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(what_waited_behind_the_engines_words_is_read_once_they_have_left),
    };
    return cmocka_run_group_tests_name("uv reads on", tests, setup_talks, teardown_talks);
}
