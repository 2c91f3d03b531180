/* SPDX-License-Identifier: MIT */
/* The deadlines of --timeout-... */
#ifndef ADIEU_CLI_CLOCK_H
#define ADIEU_CLI_CLOCK_H

#include "connection.h"

/* When to look at the clock again; INT64_MAX: never. */
int64_t clock_next(const struct connection *connection);
/* Notes what has moved, and ends what has taken too long. */
void clock_check(struct connection *connection);
/* --timeout-close and what is left of --timeout-total, for adieu_fd_close(). */
struct adieu_fd_patience clock_patience(const struct connection *connection);

#endif
