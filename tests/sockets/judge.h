/* SPDX-License-Identifier: MIT */
/*
 * The invariants: at every step of a side, and when all is over. Above each in judge*.c stands the sentence that it is
 * taken from.
 */
#ifndef ADIEU_TESTS_SOCKETS_JUDGE_H
#define ADIEU_TESTS_SOCKETS_JUDGE_H

#include "side.h"

/* How it stood when a verb was called. */
struct timing {
    int64_t begun, interrupted;
};

/* Turns of a loop in which nothing happened. */
struct spin {
    int times;
    int64_t at;
    uint64_t moved;
};

struct timing judge_begin(const struct side *side);
/* How much plaintext of TLS is in so many bytes of what a side said on the wire; ADIEU_UNKNOWN: nobody knows. */
uint64_t plain_at(const struct side *side, size_t arrived);
/* Behind a verb. */
void judge_deadline(const struct side *side, const struct timing *timing, int64_t deadline);
void judge_cancelled(const struct side *side, const struct timing *timing);
void judge_close(const struct side *side, const struct timing *timing, struct adieu_fd_patience patience,
                 enum adieu_status status);
void judge_why(const struct side *side, int64_t deadline);
void judge_end(struct side *side);
void judge_took(const struct side *side, size_t size, size_t took);
void judge_counts(const struct side *side, const struct adieu_ending *ending);
/* Around a read. */
struct reading {
    bool came_back; /* this thread's last one was less than a second ago, and nobody else's came between */
    uint64_t discarded;
};
struct reading judge_reading(const struct side *side);
void judge_gap(struct side *side, const struct reading *reading);
/* In a polled side's loop. */
void judge_interest(const struct side *side, const struct pollfd *what, int timeout_ms);
void judge_spin(const struct side *side, struct spin *spin);
/*
 * Nothing has come, no thread of the side's has done anything for a millisecond, and it was not held up: what can be
 * done now could be done before.
 */
bool judge_was_idle(struct side *side, const struct timing *timing);
/* It was idle, slept until its own deadline, and then a verb said this. */
void judge_sleep(const struct side *side, enum adieu_status status);
/* Nobody can run, and the clock is to go on. */
void judge_readers(const struct side *side);
/* Before the handle is freed, and behind that. */
void judge_free(const struct side *side);
void judge_freed(const struct side *side);

/* judge_end.c: all is over, and the network is quiet. */
void judge_all(const struct side sides[2]);

#endif
