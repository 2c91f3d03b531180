/* SPDX-License-Identifier: MIT */
/* What the peer says: the flights of its handshake, and items in segments of any size. */
#include "items.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------ the handshake's words */

/* OpenSSL goes on; what it says is read by us too, so that we know under which keys we are. */
static void go_on(struct play *play)
{
    struct peer *peer = &play->peer;
    struct bytes said = {0}, raw = {0};
    struct record record = {0};
    char text[128];
    handshake_go(&peer->tls, &said);
    bytes_add(&peer->said, said.at, said.size);
    while (record_split(&said, &raw)) {
        channel_read(&peer->out, &raw, &record);
        play_trace(play, "> %s (of the handshake)", record_show(&record, text, sizeof text));
    }
    bytes_free(&said);
    bytes_free(&raw);
    bytes_free(&record.content);
}

void peer_takes(struct play *play)
{
    struct peer *peer = &play->peer;
    bool handshake = peer->heard.type == RECORD_HANDSHAKE || peer->heard.type == RECORD_CCS;
    peer->has_heard = false;
    peer->heard_at = 0;
    if (!handshake || peer->tls.done || peer->tls.failed)
        return;
    handshake_feed(&peer->tls, &peer->raw);
    go_on(play);
}

bool peer_awaits_flight(struct play *play)
{
    struct peer *peer = &play->peer;
    int64_t by = adieu_fd_in(play->stage->bound);
    go_on(play);
    while (peer->said.size == 0 && !peer->tls.done) {
        if (peer->tls.failed)
            return play_fail(play, "the peer's OpenSSL has given up the handshake");
        if (!peer_hears(play, by))
            return play_fail(play, "the peer's OpenSSL still waits for adieu in its handshake");
        peer_takes(play);
    }
    return true;
}

static void tell(struct play *play, const uint8_t *at, size_t size)
{
    if (!wire_send(&play->wire, at, size))
        play_trace(play, "> nobody takes this any more");
}

bool peer_establishes(struct play *play)
{
    struct peer *peer = &play->peer;
    while (!peer->tls.done) {
        if (!peer_awaits_flight(play))
            return false;
        if (peer->said.size > 0 && !peer->tls.done)
            return play_fail(play, "the peer's OpenSSL has a flight to send before it is done");
    }
    tell(play, peer->said.at, peer->said.size);
    bytes_clear(&peer->said);
    return true;
}

bool peer_shakes_hands(struct play *play)
{
    struct peer *peer = &play->peer;
    while (!peer->tls.done) {
        if (!peer_awaits_flight(play))
            return false;
        tell(play, peer->said.at, peer->said.size);
        bytes_clear(&peer->said);
    }
    return true;
}

/* ------------------------------------------------ sending */

struct shape {
    long in, first, but;
};

static void send_in_segments(struct play *play, const uint8_t *at, size_t size, long in)
{
    size_t each = in > 0 ? (size_t)in : size;
    for (size_t n; size > 0; at += n, size -= n) {
        n = each < size ? each : size;
        tell(play, at, n);
    }
}

static void send_shaped(struct play *play, const struct shape *shape, struct bytes *out)
{
    struct bytes *waiting = &play->peer.waiting;
    size_t n = out->size;
    if (shape->first >= 0)
        n = (size_t)shape->first < n ? (size_t)shape->first : n;
    else if (shape->but >= 0)
        n -= (size_t)shape->but < n ? (size_t)shape->but : n;
    bytes_add(waiting, out->at + n, out->size - n);
    send_in_segments(play, out->at, n, shape->in);
}

bool peer_sends(struct play *play, char **words)
{
    struct shape shape = {0, -1, -1};
    struct item item = {.at = words};
    while (item_number(&item, "in", &shape.in) || item_number(&item, "first", &shape.first) ||
           item_number(&item, "but", &shape.but))
        continue;
    struct bytes out = {0};
    bool rest = word_is(*item.at, "rest") && !item.at[1];
    bytes_extend(rest ? &play->peer.waiting : &out, 0);
    bool good = rest || items_make(play, item.at, &out);
    if (rest) {
        out = play->peer.waiting;
        play->peer.waiting = (struct bytes){0};
    }
    if (good)
        send_shaped(play, &shape, &out);
    bytes_free(&out);
    return good;
}

/* seal NAME ITEM... */
bool peer_keeps(struct play *play, char **words)
{
    struct peer *peer = &play->peer;
    int free = 0;
    while (free < KEPT && peer->kept[free].name[0] != '\0')
        free++;
    if (!words[0] || strlen(words[0]) >= sizeof peer->kept[0].name || item_kept(play, words[0]) || free == KEPT)
        return play_fail(play, "seal NAME ITEM..., with a new name");
    snprintf(peer->kept[free].name, sizeof peer->kept[free].name, "%s", words[0]);
    return items_make(play, words + 1, &peer->kept[free].bytes);
}
