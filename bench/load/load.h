/* SPDX-License-Identifier: MIT */
/*
 * The load generator: one thread, one epoll set, one SSL_CTX, and as few system calls as will do, so that the server
 * is what has to work. What it is asked for is in bench/README.md.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "talk.h"

/* Exit statuses. */
enum { DONE_WELL = 0, DONE_WITH_FAILURES = 1, USAGE = 64, CANNOT = 77 };

/* What is asked for. */
struct order {
    const char *work, *tls, *cipher, *resume;
    uint64_t port, count, parallel, silent, patience;
};

/* Each does one kind of work, prints its line of JSON, and answers an exit status. */
int work_connections(struct floor *floor, const struct order *order);
int work_ping(struct floor *floor, const struct order *order);
int work_hold(struct floor *floor, const struct order *order);

/* Makes sure of so many descriptors. false: there are not so many to be had, which was said. */
bool limits_raise(uint64_t descriptors);

#endif
