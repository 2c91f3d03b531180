/* SPDX-License-Identifier: MIT */
/* What is to be written, in pieces that lie apart: records go across their borders. */
#ifndef ADIEU_CORE_PIECES_H
#define ADIEU_CORE_PIECES_H

#include "adieu.h"

struct pieces {
    const struct adieu_piece *next;
    size_t count; /* from next on */
    size_t at;    /* so much of next is behind us */
};

/* How many bytes they are, if not more than most. */
size_t pieces_size(const struct pieces *pieces, size_t most);
/* The next n bytes, if they lie in one piece; else NULL. There are as many. */
const uint8_t *pieces_together(struct pieces *pieces, size_t n);
/* Copies the next n bytes. */
void pieces_copy(const struct pieces *pieces, uint8_t *to, size_t n);
/* Goes on behind the next n bytes. */
void pieces_pass(struct pieces *pieces, size_t n);

#endif
