/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static X509 *certificate_for(EVP_PKEY *key)
{
    X509 *made = X509_new();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -86400);
    X509_gmtime_adj(X509_getm_notAfter(made), 10 * 86400L);
    X509_set_pubkey(made, key);
    X509_NAME *subject = X509_get_subject_name(made);
    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC, (const uint8_t *)IDENTITY_NAME, -1, -1, 0);
    X509_set_issuer_name(made, subject);
    X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:" IDENTITY_NAME);
    X509_add_ext(made, name, -1);
    X509_EXTENSION_free(name);
    X509_sign(made, key, EVP_sha256());
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

void identity_make(struct identity *identity)
{
    identity->key = EVP_EC_gen("P-256");
    identity->certificate = certificate_for(identity->key);
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

void identity_free(struct identity *identity)
{
    unlink(identity->path);
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}
