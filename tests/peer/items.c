/* SPDX-License-Identifier: MIT */
/* Items of what the peer says, into bytes. */
#include "items.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------ records */

static bool make(struct play *play, const struct item *item, uint8_t type, const uint8_t *content, size_t size,
                 struct bytes *out)
{
    const struct recipe recipe = {.type = type,
                                  .content = content,
                                  .size = size,
                                  .pad = (size_t)item->pad,
                                  .outer = (int)item->outer,
                                  .version = (int)item->version,
                                  .length = (int)item->length};
    struct record record = {.type = type, .opened = true, .sealed = !item->plain};
    char text[128];
    bytes_add(&record.content, content, size);
    play_trace(play, "> %s", record_show(&record, text, sizeof text));
    bytes_free(&record.content);
    if (item->early != AS_IT_IS)
        return channel_make_early(&play->peer.out, (uint64_t)item->early, &recipe, out) ||
               play_fail(play, "there are no handshake keys yet");
    channel_make(&play->peer.out, &recipe, item->plain, out);
    return true;
}

static bool item_data(struct play *play, struct item *item, struct bytes *out)
{
    struct bytes content = {0};
    if (!word_bytes(*item->at, &play->peer_sent, &content))
        return play_fail(play, "data BYTES");
    item->at++;
    size_t at = 0;
    bool good;
    do {
        size_t left = content.size - at, n = left < RECORD_MOST ? left : RECORD_MOST;
        good = make(play, item, RECORD_DATA, content.at + at, n, out);
        at += n;
    } while (good && at < content.size);
    bytes_free(&content);
    return good;
}

static bool item_close_notify(struct play *play, struct item *item, struct bytes *out)
{
    static const uint8_t alert[2] = {1, 0};
    return make(play, item, RECORD_ALERT, alert, sizeof alert, out);
}

static bool item_alert(struct play *play, struct item *item, struct bytes *out)
{
    int level = *item->at ? level_number(item->at[0]) : -1;
    int number = level >= 0 && item->at[1] ? alert_number(item->at[1]) : -1;
    if (number < 0)
        return play_fail(play, "alert LEVEL NUMBER, by name or number");
    item->at += 2;
    const uint8_t alert[2] = {(uint8_t)level, (uint8_t)number};
    return make(play, item, RECORD_ALERT, alert, sizeof alert, out);
}

static bool make_message(struct play *play, const struct item *item, int type, const struct bytes *body,
                         struct bytes *out)
{
    struct bytes message = {0};
    bytes_add_number(&message, (uint64_t)type, 1);
    bytes_add_number(&message, body->size, 3);
    bytes_add(&message, body->at, body->size);
    bool good = make(play, item, RECORD_HANDSHAKE, message.at, message.size, out);
    bytes_free(&message);
    return good;
}

/* Whether a word can begin a body: after one that need not have one. */
static bool is_bytes(const char *word)
{
    return word && (*word == '"' || strchr("0123456789", *word) || strncmp(word, "hex:", 4) == 0 ||
                    strncmp(word, "zero:", 5) == 0);
}

static bool item_handshake(struct play *play, struct item *item, struct bytes *out)
{
    int type = *item->at ? message_number(*item->at) : -1;
    uint64_t from = 0;
    struct bytes body = {0};
    if (type < 0)
        return play_fail(play, "handshake TYPE [BYTES]");
    item->at++;
    if (is_bytes(*item->at) && !word_bytes(*item->at++, &from, &body))
        return play_fail(play, "handshake TYPE [BYTES]");
    bool good = make_message(play, item, type, &body, out);
    bytes_free(&body);
    return good;
}

static bool item_key_update(struct play *play, struct item *item, struct bytes *out)
{
    bool requested = word_is(*item->at, "requested");
    uint8_t request = requested;
    struct bytes body = {.at = &request, .size = 1};
    item->at += requested;
    if (!play->choice.tls13 || !play->peer.tls.done)
        return play_fail(play, "a key update needs TLS 1.3, and the handshake done");
    make_message(play, item, MESSAGE_KEY_UPDATE, &body, out);
    if (!item->plain)
        channel_update(&play->peer.out);
    return true;
}

static bool item_next_keys(struct play *play, struct item *item, struct bytes *out)
{
    (void)item, (void)out;
    if (!play->choice.tls13 || !play->peer.tls.done)
        return play_fail(play, "next_keys needs TLS 1.3, and the handshake done");
    channel_update(&play->peer.out);
    return true;
}

/* An hour's lifetime, a nonce of one byte, a ticket of 16, no extension. */
static bool item_ticket(struct play *play, struct item *item, struct bytes *out)
{
    static uint8_t body[] = {0, 0, 14, 16, 1, 2, 3,  4,  1,  0,  0,  16, 1,  2, 3,
                             4, 5, 6,  7,  8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0};
    struct bytes bytes = {.at = body, .size = sizeof body};
    return make_message(play, item, MESSAGE_NEW_SESSION_TICKET, &bytes, out);
}

static bool item_record(struct play *play, struct item *item, struct bytes *out)
{
    long type;
    uint64_t from = 0;
    struct bytes content = {0};
    if (!word_number(item->at[0], &type) || type < 0 || type > 255 || !word_bytes(item->at[1], &from, &content))
        return play_fail(play, "record TYPE BYTES");
    item->at += 2;
    bool good = make(play, item, (uint8_t)type, content.at, content.size, out);
    bytes_free(&content);
    return good;
}

static bool item_bytes(struct play *play, struct item *item, struct bytes *out)
{
    uint64_t from = 0;
    size_t before = out->size;
    if (!word_bytes(*item->at, &from, out))
        return play_fail(play, "bytes BYTES");
    play_trace(play, "> %zu bytes", out->size - before);
    item->at++;
    return true;
}

static bool item_flight(struct play *play, struct item *item, struct bytes *out)
{
    struct bytes *said = &play->peer.said;
    (void)item;
    if (!peer_awaits_flight(play))
        return false;
    if (said->size == 0)
        return play_fail(play, "the peer's OpenSSL has nothing to say: its handshake is done");
    bytes_add(out, said->at, said->size);
    bytes_clear(said);
    return true;
}

struct bytes *item_kept(struct play *play, const char *name)
{
    for (int i = 0; name && i < KEPT; i++)
        if (strcmp(play->peer.kept[i].name, name) == 0)
            return &play->peer.kept[i].bytes;
    return NULL;
}

/* ------------------------------------------------ what is kept */

/* The number-th record, counted from 1, of what is kept; earlier says how many sealed ones are before it. */
static bool record_of(const struct bytes *bytes, long number, struct bytes *raw, uint64_t *earlier)
{
    struct bytes left = {0};
    bool found = number > 0;
    bytes_add(&left, bytes->at, bytes->size);
    *earlier = 0;
    for (long i = 1; found && i <= number; i++) {
        *earlier += i > 1 && raw->at[0] == RECORD_DATA;
        found = record_split(&left, raw);
    }
    bytes_free(&left);
    return found;
}

/* records FROM TO: whole ones, both included. */
static bool add_records(struct play *play, struct item *item, const struct bytes *bytes, struct bytes *out)
{
    long from, to;
    uint64_t earlier;
    struct bytes raw = {0};
    bool good = word_number(item->at[1], &from) && word_number(item->at[2], &to) && from > 0;
    for (long i = from; good && i <= to; i++) {
        good = record_of(bytes, i, &raw, &earlier);
        if (good)
            bytes_add(out, raw.at, raw.size);
    }
    bytes_free(&raw);
    item->at += good ? 3 : 0;
    return good || play_fail(play, "records FROM TO, counted from 1: there are not so many");
}

/* content NAME RECORD: what a kept record of the handshake holds, sealed anew. */
static bool item_content(struct play *play, struct item *item, struct bytes *out)
{
    const struct channel *channel = &play->peer.out;
    const struct bytes *bytes = item_kept(play, *item->at);
    const struct secret *secret = &channel->secrets->handshake[channel->of_server];
    struct bytes raw = {0};
    struct record record = {0};
    struct keys keys;
    long number;
    uint64_t earlier;
    bool good = bytes && word_number(item->at[1], &number) && record_of(bytes, number, &raw, &earlier);
    bool sealed = good && play->choice.tls13 && raw.at[0] == RECORD_DATA;
    if (sealed && secret->known)
        keys_from_secret(&keys, play->suite, secret->bytes);
    if (good && (!sealed || secret->known))
        record_read(sealed ? &keys : NULL, earlier, &raw, &record);
    if (good && record.opened)
        make(play, item, record.type, record.content.at, record.content.size, out);
    good = good && record.opened;
    item->at += good ? 2 : 0;
    bytes_free(&raw);
    bytes_free(&record.content);
    return good || play_fail(play, "content NAME RECORD, counted from 1: there is no such record of the handshake");
}

/* A bound of a range, negative from the end; missing, it is otherwise. */
static bool take_bound(struct item *item, size_t size, size_t otherwise, size_t *bound)
{
    long number = 0;
    bool given = *item->at && word_number(*item->at, &number);
    item->at += given;
    if (number < 0)
        number += (long)size;
    *bound = given ? (size_t)number : otherwise;
    return number >= 0 && *bound <= size;
}

static bool item_sealed(struct play *play, struct item *item, struct bytes *out)
{
    const struct bytes *bytes = item_kept(play, *item->at);
    size_t from, to;
    if (!bytes)
        return play_fail(play, "sealed NAME [FROM [TO]]: nothing is kept as %s", *item->at ? *item->at : "that");
    item->at++;
    if (word_is(*item->at, "records"))
        return add_records(play, item, bytes, out);
    if (!take_bound(item, bytes->size, 0, &from) || !take_bound(item, bytes->size, bytes->size, &to) || from > to)
        return play_fail(play, "there are only %zu bytes", bytes->size);
    play_trace(play, "> %zu of %zu kept bytes", to - from, bytes->size);
    bytes_add(out, bytes->at + from, to - from);
    return true;
}

/* ------------------------------------------------ reading items */

static const struct {
    const char *name;
    bool (*item)(struct play *play, struct item *item, struct bytes *out);
} items[] = {
    {"data", item_data},     {"close_notify", item_close_notify},
    {"alert", item_alert},   {"handshake", item_handshake},
    {"ticket", item_ticket}, {"key_update", item_key_update},
    {"record", item_record}, {"next_keys", item_next_keys},
    {"bytes", item_bytes},   {"flight", item_flight},
    {"sealed", item_sealed}, {"content", item_content},
};

bool item_number(struct item *item, const char *name, long *number)
{
    if (!word_is(*item->at, name) || !word_number(item->at[1], number))
        return false;
    item->at += 2;
    return true;
}

/* Words before an item. */
static bool take_change(struct item *item)
{
    if (word_is(*item->at, "plain")) {
        item->at++;
        return item->plain = true;
    }
    if (item_number(item, "corrupt", &item->corrupt))
        return true;
    if (word_is(*item->at, "corrupt")) {
        item->at++;
        item->corrupt = -1;
        return true;
    }
    return item_number(item, "pad", &item->pad) || item_number(item, "outer", &item->outer) ||
           item_number(item, "version", &item->version) || item_number(item, "length", &item->length) ||
           item_number(item, "times", &item->times) || item_number(item, "early", &item->early);
}

#define INTACT (-2)

static bool corrupt(struct play *play, const struct item *item, struct bytes *out, size_t start)
{
    if (item->corrupt == INTACT)
        return true;
    size_t at = item->corrupt < 0 ? out->size - 1 : start + (size_t)item->corrupt;
    if (out->size == start || at >= out->size)
        return play_fail(play, "it has only %zu bytes", out->size - start);
    out->at[at] ^= 0x20;
    return true;
}

static bool make_item(struct play *play, struct item *item, struct bytes *out)
{
    char **words = item->at;
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        if (!word_is(*words, items[i].name))
            continue;
        for (long n = 0; n < item->times; n++) {
            size_t start = out->size;
            item->at = words + 1;
            if (!items[i].item(play, item, out) || !corrupt(play, item, out, start))
                return false;
        }
        return true;
    }
    return play_fail(play, "\"%s\" is nothing to send", *words ? *words : "");
}

/* ITEM + ITEM... */
bool items_make(struct play *play, char **words, struct bytes *out)
{
    do {
        struct item item = {.at = words,
                            .outer = AS_IT_IS,
                            .version = AS_IT_IS,
                            .length = AS_IT_IS,
                            .corrupt = INTACT,
                            .early = AS_IT_IS,
                            .times = 1};
        while (take_change(&item))
            continue;
        if (!make_item(play, &item, out))
            return false;
        words = item.at;
    } while (word_is(*words, "+") && words++);
    return *words == NULL || play_fail(play, "\"%s\" is not understood here", *words);
}
