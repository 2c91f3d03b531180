/* SPDX-License-Identifier: MIT */
/* Many conversations, in processes of their own, counted; and what is told of one that broke something. */
#ifndef ADIEU_TESTS_SIM_CAMPAIGN_H
#define ADIEU_TESTS_SIM_CAMPAIGN_H

#include "sim.h"

enum { SENDINGS = ADIEU_SENDING_ABORTED + 1, RECEIVINGS = ADIEU_RECEIVING_ABANDONED + 1, JOINT_ENDINGS = 16 };

struct campaign {
    uint64_t first;   /* seed */
    uint64_t count;   /* of conversations; 0: until time is up */
    unsigned seconds; /* 0: until the count is reached */
    unsigned jobs;
    const char *save; /* where to leave a broken script; NULL: a name is made */
};

/* What came of a campaign. Processes share it. */
struct tally {
    uint64_t conversations, steps, calls, healthy, delivered, without_handshake, freed;
    uint64_t endings[SENDINGS][RECEIVINGS];
};

/* False: something broke, and was told. */
bool campaign_run(const struct campaign *campaign, struct tally *total, double *seconds);
void tally_add(struct tally *tally, const struct sim_script *script, const struct sim_outcome *outcome);
void tally_print(const struct tally *tally, double seconds);
unsigned tally_joint_endings(const struct tally *tally);

/* report.c: plays it in a process of its own where it may crash. Shrinks the script, prints and saves it. */
void report_broken(struct sim_script *script, uint64_t seed, bool crashes, const char *save);
/* Says which invariant, and where. */
void report_verdict(const struct sim_verdict *verdict);

#endif
