/* SPDX-License-Identifier: MIT */
/* The application's callbacks, called from OpenSSL's. While one runs, the stream's verbs are misuse. */
#include <errno.h>

#include "openssl.h"

/* What the application's code leaves in the error queue would look like an error of the call that it runs in. */
void engine_step_out(struct engine *engine)
{
    if (engine)
        engine_look_for_shortage(engine);
    (void)ERR_set_mark();
}

void engine_step_in(void)
{
    (void)ERR_pop_to_mark();
    errno = 0;
}

/* ------------------------------------------------ key log and verification */

/* Each line of the key log. */
static void key_made(const SSL *ssl, const char *line)
{
    struct engine *engine = engine_of(ssl);
    const struct engine_config *config = engine_shown(engine);
    refusal_note_key(engine, line);
    if (!config->on_key)
        return;
    bool before = stream_enter_callback(engine->stream);
    config->on_key(config->on_key_context, line);
    stream_leave_callback(engine->stream, before);
}

bool engine_want_keys(struct engine_config *config)
{
    if (config->adopted)
        return true;
    if (!CRYPTO_THREAD_write_lock(config->roots_lock))
        return false;
    if (!config->tells_keys)
        SSL_CTX_set_keylog_callback(config->context, key_made);
    config->tells_keys = true;
    CRYPTO_THREAD_unlock(config->roots_lock);
    return true;
}

enum adieu_status adieu_config_insecure_on_key(struct adieu_config *config,
                                               void (*function)(void *context, const char *line), void *context)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    struct engine_config *engine = config_engine(config);
    if (!engine_want_keys(engine))
        return config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    engine->on_key = function;
    engine->on_key_context = context;
    return ADIEU_OK;
}

enum adieu_status adieu_config_insecure_on_verify(
    struct adieu_config *config,
    enum adieu_decision (*function)(void *context, const struct adieu_stream *stream, bool verified,
                                    const char *problem, const uint8_t *leaf, size_t leaf_size),
    void *context)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    config_engine(config)->on_verify = function;
    config_engine(config)->on_verify_context = context;
    return ADIEU_OK;
}
