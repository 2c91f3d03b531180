/* SPDX-License-Identifier: MIT */
/* The naive use of OpenSSL: it reads and writes the descriptor itself. Everything is at its default. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "polled.h"

static SSL_CTX *context;
static bool serves;

static bool set_up(const struct arguments *arguments)
{
    int version = arguments->tls == 12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    const char *suite = arguments_suite(arguments);
    /* Without it an echo that did not leave could not be kept elsewhere than where everybody reads to. */
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!SSL_CTX_set_min_proto_version(context, version) || !SSL_CTX_set_max_proto_version(context, version))
        return false;
    if (!(arguments->tls == 12 ? SSL_CTX_set_cipher_list(context, suite) : SSL_CTX_set_ciphersuites(context, suite)))
        return false;
    return !serves || (SSL_CTX_use_certificate_chain_file(context, arguments->cert) == 1 &&
                       SSL_CTX_use_PrivateKey_file(context, arguments->key, SSL_FILETYPE_PEM) == 1);
}

void tls_begin(const struct arguments *arguments)
{
    serves = arguments->serves;
    context = SSL_CTX_new(serves ? TLS_server_method() : TLS_client_method());
    if (!context || !set_up(arguments))
        peer_failed("OpenSSL does not take the certificate, the key or the suite");
}

void *tls_new(int descriptor)
{
    SSL *ssl = SSL_new(context);
    if (!ssl || !SSL_set_fd(ssl, descriptor)) {
        SSL_free(ssl);
        return NULL;
    }
    if (serves)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

void tls_free(void *tls)
{
    SSL_free(tls);
}

/* What a call that did not succeed wants. The queue of errors must be empty before the next call of any connection. */
static ssize_t what(SSL *ssl, int answer)
{
    switch (SSL_get_error(ssl, answer)) {
    case SSL_ERROR_WANT_READ:
        return WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return ENDED;
    default:
        ERR_clear_error();
        return BROKEN;
    }
}

ssize_t tls_handshake(void *tls)
{
    int answer = SSL_do_handshake(tls);
    return answer == 1 ? 0 : what(tls, answer);
}

ssize_t tls_read(void *tls, void *buf, size_t size)
{
    int n = SSL_read(tls, buf, (int)size);
    return n > 0 ? n : what(tls, n);
}

bool tls_holds(void *tls)
{
    return SSL_pending(tls) > 0;
}

ssize_t tls_write(void *tls, const void *buf, size_t size)
{
    int n = SSL_write(tls, buf, (int)size);
    return n > 0 ? n : what(tls, n);
}

ssize_t tls_goodbye(void *tls)
{
    int answer = SSL_shutdown(tls);
    return answer >= 0 ? 0 : what(tls, answer);
}
