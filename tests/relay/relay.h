/* SPDX-License-Identifier: MIT */
/*
 * Carries packets between the two TUN devices of a network, in a thread: later by a fixed delay, some of them lost, or from a
 * moment on none. It relays packets, not connections, so a reset or a FIN arrives as late, as lost and as bare as in life.
 */
#ifndef ADIEU_TESTS_RELAY_H
#define ADIEU_TESTS_RELAY_H

#include <stdint.h>
#include <stdio.h>

#include "network.h"

/* From when on nothing is carried any more, in either direction. What was on its way before arrives. */
enum hole {
    HOLE_NONE,
    HOLE_NOW,
    HOLE_FIN,   /* from the next FIN on, itself included */
    HOLE_BYTES, /* when this many more bytes of payload have been carried, both directions together */
};

struct rules {
    int delay_ms;  /* each way: half a round trip */
    double loss;   /* percent of the TCP packets */
    uint64_t seed; /* of the loss; the same packets in the same order are lost in the same way */
    FILE *trace;   /* one line a packet, or NULL; the caller's */
};

/* What happened to the TCP packets that came out on one side. */
struct counts {
    uint64_t packets, fins, resets;
    uint64_t harmless;   /* resets of connections that were over */
    uint64_t lost;       /* by chance */
    uint64_t swallowed;  /* by the hole */
    uint64_t overflowed; /* since the queue was full, or the other side took no more */
};

struct relay;

/* Starts the thread. NULL: no memory, no thread. network must outlive it. */
struct relay *relay_start(const struct network *network, struct rules rules);
/* Ends it; what was on its way is gone. */
void relay_stop(struct relay *relay);

/* Any thread, any time. */
void relay_delay(struct relay *relay, int delay_ms);
void relay_loss(struct relay *relay, double percent);
void relay_hole(struct relay *relay, enum hole hole, uint64_t bytes);
struct counts relay_counts(struct relay *relay, enum side from);

#endif
