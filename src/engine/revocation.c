/* SPDX-License-Identifier: MIT */
/*
 * Revocation lists. They belong to the config and are handed to each verification, not put into the trust store: so
 * they stay when the first named root replaces that store, and on_name's choice brings its own.
 */
#include <limits.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "openssl.h"

/* ------------------------------------------------ given */

/* The next CRL of a PEM; NULL: the end, or wrong says what is the matter. What is no CRL is passed over. */
static X509_CRL *next_crl(BIO *pem, enum adieu_error_code *wrong)
{
    ERR_clear_error();
    X509_CRL *crl = PEM_read_bio_X509_CRL(pem, NULL, give_password, NULL);
    bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (engine_lacked_memory())
        *wrong = ADIEU_ERR_MEMORY;
    else if (!crl && !ended)
        *wrong = ADIEU_ERR_PEM;
    return crl;
}

static enum adieu_error_code read_crls(BIO *pem, STACK_OF(X509_CRL) * crls)
{
    enum adieu_error_code wrong = ADIEU_ERR_NONE;
    X509_CRL *crl;
    while ((crl = next_crl(pem, &wrong))) {
        if (wrong || !sk_X509_CRL_push(crls, crl)) {
            X509_CRL_free(crl);
            return ADIEU_ERR_MEMORY;
        }
    }
    return wrong;
}

/* A session made under other lists is not resumed: its peer may have been revoked since. */
static bool note_crls(struct engine_config *config, STACK_OF(X509_CRL) * crls)
{
    for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        if (!X509_CRL_digest(sk_X509_CRL_value(crls, i), EVP_sha256(), digest, &size))
            return false;
        trust_note(config, digest, size);
    }
    return true;
}

/* All of them or none. */
static bool add_crls(struct engine_config *config, STACK_OF(X509_CRL) * crls)
{
    uint8_t trust[sizeof config->trust];
    memcpy(trust, config->trust, sizeof trust);
    STACK_OF(X509_CRL) *all = config->crls ? sk_X509_CRL_dup(config->crls) : sk_X509_CRL_new_null();
    bool added = all && note_crls(config, crls);
    for (int i = 0; added && i < sk_X509_CRL_num(crls); i++)
        added = sk_X509_CRL_push(all, sk_X509_CRL_value(crls, i)) > 0;
    if (!added) {
        memcpy(config->trust, trust, sizeof trust);
        sk_X509_CRL_free(all);
        return false;
    }
    sk_X509_CRL_zero(crls); /* they have another owner now */
    sk_X509_CRL_free(config->crls);
    config->crls = all;
    return true;
}

static enum adieu_status use_crls(struct adieu_config *config, STACK_OF(X509_CRL) * crls, enum adieu_error_code wrong,
                                  const char *where)
{
    int count = crls ? sk_X509_CRL_num(crls) : 0;
    if (wrong == ADIEU_ERR_PEM)
        return config_fail(config, ADIEU_ERR_PEM, 0, "%.150s: CRL %d is damaged", where, count + 1);
    if (!wrong && !count)
        return config_fail(config, ADIEU_ERR_PEM, 0, "%.150s: there is no CRL in it", where);
    if (wrong || !add_crls(config_engine(config), crls))
        return config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    return ADIEU_OK;
}

static enum adieu_status crls_from(struct adieu_config *config, BIO *pem, const char *where)
{
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    enum adieu_error_code wrong = crls ? read_crls(pem, crls) : ADIEU_ERR_MEMORY;
    enum adieu_status status = use_crls(config, crls, wrong, where);
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    BIO_free(pem);
    ERR_clear_error();
    return status;
}

enum adieu_status adieu_config_crl_pem(struct adieu_config *config, const void *pem, size_t size)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    if (size > INT_MAX)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "more than 2 GiB of PEM");
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    return bio ? crls_from(config, bio, "in memory") : config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
}

enum adieu_status adieu_config_crl_file(struct adieu_config *config, const char *path)
{
    BIO *bio = settings_open(config) ? settings_open_file(config, path) : NULL;
    return bio ? crls_from(config, bio, path) : ADIEU_FAIL;
}

/* ------------------------------------------------ used */

void revocation_prepare(const struct engine_config *config, X509_STORE_CTX *store)
{
    if (!config->crls)
        return;
    X509_STORE_CTX_set0_crls(store, config->crls);
    X509_STORE_CTX_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

bool revocation_is_current(const struct engine_config *config)
{
    for (int i = 0; i < sk_X509_CRL_num(config->crls); i++) {
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(sk_X509_CRL_value(config->crls, i));
        if (next && X509_cmp_current_time(next) <= 0)
            return false;
    }
    return true;
}

const char *revocation_problem(long chain_error)
{
    switch (chain_error) {
    case X509_V_ERR_CERT_REVOKED:
        return "its certificate, or one that vouches for it, has been revoked";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
        return "there is no CRL of an issuer of its chain, so nobody knows whether it has been revoked: add it";
    case X509_V_ERR_CRL_HAS_EXPIRED:
        return "a CRL for its chain has expired: get a new one";
    case X509_V_ERR_CRL_NOT_YET_VALID:
        return "a CRL for its chain is not valid yet: look at this machine's clock";
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
        return "a CRL for its chain is not signed by its issuer";
    default:
        return NULL;
    }
}
