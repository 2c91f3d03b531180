/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>

/* Nothing here can fail but for a mistake of ours. */
static void must(bool good)
{
    if (!good)
        abort();
}

static const struct suite suites[] = {
    {"aes128", "TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", "SHA256", EVP_aes_128_gcm, 16, 32, true},
    {"aes256", "TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", "SHA384", EVP_aes_256_gcm, 32, 48, true},
    {"chacha", "TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "SHA256", EVP_chacha20_poly1305, 32, 32,
     false},
};

const struct suite *suite_named(const char *name)
{
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (strcmp(suites[i].name, name) == 0)
            return &suites[i];
    return NULL;
}

/* ------------------------------------------------ the key log */

static void learn(struct secret *secret, const char *hex)
{
    size_t n = strlen(hex) / 2;
    must(n <= sizeof secret->bytes);
    for (size_t i = 0; i < n; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        secret->bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    secret->known = true;
}

/* LABEL RANDOM SECRET */
void secrets_learn(struct secrets *secrets, const char *line)
{
    struct {
        const char *label;
        struct secret *secret;
    } lines[] = {
        {"CLIENT_HANDSHAKE_TRAFFIC_SECRET ", &secrets->handshake[0]},
        {"SERVER_HANDSHAKE_TRAFFIC_SECRET ", &secrets->handshake[1]},
        {"CLIENT_TRAFFIC_SECRET_0 ", &secrets->application[0]},
        {"SERVER_TRAFFIC_SECRET_0 ", &secrets->application[1]},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (strncmp(line, lines[i].label, strlen(lines[i].label)) == 0)
            learn(lines[i].secret, strrchr(line, ' ') + 1);
}

/* ------------------------------------------------ TLS 1.3 */

static void derive(const char *function, const OSSL_PARAM *params, uint8_t *out, size_t size)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, function, NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    must(EVP_KDF_derive(context, out, size, params) == 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

/* HKDF-Expand-Label (RFC 9846 7.1) with an empty context. */
static void expand_label(const struct suite *suite, const uint8_t *secret, const char *label, uint8_t *out, size_t size)
{
    uint8_t info[64] = {0, (uint8_t)size, (uint8_t)(6 + strlen(label)), 't', 'l', 's', '1', '3', ' '};
    memcpy(info + 9, label, strlen(label)); /* and the byte behind it says: no context */
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)suite->digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, suite->hash_size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, 10 + strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    derive("HKDF", params, out, size);
}

void keys_from_secret(struct keys *keys, const struct suite *suite, const uint8_t *secret)
{
    *keys = (struct keys){.suite = suite, .tls13 = true};
    memcpy(keys->secret, secret, suite->hash_size);
    expand_label(suite, secret, "key", keys->key, suite->key_size);
    expand_label(suite, secret, "iv", keys->iv, NONCE_SIZE);
}

void keys_update(struct keys *keys)
{
    uint8_t next[SECRET_MAX];
    expand_label(keys->suite, keys->secret, "traffic upd", next, keys->suite->hash_size);
    keys_from_secret(keys, keys->suite, next);
}

/* ------------------------------------------------ TLS 1.2 */

/* The key block (RFC 5246 6.3). */
static void key_block(const struct secrets *secrets, uint8_t *out, size_t size)
{
    uint8_t seed[13 + 64];
    memcpy(seed, "key expansion", 13);
    memcpy(seed + 13, secrets->server_random, 32);
    memcpy(seed + 45, secrets->client_random, 32);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)secrets->suite->digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)secrets->master.bytes, 48),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof seed),
        OSSL_PARAM_construct_end(),
    };
    derive("TLS1-PRF", params, out, size);
}

/* AEAD suites have no MAC keys: two keys, then two fixed parts of the nonce, the client's first. */
void keys_from_master(struct keys *keys, const struct secrets *secrets, bool server_writes)
{
    const struct suite *suite = secrets->suite;
    size_t key = suite->key_size, iv = suite->explicit_nonce ? 4 : NONCE_SIZE;
    uint8_t block[2 * (32 + NONCE_SIZE)];
    key_block(secrets, block, 2 * (key + iv));
    *keys = (struct keys){.suite = suite};
    memcpy(keys->key, block + (server_writes ? key : 0), key);
    memcpy(keys->iv, block + 2 * key + (server_writes ? iv : 0), iv);
}

/* ------------------------------------------------ AEAD */

static EVP_CIPHER_CTX *begin(const struct keys *keys, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
                             bool seal)
{
    int n;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    must(EVP_CipherInit_ex(context, keys->suite->cipher(), NULL, keys->key, nonce, seal) == 1);
    must(EVP_CipherUpdate(context, NULL, &n, aad, (int)aad_size) == 1);
    return context;
}

void keys_seal(const struct keys *keys, const uint8_t *nonce, const uint8_t *aad, size_t aad_size, const uint8_t *in,
               size_t n, uint8_t *out)
{
    int done = 0;
    EVP_CIPHER_CTX *context = begin(keys, nonce, aad, aad_size, true);
    must(n == 0 || EVP_CipherUpdate(context, out, &done, in, (int)n) == 1);
    must(EVP_CipherFinal_ex(context, out + n, &done) == 1);
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, out + n) == 1);
    EVP_CIPHER_CTX_free(context);
}

bool keys_open(const struct keys *keys, const uint8_t *nonce, const uint8_t *aad, size_t aad_size, const uint8_t *in,
               size_t n, uint8_t *out)
{
    int done = 0;
    if (n < TAG_SIZE)
        return false;
    n -= TAG_SIZE;
    EVP_CIPHER_CTX *context = begin(keys, nonce, aad, aad_size, false);
    must(n == 0 || EVP_CipherUpdate(context, out, &done, in, (int)n) == 1);
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, (void *)(in + n)) == 1);
    bool good = EVP_CipherFinal_ex(context, out + n, &done) == 1;
    EVP_CIPHER_CTX_free(context);
    return good;
}
