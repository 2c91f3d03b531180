/* SPDX-License-Identifier: MIT */
/* The kinds of steps, as steps.def has them. */
#ifndef ADIEU_TESTS_SIM_SCRIPT_H
#define ADIEU_TESTS_SIM_SCRIPT_H

#include "sim.h"

struct kind {
    const char *word;
    unsigned weight;
    uint32_t most;
    uint16_t hows;
};
extern const struct kind sim_kinds[SIM_DOES];

#endif
