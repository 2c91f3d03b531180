/* SPDX-License-Identifier: MIT */
/* An allocation fails, ours or OpenSSL's, inside of single calls: see ../sweep/memory.h. */
#ifndef ADIEU_TESTS_SHORTAGE_H
#define ADIEU_TESTS_SHORTAGE_H

#include <stdlib.h>

#include "../sweep/memory.h"

/* How far the next point is: slow builds look at each ADIEU_SWEEP_STEP-th only, as the sweeps do. */
static inline size_t shortage_step(void)
{
    const char *text = getenv("ADIEU_SWEEP_STEP");
    long step = text ? strtol(text, NULL, 10) : 1;
    return step > 0 ? (size_t)step : 1;
}

extern struct shortage {
    size_t nth, asked;
    bool for_ever, came;
} shortage;

/* The nth from now on (0: the next; SIZE_MAX: none) fails, and, if for_ever, all after it. */
void begin_shortage(size_t nth, bool for_ever);
/* Whether an allocation failed: there was an nth one. */
bool end_shortage(void);

#endif
