/* SPDX-License-Identifier: MIT */
/* From the secrets of a handshake to the keys of one direction, and what they seal. */
#ifndef ADIEU_TESTS_PEER_KEYS_H
#define ADIEU_TESTS_PEER_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#define SECRET_MAX 48
#define TAG_SIZE 16
#define NONCE_SIZE 12

/* A cipher suite in both versions. */
struct suite {
    const char *name, *tls13, *tls12, *digest;
    const EVP_CIPHER *(*cipher)(void);
    size_t key_size, hash_size;
    bool explicit_nonce; /* TLS 1.2 writes half of the nonce into the record (RFC 5288) */
};
const struct suite *suite_named(const char *name); /* NULL: there is none */

/* What OpenSSL tells of a handshake. */
struct secret {
    bool known;
    uint8_t bytes[SECRET_MAX];
};
struct secrets {
    const struct suite *suite;
    bool tls13;
    struct secret handshake[2], application[2]; /* TLS 1.3: of the client, of the server */
    struct secret master;                       /* TLS 1.2 */
    uint8_t client_random[32], server_random[32];
};
/* One line of the key log (TLS 1.3). */
void secrets_learn(struct secrets *secrets, const char *line);

/* The keys of one direction. */
struct keys {
    const struct suite *suite;
    bool tls13;
    uint8_t secret[SECRET_MAX], key[32], iv[NONCE_SIZE];
};
void keys_from_secret(struct keys *keys, const struct suite *suite, const uint8_t *secret);
void keys_from_master(struct keys *keys, const struct secrets *secrets, bool server_writes);
/* The next generation (RFC 9846 7.2). */
void keys_update(struct keys *keys);

/* Seals n bytes to out, which takes TAG_SIZE more; opens n bytes, of which TAG_SIZE are the tag. */
void keys_seal(const struct keys *keys, const uint8_t *nonce, const uint8_t *aad, size_t aad_size, const uint8_t *in,
               size_t n, uint8_t *out);
bool keys_open(const struct keys *keys, const uint8_t *nonce, const uint8_t *aad, size_t aad_size, const uint8_t *in,
               size_t n, uint8_t *out);

#endif
