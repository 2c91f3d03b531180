/* SPDX-License-Identifier: MIT */
/* What every target has: an input that is taken piece by piece, claims, and a world in which nothing happens by chance. */
#ifndef ADIEU_TESTS_FUZZ_H
#define ADIEU_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The target: libFuzzer calls it, or replay.c with each file of a corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops the program, so that the input is kept, unless it holds. */
void claim(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ------------------------------------------------ the input: behind its end everything is 0 and empty */

struct input {
    const uint8_t *at;
    size_t left;
};
struct some {
    const uint8_t *at;
    size_t size;
};
uint8_t input_byte(struct input *input);
/* Two bytes. */
unsigned input_number(struct input *input);
/* 0 to below - 1, of one byte. */
size_t input_below(struct input *input, size_t below);
/* A byte that is its length, and so many. */
struct some input_some(struct input *input);
/* A number of two bytes that is its length, and so many. */
struct some input_many(struct input *input);
/* The same with a NUL behind it, and none within. The caller frees it. */
char *input_text(struct input *input);

/* ------------------------------------------------ the world */

/*
 * From here on OpenSSL's random numbers are the same as behind every other call, so that an input does the same each time. The
 * time never changes: time() is steady.c's.
 */
void steady_begin(void);
#define STEADY_TIME 1700000000L

#endif
