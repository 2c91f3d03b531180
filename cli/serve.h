/* SPDX-License-Identifier: MIT */
/* listen --keep: who is taken, how many at once, and when that is over. */
#ifndef ADIEU_CLI_SERVE_H
#define ADIEU_CLI_SERVE_H

#include "run.h"

/* What many connections need of this process. False: the error is set. */
bool serve_prepare(struct run *run);
/* Waits for one more connection, if one more may be taken. */
void serve_more(struct run *run);
/* When it can be tried again after a shortage; INT64_MAX: there is none. */
int64_t serve_next(const struct run *run);
/* That connection is waited for, but not now. */
bool serve_pauses(const struct connection *connection);
/* It could not be taken: true if this machine has run out of something, and it is tried again later. */
bool serve_later(struct connection *connection);
/* It has been reached: if it was the one that was waited for, it is that no more. */
void serve_taken(struct connection *connection);
/* A connection is over. True: it was only the one that was waited for, and there is nothing to tell of it. */
bool serve_over(struct connection *connection);
/* No more are taken; those that are there go on. */
void serve_leave(struct run *run);

#endif
