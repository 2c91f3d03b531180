/* SPDX-License-Identifier: MIT */
/* The one poll loop. */
#ifndef ADIEU_CLI_LOOP_H
#define ADIEU_CLI_LOOP_H

#include "run.h"

/* How many descriptors poll() may be given for so many connections. */
size_t loop_set_size(size_t connections);
/* Until no connection is left. */
void loop(struct run *run);

#endif
