/* SPDX-License-Identifier: MIT */
/*
 * Where in the sealed bytes each record of plaintext ends: so that a count of bytes on the wire can be told as a
 * count of plaintext. A few marks suffice: when there are too many, every other one is forgotten, which makes the
 * answer late, never early, and keeps the oldest and the newest exact.
 */
#ifndef ADIEU_CORE_MARKS_H
#define ADIEU_CORE_MARKS_H

#include <stdbool.h>
#include <stdint.h>

enum { MARKS = 16 };

struct mark {
    uint64_t wire;  /* when so many bytes have passed … */
    uint64_t plain; /* … so many bytes of plaintext have */
};

struct marks {
    struct mark list[MARKS];
    uint64_t apart; /* how far from each other they are to be */
    unsigned count, passed;
};

/* Adds one; both counts only grow. */
void marks_add(struct marks *marks, struct mark mark);
/* The oldest mark that was not passed, if wire has reached it: it counts as passed, and stays. */
bool marks_pass(struct marks *marks, uint64_t wire, struct mark *mark);
/* Takes out the oldest mark, if wire has reached it. */
bool marks_take(struct marks *marks, uint64_t wire, struct mark *mark);

#endif
