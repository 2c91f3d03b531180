/* SPDX-License-Identifier: MIT */
#include "authority.h"

#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "check.h"

#define DAY (24L * 60 * 60)

static void keep(BIO *bio, struct pem *pem)
{
    int n = BIO_read(bio, pem->text, sizeof pem->text - 1);
    assert_in_range(n, 1, sizeof pem->text - 2);
    pem->size = (size_t)n;
    pem->text[n] = 0;
    BIO_free(bio);
}

static void keep_certificate(X509 *certificate, struct pem *pem)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    keep(bio, pem);
}

static void keep_key(EVP_PKEY *key, const char *password, struct pem *pem)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const EVP_CIPHER *cipher = password ? EVP_aes_256_cbc() : NULL;
    int size = password ? (int)strlen(password) : 0;
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, password, size, NULL, NULL), 1);
    keep(bio, pem);
}

static void extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* A certificate with everything but its signature. */
static X509 *draft(const char *name, EVP_PKEY *key, const X509 *issuer, long from, long to)
{
    static long serial = 1;
    X509 *made = X509_new();
    assert_non_null(made);
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made), from);
    X509_gmtime_adj(X509_getm_notAfter(made), to);
    X509_set_pubkey(made, key);
    X509_NAME *subject = X509_get_subject_name(made);
    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    X509_set_issuer_name(made, issuer ? X509_get_subject_name(issuer) : subject);
    return made;
}

struct authority authority_new(const char *name)
{
    return authority_with(name, EVP_EC_gen("P-256"), EVP_sha256());
}

struct authority authority_with(const char *name, EVP_PKEY *key, const EVP_MD *digest)
{
    struct authority authority = {.key = key, .digest = digest};
    assert_non_null(authority.key);
    authority.certificate = draft(name, authority.key, NULL, -DAY, 10 * DAY);
    extend(authority.certificate, NID_basic_constraints, "critical,CA:TRUE");
    extend(authority.certificate, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign");
    assert_true(X509_sign(authority.certificate, authority.key, digest) > 0);
    keep_certificate(authority.certificate, &authority.pem);
    return authority;
}

void authority_free(struct authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
}

void authority_issue(const struct authority *authority, const char *name, long from, long to, struct issued *issued)
{
    authority_issue_key(authority, name, EVP_EC_gen("P-256"), from, to, issued);
}

EVP_PKEY *rsa_key(void)
{
    static EVP_PKEY *key;
    if (!key)
        key = EVP_RSA_gen(2048);
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_up_ref(key), 1);
    return key;
}

void authority_issue_key(const struct authority *authority, const char *name, EVP_PKEY *key, long from, long to,
                         struct issued *issued)
{
    assert_non_null(key);
    X509 *made = draft("leaf", key, authority->certificate, from * DAY, to * DAY);
    extend(made, NID_subject_alt_name, name);
    assert_true(X509_sign(made, authority->key, authority->digest) > 0);
    keep_certificate(made, &issued->chain);
    keep_key(key, NULL, &issued->key);
    X509_free(made);
    EVP_PKEY_free(key);
}

void encrypt_key(const struct issued *issued, const char *password, struct pem *pem)
{
    BIO *bio = BIO_new_mem_buf(issued->key.text, (int)issued->key.size);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_non_null(key);
    keep_key(key, password, pem);
    EVP_PKEY_free(key);
    BIO_free(bio);
}
