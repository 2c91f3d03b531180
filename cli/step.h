/* SPDX-License-Identifier: MIT */
/* What a connection does when it is woken, phase by phase. */
#ifndef ADIEU_CLI_STEP_H
#define ADIEU_CLI_STEP_H

#include "connection.h"

/* As far as it goes without waiting. */
void step(struct connection *connection);

#endif
