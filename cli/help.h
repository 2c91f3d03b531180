/* SPDX-License-Identifier: MIT */
#ifndef ADIEU_CLI_HELP_H
#define ADIEU_CLI_HELP_H

#include "options.h"

/* On standard output. False: it could not be written. COMMAND_NONE: what commands there are. */
bool help_print(enum command command);
bool help_print_version(void);

#endif
