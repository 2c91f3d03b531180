/* SPDX-License-Identifier: MIT */
#include "edits.h"

#include <string.h>

size_t edit_place(struct input *input, size_t size)
{
    unsigned number = input_number(input);
    size_t from = (number & 0x7fffu) % (size + 1);
    return number & 0x8000u ? size - from : from;
}

static void bend(struct bytes *bytes, struct input *input)
{
    size_t at = edit_place(input, bytes->size);
    uint8_t value = input_byte(input);
    if (at < bytes->size)
        bytes->at[at] = value;
}

static void cut(struct bytes *bytes, struct input *input)
{
    size_t at = edit_place(input, bytes->size), n = input_byte(input);
    n = n < bytes->size - at ? n : bytes->size - at;
    memmove(bytes->at + at, bytes->at + at + n, bytes->size - at - n);
    bytes->size -= n;
}

static void insert(struct bytes *bytes, struct input *input)
{
    size_t at = edit_place(input, bytes->size);
    struct some some = input_some(input);
    bytes_extend(bytes, some.size);
    memmove(bytes->at + at + some.size, bytes->at + at, bytes->size - some.size - at);
    memcpy(bytes->at + at, some.at, some.size);
}

void edit_bytes(struct bytes *bytes, struct input *input)
{
    static void (*const edits[])(struct bytes *, struct input *) = {bend, cut, insert};
    bytes_extend(bytes, 0);
    edits[input_below(input, 3)](bytes, input);
}
