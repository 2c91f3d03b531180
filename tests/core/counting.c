/* SPDX-License-Identifier: MIT */
#include "counting.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

static size_t blocks, bytes, asked, fail_at = SIZE_MAX;
static bool failing_for_ever, has_failed;

size_t counting_blocks(void)
{
    return blocks;
}

size_t counting_bytes(void)
{
    return bytes;
}

size_t counting_asked(void)
{
    return asked;
}

void counting_fail(size_t nth, bool for_ever)
{
    asked = 0;
    fail_at = nth;
    failing_for_ever = for_ever;
    has_failed = false;
}

void counting_relent(void)
{
    fail_at = SIZE_MAX;
}

bool counting_failed(void)
{
    return has_failed;
}

static bool refused(void)
{
    size_t now = asked++;
    bool refuse = now == fail_at || (failing_for_ever && now > fail_at);
    has_failed = has_failed || refuse;
    if (refuse)
        errno = ENOMEM;
    return refuse;
}

static void *counted(void *block)
{
    if (block) {
        blocks++;
        bytes += malloc_usable_size(block);
    }
    return block;
}

static void uncounted(void *block)
{
    if (block) {
        blocks--;
        bytes -= malloc_usable_size(block);
    }
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (refused())
        return NULL;
    uncounted(block);
    return counted(__real_realloc(block, size));
}

void __wrap_free(void *block)
{
    uncounted(block);
    __real_free(block);
}
