/* SPDX-License-Identifier: MIT */
/* Chances, of the numbers in tests/sim/random.h. */
#ifndef ADIEU_TESTS_SOCKETS_DICE_H
#define ADIEU_TESTS_SOCKETS_DICE_H

#include "random.h"

/* 0 to count - 1; 0 if count is 0. */
static inline int64_t dice_below(struct random *dice, int64_t count)
{
    return count > 0 ? (int64_t)random_below(dice, (size_t)count) : 0;
}

/* So many times in a thousand. */
static inline bool dice_hit(struct random *dice, int64_t per_mille)
{
    return per_mille > 0 && dice_below(dice, 1000) < per_mille;
}

static inline int64_t dice_of(struct random *dice, const int64_t *values, size_t count)
{
    return values[random_below(dice, count)];
}

#define DICE_OF(dice, ...)                                                                                             \
    dice_of(dice, (const int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

#endif
