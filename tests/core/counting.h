/* SPDX-License-Identifier: MIT */
/*
 * Counts what the code under test allocates, and lets an allocation fail. The linker sends the calls of our own objects
 * here (--wrap); the C library's and the sanitizers' own go where they always go.
 */
#ifndef ADIEU_TESTS_COUNTING_H
#define ADIEU_TESTS_COUNTING_H

#include <stdbool.h>
#include <stddef.h>

/* Blocks and bytes that are allocated now. */
size_t counting_blocks(void);
size_t counting_bytes(void);
/* How often memory was asked for since counting_fail. */
size_t counting_asked(void);
/* The nth request from now on (0: the next) fails; and, if for_ever, all after it. */
void counting_fail(size_t nth, bool for_ever);
/* None fails. */
void counting_relent(void);
/* Whether one has failed since counting_fail. */
bool counting_failed(void);

#endif
