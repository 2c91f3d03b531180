/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <string.h>

/* ------------------------------------------------ nonce and additional data */

static void put_sequence(uint8_t at[8], uint64_t sequence)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(sequence >> (56 - 8 * i));
}

static bool is_explicit(const struct keys *keys)
{
    return !keys->tls13 && keys->suite->explicit_nonce;
}

/* explicit_part: the 8 bytes in the record, where it has any. */
static void make_nonce(const struct keys *keys, uint64_t sequence, const uint8_t *explicit_part,
                       uint8_t nonce[NONCE_SIZE])
{
    uint8_t counted[8];
    put_sequence(counted, sequence);
    memcpy(nonce, keys->iv, NONCE_SIZE);
    if (is_explicit(keys))
        memcpy(nonce + 4, explicit_part, 8);
    else
        for (int i = 0; i < 8; i++)
            nonce[4 + i] ^= counted[i];
}

/* RFC 9846 5.2: the header; RFC 5246 6.2.3.3: sequence number, type, version, size of the plaintext. */
static size_t make_aad(const struct keys *keys, uint64_t sequence, const uint8_t header[RECORD_HEADER], size_t plain,
                       uint8_t aad[13])
{
    if (keys->tls13) {
        memcpy(aad, header, RECORD_HEADER);
        return RECORD_HEADER;
    }
    put_sequence(aad, sequence);
    memcpy(aad + 8, header, 3);
    aad[11] = (uint8_t)(plain >> 8);
    aad[12] = (uint8_t)plain;
    return 13;
}

static void put_length(uint8_t header[RECORD_HEADER], size_t length)
{
    header[3] = (uint8_t)(length >> 8);
    header[4] = (uint8_t)length;
}

/* ------------------------------------------------ making */

static void make_header(const struct keys *keys, const struct recipe *recipe, uint8_t header[RECORD_HEADER])
{
    int version = recipe->version == AS_IT_IS ? 0x0303 : recipe->version;
    bool hidden = keys && keys->tls13;
    header[0] = hidden && recipe->outer == AS_IT_IS ? RECORD_DATA : hidden ? (uint8_t)recipe->outer : recipe->type;
    header[1] = (uint8_t)(version >> 8);
    header[2] = (uint8_t)version;
}

/* What is sealed: in TLS 1.3 the true type and the padding are inside. */
static void make_plaintext(const struct keys *keys, const struct recipe *recipe, struct bytes *plain)
{
    bytes_add(plain, recipe->content, recipe->size);
    if (!keys || !keys->tls13)
        return;
    bytes_add_number(plain, recipe->type, 1);
    memset(bytes_extend(plain, recipe->pad), 0, recipe->pad);
}

static void make_body(const struct keys *keys, uint64_t sequence, uint8_t header[RECORD_HEADER],
                      const struct bytes *plain, struct bytes *out)
{
    uint8_t nonce[NONCE_SIZE], aad[13], counted[8];
    size_t extra = is_explicit(keys) ? 8 : 0;
    put_sequence(counted, sequence);
    put_length(header, plain->size + extra + TAG_SIZE);
    make_nonce(keys, sequence, counted, nonce);
    size_t aad_size = make_aad(keys, sequence, header, plain->size, aad);
    bytes_add(out, header, RECORD_HEADER);
    bytes_add(out, counted, extra);
    keys_seal(keys, nonce, aad, aad_size, plain->at, plain->size, bytes_extend(out, plain->size + TAG_SIZE));
}

void record_make(const struct keys *keys, uint64_t sequence, const struct recipe *recipe, struct bytes *out)
{
    struct bytes plain = {0};
    uint8_t header[RECORD_HEADER];
    size_t start = out->size;
    make_header(keys, recipe, header);
    make_plaintext(keys, recipe, &plain);
    if (keys) {
        make_body(keys, sequence, header, &plain, out);
    } else {
        put_length(header, plain.size);
        bytes_add(out, header, sizeof header);
        bytes_add(out, plain.at, plain.size);
    }
    if (recipe->outer != AS_IT_IS)
        out->at[start] = (uint8_t)recipe->outer;
    if (recipe->length != AS_IT_IS)
        put_length(out->at + start, (size_t)recipe->length);
    bytes_free(&plain);
}

/* ------------------------------------------------ reading */

bool record_split(struct bytes *from, struct bytes *raw)
{
    if (from->size < RECORD_HEADER)
        return false;
    size_t size = RECORD_HEADER + (size_t)from->at[3] * 256 + from->at[4];
    if (from->size < size)
        return false;
    bytes_clear(raw);
    bytes_add(raw, from->at, size);
    bytes_drop(from, size);
    return true;
}

/* TLS 1.3: the true type is the last byte that is not zero. */
static void uncover(struct record *record)
{
    struct bytes *content = &record->content;
    while (content->size && content->at[content->size - 1] == 0)
        content->size--;
    record->type = content->size ? content->at[--content->size] : 0;
}

static void open_body(const struct keys *keys, uint64_t sequence, const struct bytes *raw, struct record *record)
{
    uint8_t nonce[NONCE_SIZE], aad[13];
    size_t extra = is_explicit(keys) ? 8 : 0;
    record->opened = false;
    if (raw->size < RECORD_HEADER + extra + TAG_SIZE)
        return;
    const uint8_t *body = raw->at + RECORD_HEADER;
    size_t sealed = raw->size - RECORD_HEADER - extra;
    make_nonce(keys, sequence, body, nonce);
    size_t aad_size = make_aad(keys, sequence, raw->at, sealed - TAG_SIZE, aad);
    uint8_t *out = bytes_extend(&record->content, sealed);
    record->opened = keys_open(keys, nonce, aad, aad_size, body + extra, sealed, out);
    record->content.size -= TAG_SIZE;
    if (record->opened && keys->tls13)
        uncover(record);
}

void record_read(const struct keys *keys, uint64_t sequence, const struct bytes *raw, struct record *record)
{
    bytes_clear(&record->content);
    record->type = raw->at[0];
    record->sealed = keys != NULL;
    record->opened = true;
    if (keys)
        open_body(keys, sequence, raw, record);
    else
        bytes_add(&record->content, raw->at + RECORD_HEADER, raw->size - RECORD_HEADER);
}
