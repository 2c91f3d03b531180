/* SPDX-License-Identifier: MIT */
/* What all connections share: the context, and the set of events. */
#include "talk.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* What a suite is called in TLS 1.3 and in TLS 1.2. */
static const struct {
    const char *word, *tls_1_3, *tls_1_2;
} ciphers[] = {
    {"aes128", "TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"aes256", "TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"chacha", "TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
};

static bool set_cipher(SSL_CTX *context, const char *word)
{
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
        if (strcmp(ciphers[i].word, word) == 0)
            return SSL_CTX_set_ciphersuites(context, ciphers[i].tls_1_3) == 1 &&
                   SSL_CTX_set_cipher_list(context, ciphers[i].tls_1_2) == 1;
    return false;
}

static bool set_version(SSL_CTX *context, const char *word)
{
    int version = strcmp(word, "1.3") == 0 ? TLS1_3_VERSION : strcmp(word, "1.2") == 0 ? TLS1_2_VERSION : 0;
    return version && SSL_CTX_set_min_proto_version(context, version) == 1 &&
           SSL_CTX_set_max_proto_version(context, version) == 1;
}

/* Chains are not looked at; the server still has to prove that it has the key. */
static int trust(X509_STORE_CTX *chain, void *unused)
{
    (void)chain;
    (void)unused;
    return 1;
}

static SSL_CTX *make_context(const char *tls, const char *cipher)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || !set_version(context, tls ? tls : "1.3") || !set_cipher(context, cipher ? cipher : "aes128")) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_cert_verify_callback(context, trust, NULL);
    /* Idle connections keep no buffers, and several records cost one recv(). */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

bool floor_open(struct floor *floor, uint16_t port, const char *tls, const char *cipher)
{
    *floor = (struct floor){.port = port, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (floor->epoll < 0) {
        perror("load: epoll");
        return false;
    }
    floor->context = make_context(tls, cipher);
    if (floor->context)
        return true;
    fputs("load: tls= is 1.2 or 1.3, cipher= is aes128, aes256 or chacha\n", stderr);
    floor_close(floor);
    return false;
}

void floor_close(struct floor *floor)
{
    SSL_CTX_free(floor->context);
    close(floor->epoll);
}

bool floor_turn(struct floor *floor, int milliseconds, void (*go_on)(void *work, struct talk *talk), void *work)
{
    struct epoll_event events[256];
    int count = epoll_wait(floor->epoll, events, sizeof events / sizeof events[0], milliseconds);
    for (int i = 0; i < count; i++)
        go_on(work, events[i].data.ptr);
    return count != 0;
}
