/* SPDX-License-Identifier: MIT */
/*
 * What must hold after every call of a stream, whatever the script did. Each invariant is a function under the sentence of
 * the contract that it checks; a table at the end of each file names them. They look at the ending, at what the program of the
 * side and its transport know, and at what the other side really sealed.
 */
#ifndef ADIEU_TESTS_SIM_INVARIANTS_H
#define ADIEU_TESTS_SIM_INVARIANTS_H

#include "world.h"

struct look {
    struct world *w;
    struct side *s;
    const struct side *peer;
    struct way *from, *to;
    const struct adieu_ending *e, *before;
};

struct invariant {
    const char *name, *sentence;
    bool (*holds)(const struct look *look);
};
#define INVARIANT(name, sentence)                                                                                      \
    {                                                                                                                  \
#name, sentence, name                                                                                          \
    }

/* Each ends with one that has no name. */
extern const struct invariant invariants_of_bytes[], invariants_of_causes[], invariants_of_answers[];

static inline bool sending_ended(const struct adieu_ending *e)
{
    return e->sending > ADIEU_SENDING_CLOSING;
}
static inline bool receiving_ended(const struct adieu_ending *e)
{
    return e->receiving != ADIEU_RECEIVING_OPEN;
}
static inline bool faulted(const struct look *l)
{
    return l->e->reason == ADIEU_REASON_FAULT;
}

#endif
