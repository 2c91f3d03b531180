/* SPDX-License-Identifier: MIT */
/*
 * A conversation as a list of lines: who, what, and up to two numbers. Scripts are made at random, written, read again,
 * and shrunk by leaving lines out and making numbers smaller: any list of lines is a script.
 */
#ifndef ADIEU_TESTS_SOCKETS_SCRIPT_H
#define ADIEU_TESTS_SOCKETS_SCRIPT_H

#include <stdio.h>

#include "dice.h"

/* Side a is the client; a1 and a2 are more threads of a's. */
enum who { WHO_NET, WHO_A, WHO_A1, WHO_A2, WHO_B, WHO_B1, WHO_B2, WHO_COUNT };

/* name, and what its numbers are; those of net and the first of a side's come before the conversation. */
#define VERBS(X)                                                                                                       \
    X(SEED, seed, "of what happens at random meanwhile")                                                               \
    X(DELAY, delay, "us, side")                                                                                        \
    X(JITTER, jitter, "us, side")                                                                                      \
    X(SLOW, slow, "us for 1024 bytes, side")                                                                           \
    X(LOSS, loss, "of 1000 segments, side")                                                                            \
    X(HOLE, hole, "ms from when on nothing arrives, side")                                                             \
    X(CUT, cut, "ms when a reset comes, side to which")                                                                \
    X(SEGMENT, segment, "bytes at most, bytes under way at most")                                                      \
    X(ACKS, acks, "of 1000 that are delayed")                                                                          \
    X(SEND_ROOM, send_room, "bytes, side")                                                                             \
    X(RECEIVE_ROOM, receive_room, "bytes, side")                                                                       \
    X(INTERRUPTS, interrupts, "of 1000 calls")                                                                         \
    X(SHORT_SENDS, short_sends, "of 1000")                                                                             \
    X(SHORT_READS, short_reads, "of 1000")                                                                             \
    X(SPURIOUS, spurious, "of 1000 polls")                                                                             \
    X(PREEMPTS, preempts, "of 1000 calls, us at most")                                                                 \
    X(JOINED, joined, "they are connected already, and adopted")                                                       \
    X(POLLED, polled, "its verbs do not wait")                                                                         \
    X(BORROWED, borrowed, "its descriptor is the program's")                                                           \
    X(RUDE, rude, "it uses its socket itself, as it likes")                                                            \
    X(SPEAK, speak, "bytes of plaintext before TLS, bytes read too many at most")                                      \
    X(HANDSHAKE, handshake, "ms")                                                                                      \
    X(WRITE, write, "bytes, ms")                                                                                       \
    X(WRITEV, writev, "bytes in pieces, ms")                                                                           \
    X(READ, read, "bytes at most, ms")                                                                                 \
    X(READ_ALL, read_all, "ms for each read")                                                                          \
    X(PUMP, pump, "bytes to write while it reads all, ms: in one loop if it is polled")                                \
    X(KEY_UPDATE, key_update, "1: the peer, too; ms")                                                                  \
    X(SHUTDOWN, shutdown, "ms")                                                                                        \
    X(SLEEP, sleep, "ms")                                                                                              \
    X(CANCEL, cancel, "")                                                                                              \
    X(ASK, ask, "how it stands")                                                                                       \
    X(CLOSE, close, "ms without progress, ms over everything")                                                         \
    X(PART, part, "ms without progress: it reads on while it closes, in one loop if it is polled")                     \
    X(DETACH, detach, "and close it, if that is allowed")                                                              \
    X(ABORT, abort, "")                                                                                                \
    X(FIN, fin, "rude: ends the write side")                                                                           \
    X(GARBAGE, garbage, "rude: bytes that are no record")

enum verb {
#define X(NAME, name, numbers) VERB_##NAME,
    VERBS(X)
#undef X
        VERB_COUNT
};

struct line {
    uint8_t who, verb;
    int64_t a, b;
};

enum { LINES = 96 };

struct script {
    size_t count;
    struct line lines[LINES];
};

/* make.c: at random. */
void script_make(struct script *script, uint64_t seed);
void script_write(const struct script *script, FILE *file);
/* False: that is no script. */
bool script_read(struct script *script, FILE *file);

#endif
