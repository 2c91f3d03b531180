/* SPDX-License-Identifier: MIT */
/* Whom we trust: roots and pins. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "openssl.h"

/* False: no memory. */
static bool digest_note(uint8_t digest[32], const void *bytes, size_t size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) && EVP_DigestUpdate(context, digest, 32) &&
                EVP_DigestUpdate(context, bytes, size) && EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    return made;
}

void trust_note(struct engine_config *config, const void *bytes, size_t size)
{
    if (!digest_note(config->trust, bytes, size))
        config->trust_unknown = true;
}

void self_note(struct engine_config *config, const void *bytes, size_t size)
{
    if (!digest_note(config->self, bytes, size))
        config->trust_unknown = true;
}

bool session_scope(const struct engine_config *config, uint8_t scope[32])
{
    memcpy(scope, config->trust, sizeof config->trust);
    return !config->trust_unknown && digest_note(scope, config->self, sizeof config->self) &&
           digest_note(scope, config->alpn, config->alpn_size);
}

/* The first named root takes the place of the system's. */
static X509_STORE *named_store(struct engine_config *config)
{
    if (!config->roots_named) {
        X509_STORE *store = X509_STORE_new();
        if (!store)
            return NULL;
        SSL_CTX_set_cert_store(config->context, store);
        config->roots_named = true;
    }
    return SSL_CTX_get_cert_store(config->context);
}

/* Adds what is found to roots. What is wrong: NONE, PEM or MEMORY. */
static enum adieu_error_code read_certificates(BIO *pem, STACK_OF(X509) * roots)
{
    enum adieu_error_code wrong = ADIEU_ERR_NONE;
    X509 *certificate;
    while ((certificate = next_certificate(pem, &wrong)))
        if (!push_certificate(roots, certificate))
            return ADIEU_ERR_MEMORY;
    return wrong;
}

/* Adds them all; servers also name them to their clients. */
static bool add_roots(struct engine_config *config, STACK_OF(X509) * roots)
{
    X509_STORE *store = named_store(config);
    for (int i = 0; store && i < sk_X509_num(roots); i++) {
        X509 *root = sk_X509_value(roots, i);
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        if (!X509_STORE_add_cert(store, root) || !SSL_CTX_add_client_CA(config->context, root) ||
            !X509_digest(root, EVP_sha256(), digest, &size))
            return false;
        trust_note(config, digest, size);
    }
    return store != NULL;
}

/* whole: all of them could be read. */
static enum adieu_status use_roots(struct adieu_config *config, STACK_OF(X509) * roots, bool whole, const char *where)
{
    if (whole && !sk_X509_num(roots))
        return config_fail(config, ADIEU_ERR_EMPTY_TRUST, 0, "%.150s", where);
    if (!whole || !add_roots(config_engine(config), roots))
        return config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    return ADIEU_OK;
}

static enum adieu_status trust_from(struct adieu_config *config, BIO *pem, const char *where)
{
    STACK_OF(X509) *roots = sk_X509_new_null();
    enum adieu_error_code wrong = roots ? read_certificates(pem, roots) : ADIEU_ERR_MEMORY;
    enum adieu_status status =
        wrong == ADIEU_ERR_PEM
            ? config_fail(config, ADIEU_ERR_PEM, 0, "%.150s: certificate %d is damaged", where, sk_X509_num(roots) + 1)
            : use_roots(config, roots, wrong == ADIEU_ERR_NONE, where);
    sk_X509_pop_free(roots, X509_free);
    return status;
}

enum adieu_status adieu_config_trust_pem(struct adieu_config *config, const void *pem, size_t size)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    if (size > INT_MAX)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "more than 2 GiB of PEM");
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    if (!bio)
        return config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    enum adieu_status status = trust_from(config, bio, "in memory");
    BIO_free(bio);
    return status;
}

enum adieu_status adieu_config_trust_file(struct adieu_config *config, const char *path)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    BIO *bio = settings_open_file(config, path);
    if (!bio)
        return ADIEU_FAIL;
    enum adieu_status status = trust_from(config, bio, path);
    BIO_free(bio);
    return status;
}

static bool is_regular(const char *path)
{
    struct stat about;
    return !stat(path, &about) && S_ISREG(about.st_mode);
}

/* One file of a directory; what holds no certificate there is nobody's mistake, and a FIFO would keep us waiting. */
static bool read_entry(const char *directory, const char *name, STACK_OF(X509) * roots)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (size < 0 || (size_t)size >= sizeof path || !is_regular(path))
        return true;
    ERR_clear_error();
    BIO *bio = BIO_new_file(path, "r");
    if (!bio)
        return !engine_lacked_memory();
    bool lacked = read_certificates(bio, roots) == ADIEU_ERR_MEMORY;
    BIO_free(bio);
    return !lacked;
}

enum adieu_status adieu_config_trust_directory(struct adieu_config *config, const char *path)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    DIR *directory = opendir(path);
    if (!directory)
        return config_fail(config, ADIEU_ERR_FILE, errno, "%.150s: %s", path, strerror(errno));
    STACK_OF(X509) *roots = sk_X509_new_null();
    bool room = roots != NULL;
    for (struct dirent *entry; room && (entry = readdir(directory));)
        room = read_entry(path, entry->d_name, roots);
    closedir(directory);
    enum adieu_status status = use_roots(config, roots, room, path);
    sk_X509_pop_free(roots, X509_free);
    return status;
}

enum adieu_status adieu_config_trust_system(struct adieu_config *config)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    X509_STORE *store = named_store(config_engine(config));
    bool set = store && X509_STORE_set_default_paths(store);
    trust_note(config_engine(config), "system", 6);
    ERR_clear_error();
    return set ? ADIEU_OK : config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
}

bool trust_load_system(struct engine_config *config)
{
    if (config->adopted || config->roots_named || trusts_pins_alone(config))
        return true;
    if (!CRYPTO_THREAD_write_lock(config->roots_lock))
        return false;
    if (!config->roots_loaded)
        config->roots_loaded = SSL_CTX_set_default_verify_paths(config->context);
    bool loaded = config->roots_loaded;
    CRYPTO_THREAD_unlock(config->roots_lock);
    return loaded;
}

enum adieu_status adieu_config_trust_pin(struct adieu_config *config, const uint8_t pin[ADIEU_PIN_SIZE])
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    struct engine_config *engine = config_engine(config);
    struct pin *more = realloc(engine->pins, (engine->pin_count + 1) * sizeof *more);
    if (!more)
        return config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    engine->pins = more;
    memcpy(engine->pins[engine->pin_count++].bytes, pin, ADIEU_PIN_SIZE);
    trust_note(engine, pin, ADIEU_PIN_SIZE);
    return ADIEU_OK;
}
