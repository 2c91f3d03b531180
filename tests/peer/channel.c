/* SPDX-License-Identifier: MIT */
#include "channel.h"

static const struct secret *secret_of(const struct channel *channel, enum epoch epoch)
{
    const struct secrets *secrets = channel->secrets;
    if (!secrets->tls13)
        return &secrets->master;
    return epoch == EPOCH_HANDSHAKE ? &secrets->handshake[channel->of_server]
                                    : &secrets->application[channel->of_server];
}

/* Goes to the epoch that is due. OpenSSL may tell its secret later than the message that calls for it. */
static void advance(struct channel *channel)
{
    const struct secrets *secrets = channel->secrets;
    const struct secret *secret = secret_of(channel, channel->due);
    if (channel->epoch == channel->due || !secret->known)
        return;
    if (secrets->tls13)
        keys_from_secret(&channel->keys, secrets->suite, secret->bytes);
    else
        keys_from_master(&channel->keys, secrets, channel->of_server);
    channel->epoch = channel->due;
    channel->sequence = 0;
}

void channel_update(struct channel *channel)
{
    advance(channel);
    keys_update(&channel->keys);
    channel->sequence = 0;
}

/* ------------------------------------------------ what messages change */

static void message_ended(struct channel *channel)
{
    uint8_t type = channel->message[0];
    if (!channel->secrets->tls13)
        return;
    if (type == MESSAGE_FINISHED && channel->epoch == EPOCH_HANDSHAKE)
        channel->due = EPOCH_APPLICATION;
    if (type == MESSAGE_KEY_UPDATE && channel->epoch == EPOCH_APPLICATION)
        channel_update(channel);
}

/* Messages may begin and end anywhere in records. */
static void follow_messages(struct channel *channel, const struct bytes *content)
{
    for (size_t i = 0; i < content->size; i++) {
        if (channel->message_got < 4) {
            channel->message[channel->message_got++] = content->at[i];
            const uint8_t *m = channel->message;
            channel->message_left = (size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3];
        } else {
            channel->message_left--;
        }
        if (channel->message_got == 4 && channel->message_left == 0) {
            channel->message_got = 0;
            message_ended(channel);
        }
    }
}

/* ------------------------------------------------ records */

/* In TLS 1.3 what is sealed looks like data; in TLS 1.2 everything behind a ChangeCipherSpec is sealed. */
static bool is_sealed(struct channel *channel, uint8_t outer)
{
    bool tls13 = channel->secrets->tls13;
    if (tls13 && outer == RECORD_DATA && channel->due == EPOCH_PLAIN)
        channel->due = EPOCH_HANDSHAKE;
    advance(channel);
    return channel->epoch != EPOCH_PLAIN && (!tls13 || outer == RECORD_DATA);
}

void channel_read(struct channel *channel, const struct bytes *raw, struct record *record)
{
    bool sealed = is_sealed(channel, raw->at[0]);
    record_read(sealed ? &channel->keys : NULL, channel->sequence, raw, record);
    if (sealed && record->opened)
        channel->sequence++;
    if (record->opened && record->type == RECORD_HANDSHAKE)
        follow_messages(channel, &record->content);
    if (record->opened && record->type == RECORD_CCS && record->content.size && !channel->secrets->tls13)
        channel->due = EPOCH_APPLICATION; /* an empty one OpenSSL passes over, though RFC 5246 6.2.1 forbids it */
}

void channel_make(struct channel *channel, const struct recipe *recipe, bool plain, struct bytes *out)
{
    advance(channel);
    bool sealed = !plain && channel->epoch != EPOCH_PLAIN;
    record_make(sealed ? &channel->keys : NULL, channel->sequence, recipe, out);
    if (sealed)
        channel->sequence++;
}

bool channel_make_early(const struct channel *channel, uint64_t sequence, const struct recipe *recipe,
                        struct bytes *out)
{
    const struct secret *secret = &channel->secrets->handshake[channel->of_server];
    struct keys keys;
    if (!secret->known)
        return false;
    keys_from_secret(&keys, channel->secrets->suite, secret->bytes);
    record_make(&keys, sequence, recipe, out);
    return true;
}
