/* SPDX-License-Identifier: MIT */
/*
 * Makes a failing list of steps small: whole chunks are left out, smaller and smaller ones, then single steps are made
 * simpler, as long as it still fails. What a step is, and what failing means, is the caller's.
 */
#ifndef ADIEU_TESTS_SHRINK_H
#define ADIEU_TESTS_SHRINK_H

#include <stdbool.h>
#include <stddef.h>

struct shrink {
    /* Whether these steps still fail in the same way. */
    bool (*fails)(void *context, const void *steps, size_t count);
    /*
     * Makes the step at this place simpler in its nth way; false: there is no nth way. A way that changes nothing is tried
     * for nothing.
     */
    bool (*simpler)(void *context, void *step, size_t nth);
    void *context;
    size_t step_size;
    size_t tries; /* that may be made at most */
};

/* Changes steps, of which there are count; returns how many are left. */
size_t shrink(const struct shrink *how, void *steps, size_t count);

#endif
