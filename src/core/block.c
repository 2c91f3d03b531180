/* SPDX-License-Identifier: MIT */
#include "block.h"

#include <stdlib.h>

static struct block *slot_take(_Atomic(struct block *) *slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct block *block = atomic_load_explicit(&slots[i], memory_order_relaxed);
        if (block)
            block = atomic_exchange(&slots[i], NULL);
        if (block)
            return block;
    }
    return NULL;
}

static struct block *slot_fill(_Atomic(struct block *) *slots, size_t count, struct block *block)
{
    for (size_t i = 0; i < count && block; i++) {
        struct block *empty = NULL;
        if (atomic_compare_exchange_strong(&slots[i], &empty, block))
            block = NULL;
    }
    return block;
}

struct block *block_take(struct pool *pool, size_t need)
{
    size_t size = need <= BLOCK_SMALL ? BLOCK_SMALL : need <= BLOCK_LARGE ? BLOCK_LARGE : need;
    struct block *block = NULL;
    if (size == BLOCK_SMALL)
        block = slot_take(pool->small, POOL_SMALL);
    else if (size == BLOCK_LARGE)
        block = slot_take(pool->large, POOL_LARGE);
    if (!block)
        block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    *block = (struct block){.size = size};
    return block;
}

void block_give(struct pool *pool, struct block *block)
{
    if (!block)
        return;
    if (block->size == BLOCK_SMALL)
        block = slot_fill(pool->small, POOL_SMALL, block);
    else if (block->size == BLOCK_LARGE)
        block = slot_fill(pool->large, POOL_LARGE, block);
    free(block);
}

void pool_clear(struct pool *pool)
{
    for (size_t i = 0; i < POOL_SMALL; i++)
        free(atomic_exchange(&pool->small[i], NULL));
    for (size_t i = 0; i < POOL_LARGE; i++)
        free(atomic_exchange(&pool->large[i], NULL));
}
