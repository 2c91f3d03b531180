/* SPDX-License-Identifier: MIT */
/* What a connection was worth: the exit status, and the one line for people. */
#ifndef ADIEU_CLI_VERDICT_H
#define ADIEU_CLI_VERDICT_H

#include "connection.h"

/* Sets its exit, and why. It is over. */
void verdict(struct connection *connection);
/* Nothing after a clean end, unless --verbose. */
void verdict_say(const struct connection *connection);

#endif
