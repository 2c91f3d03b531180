/* SPDX-License-Identifier: MIT */
/* Who is to be woken when: a heap, the earliest on top. Whoever is in it has a struct due inside. */
#ifndef DUE_H
#define DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct due {
    int64_t at;
    size_t index; /* 1 and up; 0: not in it */
};

struct dues {
    struct due **heap;
    size_t count, room;
};

/* Sets when; INT64_MAX takes it out. False: no memory. */
bool due_set(struct dues *dues, struct due *due, int64_t at);
/* The earliest; NULL: there is none. */
struct due *due_first(const struct dues *dues);

#endif
