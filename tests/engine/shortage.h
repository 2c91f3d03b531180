/* SPDX-License-Identifier: MIT */
/* An allocation fails, ours or OpenSSL's, inside of single calls: see ../sweep/memory.h. */
#ifndef ADIEU_TESTS_SHORTAGE_H
#define ADIEU_TESTS_SHORTAGE_H

#include "../sweep/memory.h"

extern struct shortage {
    size_t nth, asked;
    bool for_ever, came;
} shortage;

/* The nth from now on (0: the next; SIZE_MAX: none) fails, and, if for_ever, all after it. */
void begin_shortage(size_t nth, bool for_ever);
/* Whether an allocation failed: there was an nth one. */
bool end_shortage(void);

#endif
