/* SPDX-License-Identifier: MIT */
#include "pieces.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* All of them may be more than a number can say: the same bytes may lie in many. */
size_t pieces_size(const struct pieces *pieces, size_t most)
{
    size_t size = 0;
    for (size_t i = 0; i < pieces->count && size < most; i++)
        size += least(pieces->next[i].size, most - size);
    return size;
}

/* The next piece that has something left. */
static void pass_empty(struct pieces *pieces)
{
    while (pieces->count && pieces->at == pieces->next->size) {
        pieces->next++;
        pieces->count--;
        pieces->at = 0;
    }
}

const uint8_t *pieces_together(struct pieces *pieces, size_t n)
{
    pass_empty(pieces);
    if (!pieces->count || pieces->next->size - pieces->at < n)
        return NULL;
    return (const uint8_t *)pieces->next->bytes + pieces->at;
}

void pieces_pass(struct pieces *pieces, size_t n)
{
    while (n) {
        pass_empty(pieces);
        size_t step = least(n, pieces->next->size - pieces->at);
        pieces->at += step;
        n -= step;
    }
}

void pieces_copy(const struct pieces *pieces, uint8_t *to, size_t n)
{
    struct pieces from = *pieces;
    while (n) {
        pass_empty(&from);
        size_t step = least(n, from.next->size - from.at);
        memcpy(to, (const uint8_t *)from.next->bytes + from.at, step);
        from.at += step;
        to += step;
        n -= step;
    }
}
