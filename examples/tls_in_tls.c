/* SPDX-License-Identifier: MIT */
/*
 * TLS in TLS: a client speaks to a server through a gateway, to which it speaks TLS, too (as through an https proxy).
 * The transport of the inner stream is the outer one: what the inner has to send is plaintext that the outer seals. All
 * in memory; over sockets nothing is different but carry().
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "throwaway.h"

/* ------------------------------------------------ two streams joined in memory, as in memory_pair.c */

static bool carry(struct adieu_stream *from, struct adieu_stream *to)
{
    const uint8_t *out;
    uint8_t *in;
    bool moved = false;
    size_t have, room;
    while ((have = adieu_wire_out(from, &out)) > 0 && (room = adieu_wire_in(to, &in)) > 0) {
        size_t n = have < room ? have : room;
        memcpy(in, out, n);
        adieu_wire_in_done(to, n);
        adieu_wire_out_done(from, n);
        moved = true;
    }
    if (adieu_wire_last(from) == ADIEU_LAST_END_WRITE)
        adieu_wire_eof(to);
    else if (adieu_wire_last(from) == ADIEU_LAST_RESET)
        adieu_wire_reset(to, ECONNRESET);
    return moved;
}

/* ------------------------------------------------ a stream as the transport of a stream */

/* What inner has to send becomes plaintext of outer; its end, outer's end. */
static bool push(struct adieu_stream *inner, struct adieu_stream *outer)
{
    const uint8_t *out;
    size_t size, took;
    bool moved = false;
    while ((size = adieu_wire_out(inner, &out)) > 0 && adieu_write(outer, out, size, &took) == ADIEU_OK) {
        adieu_wire_out_done(inner, took);
        moved = true;
    }
    if (adieu_wire_last(inner) == ADIEU_LAST_END_WRITE)
        (void)!adieu_shutdown(outer);
    else if (adieu_wire_last(inner) == ADIEU_LAST_RESET)
        adieu_abort(outer, ADIEU_REASON_REQUEST); /* nothing that follows may look like an end, outside neither */
    return moved;
}

/* What outer reads was received for inner. How outer ended is how inner's transport ended. */
static bool pull(struct adieu_stream *inner, struct adieu_stream *outer)
{
    uint8_t *in;
    size_t room = adieu_wire_in(inner, &in), got = 0;
    if (adieu_ending(inner).receiving != ADIEU_RECEIVING_OPEN)
        return adieu_discard(outer, NULL) == ADIEU_OK; /* outer's own end lies behind inner's */
    if (room == 0)
        return false;
    enum adieu_status status = adieu_read(outer, in, room, &got);
    adieu_wire_in_done(inner, got);
    if (status == ADIEU_END || (status == ADIEU_FAIL && adieu_receiving(outer) == ADIEU_RECEIVING_TRUNCATED))
        adieu_wire_eof(inner); /* no more comes; that outer ended well says nothing of inner */
    else if (status == ADIEU_FAIL)
        adieu_wire_reset(inner, adieu_ending(outer).os_error);
    return status == ADIEU_OK;
}

/* ------------------------------------------------ the four streams */

struct tunnel {
    struct adieu_stream *client, *outer_client; /* inner, outer: the client's */
    struct adieu_stream *outer_server, *server; /* the gateway's, and the server behind it */
};

/* The gateway hands on what it deciphers to the server, here without a wire between them. */
static bool move(const struct tunnel *tunnel)
{
    bool moved = carry(tunnel->outer_client, tunnel->outer_server);
    moved |= carry(tunnel->outer_server, tunnel->outer_client);
    bool ready = adieu_handshake(tunnel->outer_client) == ADIEU_OK;
    ready &= adieu_handshake(tunnel->outer_server) == ADIEU_OK;
    if (!ready)
        return moved;
    moved |= push(tunnel->client, tunnel->outer_client);
    moved |= pull(tunnel->server, tunnel->outer_server);
    moved |= push(tunnel->server, tunnel->outer_server);
    moved |= pull(tunnel->client, tunnel->outer_client);
    return moved;
}

static bool shake_hands(const struct tunnel *tunnel)
{
    enum adieu_status c, s;
    (void)!adieu_handshake(tunnel->outer_client); /* says its hello, or nothing would ever move */
    do {
        c = adieu_handshake(tunnel->client);
        s = adieu_handshake(tunnel->server);
    } while (move(tunnel));
    return c == ADIEU_OK && s == ADIEU_OK;
}

/* Says all of text, ends, and lets the other side hear it to its authentic end. */
static bool say(const struct tunnel *tunnel, struct adieu_stream *speaker, struct adieu_stream *listener,
                const char *text)
{
    size_t took, got;
    char heard[256];
    enum adieu_status status;
    if (adieu_write(speaker, text, strlen(text), &took) != ADIEU_OK || adieu_shutdown(speaker) != ADIEU_OK)
        return false;
    do {
        while ((status = adieu_read(listener, heard, sizeof heard, &got)) == ADIEU_OK)
            printf("%.*s", (int)got, heard);
    } while (move(tunnel) || status == ADIEU_OK);
    return status == ADIEU_END;
}

static void report(const char *who, const struct adieu_stream *stream)
{
    struct adieu_ending ending = adieu_ending(stream);
    printf("%s: %s (exit status %d)\n", who, adieu_ending_text(&ending, (char[160]){0}, 160),
           adieu_ending_exit(&ending));
}

static bool talk(const struct tunnel *tunnel)
{
    bool good = tunnel->client && tunnel->outer_client && tunnel->outer_server && tunnel->server &&
                shake_hands(tunnel) && say(tunnel, tunnel->client, tunnel->server, "Through the tunnel.\n") &&
                say(tunnel, tunnel->server, tunnel->client, "And back.\n");
    if (good) {
        while (adieu_ending(tunnel->outer_client).receiving == ADIEU_RECEIVING_OPEN)
            move(tunnel); /* the inner ends have become outer ends, which are still on their way */
        report("inner", tunnel->client);
        report("outer", tunnel->outer_client);
    }
    return good;
}

int main(void)
{
    struct adieu_config *client, *server;
    if (!throwaway_pair(&client, &server))
        return 1;
    struct tunnel tunnel = {adieu_client(client, "localhost"), adieu_client(client, "localhost"), adieu_server(server),
                            adieu_server(server)};
    bool good = talk(&tunnel);
    adieu_free(tunnel.client);
    adieu_free(tunnel.outer_client);
    adieu_free(tunnel.outer_server);
    adieu_free(tunnel.server);
    adieu_config_free(client);
    adieu_config_free(server);
    return good ? 0 : 1;
}
