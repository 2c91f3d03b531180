/* SPDX-License-Identifier: MIT */
/*
 * Clients' sessions, kept by the server's name. One cache may serve several configs (adieu_config_carry), whose
 * streams are several threads': everything in it is touched under its lock, and sessions go in and out as copies,
 * since OpenSSL writes to those that its streams hold.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "openssl.h"

enum {
    MOST_SESSIONS = 4096,
    MOST_OF_ONE_NAME = 4, /* a server whose tickets nobody takes up must not push out all the others */
};

struct kept {
    struct kept *next; /* older */
    SSL_SESSION *session;
    uint64_t number; /* of the session itself */
    uint64_t origin; /* of the stream that it came to */
    uint8_t scope[32];
    char name[];
};

struct cache {
    atomic_uint references;
    CRYPTO_RWLOCK *lock;
    unsigned limit, count;
    uint64_t last_number;
    struct kept *newest;
};

/* ------------------------------------------------ life */

static struct cache *cache_new(unsigned limit)
{
    struct cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    atomic_init(&cache->references, 1);
    cache->limit = limit;
    cache->lock = CRYPTO_THREAD_lock_new();
    if (cache->lock)
        return cache;
    free(cache);
    return NULL;
}

/* OpenSSL wipes a session that it frees. */
static void kept_free(struct kept *kept)
{
    if (kept)
        SSL_SESSION_free(kept->session);
    free(kept);
}

/* Takes what this link points at out of the list. */
static struct kept *unlink_at(struct cache *cache, struct kept **link)
{
    struct kept *kept = *link;
    *link = kept->next;
    cache->count--;
    return kept;
}

struct cache *cache_ref(struct cache *cache)
{
    atomic_fetch_add_explicit(&cache->references, 1, memory_order_relaxed);
    return cache;
}

void cache_free(struct cache *cache)
{
    if (!cache || atomic_fetch_sub_explicit(&cache->references, 1, memory_order_acq_rel) != 1)
        return;
    while (cache->newest)
        kept_free(unlink_at(cache, &cache->newest));
    CRYPTO_THREAD_lock_free(cache->lock);
    free(cache);
}

/* ------------------------------------------------ keeping */

/* The cache for which this client's sessions are, locked; NULL: none. */
static struct cache *locked_cache(const struct engine *engine)
{
    struct cache *cache = engine->server || !engine->name ? NULL : engine->config->cache;
    return cache && CRYPTO_THREAD_write_lock(cache->lock) ? cache : NULL;
}

static bool is_like(const struct kept *kept, const char *name, const uint8_t scope[32])
{
    return !strcasecmp(kept->name, name) && !memcmp(kept->scope, scope, sizeof kept->scope);
}

/* NULL: no memory. */
static struct kept *kept_new(const struct engine *engine, const SSL_SESSION *session)
{
    size_t size = strlen(engine->name) + 1;
    struct kept *kept = calloc(1, sizeof *kept + size);
    if (!kept)
        return NULL;
    memcpy(kept->name, engine->name, size);
    kept->session = SSL_SESSION_dup(session);
    if (kept->session && session_scope(engine->config, kept->scope))
        return kept;
    kept_free(kept);
    return NULL;
}

/* What is too much: the oldest of the name, or the oldest of all. */
static void evict(struct cache *cache, const struct kept *added)
{
    struct kept **oldest = NULL, **last = NULL;
    unsigned alike = 0;
    for (struct kept **link = &cache->newest; *link; link = &(*link)->next) {
        last = link;
        if (is_like(*link, added->name, added->scope)) {
            alike++;
            oldest = link;
        }
    }
    if (alike > MOST_OF_ONE_NAME)
        kept_free(unlink_at(cache, oldest));
    else if (cache->count > cache->limit)
        kept_free(unlink_at(cache, last));
}

/* Without memory it is not kept, and the stream goes on. */
void cache_keep(struct engine *engine, const SSL_SESSION *session)
{
    ERR_set_mark();
    bool wanted = engine->config->cache && engine->name && SSL_SESSION_is_resumable(session);
    struct kept *kept = wanted ? kept_new(engine, session) : NULL;
    ERR_pop_to_mark();
    struct cache *cache = kept ? locked_cache(engine) : NULL;
    if (!cache) {
        kept_free(kept);
        return;
    }
    kept->number = ++cache->last_number;
    if (!engine->cached)
        engine->cached = kept->number;
    kept->origin = engine->cached;
    kept->next = cache->newest;
    cache->newest = kept;
    cache->count++;
    evict(cache, kept);
    CRYPTO_THREAD_unlock(cache->lock);
}

/* ------------------------------------------------ lending */

/*
 * A copy of the newest session that is kept for this. A ticket of TLS 1.3 is given away for good: used twice it would
 * tell whoever watches that the two connections are one client's (RFC 9846 appendix C.4).
 */
static SSL_SESSION *take(struct cache *cache, struct engine *engine, const uint8_t scope[32])
{
    struct kept **link = &cache->newest;
    while (*link && !is_like(*link, engine->name, scope))
        link = &(*link)->next;
    if (!*link)
        return NULL;
    if (SSL_SESSION_get_protocol_version((*link)->session) != TLS1_3_VERSION) {
        engine->resumed = (*link)->number;
        return SSL_SESSION_dup((*link)->session);
    }
    struct kept *taken = unlink_at(cache, link);
    SSL_SESSION *session = taken->session;
    taken->session = NULL;
    kept_free(taken);
    return session;
}

/* Without memory nothing is resumed. */
void cache_lend(struct engine *engine)
{
    uint8_t scope[32];
    struct cache *cache = SSL_get_session(engine->ssl) ? NULL : locked_cache(engine);
    if (!cache)
        return;
    SSL_SESSION *session = session_scope(engine->config, scope) ? take(cache, engine, scope) : NULL;
    CRYPTO_THREAD_unlock(cache->lock);
    if (session && session_is_good(engine, session))
        SSL_set_session(engine->ssl, session);
    SSL_SESSION_free(session);
    ERR_clear_error();
}

void cache_drop(struct engine *engine)
{
    struct cache *cache = engine->cached || engine->resumed ? locked_cache(engine) : NULL;
    if (!cache)
        return;
    for (struct kept **link = &cache->newest; *link;) {
        bool gone = (*link)->origin == engine->cached || (*link)->number == engine->resumed;
        if (gone)
            kept_free(unlink_at(cache, link));
        else
            link = &(*link)->next;
    }
    CRYPTO_THREAD_unlock(cache->lock);
}

/* ------------------------------------------------ the setter */

enum adieu_status adieu_config_session_cache(struct adieu_config *config, unsigned sessions)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    if (sessions > MOST_SESSIONS)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "at most %d sessions", MOST_SESSIONS);
    struct engine_config *engine = config_engine(config);
    struct cache *cache = sessions ? cache_new(sessions) : NULL;
    if (sessions && !cache)
        return config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    cache_free(engine->cache);
    engine->cache = cache;
    sessions_want(engine);
    return ADIEU_OK;
}
