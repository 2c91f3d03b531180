/* SPDX-License-Identifier: MIT */
/* Sessions to be resumed: told to the application, taken back from it, and good only where they still count. */
#include <limits.h>
#include <string.h>

#include "openssl.h"

enum { SCOPE = 32 };

/*
 * A session as bytes: the digest of whom the stream trusted and who it was, then OpenSSL's own. A session carries the
 * peer's certificate and how it was found, but not by which roots, nor ours.
 */
static uint8_t *session_bytes(const struct engine_config *config, const SSL_SESSION *session, size_t *size)
{
    uint8_t scope[SCOPE];
    bool whole = SSL_SESSION_is_resumable(session) && session_scope(config, scope);
    int der_size = whole ? i2d_SSL_SESSION(session, NULL) : 0;
    *size = sizeof scope + (size_t)der_size;
    uint8_t *bytes = der_size > 0 ? OPENSSL_malloc(*size) : NULL;
    if (!bytes)
        return NULL;
    uint8_t *der = bytes + sizeof scope;
    memcpy(bytes, scope, sizeof scope);
    i2d_SSL_SESSION(session, &der);
    return bytes;
}

static int session_came(SSL *ssl, SSL_SESSION *session)
{
    struct engine *engine = engine_of(ssl);
    struct engine_config *config = engine->config;
    size_t size;
    cache_keep(engine, session);
    ERR_set_mark(); /* a session that cannot be told, for lack of memory, is no failure of the stream */
    uint8_t *bytes = config->on_session ? session_bytes(config, session, &size) : NULL;
    ERR_pop_to_mark();
    if (bytes) {
        bool before = stream_enter_callback(engine->stream);
        config->on_session(config->on_session_context, engine->stream, bytes, size);
        stream_leave_callback(engine->stream, before);
        OPENSSL_clear_free(bytes, size);
    }
    return 0; /* the session itself is not kept */
}

void sessions_want(struct engine_config *config)
{
    bool wanted = config->on_session || config->cache;
    SSL_CTX_sess_set_new_cb(config->context, wanted ? session_came : NULL);
    SSL_CTX_set_session_cache_mode(config->context,
                                   wanted ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
}

enum adieu_status adieu_config_on_session(struct adieu_config *config,
                                          void (*function)(void *context, const struct adieu_stream *stream,
                                                           const uint8_t *session, size_t size),
                                          void *context)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    struct engine_config *engine = config_engine(config);
    engine->on_session = function;
    engine->on_session_context = context;
    sessions_want(engine);
    return ADIEU_OK;
}

/*
 * Found out when it is resumed, it would be too late for an alert: OpenSSL's handshake is done then. What a peer has
 * proved is good for no longer than its certificate and the lists that it was looked up in, though each resumption
 * brings new tickets (RFC 9846 4.6.1).
 */
bool session_is_good(const struct engine *engine, const SSL_SESSION *session)
{
    X509 *leaf = SSL_SESSION_get0_peer((SSL_SESSION *)(uintptr_t)session);
    if (!leaf || engine->config->insecure || trusts_pins_alone(engine->config))
        return true;
    return X509_cmp_current_time(X509_get0_notAfter(leaf)) > 0 && revocation_is_current(engine->config) &&
           (engine->server || engine_has_name(engine, leaf));
}

/* One that is not good is passed over, and the client shows its certificate anew. */
SSL_TICKET_RETURN session_ticket_came(SSL *ssl, SSL_SESSION *session, const uint8_t *key_name, size_t key_name_size,
                                      SSL_TICKET_STATUS status, void *arg)
{
    (void)key_name, (void)key_name_size, (void)arg;
    bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    if (!opened || !session_is_good(engine_of(ssl), session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

enum adieu_status adieu_resume(struct adieu_stream *stream, const void *session, size_t size)
{
    struct engine *engine = stream_engine(stream);
    if (!engine || engine->server || engine->started)
        return ADIEU_MISUSE;
    ERR_clear_error();
    uint8_t scope[SCOPE];
    const uint8_t *at = session;
    if (size <= sizeof scope || size > LONG_MAX || engine->config->adopted || !session_scope(engine->config, scope) ||
        CRYPTO_memcmp(at, scope, sizeof scope) != 0) {
        ERR_clear_error();
        return ADIEU_FAIL;
    }
    at += sizeof scope;
    SSL_SESSION *read = d2i_SSL_SESSION(NULL, &at, (long)(size - sizeof scope));
    bool set = read && session_is_good(engine, read) && SSL_set_session(engine->ssl, read);
    SSL_SESSION_free(read);
    ERR_clear_error();
    return set ? ADIEU_OK : ADIEU_FAIL;
}
