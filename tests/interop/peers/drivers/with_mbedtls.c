/* SPDX-License-Identifier: MIT */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <stdio.h>

#include "driver.h"

static mbedtls_ssl_context ssl;
static mbedtls_ssl_config config;
static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_x509_crt roots, chain;
static mbedtls_pk_context key;
static mbedtls_net_context net;
static int wrong;

static bool good(int code)
{
    wrong = code;
    return code >= 0;
}

static bool identity(const struct given *given)
{
    mbedtls_x509_crt_init(&roots);
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
    return good(mbedtls_x509_crt_parse_file(&roots, given->ca)) &&
           (!given->cert || (good(mbedtls_x509_crt_parse_file(&chain, given->cert)) &&
                             good(mbedtls_pk_parse_keyfile(&key, given->key, NULL)) &&
                             good(mbedtls_ssl_conf_own_cert(&config, &chain, &key))));
}

static bool settings(const struct given *given)
{
    mbedtls_ssl_config_init(&config);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&drbg);
    bool verify = given->ask || !given->server;
    if (!good(mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0)) ||
        !good(mbedtls_ssl_config_defaults(&config, given->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                          MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT)))
        return false;
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &drbg);
    mbedtls_ssl_conf_authmode(&config, verify ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_ca_chain(&config, &roots, NULL);
    return identity(given);
}

bool tls_begin(const struct given *given, int fd)
{
    mbedtls_ssl_init(&ssl);
    if (!settings(given) || !good(mbedtls_ssl_setup(&ssl, &config)))
        return false;
    if (!given->server)
        mbedtls_ssl_set_hostname(&ssl, "localhost");
    net.fd = fd;
    mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
    return good(mbedtls_ssl_handshake(&ssl));
}

long tls_read(void *buf, size_t size)
{
    int n = mbedtls_ssl_read(&ssl, buf, size);
    if (n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return 0;
    if (n == 0) { /* its way of saying that the transport has ended */
        n = MBEDTLS_ERR_SSL_CONN_EOF;
    }
    return good(n) ? n : -1;
}

bool tls_write(const void *buf, size_t size)
{
    for (const unsigned char *at = buf; size > 0;) {
        int n = mbedtls_ssl_write(&ssl, at, size);
        if (!good(n))
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool tls_shutdown(void)
{
    return good(mbedtls_ssl_close_notify(&ssl));
}

const char *tls_error(void)
{
    static char words[256], general[160];
    mbedtls_strerror(wrong, general, sizeof general);
    if (wrong == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) /* which one, only the record shows */
        snprintf(words, sizeof words, "%s: %d", general, ssl.in_msg[1]);
    else
        snprintf(words, sizeof words, "%s", general);
    return words;
}
