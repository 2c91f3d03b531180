/* SPDX-License-Identifier: MIT */
/* One change of a row of bytes, as the input says: a byte bent, some cut out, some put in. */
#ifndef ADIEU_TESTS_FUZZ_EDITS_H
#define ADIEU_TESTS_FUZZ_EDITS_H

#include "../peer/bytes.h"
#include "fuzz.h"

void edit_bytes(struct bytes *bytes, struct input *input);
/* A place among size bytes, or behind them, counted from the front or from behind. */
size_t edit_place(struct input *input, size_t size);

#endif
