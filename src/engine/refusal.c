/* SPDX-License-Identifier: MIT */
/*
 * Refusals that OpenSSL cannot say, or not so that the peer can read them.
 *
 * A client's refusal of a server in TLS 1.3: OpenSSL's client takes up its handshake keys with its second flight, and
 * refuses a certificate before that: its alert leaves in plaintext. A server that has sent its Finished expects
 * protected records (RFC 9846 6: alerts are protected as the current state of the connection specifies), and most say
 * "decryption failed" instead of what we had to say. So a refusal waits until OpenSSL has its keys: the flight that
 * it then writes, its Finished above all, never leaves, and the alert takes its place, sealed here. The refusal
 * itself stands from the beginning: see established() in engine.c.
 *
 * An alert that OpenSSL never sends (access_denied), and a server's refusal that was decided later: OpenSSL goes on,
 * nothing that it writes leaves, and the alert is the next that the peer hears.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/x509_vfy.h>

#include "openssl.h"

enum { KEY_MOST = 32, NONCE = 12, TAG = 16, INNER = 3, HEAD = SSL3_RT_HEADER_LENGTH };

/* ------------------------------------------------ why */

uint8_t refusal_alert(long chain_error)
{
    switch (chain_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CRL_HAS_EXPIRED:
        return SSL_AD_CERTIFICATE_EXPIRED;
    case X509_V_ERR_CERT_REVOKED:
        return SSL_AD_CERTIFICATE_REVOKED;
    case X509_V_ERR_INVALID_PURPOSE:
        return SSL_AD_UNSUPPORTED_CERTIFICATE;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
        return SSL_AD_DECRYPT_ERROR;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_UNABLE_TO_GET_CRL:
        return SSL_AD_UNKNOWN_CA;
    default:
        return SSL_AD_BAD_CERTIFICATE;
    }
}

uint8_t refusal_wanted(enum adieu_decision decision, int *chain_error)
{
    *chain_error = 0;
    switch (decision) {
    case ADIEU_REFUSE_UNKNOWN_CA:
        *chain_error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
        return SSL_AD_UNKNOWN_CA;
    case ADIEU_REFUSE_REVOKED:
        *chain_error = X509_V_ERR_CERT_REVOKED;
        return SSL_AD_CERTIFICATE_REVOKED;
    case ADIEU_REFUSE_EXPIRED:
        *chain_error = X509_V_ERR_CERT_HAS_EXPIRED;
        return SSL_AD_CERTIFICATE_EXPIRED;
    case ADIEU_REFUSE_UNKNOWN: /* one that OpenSSL has no alert for */
        *chain_error = X509_V_ERR_NO_EXPLICIT_POLICY;
        return SSL_AD_CERTIFICATE_UNKNOWN;
    case ADIEU_REFUSE_ACCESS:
        return SSL_AD_ACCESS_DENIED;
    case ADIEU_REFUSE:
    case ADIEU_ACCEPT:
    case ADIEU_LATER:
        break;
    }
    return 0;
}

/* ------------------------------------------------ the key */

void refusal_note_key(struct engine *engine, const char *line)
{
    const char *label = engine->server ? "SERVER_TRAFFIC_SECRET_0 " : "CLIENT_HANDSHAKE_TRAFFIC_SECRET ";
    const char *secret = strrchr(line, ' ');
    if (!secret || (engine->server && !engine_asks(engine)) || strncmp(line, label, strlen(label)) != 0)
        return;
    struct refusal *refusal = &engine->refusal;
    if (!OPENSSL_hexstr2buf_ex(refusal->secret, sizeof refusal->secret, &refusal->secret_size, secret + 1, '\0'))
        refusal->secret_size = 0;
}

void refusal_forget(struct engine *engine)
{
    OPENSSL_cleanse(engine->refusal.secret, sizeof engine->refusal.secret);
    engine->refusal.secret_size = 0;
}

/* HKDF-Expand-Label with an empty context (RFC 9846 7.1). */
static bool expand(const struct engine *engine, const char *label, uint8_t *out, size_t size)
{
    const struct refusal *refusal = &engine->refusal;
    const EVP_MD *digest = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(engine->ssl));
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    char prefix[] = "tls13 ";
    const OSSL_PARAM how[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)EVP_MD_get0_name(digest), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)refusal->secret, refusal->secret_size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix, sizeof prefix - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *)(uintptr_t)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    bool made = context && EVP_KDF_derive(context, out, size, how) > 0;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return made;
}

/* ------------------------------------------------ the record */

/* NULL: not one of the kind that is sealed in one go (CCM is not). */
static const EVP_CIPHER *aead(const SSL *ssl)
{
    const EVP_CIPHER *cipher = EVP_get_cipherbynid(SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(ssl)));
    return cipher && EVP_CIPHER_get_mode(cipher) != EVP_CIPH_CCM_MODE ? cipher : NULL;
}

/* The first record under these keys: its number is 0, and so its nonce is the IV itself. */
static bool seal(const struct engine *engine, const uint8_t inner[INNER], uint8_t record[HEAD + INNER + TAG])
{
    static const uint8_t head[HEAD] = {SSL3_RT_APPLICATION_DATA, TLS1_2_VERSION_MAJOR, TLS1_2_VERSION_MINOR, 0,
                                       INNER + TAG};
    const EVP_CIPHER *cipher = aead(engine->ssl);
    uint8_t key[KEY_MOST], iv[NONCE];
    EVP_CIPHER_CTX *context = cipher ? EVP_CIPHER_CTX_new() : NULL;
    int n;
    memcpy(record, head, HEAD);
    bool sealed = context && engine->refusal.secret_size &&
                  expand(engine, "key", key, (size_t)EVP_CIPHER_get_key_length(cipher)) &&
                  expand(engine, "iv", iv, sizeof iv) && EVP_EncryptInit_ex(context, cipher, NULL, key, iv) &&
                  EVP_EncryptUpdate(context, NULL, &n, head, HEAD) &&
                  EVP_EncryptUpdate(context, record + HEAD, &n, inner, INNER) &&
                  EVP_EncryptFinal_ex(context, record + HEAD + INNER, &n) &&
                  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG, record + HEAD + INNER);
    EVP_CIPHER_CTX_free(context);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(iv, sizeof iv);
    return sealed;
}

bool refusal_swallows(const struct engine *engine, const void *bytes, size_t size)
{
    /*
     * In plaintext: something else failed before there were keys. All of its form, since what comes may begin within
     * a record.
     */
    static const uint8_t alert[] = {SSL3_RT_ALERT, TLS1_2_VERSION_MAJOR, TLS1_2_VERSION_MINOR, 0, 2};
    bool is_alert = size == sizeof alert + 2 && !memcmp(bytes, alert, sizeof alert);
    return engine->refusal.due && !is_alert;
}

bool refusal_can_be_said(const struct engine *engine)
{
    return engine->refusal.due && (engine->server || SSL_version(engine->ssl) != TLS1_3_VERSION);
}

/* A server that resumes has written its Finished before anybody was asked; its TLS 1.2 keys are not known here. */
static bool is_beyond_words(const struct engine *engine)
{
    return engine->server && SSL_session_reused(engine->ssl) && SSL_version(engine->ssl) != TLS1_3_VERSION;
}

void refusal_say(struct engine *engine)
{
    engine->later.holds = false;
    later_forget(engine);
    if (!is_beyond_words(engine))
        refusal_say_alert(engine, engine->refusal.alert);
}

void refusal_say_alert(struct engine *engine, uint8_t alert)
{
    /*
     * Middleboxes want to see a change_cipher_spec before the first protected record (RFC 9846 appendix E.4): one, so
     * none where OpenSSL's own flight has none, since it went before the second ClientHello.
     */
    static const uint8_t change[] = {SSL3_RT_CHANGE_CIPHER_SPEC, TLS1_2_VERSION_MAJOR, TLS1_2_VERSION_MINOR, 0, 1, 1};
    const uint8_t inner[INNER] = {SSL3_AL_FATAL, alert, SSL3_RT_ALERT};
    uint8_t sealed[HEAD + INNER + TAG];
    const uint8_t plain[] = {SSL3_RT_ALERT, TLS1_2_VERSION_MAJOR, TLS1_2_VERSION_MINOR, 0, 2, inner[0], inner[1]};
    size_t change_size = engine->refusal.changes ? sizeof change : 0;
    bool put = seal(engine, inner, sealed) ? stream_put(engine->stream, change, change_size) &&
                                                 stream_put(engine->stream, sealed, sizeof sealed)
                                           : stream_put(engine->stream, plain, sizeof plain);
    if (!put)
        return;
    engine->alert_out = (struct adieu_alert){.seen = true, .level = inner[0], .number = inner[1]};
    engine->told = stream_alert(engine->stream, true, inner[0], inner[1]);
}
