/* SPDX-License-Identifier: MIT */
/* What went wrong, by kind: a hundred thousand connections that fail alike are one line. */
#ifndef BENCH_LOAD_TROUBLES_H
#define BENCH_LOAD_TROUBLES_H

#include <stdint.h>

enum { TROUBLE_TEXT = 96, TROUBLE_KINDS = 16 };

struct trouble {
    const char *phase;
    char why[TROUBLE_TEXT];
    uint64_t count;
    uint32_t first; /* the number of the first connection */
};

struct troubles {
    struct trouble kinds[TROUBLE_KINDS];
    unsigned known;
    uint64_t all;
};

void troubles_add(struct troubles *troubles, const char *phase, const char *why, uint32_t number);
/* A line on standard error for each kind. */
void troubles_tell(const struct troubles *troubles);

#endif
