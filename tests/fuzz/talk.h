/* SPDX-License-Identifier: MIT */
/* A conversation between a watched stream and a peer that has the keys, as an input has it. */
#ifndef ADIEU_TESTS_FUZZ_TALK_H
#define ADIEU_TESTS_FUZZ_TALK_H

#include "../peer/handshake.h"
#include "flight.h"
#include "truth.h"
#include "watched.h"

/* What both are, by the first bytes of the input. */
struct choices {
    bool server; /* adieu is */
    bool tls13;
    const struct suite *suite;
    bool tickets, groups, peer_shows, peer_asks;
    enum identity_kind identity; /* the peer's */
    /* adieu's config */
    bool later, small_queue, small_keys, shows, alpn;
    enum adieu_client_auth client_auth;
};
struct choices choices_take(struct input *input, bool server);
/* The same for the same choices. */
struct adieu_config *choices_config(const struct choices *choices);
const struct identity *choices_identity(const struct choices *choices);

struct talk {
    struct choices choices;
    struct watched adieu;
    struct handshake tls; /* the peer's OpenSSL */
    struct channel out;   /* what the peer seals with */
    struct flight flight; /* what it has said, and adieu has not been given */
    struct truth given;   /* what adieu was given */
    struct truth heard;   /* what adieu has said */
    uint64_t said;        /* by the peer, in patterns */
    bool fed_up;          /* the transport takes no more */
};

void talk_begin(struct talk *talk, struct input *input, bool server);
/* Both shake hands, and nobody disturbs them. False: they cannot. */
bool talk_shake_hands(struct talk *talk);
/* The peer's OpenSSL goes on, if it can. */
void talk_go(struct talk *talk);
/* Up to most bytes of the flight; lent: they are the transport's. */
void talk_give(struct talk *talk, size_t most, bool lent);
/* Up to most bytes of the first record, to a place that was asked for before adieu went on. */
void talk_hold(struct talk *talk, size_t most);
/* The transport takes up to most bytes, which the peer hears. */
void talk_take(struct talk *talk, size_t most);
/* Handshake, or a look at what there is to read. */
void talk_step(struct talk *talk);
void talk_read(struct talk *talk, size_t size);
void talk_write(struct talk *talk, size_t size);
/* Holds adieu's account against what was truly said. */
void talk_look(struct talk *talk);
/* Everything that can still come has come; and now it has to end. Frees. */
void talk_end(struct talk *talk);

/* The whole of it: a target. */
int talk_fuzz(const uint8_t *data, size_t size, bool server, bool established);

#endif
