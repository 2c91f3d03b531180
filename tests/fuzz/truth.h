/* SPDX-License-Identifier: MIT */
/*
 * What was truly said, read by the record-level peer's own code: on the one side all that adieu was given, on the other all that
 * it gave. Nothing here asks adieu.
 */
#ifndef ADIEU_TESTS_FUZZ_TRUTH_H
#define ADIEU_TESTS_FUZZ_TRUTH_H

#include "../peer/channel.h"
#include "fuzz.h"

struct truth {
    struct channel channel;
    struct bytes raw;    /* not read yet */
    struct bytes data;   /* plaintext that came under the application keys */
    size_t records;      /* under the application keys */
    bool closed;         /* by a close_notify that can be believed; raw is what came behind it */
    bool broken;         /* a record could not be opened: from there on nothing can be believed */
    uint8_t alerts[256]; /* levels, by number: 0 if it did not come. Also unsealed ones */
};

/* More of it. on_record (may be NULL) is given each record as it came. */
void truth_hear(struct truth *truth, const void *bytes, size_t size,
                void (*on_record)(void *context, const struct bytes *raw, const struct record *record), void *context);
void truth_free(struct truth *truth);

#endif
