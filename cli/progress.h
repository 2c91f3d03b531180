/* SPDX-License-Identifier: MIT */
/* A line on the terminal that shows that something moves. */
#ifndef ADIEU_CLI_PROGRESS_H
#define ADIEU_CLI_PROGRESS_H

#include "run.h"

/* Writes the line if it is time. */
void progress_turn(const struct run *run);
/* When it is time again; INT64_MAX: never. */
int64_t progress_next(const struct run *run);
/* Takes the line away. */
void progress_end(void);

#endif
