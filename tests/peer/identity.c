/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY 86400L

const char *const identity_names[IDENTITIES] = {"known", "unknown", "expired"};

static void extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static void name(X509_NAME *whom, const char *text)
{
    X509_NAME_add_entry_by_NID(whom, NID_commonName, MBSTRING_ASC, (const uint8_t *)text, -1, -1, 0);
}

static X509 *certificate_for(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *issuer_key, long until)
{
    static long serial = 1;
    X509 *made = X509_new();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made), -10 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(made), until);
    X509_set_pubkey(made, key);
    name(X509_get_subject_name(made), subject);
    name(X509_get_issuer_name(made), issuer);
    extend(made, NID_subject_alt_name, "DNS:" IDENTITY_NAME);
    extend(made, NID_basic_constraints, "CA:TRUE");
    X509_sign(made, issuer_key, EVP_sha256());
    return made;
}

static void keep(const struct identity *identity, char *path, size_t size)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, size, "%.40s/adieu-peer-XXXXXX", folder ? folder : "/tmp");
    int file = mkstemp(path);
    size_t length = strlen(identity->pem);
    if (file < 0 || write(file, identity->pem, length) != (ssize_t)length || close(file) != 0)
        abort();
}

/* issuer_key: NULL for its own. */
static void make(struct identity *identity, const char *subject, const char *issuer, EVP_PKEY *issuer_key, long until)
{
    EVP_PKEY *key = identity->key = EVP_EC_gen("P-256");
    identity->certificate = certificate_for(subject, key, issuer, issuer_key ? issuer_key : key, until);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, identity->certificate);
    PEM_write_bio_PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL);
    int n = BIO_read(bio, identity->pem, sizeof identity->pem - 1);
    if (n <= 0)
        abort();
    identity->pem[n] = '\0';
    BIO_free(bio);
    keep(identity, identity->path, sizeof identity->path);
}

void identities_make(struct identity identities[IDENTITIES])
{
    struct identity *known = &identities[IDENTITY_KNOWN];
    make(known, "known", "known", NULL, 10 * DAY);
    make(&identities[IDENTITY_UNKNOWN], "unknown", "nobody", NULL, 10 * DAY);
    make(&identities[IDENTITY_EXPIRED], "expired", "known", known->key, -DAY);
}

void identities_free(struct identity identities[IDENTITIES])
{
    for (int i = 0; i < IDENTITIES; i++) {
        unlink(identities[i].path);
        X509_free(identities[i].certificate);
        EVP_PKEY_free(identities[i].key);
    }
}
