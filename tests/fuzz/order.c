/* SPDX-License-Identifier: MIT */
/*
 * The order of verbs and of wire calls, on the scripted engine: the input is a script of tests/sim, whose invariants hold after
 * each step.
 */
#include <stdlib.h>

#include "../sim/sim.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool begun;
    static struct sim_script script;
    struct sim_verdict verdict;
    if (!begun)
        sim_begin();
    begun = true;
    sim_script_from_bytes(&script, data, size);
    if (sim_run(&script, &verdict, NULL))
        return 0;
    fprintf(stderr, "%s: %s; step %zu, %s\n", verdict.broken, verdict.sentence, verdict.step, verdict.detail);
    sim_script_print(&script, stderr);
    abort();
}
