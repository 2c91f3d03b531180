/* SPDX-License-Identifier: MIT */
/* Numbers from one seed (splitmix64): the same on every machine, and a seed apart is a world apart. */
#ifndef ADIEU_TESTS_RANDOM_H
#define ADIEU_TESTS_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

struct random random_from(uint64_t seed);
uint64_t random_next(struct random *random);
/* 0 to below - 1; 0 if below is 0. */
size_t random_below(struct random *random, size_t below);
/* True once in so many times. */
bool random_one_in(struct random *random, size_t times);
/* A size: small ones, borders of records and buffers, and anything up to most. */
size_t random_size(struct random *random, size_t most);

#endif
