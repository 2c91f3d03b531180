/* SPDX-License-Identifier: MIT */
/* What holds of every ending, and from one ending to the next. */
#ifndef ADIEU_TESTS_FUZZ_ENDING_H
#define ADIEU_TESTS_FUZZ_ENDING_H

#include <adieu.h>

#include "fuzz.h"

void ending_check(const struct adieu_ending *ending);
void ending_follows(const struct adieu_ending *was, const struct adieu_ending *is);

#endif
