/* SPDX-License-Identifier: MIT */
#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *bytes_extend(struct bytes *bytes, size_t size)
{
    if (!bytes->at || bytes->room - bytes->size < size) {
        bytes->room = 2 * bytes->room + size + 16;
        bytes->at = realloc(bytes->at, bytes->room);
        if (!bytes->at)
            abort();
    }
    bytes->size += size;
    return bytes->at + bytes->size - size;
}

void bytes_add(struct bytes *bytes, const void *more, size_t size)
{
    uint8_t *at = bytes_extend(bytes, size);
    if (size)
        memcpy(at, more, size);
}

void bytes_add_number(struct bytes *bytes, uint64_t value, size_t size)
{
    uint8_t *at = bytes_extend(bytes, size);
    for (size_t i = 0; i < size; i++)
        at[size - 1 - i] = (uint8_t)(value >> 8 * i);
}

void bytes_drop(struct bytes *bytes, size_t n)
{
    if (n)
        memmove(bytes->at, bytes->at + n, bytes->size - n);
    bytes->size -= n;
}

void bytes_clear(struct bytes *bytes)
{
    bytes->size = 0;
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->at);
    *bytes = (struct bytes){0};
}

/* 251 is a prime, so that no shift by a record or a block looks like none. */
uint8_t pattern(uint64_t at)
{
    return (uint8_t)(at % 251);
}

static bool is_text(const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((at[i] < ' ' || at[i] > '~') && at[i] != '\n' && at[i] != '\r')
            return false;
    return true;
}

char *bytes_show(const uint8_t *at, size_t n, char *text, size_t size)
{
    size_t used = 0, shown = 0;
    bool plain = is_text(at, n);
    text[0] = '\0';
    for (; shown < n && used + 8 < size; shown++) {
        const char *format = !plain ? "%02x" : at[shown] == '\n' ? "\\n" : at[shown] == '\r' ? "\\r" : "%c";
        used += (size_t)snprintf(text + used, size - used, format, at[shown]);
    }
    if (shown < n)
        snprintf(text + used, size - used, "...");
    return text;
}
