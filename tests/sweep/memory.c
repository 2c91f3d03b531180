/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static _Atomic size_t blocks; /* a resolver's thread has some, too */
static size_t engine_blocks;
static _Thread_local bool asked; /* but it is left alone */
static bool (*refuses)(bool ours);

void memory_ask(bool (*question)(bool ours))
{
    refuses = question;
    asked = true;
}

size_t memory_blocks(void)
{
    return blocks;
}

static bool refused(bool ours)
{
    if (!refuses || !asked || !refuses(ours))
        return false;
    errno = ENOMEM; /* as malloc() says it */
    return true;
}

static void *counted(void *block)
{
    blocks += block != NULL;
    return block;
}

/* ------------------------------------------------ our own objects */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);

void *__wrap_malloc(size_t size)
{
    return refused(true) ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused(true) ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (refused(true))
        return NULL;
    void *moved = __real_realloc(block, size);
    return block ? moved : counted(moved);
}

char *__wrap_strdup(const char *text)
{
    return refused(true) ? NULL : counted(__real_strdup(text));
}

void __wrap_free(void *block)
{
    blocks -= block != NULL;
    __real_free(block);
}

/* ------------------------------------------------ OpenSSL: each block knows where it was asked for */

struct mine {
    const char *file;
    int line;
    struct mine *next, *before;
};

static struct mine newest = {.next = &newest, .before = &newest};

static void *enlisted(struct mine *block, const char *file, int line)
{
    if (!block)
        return NULL;
    *block = (struct mine){.file = file, .line = line, .next = newest.next, .before = &newest};
    block->next->before = newest.next = block;
    engine_blocks++;
    return block + 1;
}

static struct mine *delisted(void *bytes)
{
    struct mine *block = (struct mine *)bytes - 1;
    block->next->before = block->before;
    block->before->next = block->next;
    engine_blocks--;
    return block;
}

static void *engine_malloc(size_t size, const char *file, int line)
{
    return refused(false) ? NULL : enlisted(__real_malloc(sizeof(struct mine) + size), file, line);
}

static void engine_free(void *bytes, const char *file, int line)
{
    (void)file, (void)line;
    if (bytes)
        __real_free(delisted(bytes));
}

/* A size of 0 frees, by OpenSSL's rule. */
static void *engine_realloc(void *bytes, size_t size, const char *file, int line)
{
    if (!bytes)
        return engine_malloc(size, file, line);
    if (!size)
        engine_free(bytes, file, line);
    if (!size || refused(false))
        return NULL;
    struct mine *moved = __real_realloc(delisted(bytes), sizeof(struct mine) + size);
    return enlisted(moved, file, line);
}

bool memory_begin(void)
{
    return CRYPTO_set_mem_functions(engine_malloc, engine_realloc, engine_free);
}

size_t memory_engine_blocks(void)
{
    return engine_blocks;
}

void memory_newest(char *text, size_t size, size_t count)
{
    size_t used = 0;
    text[0] = 0;
    for (const struct mine *block = newest.next; block != &newest && count-- > 0 && used < size; block = block->next)
        used += (size_t)snprintf(text + used, size - used, " %s:%d", block->file, block->line);
}
