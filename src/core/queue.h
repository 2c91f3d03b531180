/* SPDX-License-Identifier: MIT */
/* The output queue: sealed bytes in order, shown to the transport one range at a time. */
#ifndef ADIEU_CORE_QUEUE_H
#define ADIEU_CORE_QUEUE_H

#include <stdbool.h>

#include "block.h"

struct queue {
    struct block *head, *tail;
    struct block *pinned; /* was dropped while a transport may still look at it */
    size_t length;        /* bytes that wait */
    size_t shown;         /* bytes of head (or pinned) that a transport looks at */
    uint64_t put;         /* bytes ever put */
    uint64_t left;        /* bytes ever handed over */
};

/*
 * Appends all of it, or nothing: false, no memory. expected: how much more will follow soon, to choose the block's
 * size.
 */
bool queue_put(struct queue *queue, struct pool *pool, const void *bytes, size_t size, size_t expected);
/* The first bytes, and how many; the same again until done. 0: nothing waits. at may be NULL. */
size_t queue_show(struct queue *queue, const uint8_t **at);
/* n of the shown bytes were handed over. */
void queue_done(struct queue *queue, struct pool *pool, size_t n);
/* Forgets what waits. What is shown stays in memory until queue_done or queue_release. */
void queue_drop(struct queue *queue, struct pool *pool);
/* Nobody looks any more. */
void queue_release(struct queue *queue, struct pool *pool);

#endif
