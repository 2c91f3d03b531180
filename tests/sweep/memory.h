/* SPDX-License-Identifier: MIT */
/*
 * All memory that is asked for, by our own objects (the linker sends their calls here, by --wrap) and by OpenSSL
 * (CRYPTO_set_mem_functions), counted, and refused at will.
 */
#ifndef ADIEU_TESTS_SWEEP_MEMORY_H
#define ADIEU_TESTS_SWEEP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* First of all, before OpenSSL has any memory. False: too late. */
bool memory_begin(void);
/* Asked at each allocation, of our objects or of OpenSSL; true: there is none. NULL: there is enough. */
void memory_ask(bool (*refuses)(bool ours));
/* Blocks that are allocated now, by our objects and by OpenSSL. */
size_t memory_blocks(void);
size_t memory_engine_blocks(void);
/* Where OpenSSL's newest blocks were asked for. */
void memory_newest(char *text, size_t size, size_t count);

#endif
