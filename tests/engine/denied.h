/* SPDX-License-Identifier: MIT */
/*
 * A call into OpenSSL fails, whatever for: the engine's own calls go through denied.c (the linker sends them there, by --wrap),
 * OpenSSL's calls of itself do not. What can be failed is in denials.def.
 */
#ifndef ADIEU_TESTS_DENIED_H
#define ADIEU_TESTS_DENIED_H

#include <stdbool.h>
#include <stddef.h>

/* What a failed call leaves in OpenSSL's error queue; library 0: nothing. */
struct left {
    int library, reason;
};

/* From here on the nth call (0: the first; SIZE_MAX: none) fails. */
void deny_call(size_t nth, struct left left);
/* While this is false calls are neither counted nor failed. */
void deny_here(bool here);
/* What they may leave: nothing, OpenSSL's own mistake, a lack of memory that errno does not tell, and system calls' errors, with errno. */
enum { REASONS = 5 };
extern const struct left reasons[REASONS];
/* No more. Returns the name of the call that failed, NULL: there were less. */
const char *allow_calls(void);

#endif
