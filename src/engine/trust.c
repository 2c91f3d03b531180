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

/* What cannot be noted is no error: only, nothing is resumed then. */
static void note(struct engine_config *config, uint8_t digest[32], const void *bytes, size_t size)
{
    if (digest_note(digest, bytes, size))
        return;
    config->trust_unknown = true;
    ERR_clear_error();
}

void trust_note(struct engine_config *config, const void *bytes, size_t size)
{
    note(config, config->trust, bytes, size);
}

void self_note(struct engine_config *config, const void *bytes, size_t size)
{
    note(config, config->self, bytes, size);
}

bool session_scope(const struct engine_config *config, uint8_t scope[32])
{
    memcpy(scope, config->trust, sizeof config->trust);
    return !config->trust_unknown && digest_note(scope, config->self, sizeof config->self) &&
           digest_note(scope, config->alpn, config->alpn_size);
}

/* ------------------------------------------------ roots */

/* The config's roots as they shall be: put in place once they are whole, so that a setter that fails has changed nothing. */
struct roots {
    X509_STORE *store;
    STACK_OF(X509_NAME) * names; /* which servers tell their clients */
    bool system;
};

static bool copy_certificates(X509_STORE *to, X509_STORE *from)
{
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(from);
    bool copied = all != NULL;
    for (int i = 0; copied && i < sk_X509_num(all); i++)
        copied = X509_STORE_add_cert(to, sk_X509_value(all, i));
    sk_X509_pop_free(all, X509_free);
    return copied;
}

/* With what was named before; the first one replaces the system's. False: no memory, and nothing more to add. */
static bool roots_begin(struct roots *roots, const struct engine_config *config)
{
    const STACK_OF(X509_NAME) *names = SSL_CTX_get_client_CA_list(config->context);
    *roots = (struct roots){.store = X509_STORE_new(),
                            .names = names ? SSL_dup_CA_list(names) : sk_X509_NAME_new_null(),
                            .system = config->system_named};
    if (!roots->store || !roots->names || (roots->system && !X509_STORE_set_default_paths(roots->store)))
        return false;
    return !config->roots_named || copy_certificates(roots->store, SSL_CTX_get_cert_store(config->context));
}

static bool roots_add(struct roots *roots, X509 *root)
{
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(root));
    if (name && sk_X509_NAME_push(roots->names, name) > 0)
        return X509_STORE_add_cert(roots->store, root);
    X509_NAME_free(name);
    return false;
}

/* Puts them in their place, if they are whole. */
static bool roots_end(struct roots *roots, struct engine_config *config, bool whole)
{
    if (whole) {
        SSL_CTX_set_cert_store(config->context, roots->store);
        SSL_CTX_set_client_CA_list(config->context, roots->names);
        config->roots_named = true;
        config->system_named = roots->system;
    } else {
        X509_STORE_free(roots->store);
        sk_X509_NAME_pop_free(roots->names, X509_NAME_free);
    }
    return whole;
}

/* ------------------------------------------------ read */

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

static void note_root(struct engine_config *config, const X509 *root)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (X509_digest(root, EVP_sha256(), digest, &size))
        trust_note(config, digest, size);
    else
        config->trust_unknown = true;
}

/* All of them or none. */
static bool add_roots(struct engine_config *config, STACK_OF(X509) * added)
{
    struct roots roots;
    bool whole = roots_begin(&roots, config);
    for (int i = 0; whole && i < sk_X509_num(added); i++)
        whole = roots_add(&roots, sk_X509_value(added, i));
    for (int i = 0; whole && i < sk_X509_num(added); i++)
        note_root(config, sk_X509_value(added, i));
    whole = roots_end(&roots, config, whole);
    ERR_clear_error(); /* a system that has no roots, perhaps */
    return whole;
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
    struct engine_config *engine = config_engine(config);
    struct roots roots;
    bool whole = roots_begin(&roots, engine) && (roots.system || X509_STORE_set_default_paths(roots.store));
    roots.system = true;
    whole = roots_end(&roots, engine, whole);
    if (whole)
        trust_note(engine, "system", 6);
    ERR_clear_error();
    return whole ? ADIEU_OK : config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
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
