/* SPDX-License-Identifier: MIT */
/*
 * OCSP responses stapled to the handshake (RFC 6066 8, RFC 9846 4.4.2.1): a server sends what it was given, and a
 * client that wants one refuses a server without.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ocsp.h>

#include "openssl.h"

enum {
    MOST_BYTES = 65000,  /* in TLS 1.3 it is an extension, and those have 16 bits for their size */
    CLOCKS_DIFFER = 300, /* seconds */
};

struct staple {
    struct staple *next;
    OCSP_BASICRESP *parsed;
    size_t size;
    uint8_t der[];
};

/* ------------------------------------------------ what a response says */

/* Whether it is about this certificate. With issuer NULL it need only look so: by serial number and issuer's name. */
static bool is_about(const OCSP_CERTID *id, const X509 *leaf, const X509 *issuer)
{
    ASN1_OBJECT *hash = NULL;
    ASN1_OCTET_STRING *name = NULL;
    ASN1_INTEGER *serial = NULL;
    if (!OCSP_id_get0_info(&name, &hash, NULL, &serial, (OCSP_CERTID *)(uintptr_t)id) ||
        ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) != 0)
        return false;
    const EVP_MD *digest = EVP_get_digestbyobj(hash);
    if (issuer) {
        OCSP_CERTID *wanted = digest ? OCSP_cert_to_id(digest, leaf, issuer) : NULL;
        bool same = wanted && OCSP_id_cmp(wanted, id) == 0;
        OCSP_CERTID_free(wanted);
        return same;
    }
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return digest && X509_NAME_digest(X509_get_issuer_name(leaf), digest, bytes, &size) &&
           ASN1_STRING_length(name) == (int)size && !memcmp(ASN1_STRING_get0_data(name), bytes, size);
}

/* What it says of this certificate; NULL: nothing. */
static OCSP_SINGLERESP *about(OCSP_BASICRESP *response, const X509 *leaf, const X509 *issuer)
{
    for (int i = 0; i < OCSP_resp_count(response); i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(response, i);
        if (is_about(OCSP_SINGLERESP_get0_id(one), leaf, issuer))
            return one;
    }
    return NULL;
}

/* A response that names no end would be good for whoever kept it, for ever. */
static bool is_in_time(OCSP_SINGLERESP *one)
{
    ASN1_GENERALIZEDTIME *from = NULL, *to = NULL;
    OCSP_single_get0_status(one, NULL, NULL, &from, &to);
    return from && to && OCSP_check_validity(from, to, CLOCKS_DIFFER, -1);
}

/* NULL: it is no successful response; *status says what the responder answered instead, if it did. */
static OCSP_BASICRESP *parse(const uint8_t *der, size_t size, int *status)
{
    const uint8_t *at = der;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)size);
    bool whole = response && at == der + size;
    *status = whole ? OCSP_response_status(response) : OCSP_RESPONSE_STATUS_SUCCESSFUL;
    OCSP_BASICRESP *basic =
        whole && *status == OCSP_RESPONSE_STATUS_SUCCESSFUL ? OCSP_response_get1_basic(response) : NULL;
    OCSP_RESPONSE_free(response);
    return basic;
}

/* ------------------------------------------------ servers */

void staples_free(struct staple *staple)
{
    for (struct staple *next; staple; staple = next) {
        next = staple->next;
        OCSP_BASICRESP_free(staple->parsed);
        free(staple);
    }
}

static const struct staple *staple_of(const struct engine_config *config, const X509 *leaf)
{
    for (const struct staple *staple = config->staples; staple; staple = staple->next) {
        OCSP_SINGLERESP *one = about(staple->parsed, leaf, NULL);
        if (one && is_in_time(one))
            return staple;
    }
    return NULL;
}

static int answer(SSL *ssl, const struct engine_config *config)
{
    const X509 *leaf = SSL_get_certificate(ssl);
    const struct staple *staple = leaf ? staple_of(config, leaf) : NULL;
    ERR_clear_error();
    if (!staple)
        return SSL_TLSEXT_ERR_NOACK;
    uint8_t *copy = OPENSSL_memdup(staple->der, staple->size);
    if (!copy)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple->size);
    return SSL_TLSEXT_ERR_OK;
}

/* ------------------------------------------------ clients */

/*
 * By the issuer, or by whom the issuer made a responder (RFC 6960 4.2.2.2): never by the certificate that it is
 * about.
 */
static bool is_signed(OCSP_BASICRESP *response, STACK_OF(X509) * chain, X509_STORE *store)
{
    STACK_OF(X509) *issuers = sk_X509_dup(chain);
    if (issuers)
        (void)sk_X509_shift(issuers);
    bool valid = issuers && OCSP_basic_verify(response, issuers, store, OCSP_NOEXPLICIT) > 0;
    sk_X509_free(issuers);
    return valid;
}

/* NULL: it is good; else what is wrong. */
static const char *problem_of(OCSP_BASICRESP *response, STACK_OF(X509) * chain, X509_STORE *store)
{
    if (sk_X509_num(chain) < 2)
        return "its certificate has no issuer to ask about it";
    OCSP_SINGLERESP *one = about(response, sk_X509_value(chain, 0), sk_X509_value(chain, 1));
    if (!one)
        return "its OCSP response is about another certificate";
    if (!is_signed(response, chain, store))
        return "its OCSP response is not signed by its certificate's issuer";
    switch (OCSP_single_get0_status(one, NULL, NULL, NULL, NULL)) {
    case V_OCSP_CERTSTATUS_GOOD:
        return is_in_time(one) ? NULL : "its OCSP response is out of its time, or names none";
    case V_OCSP_CERTSTATUS_REVOKED:
        return "its OCSP response says that its certificate has been revoked";
    default:
        return "its OCSP response says that its certificate is not known";
    }
}

static const char *problem_of_peer(SSL *ssl)
{
    const uint8_t *der = NULL;
    long size = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
    if (!der || size <= 0)
        return "it sent no OCSP response, which is required";
    int status = 0;
    OCSP_BASICRESP *response = parse(der, (size_t)size, &status);
    const char *problem = "what it sent is no OCSP response";
    if (response)
        problem = problem_of(response, SSL_get0_verified_chain(ssl), SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)));
    else if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        problem = "the OCSP response that it sent is a failure";
    OCSP_BASICRESP_free(response);
    return problem;
}

/*
 * In TLS 1.2 OpenSSL itself says the alert. In 1.3 it asks here before it has the keys to say it readably: so the
 * refusal is noted, and said in place of our Finished, see refusal.c.
 */
static int refuse(struct engine *engine, const char *problem)
{
    engine_set_problem(engine, "%s", problem);
    engine->verified = ADIEU_VERIFIED_NO;
    if (SSL_version(engine->ssl) != TLS1_3_VERSION)
        return 0;
    engine->refusal.due = true;
    engine->refusal.alert = SSL_AD_BAD_CERTIFICATE_STATUS_RESPONSE;
    return 1;
}

/*
 * Resumed, the server shows neither certificate nor staple: its session was made with both, by a config that wants
 * them.
 */
static int judge(struct engine *engine)
{
    enum { FAULT = -1, REFUSED = 0, ACCEPTED = 1 };
    const struct engine_config *config = engine->config;
    if (!config->wants_staple || config->insecure || engine->refusal.due || SSL_session_reused(engine->ssl))
        return ACCEPTED;
    const char *problem = problem_of_peer(engine->ssl);
    engine->starved = engine_lacked_memory() || engine->starved;
    if (engine->starved)
        return FAULT;
    return problem ? refuse(engine, problem) : ACCEPTED;
}

/* OpenSSL's question in both roles: a server has a certificate to show, a client has got its server's. */
static int status_asked(SSL *ssl, void *arg)
{
    struct engine *engine = engine_of(ssl);
    int done = SSL_is_server(ssl) ? answer(ssl, arg) : judge(engine);
    engine_look_for_shortage(engine);
    return done;
}

/* ------------------------------------------------ setters */

static void ask_here(struct engine_config *config)
{
    SSL_CTX_set_tlsext_status_cb(config->context, status_asked);
    SSL_CTX_set_tlsext_status_arg(config->context, config);
}

/* Whether it is about one of our certificates; the last one given stays OpenSSL's current one. */
static bool is_ours(SSL_CTX *context, OCSP_BASICRESP *response)
{
    X509 *last = SSL_CTX_get0_certificate(context);
    bool found = false;
    for (long more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_FIRST); more && !found;
         more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_NEXT))
        found = about(response, SSL_CTX_get0_certificate(context), NULL) != NULL;
    if (last)
        SSL_CTX_select_current_cert(context, last);
    return found;
}

/* Owns response. */
static enum adieu_status use_staple(struct adieu_config *config, OCSP_BASICRESP *response, const void *der, size_t size)
{
    struct engine_config *engine = config_engine(config);
    struct staple *staple = NULL;
    bool ours = is_ours(engine->context, response);
    bool lacked = engine_lacked_memory();
    if (ours && !lacked)
        staple = malloc(sizeof *staple + size);
    if (!staple) {
        OCSP_BASICRESP_free(response);
        return ours || lacked ? config_fail(config, ADIEU_ERR_MEMORY, 0, NULL)
                              : config_fail(config, ADIEU_ERR_ARGUMENT, 0,
                                            "the OCSP response is about no certificate of this config (give it first)");
    }
    *staple = (struct staple){.next = engine->staples, .parsed = response, .size = size};
    memcpy(staple->der, der, size);
    engine->staples = staple;
    ask_here(engine);
    return ADIEU_OK;
}

/* Without one no client could tell whether it is fresh. */
static bool names_its_end(OCSP_BASICRESP *response)
{
    bool names = true;
    for (int i = 0; i < OCSP_resp_count(response); i++) {
        ASN1_GENERALIZEDTIME *end = NULL;
        (void)OCSP_single_get0_status(OCSP_resp_get0(response, i), NULL, NULL, NULL, &end);
        names = names && end;
    }
    return names;
}

enum adieu_status adieu_config_staple(struct adieu_config *config, const void *der, size_t size)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    if (size > MOST_BYTES)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "an OCSP response of more than %d bytes", MOST_BYTES);
    int status = 0;
    OCSP_BASICRESP *response = parse(der, size, &status);
    if (response && names_its_end(response))
        return use_staple(config, response, der, size);
    if (response) {
        OCSP_BASICRESP_free(response);
        return config_fail(
            config, ADIEU_ERR_ARGUMENT, 0,
            "the OCSP response names no end (nextUpdate), so that no client can tell whether it is fresh");
    }
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return config_fail(config, ADIEU_ERR_ARGUMENT, 0, "the OCSP response is a failure: %s",
                           OCSP_response_status_str(status));
    return settings_refused(config, ADIEU_ERR_ARGUMENT, "this is no OCSP response (DER is expected)");
}

/* One byte more than may be, so that too much is told. */
enum adieu_status adieu_config_staple_file(struct adieu_config *config, const char *path)
{
    BIO *bio = settings_open(config) ? settings_open_file(config, path) : NULL;
    if (!bio)
        return ADIEU_FAIL;
    uint8_t *der = malloc(MOST_BYTES + 1);
    size_t size = 0;
    errno = 0;
    bool read = der && (BIO_read_ex(bio, der, MOST_BYTES + 1, &size) || BIO_eof(bio));
    int error = errno;
    enum adieu_status status = read  ? adieu_config_staple(config, der, size)
                               : der ? config_fail(config, ADIEU_ERR_FILE, error, "%.150s", path)
                                     : config_fail(config, ADIEU_ERR_MEMORY, 0, NULL);
    BIO_free(bio);
    free(der);
    ERR_clear_error();
    return status;
}

enum adieu_status adieu_config_require_staple(struct adieu_config *config)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    struct engine_config *engine = config_engine(config);
    SSL_CTX_set_tlsext_status_type(engine->context, TLSEXT_STATUSTYPE_ocsp);
    engine->wants_staple = true;
    trust_note(engine, "staple", 6);
    ask_here(engine);
    return ADIEU_OK;
}
