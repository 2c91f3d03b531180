/* SPDX-License-Identifier: MIT */
/* Only for these programs: random numbers that are none, and a clock that stands still. Both take OpenSSL's in. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: its successor, a provider, is thirty times as long */
#include <time.h>

#include <openssl/rand.h>

#include "fuzz.h"

static uint64_t state;

/* SplitMix64. */
static uint64_t next(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static int fill(unsigned char *bytes, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (unsigned char)next();
    return 1;
}

static int always(void)
{
    return 1;
}

static const RAND_METHOD method = {.bytes = fill, .pseudorand = fill, .status = always};

void steady_begin(void)
{
    static bool begun;
    if (!begun)
        claim(RAND_set_rand_method(&method) == 1, "OpenSSL takes its random numbers from us");
    begun = true;
    state = 1;
}

/* The dynamic linker finds this one before the C library's. */
time_t time(time_t *at)
{
    if (at)
        *at = STEADY_TIME;
    return STEADY_TIME;
}
