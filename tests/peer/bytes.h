/* SPDX-License-Identifier: MIT */
/* A growing row of bytes. Lack of memory ends the program: this is a test instrument. */
#ifndef ADIEU_TESTS_PEER_BYTES_H
#define ADIEU_TESTS_PEER_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *at;
    size_t size, room;
};

void bytes_add(struct bytes *bytes, const void *more, size_t size);
void bytes_add_number(struct bytes *bytes, uint64_t value, size_t size); /* big-endian, size bytes */
/* Room for size more, already counted in; returns where. With 0 there is a place, though for nothing. */
uint8_t *bytes_extend(struct bytes *bytes, size_t size);
/* Takes the first n away. */
void bytes_drop(struct bytes *bytes, size_t n);
void bytes_clear(struct bytes *bytes);
void bytes_free(struct bytes *bytes);

/* The byte at a place of the pattern that is sent where only the size matters. */
uint8_t pattern(uint64_t at);
/* Shows bytes for people: text where it is text, hexadecimal otherwise; cut to size. Returns text. */
char *bytes_show(const uint8_t *at, size_t n, char *text, size_t size);

#endif
