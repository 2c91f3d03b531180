/* SPDX-License-Identifier: MIT */
#include "queue.h"

#include <string.h>

static size_t block_room(const struct block *block)
{
    return block ? block->size - block->end : 0;
}

static void block_append(struct block *block, const uint8_t *bytes, size_t size)
{
    memcpy(block->bytes + block->end, bytes, size);
    block->end += size;
}

bool queue_put(struct queue *queue, struct pool *pool, const void *bytes, size_t size, size_t expected)
{
    const uint8_t *from = bytes;
    size_t fits = block_room(queue->tail);
    if (fits > size)
        fits = size;
    struct block *more = NULL;
    if (fits < size) {
        /* A second block means that much is on its way: take a large one, and send it in one piece. */
        size_t need = size - fits + expected;
        if (queue->tail && need < BLOCK_LARGE)
            need = BLOCK_LARGE;
        else if (need > BLOCK_LARGE && size - fits <= BLOCK_LARGE)
            need = BLOCK_LARGE;
        more = block_take(pool, need);
        if (!more)
            return false;
    }
    if (fits)
        block_append(queue->tail, from, fits);
    if (more) {
        block_append(more, from + fits, size - fits);
        if (queue->tail)
            queue->tail->next = more;
        else
            queue->head = more;
        queue->tail = more;
    }
    queue->length += size;
    queue->put += size;
    return true;
}

size_t queue_show(struct queue *queue, const uint8_t **at)
{
    if (queue->pinned || !queue->head)
        return 0;
    size_t size = queue->shown ? queue->shown : queue->head->end - queue->head->start;
    if (at) {
        *at = queue->head->bytes + queue->head->start;
        queue->shown = size;
    }
    return size;
}

void queue_done(struct queue *queue, struct pool *pool, size_t n)
{
    if (n > queue->shown)
        n = queue->shown;
    queue->shown = 0;
    queue->left += n;
    if (queue->pinned) {
        queue_release(queue, pool);
        return;
    }
    struct block *head = queue->head;
    if (!head)
        return;
    head->start += n;
    queue->length -= n;
    if (head->start < head->end)
        return;
    queue->head = head->next;
    if (!queue->head)
        queue->tail = NULL;
    block_give(pool, head);
}

void queue_drop(struct queue *queue, struct pool *pool)
{
    struct block *block = queue->head;
    if (queue->shown && block && !queue->pinned) {
        queue->pinned = block;
        block = block->next;
    }
    while (block) {
        struct block *next = block->next;
        block_give(pool, block);
        block = next;
    }
    queue->head = queue->tail = NULL;
    queue->length = 0;
}

void queue_release(struct queue *queue, struct pool *pool)
{
    block_give(pool, queue->pinned);
    queue->pinned = NULL;
    queue->shown = 0;
}
