/* SPDX-License-Identifier: MIT */
/* The application's callbacks, called from OpenSSL's. While one runs, the stream's verbs are misuse. */
#include <errno.h>

#include "openssl.h"

bool engine_call_out(struct engine *engine)
{
    engine_look_for_shortage(engine);
    return stream_enter_callback(engine->stream);
}

void engine_call_back(struct engine *engine, bool before)
{
    stream_leave_callback(engine->stream, before);
    errno = 0;
}

/* ------------------------------------------------ key log and verification */

void engine_key_made(const SSL *ssl, const char *line)
{
    struct engine *engine = engine_of(ssl);
    const struct engine_config *config = engine_shown(engine);
    refusal_note_key(engine, line);
    if (!config->on_key)
        return;
    bool before = engine_call_out(engine);
    config->on_key(config->on_key_context, line);
    engine_call_back(engine, before);
}

enum adieu_status adieu_config_insecure_on_key(struct adieu_config *config,
                                               void (*function)(void *context, const char *line), void *context)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    struct engine_config *engine = config_engine(config);
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
