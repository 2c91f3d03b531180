/* SPDX-License-Identifier: MIT */
/* One direction of the record layer: under which keys it is now, and what changes them. */
#ifndef ADIEU_TESTS_PEER_CHANNEL_H
#define ADIEU_TESTS_PEER_CHANNEL_H

#include "record.h"

enum epoch { EPOCH_PLAIN, EPOCH_HANDSHAKE, EPOCH_APPLICATION };

struct channel {
    const struct secrets *secrets;
    bool of_server;        /* who writes here */
    enum epoch epoch, due; /* due: what the next record is under, once its secret is known */
    struct keys keys;
    uint64_t sequence;
    /* Where in the stream of handshake messages it is. */
    uint8_t message[4];
    size_t message_got;
    size_t message_left;
};

/* Reads a whole record that was sent here, by whomever, and follows what it says about keys. */
void channel_read(struct channel *channel, const struct bytes *raw, struct record *record);
/* Makes one to send here. plain: unsealed, and the sequence number stays. */
void channel_make(struct channel *channel, const struct recipe *recipe, bool plain, struct bytes *out);
/* Makes one under the handshake keys of TLS 1.3, wherever the channel is. False: they are not known. */
bool channel_make_early(const struct channel *channel, uint64_t sequence, const struct recipe *recipe,
                        struct bytes *out);
/* The next record is under the next keys (TLS 1.3). */
void channel_update(struct channel *channel);

#endif
