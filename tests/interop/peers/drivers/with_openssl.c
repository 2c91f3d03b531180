/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "driver.h"

static SSL *ssl;
static char words[256];

static bool good(int result)
{
    if (result > 0)
        return true;
    unsigned long code = ERR_get_error();
    if (code)
        ERR_error_string_n(code, words, sizeof words);
    else
        strncpy(words, errno ? strerror(errno) : "it ended", sizeof words - 1);
    return false;
}

static bool verifies(const struct given *given, SSL_CTX *context)
{
    if (given->server && !given->ask)
        return true;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return good(SSL_CTX_load_verify_locations(context, given->ca, NULL));
}

bool tls_begin(const struct given *given, int fd)
{
    int version = given->version == 3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX *context = SSL_CTX_new(given->server ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (!verifies(given, context) ||
        (given->cert && (!good(SSL_CTX_use_certificate_chain_file(context, given->cert)) ||
                         !good(SSL_CTX_use_PrivateKey_file(context, given->key, SSL_FILETYPE_PEM)))))
        return false;
    ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (given->server)
        return good(SSL_accept(ssl));
    SSL_set1_host(ssl, "localhost");
    return good(SSL_connect(ssl));
}

long tls_read(void *buf, size_t size)
{
    errno = 0;
    int n = SSL_read(ssl, buf, (int)size);
    if (n <= 0 && SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN)
        return 0;
    return good(n) ? n : -1;
}

bool tls_write(const void *buf, size_t size)
{
    return good(SSL_write(ssl, buf, (int)size));
}

bool tls_shutdown(void)
{
    errno = 0;
    int done = SSL_shutdown(ssl);
    return done == 0 || good(done);
}

const char *tls_error(void)
{
    return words;
}
