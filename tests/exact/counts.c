/* SPDX-License-Identifier: MIT */
/*
 * Counts allocations, bytes that are copied, and system calls, of every library of the process that asks for them by name. A copy
 * whose size the compiler knew is not seen; those of data are not of that kind.
 */
#define _GNU_SOURCE /* dladdr */
#include "counts_calls.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counts.h"

/* ------------------------------------------------ what is counted */

static const char *const call_names[CALLS] = {"send", "recv",       "read",      "write",
                                              "poll", "epoll_wait", "epoll_ctl", "other"};

static struct {
    uint64_t allocations, buffers, ours; /* of the allocations: as large as a record; adieu's own */
    uint64_t allocated, freed;           /* bytes that were asked for */
    uint64_t copied;
    uint64_t calls[CALLS];
} counted;

static bool counting;

void counts_call(enum call call)
{
    counted.calls[call] += counting;
}

void counts_begin(void)
{
    counting = true;
}

void counts_end(void)
{
    counting = false;
}

void counts_report(const char *operation, const char *side, unsigned times)
{
    printf("{\"operation\": \"%s\", \"side\": \"%s\", \"times\": %u, \"allocations\": %llu, \"buffers\": %llu, "
           "\"ours\": %llu, "
           "\"held\": %lld, \"copied\": %llu, \"calls\": {",
           operation, side, times, (unsigned long long)counted.allocations, (unsigned long long)counted.buffers,
           (unsigned long long)counted.ours, (long long)(counted.allocated - counted.freed),
           (unsigned long long)counted.copied);
    for (int i = 0; i < CALLS; i++)
        printf("%s\"%s\": %llu", i ? ", " : "", call_names[i], (unsigned long long)counted.calls[i]);
    printf("}}\n");
    memset(&counted, 0, sizeof counted);
}

/* ------------------------------------------------ allocations */

void *__libc_malloc(size_t size);
void __libc_free(void *block);
void *__libc_memalign(size_t alignment, size_t size);

/* Before each block lies how large it is, and where what the C library gave begins. */
struct header {
    uint64_t mark; /* or the block is from before our time */
    uint32_t offset, size;
};

enum { HEADER = sizeof(struct header), RECORD = 16384 };
#define MARK UINT64_C(0xad1e0ad1e0ad1e0a)

static bool is_ours(const void *caller)
{
    Dl_info info;
    if (!dladdr(caller, &info) || !info.dli_fname)
        return false;
    return strstr(info.dli_fname, "/libadieu") != NULL;
}

static void *allocate(size_t alignment, size_t size, const void *caller)
{
    if (alignment < HEADER)
        alignment = HEADER;
    uint8_t *raw = size > UINT32_MAX ? NULL : __libc_memalign(alignment, size + alignment);
    if (!raw)
        return NULL;
    struct header header = {.mark = MARK, .offset = (uint32_t)alignment, .size = (uint32_t)size};
    *(struct header *)(void *)(raw + alignment - HEADER) = header;
    if (counting) {
        counted.allocations++;
        counted.buffers += size >= RECORD;
        counted.allocated += size;
        counted.ours += is_ours(caller);
    }
    return raw + alignment;
}

static struct header *header_of(void *block)
{
    struct header *header = (struct header *)(void *)((uint8_t *)block - HEADER);
    return header->mark == MARK ? header : NULL;
}

void free(void *block)
{
    if (!block)
        return;
    struct header *header = header_of(block);
    if (!header) {
        __libc_free(block);
        return;
    }
    if (counting)
        counted.freed += header->size;
    header->mark = 0;
    __libc_free((uint8_t *)block - header->offset);
}

void *malloc(size_t size)
{
    return allocate(HEADER, size, __builtin_return_address(0));
}

void *calloc(size_t count, size_t size)
{
    size_t total = count * size; /* nobody here asks for more than there is */
    void *block = allocate(HEADER, total, __builtin_return_address(0));
    return block ? memset(block, 0, total) : NULL;
}

void *realloc(void *block, size_t size)
{
    void *grown = allocate(HEADER, size, __builtin_return_address(0));
    if (!grown || !block)
        return grown;
    const struct header *header = header_of(block);
    size_t old = header ? header->size : 0;
    memcpy(grown, block, old < size ? old : size);
    free(block);
    return grown;
}

/* ------------------------------------------------ copies */

/* What the C library's headers, asked to fortify, make of them. */
void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);
void *__memmove_chk(void *to, const void *from, size_t size, size_t room);

/* Volatile, or the compiler makes a call of memcpy() out of it. */
static void *copy(void *to, const void *from, size_t size)
{
    volatile uint8_t *at = to;
    const volatile uint8_t *what = from;
    bool backwards = (uintptr_t)to > (uintptr_t)from;
    for (size_t i = 0; i < size; i++)
        at[backwards ? size - 1 - i : i] = what[backwards ? size - 1 - i : i];
    if (counting)
        counted.copied += size;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    return copy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size)
{
    return copy(to, from, size);
}

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room)
{
    return size > room ? NULL : copy(to, from, size);
}

void *__memmove_chk(void *to, const void *from, size_t size, size_t room)
{
    return size > room ? NULL : copy(to, from, size);
}
