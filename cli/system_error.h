/* SPDX-License-Identifier: MIT */
#ifndef ADIEU_CLI_SYSTEM_ERROR_H
#define ADIEU_CLI_SYSTEM_ERROR_H

/* "ECONNRESET"; "E999" for one without a name here. Static. */
const char *system_error_name(int number);

#endif
