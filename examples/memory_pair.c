/* SPDX-License-Identifier: MIT */
/*
 * Two streams joined in memory: no socket, no thread, no clock. It shows that a transport is nothing but a loop
 * over the wire functions, and gives tests a connection that can be cut at any byte.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "throwaway.h"

/* ------------------------------------------------ the transport */

/* Moves what from has to say into to, as far as there is room. Answers whether a byte moved. */
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
    return moved;
}

/* What a socket would show to, now that from has no more to say. To show it twice changes nothing. */
static void show_end(const struct adieu_stream *from, struct adieu_stream *to)
{
    switch (adieu_wire_last(from)) {
    case ADIEU_LAST_GO_ON:
        break;
    case ADIEU_LAST_END_WRITE:
        adieu_wire_eof(to);
        break;
    case ADIEU_LAST_RESET:
        adieu_wire_reset(to, ECONNRESET);
        break;
    }
}

/* Both ways. After it no verb of either stream waits for a byte that the other one has already said. */
static bool join(struct adieu_stream *a, struct adieu_stream *b)
{
    bool moved = carry(a, b);
    moved |= carry(b, a);
    show_end(a, b);
    show_end(b, a);
    return moved;
}

/* ------------------------------------------------ two programs that use it */

/* A verb that waited is called again after bytes have moved, until none move any more. */
static bool shake_hands(struct adieu_stream *client, struct adieu_stream *server)
{
    enum adieu_status c, s;
    do {
        c = adieu_handshake(client);
        s = adieu_handshake(server);
    } while (join(client, server));
    return c == ADIEU_OK && s == ADIEU_OK;
}

/* Says all of text, ends, and lets the other side hear it to its authentic end. */
static bool say(struct adieu_stream *speaker, struct adieu_stream *listener, const char *text)
{
    size_t took, got;
    char heard[256];
    if (adieu_write(speaker, text, strlen(text), &took) != ADIEU_OK || adieu_shutdown(speaker) != ADIEU_OK)
        return false;
    join(speaker, listener);
    enum adieu_status status;
    while ((status = adieu_read(listener, heard, sizeof heard, &got)) == ADIEU_OK) {
        printf("%.*s", (int)got, heard);
        join(speaker, listener);
    }
    return took == strlen(text) && status == ADIEU_END;
}

static void report(const char *who, const struct adieu_stream *stream)
{
    char text[160];
    struct adieu_ending ending = adieu_ending(stream);
    printf("%s: %s (exit status %d)\n", who, adieu_ending_text(&ending, text, sizeof text), adieu_ending_exit(&ending));
}

/* A server that nobody vouches for, and a client that knows the pin of its key. */
static bool make_pair(struct adieu_stream **client, struct adieu_stream **server)
{
    struct adieu_config *ours, *theirs;
    bool good = throwaway_pair(&ours, &theirs);
    *client = good ? adieu_client(ours, "localhost") : NULL;
    *server = good ? adieu_server(theirs) : NULL;
    adieu_config_free(ours); /* the streams hold their own references */
    adieu_config_free(theirs);
    return *client && *server;
}

int main(void)
{
    struct adieu_stream *client = NULL, *server = NULL;
    bool good = make_pair(&client, &server) && shake_hands(client, server) && say(client, server, "How do you do?\n") &&
                say(server, client, "Well. Goodbye.\n");
    if (client && server) {
        report("client", client);
        report("server", server);
    }
    adieu_free(client);
    adieu_free(server);
    return good ? 0 : 1;
}
