/* SPDX-License-Identifier: MIT */
/*
 * New keys in mid-stream, TLS 1.3 (RFC 9846 4.7.3): on request, and by itself before too much has been sealed under
 * one key (5.5), which OpenSSL does not look after.
 */
#include "openssl.h"

/* 5.5 bounds AES-GCM at 2^24.5 records of full size. */
#define MOST_RECORDS ((uint64_t)1 << 24)

enum adieu_status adieu_config_key_limit(struct adieu_config *config, uint64_t records)
{
    if (!config_may_change(config))
        return ADIEU_FAIL;
    if (records < 1 || records > MOST_RECORDS)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "a key limit is 1 to %lu records",
                           (unsigned long)MOST_RECORDS);
    config_engine(config)->key_limit = records;
    return ADIEU_OK;
}

void keys_saw_record(struct engine *engine)
{
    engine->keys.records++;
}

void keys_saw(struct engine *engine, bool sent, uint8_t kind)
{
    struct keys *keys = &engine->keys;
    if (!sent && kind == SSL3_MT_KEY_UPDATE)
        keys->asked = false;
    if (sent && (kind == SSL3_MT_KEY_UPDATE || kind == SSL3_MT_FINISHED)) { /* what follows is under the next key */
        keys->records = 0;
        keys->updated = true;
    }
}

bool engine_has_key_update(const struct engine *engine)
{
    return SSL_version(engine->ssl) == TLS1_3_VERSION;
}

/* Nothing is read for it, so the peer has no part in what goes wrong. */
static enum engine_verdict update(struct engine *engine, bool asks, struct adieu_error *error)
{
    engine->keys.updated = false;
    bool made = SSL_key_update(engine->ssl, asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
                SSL_do_handshake(engine->ssl) == 1;
    return made && engine->keys.updated ? engine_can(engine) : engine_cannot(engine, error, "make a KeyUpdate");
}

enum engine_verdict keys_answer(struct engine *engine, struct adieu_error *error)
{
    bool owed = SSL_get_key_update_type(engine->ssl) != SSL_KEY_UPDATE_NONE;
    return owed ? update(engine, false, error) : ENGINE_DONE;
}

enum engine_verdict engine_key_update(struct engine *engine, bool ask_peer, struct adieu_error *error)
{
    engine_begin(engine);
    if (SSL_in_init(engine->ssl)) /* half of a message came */
        return ENGINE_WAIT;
    /* 4.7.3: nobody asks again before the peer's next KeyUpdate. That one answers both. */
    bool asks = ask_peer && !engine->keys.asked;
    enum engine_verdict verdict = update(engine, asks, error);
    engine->keys.asked |= asks && verdict == ENGINE_DONE;
    return verdict;
}

enum engine_verdict keys_before_write(struct engine *engine, struct adieu_error *error)
{
    uint64_t limit = engine->config->key_limit ? engine->config->key_limit : MOST_RECORDS;
    bool due = engine->keys.records >= limit && engine_has_key_update(engine) && !SSL_in_init(engine->ssl);
    return due ? update(engine, false, error) : ENGINE_DONE;
}
