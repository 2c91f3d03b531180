/* SPDX-License-Identifier: MIT */
#include "revoking.h"

#include <string.h>

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "check.h"

#define MINUTE 60L

X509 *certificate_of(const struct issued *issued)
{
    BIO *bio = BIO_new_mem_buf(issued->chain.text, (int)issued->chain.size);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(certificate);
    BIO_free(bio);
    return certificate;
}

static EVP_PKEY *key_of(const struct issued *issued)
{
    BIO *bio = BIO_new_mem_buf(issued->key.text, (int)issued->key.size);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_non_null(key);
    BIO_free(bio);
    return key;
}

/* ------------------------------------------------ lists */

static void revoke(X509_CRL *crl, const struct issued *issued)
{
    X509 *certificate = certificate_of(issued);
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *when = X509_gmtime_adj(NULL, -MINUTE);
    assert_int_equal(X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(certificate)), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(revoked, when), 1);
    assert_int_equal(X509_CRL_add0_revoked(crl, revoked), 1);
    ASN1_TIME_free(when);
    X509_free(certificate);
}

void authority_crl(const struct authority *authority, long from, long to, const struct issued *revoked, struct pem *pem)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *begins = X509_gmtime_adj(NULL, from * MINUTE), *ends = X509_gmtime_adj(NULL, to * MINUTE);
    assert_non_null(crl);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->certificate));
    X509_CRL_set1_lastUpdate(crl, begins);
    if (to)
        X509_CRL_set1_nextUpdate(crl, ends);
    if (revoked)
        revoke(crl, revoked);
    assert_true(X509_CRL_sign(crl, authority->key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509_CRL(bio, crl), 1);
    int n = BIO_read(bio, pem->text, sizeof pem->text - 1);
    assert_in_range(n, 1, sizeof pem->text - 2);
    pem->text[n] = '\0';
    pem->size = (size_t)n;
    BIO_free(bio);
    ASN1_TIME_free(begins);
    ASN1_TIME_free(ends);
    X509_CRL_free(crl);
}

/* ------------------------------------------------ OCSP */

void authority_delegate(const struct authority *authority, struct issued *issued)
{
    authority_issue(authority, "DNS:responder", -1, 5, issued);
    X509 *certificate = certificate_of(issued);
    X509_EXTENSION *use = X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, "OCSPSigning");
    assert_int_equal(X509_add_ext(certificate, use, -1), 1);
    assert_true(X509_sign(certificate, authority->key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    issued->chain.size = (size_t)BIO_read(bio, issued->chain.text, sizeof issued->chain.text - 1);
    BIO_free(bio);
    X509_EXTENSION_free(use);
    X509_free(certificate);
}

static void add_status(OCSP_BASICRESP *response, const struct authority *by, const struct issued *issued,
                       const struct saying *how)
{
    X509 *certificate = certificate_of(issued);
    long from = how->from || how->to ? how->from : -MINUTE, to = how->from || how->to ? how->to : MINUTE;
    ASN1_TIME *begins = X509_gmtime_adj(NULL, from * MINUTE), *ends = X509_gmtime_adj(NULL, to * MINUTE);
    OCSP_CERTID *id = OCSP_cert_to_id(how->sha256 ? EVP_sha256() : EVP_sha1(), certificate, by->certificate);
    assert_non_null(OCSP_basic_add1_status(response, id, how->status, OCSP_REVOKED_STATUS_KEYCOMPROMISE, begins, begins,
                                           how->endless ? NULL : ends));
    OCSP_CERTID_free(id);
    ASN1_TIME_free(begins);
    ASN1_TIME_free(ends);
    X509_free(certificate);
}

static void sign(OCSP_BASICRESP *response, const struct authority *authority, const struct saying *how)
{
    const struct authority *signer = how->signer ? how->signer : authority;
    X509 *certificate = how->delegate ? certificate_of(how->delegate) : signer->certificate;
    EVP_PKEY *key = how->delegate ? key_of(how->delegate) : signer->key;
    assert_int_equal(OCSP_basic_sign(response, certificate, key, EVP_sha256(), NULL, how->delegate ? 0 : OCSP_NOCERTS),
                     1);
    if (!how->delegate)
        return;
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void authority_says(const struct authority *authority, const struct issued *issued, const struct saying *how,
                    struct der *der)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    const struct authority *by = how->about_by ? how->about_by : authority;
    if (how->first)
        add_status(basic, by, how->first, how);
    add_status(basic, by, issued, how);
    sign(basic, authority, how);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    int size = i2d_OCSP_RESPONSE(response, NULL);
    assert_in_range(size, 1, sizeof der->bytes);
    unsigned char *at = der->bytes;
    der->size = (size_t)i2d_OCSP_RESPONSE(response, &at);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
}
