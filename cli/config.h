/* SPDX-License-Identifier: MIT */
/* From options to who we are and whom we trust. */
#ifndef ADIEU_CLI_CONFIG_H
#define ADIEU_CLI_CONFIG_H

#include "run.h"

/* Makes run->config. False: the error is set. */
bool config_prepare(struct run *run);
/* Takes the descriptors that the options name, before any other is opened. */
void config_claim(struct run *run);

#endif
