/* SPDX-License-Identifier: MIT */
/*
 * A peer may ask for new keys as often as it likes (RFC 9846 4.6.3), and OpenSSL answers each time: the answers pile up in the
 * output queue as long as nobody takes them. Behind full data they may take the reserve and no more; then the engine is
 * not run on input until there is room again. Nothing is lost by it. Two streams joined in memory.
 */
#include "support.h"

#include "adieu_openssl.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SLOW true
#endif
#endif
#ifndef SLOW
#define SLOW false
#endif

static bool under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
}

/* How often the peer asks. The numbers that are no hundred thousand are for where time is short: they fill everything, too. */
static unsigned how_often(bool server)
{
    return under_valgrind() ? 300 : server && !SLOW ? 100000 : 8000;
}

/* What a queue may hold: the default of eight records of data, and the reserve. */
enum { LIMIT = 8 * 16640, RESERVE = 65536 };

struct flood {
    struct adieu_config *client_config, *server_config;
    struct adieu_stream *me, *peer;
    unsigned asked; /* how often the peer has */
};

static void open_flood(struct flood *flood, bool server)
{
    *flood = (struct flood){.me = NULL};
    make_configs(ADIEU_TLS_1_3, &flood->client_config, &flood->server_config);
    struct adieu_stream *client = adieu_client(flood->client_config, "localhost");
    struct adieu_stream *serving = adieu_server(flood->server_config);
    flood->me = server ? serving : client;
    flood->peer = server ? client : serving;
}

static void close_flood(struct flood *flood)
{
    adieu_free(flood->me);
    adieu_free(flood->peer);
    adieu_config_free(flood->client_config);
    adieu_config_free(flood->server_config);
}

/* Carries what there is room for. */
static size_t carry(struct adieu_stream *from, struct adieu_stream *to)
{
    size_t carried = 0, n;
    const uint8_t *out;
    uint8_t *in;
    while (adieu_wire_out(from, NULL) > 0 && (n = adieu_wire_in(to, &in)) > 0) {
        size_t size = adieu_wire_out(from, &out);
        n = n < size ? n : size;
        memcpy(in, out, n);
        adieu_wire_in_done(to, n);
        adieu_wire_out_done(from, n);
        carried += n;
    }
    return carried;
}

static void shake(struct flood *flood)
{
    for (size_t moved = 1; moved > 0;) {
        (void)!adieu_handshake(flood->me);
        (void)!adieu_handshake(flood->peer);
        moved = carry(flood->me, flood->peer) + carry(flood->peer, flood->me);
    }
    assert_status(adieu_handshake(flood->me), ADIEU_OK);
    assert_status(adieu_handshake(flood->peer), ADIEU_OK);
}

static enum adieu_status listen_once(struct adieu_stream *stream, char *byte)
{
    size_t got;
    return adieu_read(stream, byte, 1, &got);
}

/* The peer asks for new keys, as OpenSSL does it. */
static void ask(struct flood *flood)
{
    SSL *ssl = adieu_openssl_ssl(flood->peer);
    assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(ssl), 1);
    flood->asked++;
}

static void say(struct adieu_stream *stream, const char *word)
{
    size_t took = 0;
    assert_status(adieu_write(stream, word, 1, &took), ADIEU_OK);
    assert_int_equal(took, 1);
}

/* Taken as it comes, nothing piles up. */
static void check_taken(bool server)
{
    char byte = 0;
    struct flood flood;
    open_flood(&flood, server);
    shake(&flood);
    while (flood.asked < how_often(server)) {
        ask(&flood);
        carry(flood.peer, flood.me);
        assert_status(listen_once(flood.me, &byte), ADIEU_WAIT);
        assert_in_range(adieu_wire_out(flood.me, NULL), 0, 200);
        carry(flood.me, flood.peer);
        assert_status(listen_once(flood.peer, &byte), ADIEU_WAIT);
    }
    say(flood.peer, "!");
    carry(flood.peer, flood.me);
    assert_status(listen_once(flood.me, &byte), ADIEU_OK);
    assert_int_equal(byte, '!');
    close_flood(&flood);
}

static void answers_that_are_taken_do_not_pile_up(void **state)
{
    (void)state;
    check_taken(false);
    check_taken(true);
}

/* Writes the pattern from there on until the queue is full; returns how far it is then. */
static size_t fill_queue(struct adieu_stream *stream, size_t at)
{
    size_t took = 0, size = 2 * LIMIT;
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern(at + i);
    for (size_t done = 0; adieu_write(stream, bytes + done, size - done, &took) == ADIEU_OK; done += took)
        at += took;
    free(bytes);
    return at;
}

/* Takes all that waits, and reads it; returns how much it was on the wire. *came: how much of the pattern has come. */
static size_t take_all(struct flood *flood, size_t *came)
{
    size_t taken = 0, moved, got = 0;
    uint8_t piece[16384];
    while ((moved = carry(flood->me, flood->peer)) > 0) {
        taken += moved;
        while (adieu_read(flood->peer, piece, sizeof piece, &got) == ADIEU_OK)
            for (size_t i = 0; i < got; i++)
                assert_int_equal(piece[i], pattern((*came)++));
    }
    return taken;
}

/* Asks until the other side takes no more: what it has not looked at lies there, and the rest stays here. */
static void ask_in_vain(struct flood *flood)
{
    char byte;
    do {
        if (adieu_wire_out(flood->peer, NULL) == 0)
            ask(flood);
        assert_status(listen_once(flood->me, &byte), ADIEU_WAIT);
    } while (carry(flood->peer, flood->me) > 0);
    assert_int_equal(adieu_wire_in(flood->me, NULL), 0);
    assert_status(listen_once(flood->me, &byte), ADIEU_WAIT);
    assert_int_equal(adieu_wire_in(flood->me, NULL), 0); /* the engine was not run on it */
}

static void check_untaken(bool server)
{
    char byte = 0;
    struct flood flood;
    size_t written = 0, came = 0, waited;
    open_flood(&flood, server);
    shake(&flood);
    while (flood.asked < how_often(server)) {
        written = fill_queue(flood.me, written);
        ask_in_vain(&flood);
        assert_in_range(take_all(&flood, &came), LIMIT + RESERVE / 4, LIMIT + RESERVE);
    }
    say(flood.peer, "!");
    while (listen_once(flood.me, &byte) == ADIEU_WAIT) {
        waited = take_all(&flood, &came);
        assert_in_range(waited, 0, LIMIT + RESERVE);
        assert_true(carry(flood.peer, flood.me) + waited > 0); /* or it has come to a standstill */
    }
    assert_int_equal(byte, '!');
    take_all(&flood, &came);
    assert_int_equal(came, written);
    close_flood(&flood);
}

static void answers_that_nobody_takes_stop_the_reading_and_lose_nothing(void **state)
{
    (void)state;
    if (under_valgrind())
        skip(); /* to fill a queue takes thousands */
    check_untaken(false);
    check_untaken(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_that_are_taken_do_not_pile_up),
        cmocka_unit_test(answers_that_nobody_takes_stop_the_reading_and_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
