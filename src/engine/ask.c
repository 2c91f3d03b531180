/* SPDX-License-Identifier: MIT */
/* Facts of the handshake, as OpenSSL has them. None of this changes the stream. */
#include <limits.h>
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

const char *adieu_group(const struct adieu_stream *stream)
{
    SSL *ssl = done(stream);
    int group = ssl ? (int)SSL_get_negotiated_group(ssl) : NID_undef;
    ERR_clear_error();
    return group != NID_undef ? SSL_group_to_name(ssl, group) : NULL;
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
    if (!engine)
        return NULL;
    if (engine->asked_for) /* by which the config was chosen: OpenSSL's may be another, of a resumed session */
        return engine->asked_for[0] ? engine->asked_for : NULL;
    return SSL_get_servername(engine->ssl, TLSEXT_NAMETYPE_host_name);
}

bool adieu_resumed(const struct adieu_stream *stream)
{
    SSL *ssl = done(stream);
    return ssl && SSL_session_reused(ssl);
}

static X509 *peer_certificate(const struct adieu_stream *stream)
{
    struct engine *engine = stream_engine(stream);
    return engine && !engine->late.unproved ? SSL_get0_peer_certificate(engine->ssl) : NULL;
}

/* Copies it if it fits; how large it is, 0 for none. */
static size_t copy_certificate(const X509 *certificate, uint8_t *buf, size_t size)
{
    ERR_clear_error();
    int needed = certificate ? i2d_X509(certificate, NULL) : 0;
    if (needed > 0 && buf && (size_t)needed <= size)
        i2d_X509(certificate, &buf);
    ERR_clear_error();
    return needed > 0 ? (size_t)needed : 0;
}

size_t adieu_peer_certificate(const struct adieu_stream *stream, uint8_t *buf, size_t size)
{
    return copy_certificate(peer_certificate(stream), buf, size);
}

/* OpenSSL's chain begins with the peer's own certificate at a client, and behind it at a server. */
size_t adieu_peer_chain(const struct adieu_stream *stream, size_t index, uint8_t *buf, size_t size)
{
    if (!index)
        return adieu_peer_certificate(stream, buf, size);
    struct engine *engine = stream_engine(stream);
    STACK_OF(X509) *chain = engine && !engine->late.unproved ? SSL_get_peer_cert_chain(engine->ssl) : NULL;
    size_t at = engine && engine->server ? index - 1 : index;
    return at < INT_MAX ? copy_certificate(sk_X509_value(chain, (int)at), buf, size) : 0;
}

size_t adieu_own_certificate(const struct adieu_stream *stream, uint8_t *buf, size_t size)
{
    SSL *ssl = done(stream);
    bool shown = ssl && stream_engine(stream)->shown;
    return shown ? copy_certificate(SSL_get_certificate(ssl), buf, size) : 0;
}

enum adieu_status adieu_peer_pin(const struct adieu_stream *stream, uint8_t pin[ADIEU_PIN_SIZE])
{
    return pin_told(peer_certificate(stream), pin);
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
