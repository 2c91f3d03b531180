/* SPDX-License-Identifier: MIT */
#include "shrink.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct work {
    const struct shrink *how;
    uint8_t *steps, *trial;
    size_t count, tries;
};

static bool fails(struct work *work, size_t count)
{
    if (!work->tries)
        return false;
    work->tries--;
    return work->how->fails(work->how->context, work->trial, count);
}

/* Leaves out n steps from this one on. */
static bool leave_out(struct work *work, size_t from, size_t n)
{
    size_t size = work->how->step_size, rest = work->count - from - n;
    memcpy(work->trial, work->steps, from * size);
    memcpy(work->trial + from * size, work->steps + (from + n) * size, rest * size);
    if (!fails(work, from + rest))
        return false;
    work->count = from + rest;
    memcpy(work->steps, work->trial, work->count * size);
    return true;
}

static bool leave_out_chunks(struct work *work)
{
    bool better = false;
    for (size_t n = work->count; n > 0; n /= 2)
        for (size_t from = 0; from + n <= work->count;)
            if (leave_out(work, from, n))
                better = true;
            else
                from += n;
    return better;
}

static bool simplify_one(struct work *work, size_t at)
{
    size_t size = work->how->step_size;
    bool better = false;
    for (size_t nth = 0;; nth++) {
        memcpy(work->trial, work->steps, work->count * size);
        if (!work->how->simpler(work->how->context, work->trial + at * size, nth))
            return better;
        if (!memcmp(work->trial, work->steps, work->count * size) || !fails(work, work->count))
            continue;
        memcpy(work->steps, work->trial, work->count * size);
        better = true;
    }
}

size_t shrink(const struct shrink *how, void *steps, size_t count)
{
    struct work work = {.how = how, .steps = steps, .trial = malloc(count * how->step_size + 1), .count = count};
    work.tries = how->tries;
    for (bool better = work.trial != NULL; better && work.tries;) {
        better = leave_out_chunks(&work);
        for (size_t at = 0; at < work.count; at++)
            better |= simplify_one(&work, at);
    }
    free(work.trial);
    return work.count;
}
