/* SPDX-License-Identifier: MIT */
/* What the peer has said and adieu has not been given yet: records, that can be bent, and sealed anew with the right keys. */
#ifndef ADIEU_TESTS_FUZZ_FLIGHT_H
#define ADIEU_TESTS_FUZZ_FLIGHT_H

#include "../peer/channel.h"
#include "fuzz.h"

struct said {
    struct bytes raw;
    struct channel before; /* the peer's direction, as it was before this record */
    bool sealed;
    uint8_t type; /* the true one */
    struct bytes content;
};

#define FLIGHT 32

struct flight {
    struct said said[FLIGHT];
    size_t count;
};

/* Adds what OpenSSL has said, by records, which the channel follows. */
void flight_add_said(struct flight *flight, struct channel *channel, struct bytes *said);
/* Adds a record of one's own. */
void flight_add_record(struct flight *flight, struct channel *channel, const struct recipe *recipe, bool plain);
/* Adds bytes that are none. */
void flight_add_bytes(struct flight *flight, const void *bytes, size_t size);
/* As the input says, bends what is in flight. */
void flight_edit(struct flight *flight, struct input *input);
/* Takes the first n bytes away, of the first record, which has so many. */
void flight_take(struct flight *flight, size_t n);
void flight_free(struct flight *flight);

#endif
