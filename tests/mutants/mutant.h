/* SPDX-License-Identifier: MIT */
/* Stands before every mutated source: all mutants are compiled in, and the environment chooses which one lives. */
#ifndef MUTANT_H
#define MUTANT_H

#include <stdbool.h> /* mutants say true and false */

/* The number of the mutant that lives; 0: none, it is the program as it was written. */
extern int mutant_chosen;
/* Where to note which mutants a run comes by; a null pointer: nobody wants to know. */
extern unsigned char *mutant_seen;

static inline int mutant_is(int number)
{
    if (mutant_seen)
        mutant_seen[number] = 1;
    return mutant_chosen == number;
}

#endif
