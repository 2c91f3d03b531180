/* SPDX-License-Identifier: MIT */
/* The one poll loop. */
#ifndef ADIEU_CLI_LOOP_H
#define ADIEU_CLI_LOOP_H

#include "run.h"

/* From reaching the peer to the end; afterwards run->ending holds the ending, if there was a connection. */
void loop(struct run *run);

#endif
