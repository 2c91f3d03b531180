/* SPDX-License-Identifier: MIT */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <stdio.h>

#include "driver.h"

static WOLFSSL *ssl;
static int wrong;

static bool good(int result)
{
    wrong = result > 0 ? 0 : wolfSSL_get_error(ssl, result);
    return result > 0;
}

static bool identity(const struct given *given, WOLFSSL_CTX *context)
{
    return wolfSSL_CTX_load_verify_locations(context, given->ca, NULL) == WOLFSSL_SUCCESS &&
           (!given->cert ||
            (wolfSSL_CTX_use_certificate_chain_file(context, given->cert) == WOLFSSL_SUCCESS &&
             wolfSSL_CTX_use_PrivateKey_file(context, given->key, WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS));
}

static WOLFSSL_METHOD *method(const struct given *given)
{
    if (given->server)
        return given->version == 3 ? wolfTLSv1_3_server_method() : wolfTLSv1_2_server_method();
    return given->version == 3 ? wolfTLSv1_3_client_method() : wolfTLSv1_2_client_method();
}

bool tls_begin(const struct given *given, int fd)
{
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(method(given));
    if (!identity(given, context))
        return false;
    if (given->ask)
        wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    else if (given->server)
        wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    ssl = wolfSSL_new(context);
    wolfSSL_set_fd(ssl, fd);
    if (given->server)
        return good(wolfSSL_accept(ssl));
    wolfSSL_check_domain_name(ssl, "localhost");
    return good(wolfSSL_connect(ssl));
}

long tls_read(void *buf, size_t size)
{
    int n = wolfSSL_read(ssl, buf, (int)size);
    if (n <= 0 && wolfSSL_get_error(ssl, n) == WOLFSSL_ERROR_ZERO_RETURN)
        return 0;
    return good(n) ? n : -1;
}

bool tls_write(const void *buf, size_t size)
{
    return good(wolfSSL_write(ssl, buf, (int)size));
}

bool tls_shutdown(void)
{
    int done = wolfSSL_shutdown(ssl);
    return done == WOLFSSL_SHUTDOWN_NOT_DONE || good(done);
}

const char *tls_error(void)
{
    static char words[WOLFSSL_MAX_ERROR_SZ + 40];
    WOLFSSL_ALERT_HISTORY history;
    char text[WOLFSSL_MAX_ERROR_SZ];
    wolfSSL_ERR_error_string((unsigned long)wrong, text);
    if (ssl && wolfSSL_get_alert_history(ssl, &history) == WOLFSSL_SUCCESS && history.last_rx.code > 0)
        snprintf(words, sizeof words, "%s, alert %d", text, history.last_rx.code);
    else
        snprintf(words, sizeof words, "%s", text);
    return words;
}
