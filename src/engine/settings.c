/* SPDX-License-Identifier: MIT */
/*
 * Configs as SSL_CTX: made with our defaults or adopted unchanged, and the settings that are neither identity nor
 * trust.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "openssl.h"

/* Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else. A caller may widen it. */
#define TLS12_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"
#define MOST_TICKETS 16

/* ------------------------------------------------ making */

/* A config around a context, whose reference is ours from now on; NULL: no memory. */
static struct engine_config *around(SSL_CTX *context)
{
    struct engine_config *config = context ? calloc(1, sizeof *config) : NULL;
    BIO_METHOD *wire = config ? engine_wire_method() : NULL;
    CRYPTO_RWLOCK *lock = wire ? CRYPTO_THREAD_lock_new() : NULL;
    if (!lock) {
        SSL_CTX_free(context);
        BIO_meth_free(wire);
        free(config);
        return NULL;
    }
    config->context = context;
    config->wire = wire;
    config->roots_lock = lock;
    return config;
}

static bool set_defaults(SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) &&
           SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) && SSL_CTX_set_cipher_list(context, TLS12_CIPHERS) &&
           SSL_CTX_set_session_id_context(context, (const uint8_t *)"adieu", 5);
}

struct engine_config *engine_config_new(void)
{
    ERR_clear_error();
    struct engine_config *config = around(SSL_CTX_new(TLS_method()));
    if (config && !set_defaults(config->context)) {
        engine_config_free(config);
        config = NULL;
    }
    if (config) {
        SSL_CTX_set_cert_verify_callback(config->context, engine_verify, config);
        SSL_CTX_set_client_hello_cb(config->context, engine_hello_came, NULL);
        SSL_CTX_set_session_ticket_cb(config->context, binding_ticket_made, session_ticket_came, NULL);
    }
    ERR_clear_error();
    return config;
}

struct adieu_config *adieu_config_adopt(SSL_CTX *context)
{
    SSL_CTX_up_ref(context);
    struct engine_config *config = around(context);
    if (!config)
        return NULL;
    config->adopted = true;
    config->has_identity = true; /* its owner's matter: a server without one is refused by the handshake */
    trust_note(config, "adopted", 7);
    return config_around(config);
}

void engine_config_free(struct engine_config *config)
{
    if (!config)
        return;
    SSL_CTX_free(config->context);
    BIO_meth_free(config->wire);
    CRYPTO_THREAD_lock_free(config->roots_lock);
    sk_X509_CRL_pop_free(config->crls, X509_CRL_free);
    staples_free(config->staples);
    cache_free(config->cache);
    free(config->pins);
    free(config->alpn);
    free(config);
}

/* ------------------------------------------------ setters */

bool settings_open(struct adieu_config *config)
{
    ERR_clear_error();
    errno = 0; /* see engine_lacked_memory */
    if (!config_may_change(config))
        return false;
    if (!config_engine(config)->adopted)
        return true;
    config_fail(config, ADIEU_ERR_ARGUMENT, 0, "an adopted SSL_CTX is not changed; set this on it before adopting");
    return false;
}

/* OpenSSL opens directories, and finds nothing in them. */
static bool is_directory(const char *path)
{
    struct stat about;
    return !stat(path, &about) && S_ISDIR(about.st_mode);
}

BIO *settings_open_file(struct adieu_config *config, const char *path)
{
    if (is_directory(path)) {
        config_fail(config, ADIEU_ERR_FILE, EISDIR, "%.150s is a directory", path);
        return NULL;
    }
    errno = 0;
    BIO *bio = BIO_new_file(path, "r");
    int error = errno;
    ERR_clear_error();
    if (!bio)
        config_fail(config, error && error != ENOMEM ? ADIEU_ERR_FILE : ADIEU_ERR_MEMORY, error, "%.150s: %s", path,
                    error ? strerror(error) : "no memory");
    return bio;
}

enum adieu_status settings_refused(struct adieu_config *config, enum adieu_error_code code, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (engine_lacked_memory())
        return config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    return config_fail(config, code, 0, "%.120s%s%s", what, *what && reason ? ": " : "", reason ? reason : "");
}

enum adieu_status adieu_config_insecure_no_verify(struct adieu_config *config)
{
    if (!config_may_change(config))
        return ADIEU_FAIL;
    config_engine(config)->insecure = true;
    trust_note(config_engine(config), "insecure", 8);
    return ADIEU_OK;
}

enum adieu_status adieu_config_client_auth(struct adieu_config *config, enum adieu_client_auth client_auth)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    if ((unsigned)client_auth > ADIEU_CLIENT_AUTH_LATE)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "%d is no client_auth", (int)client_auth);
    if (client_auth != ADIEU_CLIENT_AUTH_NONE && !engine_want_keys(config_engine(config)))
        return config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    config_engine(config)->client_auth = client_auth;
    return ADIEU_OK;
}

enum adieu_status adieu_config_versions(struct adieu_config *config, enum adieu_version lowest,
                                        enum adieu_version highest)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    if (lowest > highest || lowest < ADIEU_TLS_1_2 || highest > ADIEU_TLS_1_3)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "the versions are TLS 1.2 and 1.3, the lower one first");
    SSL_CTX *context = config_engine(config)->context;
    bool set =
        SSL_CTX_set_min_proto_version(context, (int)lowest) && SSL_CTX_set_max_proto_version(context, (int)highest);
    return set ? ADIEU_OK : settings_refused(config, ADIEU_ERR_ARGUMENT, "versions");
}

/* Which of the two lists is wrong, or NULL: tried on an SSL, since a bad list is half set. */
static const char *bad_ciphers(SSL_CTX *context, const char *tls13, const char *tls12)
{
    SSL *trial = SSL_new(context);
    const char *bad = NULL;
    if (!trial || (tls13 && !SSL_set_ciphersuites(trial, tls13)))
        bad = tls13 ? tls13 : "";
    else if (tls12 && !SSL_set_cipher_list(trial, tls12))
        bad = tls12;
    SSL_free(trial);
    return bad;
}

enum adieu_status adieu_config_ciphers(struct adieu_config *config, const char *tls13, const char *tls12)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    SSL_CTX *context = config_engine(config)->context;
    const char *bad = bad_ciphers(context, tls13, tls12);
    if (bad)
        return settings_refused(config, ADIEU_ERR_ARGUMENT, bad);
    if ((!tls13 || SSL_CTX_set_ciphersuites(context, tls13)) && (!tls12 || SSL_CTX_set_cipher_list(context, tls12)))
        return ADIEU_OK;
    return settings_refused(config, ADIEU_ERR_MEMORY, "ciphers");
}

enum adieu_status adieu_config_groups(struct adieu_config *config, const char *groups)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    if (SSL_CTX_set1_groups_list(config_engine(config)->context, groups))
        return ADIEU_OK;
    return settings_refused(config, ADIEU_ERR_ARGUMENT, groups);
}

/* ------------------------------------------------ ALPN */

static int choose_protocol(SSL *ssl, const uint8_t **chosen, uint8_t *size, const uint8_t *offered,
                           unsigned offered_size, void *arg)
{
    (void)ssl;
    const struct engine_config *config = arg;
    uint8_t *found;
    if (SSL_select_next_proto(&found, size, config->alpn, (unsigned)config->alpn_size, offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2: no_application_protocol */
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

/* Length, name, length, name …; NULL: a name's length cannot be, or no memory (then *size is not 0). */
static uint8_t *protocols_on_wire(const char *const *names, size_t count, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(names[i]);
        if (!n || n > UINT8_MAX) {
            *size = 0;
            return NULL;
        }
        *size += n + 1;
    }
    uint8_t *wire = malloc(*size + 1), *at = wire;
    for (size_t i = 0; wire && i < count; i++) {
        size_t n = strlen(names[i]);
        *at++ = (uint8_t)n;
        memcpy(at, names[i], n);
        at += n;
    }
    return wire;
}

enum adieu_status adieu_config_alpn(struct adieu_config *config, const char *const *names, size_t count)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    struct engine_config *engine = config_engine(config);
    size_t size;
    uint8_t *wire = protocols_on_wire(names, count, &size);
    if (!wire && !size)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "an ALPN name is 1 to 255 bytes");
    if (!wire || SSL_CTX_set_alpn_protos(engine->context, wire, (unsigned)size)) {
        free(wire);
        return config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    }
    free(engine->alpn);
    engine->alpn = wire;
    engine->alpn_size = size;
    SSL_CTX_set_alpn_select_cb(engine->context, size ? choose_protocol : NULL, engine);
    return ADIEU_OK;
}

/* ------------------------------------------------ tickets */

enum adieu_status adieu_config_tickets(struct adieu_config *config, unsigned count)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    if (count > MOST_TICKETS)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "at most %d tickets", MOST_TICKETS);
    SSL_CTX *context = config_engine(config)->context;
    SSL_CTX_set_num_tickets(context, count);
    if (count)
        SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
    else
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    return ADIEU_OK;
}

enum adieu_status adieu_config_ticket_keys(struct adieu_config *config, const uint8_t keys[ADIEU_TICKET_KEYS_SIZE])
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    uint8_t copy[ADIEU_TICKET_KEYS_SIZE];
    memcpy(copy, keys, sizeof copy);
    long set = SSL_CTX_set_tlsext_ticket_keys(config_engine(config)->context, copy, sizeof copy);
    OPENSSL_cleanse(copy, sizeof copy);
    return set ? ADIEU_OK : settings_refused(config, ADIEU_ERR_ARGUMENT, "ticket keys");
}

/* The clients' sessions: one cache for both. */
static void carry_cache(struct engine_config *config, const struct engine_config *from)
{
    if (!from->cache)
        return;
    struct cache *shared = cache_ref(from->cache);
    cache_free(config->cache);
    config->cache = shared;
    sessions_want(config);
}

enum adieu_status adieu_config_carry(struct adieu_config *config, const struct adieu_config *from)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    uint8_t keys[ADIEU_TICKET_KEYS_SIZE];
    bool got = SSL_CTX_get_tlsext_ticket_keys(config_engine(from)->context, keys, sizeof keys);
    enum adieu_status status =
        got ? adieu_config_ticket_keys(config, keys) : settings_refused(config, ADIEU_ERR_ARGUMENT, "ticket keys");
    OPENSSL_cleanse(keys, sizeof keys);
    if (status == ADIEU_OK)
        carry_cache(config_engine(config), config_engine(from));
    return status;
}
