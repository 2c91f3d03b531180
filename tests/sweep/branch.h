/* SPDX-License-Identifier: MIT */
/*
 * A conversation that branches: at each point where a fault is possible a child process is forked that lives with it, while
 * the parent goes on without. So each point costs what is left of the conversation, not all of it; every child has
 * the same bytes before its fault, keys and signatures included; and one that crashes or hangs is told with its point.
 *
 * ADIEU_SWEEP_STEP=N branches at every Nth point only (for slow builds); ADIEU_SWEEP_ALL=1 also at those points that are
 * as good as seen already: inside long records, and in handshakes that another kind of conversation sweeps.
 */
#ifndef ADIEU_TESTS_SWEEP_BRANCH_H
#define ADIEU_TESTS_SWEEP_BRANCH_H

#include <stdbool.h>
#include <stddef.h>

/* What children found, counted; the meaning is the test's. */
enum { OUTCOMES = 8 };

struct branches {
    char what[120]; /* the conversation: kind, role, version */
    size_t points, children, wrong;
    size_t outcomes[OUTCOMES];
    unsigned last; /* outcome of the last child */
};

/* From here on points belong to this conversation. */
void branches_begin(struct branches *branches, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Fails the test if a child was wrong, or if none ran. */
void branches_end(const struct branches *branches);

/* Whether this point is to be branched at: dull ones are only now and then. Ask once for each point. */
bool branch_worth(struct branches *branches, bool dull);
/* Whether no point is dull (ADIEU_SWEEP_ALL). */
bool branch_all(void);
/* Whether every point is branched at that is not dull: then so much is tried that all outcomes must have been seen. */
bool branch_densely(void);
/* True in the child, which lives with fault n of this sort and has to end by branch_finish or wrong. */
bool branch(struct branches *branches, const char *sort, size_t n);
/* Whether this process is such a child. */
bool branched(void);
_Noreturn void branch_finish(unsigned outcome);

/* The child's (or the conversation's) failure in one line. */
_Noreturn void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define demand(condition, ...)                                                                                         \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            wrong(__VA_ARGS__);                                                                                        \
    } while (0)

#endif
