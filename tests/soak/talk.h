/* SPDX-License-Identifier: MIT */
/* One connection, whatever carries it: where it is in its steps, what it has said and heard, how long things took. */
#ifndef ADIEU_TESTS_SOAK_TALK_H
#define ADIEU_TESTS_SOAK_TALK_H

#include "adieu.h"

#include "stories.h"

/* No step may take longer: then the run stops. */
#define STEP_MS 20000
#define MESSAGE 20
#define QUESTION 64
#define PIECE 65536

struct talk {
    struct plan plan;
    bool server, known; /* known: it is of a story of ours */
    unsigned port;      /* the client's, by which the other side's line is found */
    const char *at;
    struct step step;
    uint64_t said, heard; /* bytes of the pattern, either way */
    long due;             /* what is left of this step */
    bool damaged;         /* what came was not the pattern */
    bool stuck;           /* a step did not end in time */
    unsigned cancels;
    int64_t step_began; /* all in microseconds */
    int64_t shake_us, echo_us, close_us;
    unsigned echoes;
};

int64_t now_us(void);

/* size bytes of the pattern from there on; at most PIECE. */
const uint8_t *pattern_from(uint64_t at);
/* What was read is held against the pattern. */
void talk_heard(struct talk *talk, const void *bytes, size_t size);

void talk_begin(struct talk *talk, const struct plan *plan, bool server);
/* The next step; false: there is none. */
bool talk_next(struct talk *talk);
/* A step is over, as far as clocks go. */
void talk_done_shake(struct talk *talk);
void talk_done_echo(struct talk *talk);

/* Writes the one line that the driver reads: how it ended. The ending is that of the stream at its very end. */
void talk_report(const struct talk *talk, const struct adieu_ending *ending, const struct adieu_stream *stream);

/* What steps do below TLS: F V g i. */
void below_tls(int descriptor, char verb);

#endif
