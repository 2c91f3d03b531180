/* SPDX-License-Identifier: MIT */
/* Channel bindings: what names this one connection, so that whoever authenticates above TLS can bind to it. */
#include <string.h>

#include <openssl/x509.h>

#include "openssl.h"

/*
 * RFC 7627: without it two connections can be made to have the same secrets (triple handshake), and nothing names
 * one.
 */
static bool is_one_of_its_kind(SSL *ssl)
{
    return SSL_version(ssl) == TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1;
}

/* ------------------------------------------------ RFC 9266: tls-exporter */

/* The context is there and empty, which RFC 5705 4 tells from none. */
static void make_exporter(SSL *ssl, struct binding *binding)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    enum { SIZE = 32 };
    if (is_one_of_its_kind(ssl) &&
        SSL_export_keying_material(ssl, binding->bytes, SIZE, label, sizeof label - 1, (const uint8_t *)"", 0, 1) > 0)
        binding->size = SIZE;
}

/* ------------------------------------------------ RFC 5929 4: tls-server-end-point */

/*
 * By the hash of the certificate's signature, but none weaker than SHA-256; a signature without one hash has no
 * binding.
 */
static void digest_certificate(X509 *certificate, struct binding *binding)
{
    int hash = NID_undef;
    unsigned size = 0;
    if (!certificate || !X509_get_signature_info(certificate, &hash, NULL, NULL, NULL) || hash == NID_undef)
        return;
    if (hash == NID_md5 || hash == NID_sha1)
        hash = NID_sha256;
    const EVP_MD *digest = EVP_get_digestbynid(hash);
    if (digest && X509_digest(certificate, digest, binding->bytes, &size))
        binding->size = size;
}

/* Each ticket has it, so it is made once. */
void binding_prepare(struct engine_config *config, X509 *leaf)
{
    config->end_point = (struct binding){.size = 0};
    digest_certificate(leaf, &config->end_point);
    config->end_point_of = config->end_point.size ? leaf : NULL;
}

static void digest_own(SSL *ssl, struct binding *binding)
{
    const struct engine_config *shown = engine_shown(engine_of(ssl));
    X509 *leaf = SSL_get_certificate(ssl);
    if (leaf && leaf == shown->end_point_of)
        *binding = shown->end_point;
    else
        digest_certificate(leaf, binding);
}

/* A server that resumes shows nothing, and may have other certificates by now: the ticket knows which it was. */
static void read_ticket(SSL *ssl, struct binding *binding)
{
    void *data = NULL;
    size_t size = 0;
    if (!SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &data, &size) || !size || size > sizeof binding->bytes)
        return;
    memcpy(binding->bytes, data, size);
    binding->size = size;
}

static void make_end_point(SSL *ssl, struct binding *binding)
{
    if (!SSL_is_server(ssl))
        digest_certificate(SSL_get0_peer_certificate(ssl), binding);
    else if (SSL_session_reused(ssl))
        read_ticket(ssl, binding);
    else
        digest_own(ssl, binding);
}

/* A ticket that cannot be told goes without: only the binding of what it resumes is lost. */
int binding_ticket_made(SSL *ssl, void *arg)
{
    (void)arg;
    struct binding binding = {.size = 0};
    void *data = NULL;
    size_t size = 0;
    ERR_set_mark();
    if (SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &data, &size) && !size)
        make_end_point(ssl, &binding); /* else it has come with the session: this is another ticket for it */
    if (binding.size)
        SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), binding.bytes, binding.size);
    ERR_pop_to_mark();
    return 1;
}

/* ------------------------------------------------ RFC 5929 3: tls-unique */

/*
 * The first Finished of the handshake: the client's, and the server's where a session was resumed. TLS 1.3 has none.
 */
static void make_unique(SSL *ssl, struct binding *binding)
{
    if (SSL_version(ssl) != TLS1_2_VERSION || !is_one_of_its_kind(ssl))
        return;
    bool ours = SSL_is_server(ssl) == SSL_session_reused(ssl);
    binding->size = ours ? SSL_get_finished(ssl, binding->bytes, sizeof binding->bytes)
                         : SSL_get_peer_finished(ssl, binding->bytes, sizeof binding->bytes);
}

/* ------------------------------------------------ asking */

static void make(SSL *ssl, enum adieu_binding kind, struct binding *binding)
{
    switch (kind) {
    case ADIEU_BINDING_TLS_EXPORTER:
        make_exporter(ssl, binding);
        break;
    case ADIEU_BINDING_TLS_SERVER_END_POINT:
        make_end_point(ssl, binding);
        break;
    case ADIEU_BINDING_TLS_UNIQUE:
        make_unique(ssl, binding);
        break;
    }
}

enum adieu_status adieu_channel_binding(const struct adieu_stream *stream, enum adieu_binding kind, uint8_t *out,
                                        size_t size, size_t *got)
{
    if (!stream_established(stream))
        return ADIEU_MISUSE;
    struct binding binding = {.size = 0};
    ERR_clear_error();
    make(stream_engine(stream)->ssl, kind, &binding);
    ERR_clear_error();
    bool fits = binding.size && binding.size <= size;
    if (fits) {
        memcpy(out, binding.bytes, binding.size);
        *got = binding.size;
    }
    OPENSSL_cleanse(&binding, sizeof binding);
    return fits ? ADIEU_OK : ADIEU_FAIL;
}
