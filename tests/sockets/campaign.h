/* SPDX-License-Identifier: MIT */
#ifndef ADIEU_TESTS_SOCKETS_CAMPAIGN_H
#define ADIEU_TESTS_SOCKETS_CAMPAIGN_H

#include "script.h"
#include "tcp.h"

/* Exit statuses 0 to 9, and: not closed, or another. */
enum { EXITS = 11 };

struct tally {
    uint64_t exits[EXITS];
    uint64_t resets[RESET_CAUSES];
    uint64_t well, resets_well[RESET_CAUSES]; /* where both sides say 0 */
};

/* Runs so many seeds (or as long; 0: as it takes). False: one failed, and its shrunk script was printed. */
bool campaign_run(uint64_t first, uint64_t n, double seconds, const char *program, struct tally *tally, uint64_t *done);
/* False: it fails, and was told. */
bool campaign_replay(struct script *script);

#endif
