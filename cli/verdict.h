/* SPDX-License-Identifier: MIT */
/* What a run was worth: the exit status, and the one line for people. */
#ifndef ADIEU_CLI_VERDICT_H
#define ADIEU_CLI_VERDICT_H

#include "run.h"

int verdict(const struct run *run);
/* The error that explains the exit status; false: there is none. */
bool verdict_error(const struct run *run, struct adieu_error *error);
/* Nothing after a clean end, unless --verbose. */
void verdict_say(const struct run *run);

#endif
