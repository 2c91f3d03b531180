/* SPDX-License-Identifier: MIT */
/* Facts of the handshake, as OpenSSL has them. None of this changes the stream. */
#include <stdlib.h>
#include <string.h>

#include "openssl.h"

/* The SSL once the handshake is done, or NULL. */
static SSL *done(const struct adieu_stream *stream)
{
    return stream_established(stream) ? stream_engine(stream)->ssl : NULL;
}

SSL *adieu_openssl_ssl(const struct adieu_stream *stream)
{
    struct engine *engine = stream_engine(stream);
    return engine ? engine->ssl : NULL;
}

enum adieu_verified adieu_verified(const struct adieu_stream *stream)
{
    return stream_established(stream) ? stream_engine(stream)->verified : ADIEU_VERIFIED_NO;
}

const char *adieu_version(const struct adieu_stream *stream)
{
    SSL *ssl = done(stream);
    return ssl ? SSL_get_version(ssl) : NULL;
}

const char *adieu_cipher(const struct adieu_stream *stream)
{
    SSL *ssl = done(stream);
    return ssl ? SSL_get_cipher_name(ssl) : NULL;
}

/* OpenSSL's is not a string; the copy is made at the first question. */
const char *adieu_alpn(const struct adieu_stream *stream)
{
    SSL *ssl = done(stream);
    const uint8_t *name = NULL;
    unsigned size = 0;
    if (ssl)
        SSL_get0_alpn_selected(ssl, &name, &size);
    if (!size)
        return NULL;
    struct engine *engine = stream_engine(stream);
    if (!engine->alpn && (engine->alpn = malloc((size_t)size + 1))) {
        memcpy(engine->alpn, name, size);
        engine->alpn[size] = '\0';
    }
    return engine->alpn;
}

const char *adieu_server_name(const struct adieu_stream *stream)
{
    struct engine *engine = stream_engine(stream);
    return engine ? SSL_get_servername(engine->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
}

bool adieu_resumed(const struct adieu_stream *stream)
{
    SSL *ssl = done(stream);
    return ssl && SSL_session_reused(ssl);
}

static X509 *peer_certificate(const struct adieu_stream *stream)
{
    struct engine *engine = stream_engine(stream);
    return engine ? SSL_get0_peer_certificate(engine->ssl) : NULL;
}

size_t adieu_peer_certificate(const struct adieu_stream *stream, uint8_t *buf, size_t size)
{
    X509 *certificate = peer_certificate(stream);
    int needed = certificate ? i2d_X509(certificate, NULL) : 0;
    if (needed > 0 && buf && (size_t)needed <= size)
        i2d_X509(certificate, &buf);
    return needed > 0 ? (size_t)needed : 0;
}

enum adieu_status adieu_peer_pin(const struct adieu_stream *stream, uint8_t pin[ADIEU_PIN_SIZE])
{
    X509 *certificate = peer_certificate(stream);
    return certificate && pin_of(certificate, pin) ? ADIEU_OK : ADIEU_FAIL;
}

enum adieu_status adieu_export(const struct adieu_stream *stream, const char *label, const void *context,
                               size_t context_size, void *out, size_t size)
{
    SSL *ssl = done(stream);
    if (!ssl)
        return ADIEU_MISUSE;
    ERR_clear_error();
    int made = SSL_export_keying_material(ssl, out, size, label, strlen(label), context, context_size, context != NULL);
    ERR_clear_error();
    return made > 0 ? ADIEU_OK : ADIEU_FAIL;
}
