/* SPDX-License-Identifier: MIT */
/* What libcounts.so, put before a program with LD_PRELOAD, counts of it; where it is not there the functions are not. */
#ifndef ADIEU_COUNTS_H
#define ADIEU_COUNTS_H

#include <stdbool.h>

/* From a begin to an end; what several turns make adds up. */
__attribute__((weak)) void counts_begin(void);
__attribute__((weak)) void counts_end(void);
/* Prints it as a line of JSON and begins anew. */
__attribute__((weak)) void counts_report(const char *operation, const char *side, unsigned times);

#endif
