/* SPDX-License-Identifier: MIT */
/*
 * A TLS engine without cryptography: engine.h played by a script. Its records are frames that a test can write down:
 *
 *     tag (one letter) · length (two bytes, big-endian) · payload · '.'
 *
 *     H  handshake: the client speaks first, the server answers      D  data (an empty one is no message)
 *     C  close_notify; payload 2: at level fatal                     W  warning alert; payload: its number
 *     A  fatal alert; payload: its number                            T  ticket: nothing is answered
 *     K  asks for a key update, which is answered inside read (k)    k  such an answer
 *     U  a key update, sealed by engine_key_update; payload: 1 asks the peer for one, as K does
 *     Q  a request of ours for the peer's certificate
 *     M  the first half of a message, after which the engine can seal nothing before m, its other half, has come
 *     V  the peer's violation; payload: the number of the alert that the engine puts, none if empty
 *     F  a fault of our own; likewise
 *
 * Any other tag, or a frame that does not end in '.', is a violation answered by alert 20 (bad_record_mac).
 * The engine checks that the core keeps to engine.h, and stops the test where it does not.
 */
#ifndef ADIEU_TESTS_FAKE_ENGINE_H
#define ADIEU_TESTS_FAKE_ENGINE_H

#include "engine.h"

enum { FAKE_HEAD = 3, FAKE_TAIL = 1, FAKE_OVERHEAD = FAKE_HEAD + FAKE_TAIL, FAKE_PAYLOAD = 16384 };

/* What an engine is told to do wrong. A test changes it through fake_of(). */
struct fake_plan {
    bool shutdown_faults; /* engine_shutdown answers FAULT */
    bool write_faults;    /* engine_write answers FAULT */
    bool refused;         /* the peer is refused, though the handshake says WAIT */
    bool old;             /* the protocol has no key update */
    bool update_faults;   /* engine_key_update answers FAULT */
    bool may_ask;         /* the peer may be asked for its certificate */
    bool ask_faults;      /* engine_ask_certificate answers FAULT */
    bool silent;          /* where it fails it puts no alert */
    bool awaits;          /* the next handshake waits for the application's decision */
};

struct engine {
    struct adieu_stream *stream;
    bool server;
    struct fake_plan plan;
    /* what has been answered, to hold the core to engine.h */
    bool hello_put;
    bool established;
    bool shut;
    bool mute; /* half of a message has come */
    bool read_latched;
    bool dead;
    unsigned key_updates;
    unsigned rests;
    unsigned asked; /* how often it was to read or peek */
    /* the frame that comes in */
    size_t have;
    size_t delivered; /* of its payload */
    uint8_t frame[FAKE_OVERHEAD + FAKE_PAYLOAD];
};

/* The next engine_new fails with this code; ADIEU_ERR_NONE: it does not. */
extern enum adieu_error_code fake_refuses;

static inline struct engine *fake_of(const struct adieu_stream *stream)
{
    return stream_engine(stream);
}

/* How deep in the application's code we are, as the core told the engine. */
extern int fake_outside;

/* Writes one frame to at, which must have room for size + FAKE_OVERHEAD bytes; returns its size. */
size_t fake_frame(uint8_t *at, char tag, const void *payload, size_t size);

#endif
