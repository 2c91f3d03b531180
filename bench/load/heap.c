/* SPDX-License-Identifier: MIT */
/*
 * With LD_PRELOAD: counts what a program has allocated, as the bytes that it asked for, so that two programs can be
 * compared whatever the allocator rounds up to. The counts lie in the file that HEAP_FILE names, where another
 * process can read them at any time:
 *
 *   uint64_t bytes now, pieces now, most bytes so far, allocations so far
 *
 * Before each piece stand 16 bytes that say how large it is. What is behind is glibc's own allocator under its other
 * names, so nothing has to be looked up: the first call may come as early as it likes.
 */
#define _GNU_SOURCE /* what is replaced: pvalloc and reallocarray */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t number, size_t size);
void *__libc_realloc(void *piece, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *piece);

struct counts {
    atomic_uint_least64_t bytes, pieces, most, allocations;
};

static struct counts own;
static struct counts *counts = &own;

/* Right before the piece. */
struct header {
    uint64_t size;
    uint32_t offset; /* from what glibc gave */
    uint32_t mark;   /* ours: a piece that the dynamic linker made before us bears none */
};

enum { MARK = 0x68656170 };

__attribute__((constructor)) static void share_counts(void)
{
    const char *name = getenv("HEAP_FILE");
    int file = name ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0)
        return;
    struct counts *shared = MAP_FAILED;
    if (ftruncate(file, sizeof *shared) == 0)
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared == MAP_FAILED)
        return;
    memcpy(shared, &own, sizeof own);
    counts = shared;
}

static void raise_most(uint_least64_t bytes)
{
    uint_least64_t most = atomic_load_explicit(&counts->most, memory_order_relaxed);
    while (bytes > most && !atomic_compare_exchange_weak_explicit(&counts->most, &most, bytes, memory_order_relaxed,
                                                                  memory_order_relaxed))
        continue;
}

static void count(size_t size)
{
    raise_most(atomic_fetch_add_explicit(&counts->bytes, size, memory_order_relaxed) + size);
    atomic_fetch_add_explicit(&counts->pieces, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts->allocations, 1, memory_order_relaxed);
}

static void uncount(size_t size)
{
    atomic_fetch_sub_explicit(&counts->bytes, size, memory_order_relaxed);
    atomic_fetch_sub_explicit(&counts->pieces, 1, memory_order_relaxed);
}

static struct header *header_of(void *piece)
{
    struct header *header = (struct header *)piece - 1;
    return header->mark == MARK ? header : NULL;
}

/* block is what glibc gave, offset and size bytes large. */
static void *mark(char *block, size_t offset, size_t size)
{
    if (!block)
        return NULL;
    struct header *header = (struct header *)(block + offset) - 1;
    *header = (struct header){size, (uint32_t)offset, MARK};
    count(size);
    return block + offset;
}

static bool too_large(size_t offset, size_t size)
{
    if (size <= PTRDIFF_MAX - offset)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    size_t offset = sizeof(struct header);
    return too_large(offset, size) ? NULL : mark(__libc_malloc(offset + size), offset, size);
}

void free(void *piece)
{
    struct header *header = piece ? header_of(piece) : NULL;
    if (!header) {
        __libc_free(piece);
        return;
    }
    uncount(header->size);
    /* What is freed twice is then glibc's to find. */
    header->mark = 0;
    __libc_free((char *)piece - header->offset);
}

void *calloc(size_t number, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(number, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    /* glibc's own knows which pages are fresh, and does not touch them. */
    size_t offset = sizeof(struct header);
    return too_large(offset, all) ? NULL : mark(__libc_calloc(1, offset + all), offset, all);
}

/* To a new place, for what realloc() cannot be asked to move. */
static void *move(void *piece, size_t old_size, size_t size)
{
    void *moved = malloc(size);
    if (!moved)
        return NULL;
    memcpy(moved, piece, old_size < size ? old_size : size);
    free(piece);
    return moved;
}

void *realloc(void *piece, size_t size)
{
    if (!piece)
        return malloc(size);
    if (size == 0) {
        free(piece);
        return NULL;
    }
    struct header *header = header_of(piece);
    if (!header)
        return __libc_realloc(piece, size);
    if (too_large(sizeof *header, size))
        return NULL;
    size_t offset = header->offset, old_size = header->size;
    if (offset != sizeof *header)
        return move(piece, old_size, size);
    char *block = __libc_realloc(header, offset + size);
    if (!block)
        return NULL;
    uncount(old_size);
    return mark(block, offset, size);
}

void *reallocarray(void *piece, size_t number, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(number, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(piece, all);
}

/* alignment is a power of two. */
static void *aligned(size_t alignment, size_t size)
{
    size_t offset = alignment < sizeof(struct header) ? sizeof(struct header) : alignment;
    return too_large(offset, size) ? NULL : mark(__libc_memalign(offset, offset + size), offset, size);
}

static bool power_of_two(size_t number)
{
    return number && !(number & (number - 1));
}

int posix_memalign(void **piece, size_t alignment, size_t size)
{
    if (!power_of_two(alignment) || alignment % sizeof(void *))
        return EINVAL;
    int before = errno;
    void *got = aligned(alignment, size);
    errno = before;
    if (!got)
        return ENOMEM;
    *piece = got;
    return 0;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    if (power_of_two(alignment))
        return aligned(alignment, size);
    errno = EINVAL;
    return NULL;
}

void *memalign(size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}

void *valloc(size_t size)
{
    return aligned((size_t)sysconf(_SC_PAGESIZE), size);
}

void *pvalloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return too_large(page, size) ? NULL : aligned(page, (size + page - 1) / page * page);
}

size_t malloc_usable_size(void *piece)
{
    struct header *header = piece ? header_of(piece) : NULL;
    return header ? header->size : 0;
}
