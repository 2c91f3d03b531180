/* SPDX-License-Identifier: MIT */
/*
 * Blocks of bytes, in two sizes, and a small pool of them that the streams of one config share: an idle stream holds
 * no block, and a busy one does not ask malloc at every turn. Blocks hold ciphertext only.
 */
#ifndef ADIEU_CORE_BLOCK_H
#define ADIEU_CORE_BLOCK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A record with all that TLS 1.2 or 1.3 may add to 16,384 bytes is at most 18,437 bytes: a small block holds one
 * whole.
 */
#define BLOCK_SMALL ((size_t)20480)
/* Eight records as they are sealed: batches of 128 KiB were measured best. */
#define BLOCK_LARGE ((size_t)(8 * 16640))

struct block {
    struct block *next;
    size_t size;       /* how many bytes it can hold */
    size_t start, end; /* the bytes that it does hold */
    uint8_t bytes[];
};

/* Slots are taken and filled by atomic exchange, so that no lock is needed and no slot can be given twice. */
enum { POOL_SMALL = 4, POOL_LARGE = 2 };
struct pool {
    _Atomic(struct block *) small[POOL_SMALL];
    _Atomic(struct block *) large[POOL_LARGE];
};

/* An empty block for at least need bytes. NULL: no memory. */
struct block *block_take(struct pool *pool, size_t need);
/* Gives it back; NULL is allowed. */
void block_give(struct pool *pool, struct block *block);
/* Frees what the pool holds. */
void pool_clear(struct pool *pool);

#endif
