/* SPDX-License-Identifier: MIT */
/* A conversation over descriptors of this machine's kernel: one side is watched and may be hurt, the other is well. */
#ifndef ADIEU_TESTS_SWEEP_STAGE_H
#define ADIEU_TESTS_SWEEP_STAGE_H

#include "calls.h"
#include "talk.h"

enum carrier {
    CARRIER_UNIX,
    CARRIER_TCP,
    CARRIER_NAME, /* TCP, and the client is given a name instead of an address */
    CARRIERS
};
const char *carrier_name(enum carrier carrier);

struct stage {
    struct setting *setting;
    struct side side[2]; /* client, server */
    int me;              /* who is watched */
    enum carrier carrier;
    bool blocking; /* my verbs wait; the other side's never do */
    /* Makes my side, which is given its socket; NULL: side_new_fd, and it opens what carries it. */
    struct side (*make)(struct setting *setting, bool server, int64_t patience);
    int pair[2]; /* that were made beforehand, and are not yet adopted */
    int listener;
    char port[8];
    size_t descriptors; /* open before it began */
    void (*mine)(bool); /* told when my code begins and ends to run */
};

/* Whether this kind is to be carried so: TCP takes its time, and one kind is enough as a rule. */
bool stage_carries(const struct setting *setting, int me, enum carrier carrier);
/* Makes both sides and whatever carries them. False: my side could not be made. */
bool stage_begin(struct stage *stage);
/* Until both are done; my side's calls are the stage's to watch. */
void stage_run(struct stage *stage);
/* Lets go of all, and checks that no descriptor is left. */
void stage_end(struct stage *stage);

#endif
