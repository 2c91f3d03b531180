/* SPDX-License-Identifier: MIT */
/* The config: a reference count, a freeze, and what the core itself needs of it. The rest is the engine's. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "stream.h"

#define DEFAULT_QUEUE_RECORDS 8
#define MOST_QUEUE_RECORDS 1024

struct adieu_config {
    atomic_uint references;
    atomic_bool frozen;
    size_t queue_limit;
    struct engine_config *engine;
    struct adieu_error error;
    struct pool pool;
};

struct adieu_config *config_around(struct engine_config *engine)
{
    struct adieu_config *config = engine ? calloc(1, sizeof *config) : NULL;
    if (!config) {
        engine_config_free(engine);
        return NULL;
    }
    atomic_init(&config->references, 1);
    atomic_init(&config->frozen, false);
    config->queue_limit = DEFAULT_QUEUE_RECORDS * RECORD_SEALED;
    config->engine = engine;
    return config;
}

struct adieu_config *adieu_config_new(void)
{
    return config_around(engine_config_new());
}

struct adieu_config *adieu_config_ref(struct adieu_config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

void adieu_config_free(struct adieu_config *config)
{
    if (!config || atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) != 1)
        return;
    pool_clear(&config->pool);
    engine_config_free(config->engine);
    free(config);
}

const struct adieu_error *adieu_config_error(const struct adieu_config *config)
{
    static const struct adieu_error frozen = {
        .code = ADIEU_ERR_FROZEN, .text = "the config is in use by a stream and cannot be changed; make a new one"};
    return atomic_load(&config->frozen) ? &frozen : &config->error;
}

bool config_may_change(struct adieu_config *config)
{
    if (atomic_load(&config->frozen))
        return false;
    config->error = (struct adieu_error){.code = ADIEU_ERR_NONE};
    return true;
}

enum adieu_status config_fail(struct adieu_config *config, enum adieu_error_code code, int os_error, const char *format,
                              ...)
{
    char what[ADIEU_ERROR_TEXT] = "";
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(what, sizeof what, format, arguments);
        va_end(arguments);
    }
    error_set(&config->error, code, os_error, format ? "%s" : NULL, what);
    return ADIEU_FAIL;
}

struct engine_config *config_engine(const struct adieu_config *config)
{
    return config->engine;
}

enum adieu_status adieu_config_queue_limit(struct adieu_config *config, unsigned records)
{
    if (!config_may_change(config))
        return ADIEU_FAIL;
    if (records < 1 || records > MOST_QUEUE_RECORDS)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "a queue limit is 1 to %d records", MOST_QUEUE_RECORDS);
    config->queue_limit = records * RECORD_SEALED;
    return ADIEU_OK;
}

struct pool *config_pool(struct adieu_config *config)
{
    return &config->pool;
}

size_t config_queue_limit(const struct adieu_config *config)
{
    return config->queue_limit;
}

void config_freeze(struct adieu_config *config)
{
    atomic_store(&config->frozen, true);
}
