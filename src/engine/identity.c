/* SPDX-License-Identifier: MIT */
/* Who we are: a certificate chain and its key, given or made on the spot. */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "openssl.h"

#define THROWAWAY_SECONDS (30L * 24 * 60 * 60)

/* ------------------------------------------------ given */

int give_password(char *buf, int size, int writing, void *arg)
{
    (void)writing;
    struct password *password = arg;
    if (!password)
        return -1;
    password->wanted = true;
    size_t n = password->text ? strlen(password->text) : 0;
    if (!password->text || n > (size_t)size)
        return -1;
    memcpy(buf, password->text, n);
    return (int)n;
}

struct identity {
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

static void identity_free(struct identity *identity)
{
    X509_free(identity->leaf);
    sk_X509_pop_free(identity->chain, X509_free);
    EVP_PKEY_free(identity->key);
}

X509 *next_certificate(BIO *pem, enum adieu_error_code *wrong)
{
    ERR_clear_error();
    X509 *certificate = PEM_read_bio_X509_AUX(pem, NULL, give_password, NULL);
    bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (engine_lacked_memory())
        *wrong = ADIEU_ERR_MEMORY;
    else if (!certificate && !ended)
        *wrong = ADIEU_ERR_PEM;
    return certificate;
}

bool push_certificate(STACK_OF(X509) * stack, X509 *certificate)
{
    if (sk_X509_push(stack, certificate))
        return true;
    X509_free(certificate);
    return false;
}

/* The first certificate is the leaf, the others vouch for it. */
static enum adieu_error_code read_chain(BIO *pem, struct identity *identity)
{
    enum adieu_error_code wrong = ADIEU_ERR_NONE;
    identity->chain = sk_X509_new_null();
    if (!identity->chain)
        return ADIEU_ERR_MEMORY;
    identity->leaf = next_certificate(pem, &wrong);
    if (!identity->leaf)
        return wrong ? wrong : ADIEU_ERR_PEM;
    X509 *next;
    while ((next = next_certificate(pem, &wrong)))
        if (!push_certificate(identity->chain, next))
            return ADIEU_ERR_MEMORY;
    return wrong;
}

static enum adieu_status read_identity(struct adieu_config *config, struct identity *identity, BIO *chain, BIO *key,
                                       const char *password_text)
{
    enum adieu_error_code wrong = read_chain(chain, identity);
    if (wrong)
        return config_fail(config, wrong, 0, "in the certificate chain");
    struct password password = {.text = password_text};
    ERR_clear_error();
    identity->key = PEM_read_bio_PrivateKey(key, NULL, give_password, &password);
    if (identity->key)
        return ADIEU_OK;
    if (password.wanted)
        return config_fail(config, ADIEU_ERR_KEY_PASSWORD, 0, password_text ? "it is wrong" : "none was given");
    return config_fail(config, engine_lacked_memory() ? ADIEU_ERR_MEMORY : ADIEU_ERR_PEM, 0, "in the private key");
}

static enum adieu_status use_identity(struct adieu_config *config, const struct identity *identity)
{
    struct engine_config *engine = config_engine(config);
    if (!X509_check_private_key(identity->leaf, identity->key))
        return settings_refused(config, ADIEU_ERR_KEY_MISMATCH, "");
    if (!SSL_CTX_use_cert_and_key(engine->context, identity->leaf, identity->key, identity->chain, 1))
        return settings_refused(config, ADIEU_ERR_ARGUMENT, "the certificate or key is not accepted");
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (X509_digest(identity->leaf, EVP_sha256(), digest, &size))
        self_note(engine, digest, size);
    else
        engine->trust_unknown = true;
    binding_prepare(engine, identity->leaf);
    engine->has_identity = true;
    return ADIEU_OK;
}

static enum adieu_status identity_from(struct adieu_config *config, BIO *chain, BIO *key, const char *password)
{
    struct identity identity = {0};
    enum adieu_status status = read_identity(config, &identity, chain, key, password);
    if (status == ADIEU_OK)
        status = use_identity(config, &identity);
    identity_free(&identity);
    ERR_clear_error();
    return status;
}

enum adieu_status adieu_config_identity_pem(struct adieu_config *config, const void *chain, size_t chain_size,
                                            const void *key, size_t key_size, const char *password)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    if (chain_size > INT_MAX || key_size > INT_MAX)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "more than 2 GiB of PEM");
    BIO *chain_bio = BIO_new_mem_buf(chain, (int)chain_size), *key_bio = BIO_new_mem_buf(key, (int)key_size);
    enum adieu_status status = chain_bio && key_bio ? identity_from(config, chain_bio, key_bio, password)
                                                    : config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    BIO_free(chain_bio);
    BIO_free(key_bio);
    return status;
}

enum adieu_status adieu_config_identity_file(struct adieu_config *config, const char *chain_path, const char *key_path,
                                             const char *password)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    BIO *chain = settings_open_file(config, chain_path);
    BIO *key = chain ? settings_open_file(config, key_path) : NULL;
    enum adieu_status status = key ? identity_from(config, chain, key, password) : ADIEU_FAIL;
    BIO_free(chain);
    BIO_free(key);
    return status;
}

/* ------------------------------------------------ made on the spot */

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static bool add_names(X509 *certificate, const char *name)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    char alternative[80];
    BIO_snprintf(alternative, sizeof alternative, "%s:%s", address ? "IP" : "DNS", name);
    ASN1_OCTET_STRING_free(address);
    X509_NAME *subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0) &&
           X509_set_issuer_name(certificate, subject) &&
           add_extension(certificate, NID_subject_alt_name, alternative) &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature");
}

/* RFC 5280 4.1.2.2: a positive serial number of at most 20 bytes; a random one, so that no two are alike. */
static bool add_serial(X509 *certificate)
{
    uint8_t bytes[16];
    BIGNUM *number = RAND_bytes(bytes, sizeof bytes) > 0 ? BN_bin2bn(bytes, sizeof bytes, NULL) : NULL;
    bool added = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return added;
}

/*
 * What OpenSSL makes of it while memory is short it may encode later as longer than it has measured, and write too
 * far.
 */
static bool make_certificate(struct identity *identity, const char *name)
{
    enum { YESTERDAY = -24 * 60 * 60 }; /* clocks differ */
    identity->key = EVP_EC_gen("P-256");
    X509 *made = identity->leaf = X509_new();
    return identity->key && made && X509_set_version(made, X509_VERSION_3) && add_serial(made) &&
           X509_gmtime_adj(X509_getm_notBefore(made), YESTERDAY) &&
           X509_gmtime_adj(X509_getm_notAfter(made), THROWAWAY_SECONDS) && X509_set_pubkey(made, identity->key) &&
           add_names(made, name) && X509_sign(made, identity->key, EVP_sha256()) && !engine_lacked_memory();
}

enum adieu_status adieu_config_identity_throwaway(struct adieu_config *config, const char *name)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    if (!name[0] || strlen(name) > 63 || strpbrk(name, ",\n"))
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "a name of 1 to 63 bytes is needed");
    struct identity identity = {0};
    enum adieu_status status = make_certificate(&identity, name)
                                   ? use_identity(config, &identity)
                                   : settings_refused(config, ADIEU_ERR_ENGINE, "no certificate could be made");
    identity_free(&identity);
    ERR_clear_error();
    return status;
}

enum adieu_status adieu_config_identity_pin(const struct adieu_config *config, uint8_t pin[ADIEU_PIN_SIZE])
{
    return pin_told(SSL_CTX_get0_certificate(config_engine(config)->context), pin);
}
