/* SPDX-License-Identifier: MIT */
/* Certificates made on the spot, so that no test depends on a file or on the calendar. */
#ifndef ADIEU_TESTS_AUTHORITY_H
#define ADIEU_TESTS_AUTHORITY_H

#include <openssl/x509.h>

struct pem {
    char text[4096];
    size_t size;
};

struct authority {
    X509 *certificate;
    EVP_PKEY *key;
    const EVP_MD *digest; /* that it signs with */
    struct pem pem;
};

/* A chain of one certificate and its key. */
struct issued {
    struct pem chain, key;
};

struct authority authority_new(const char *name);
/* With a key, which it owns, and a digest (NULL: the key has its own) of one's choice. */
struct authority authority_with(const char *name, EVP_PKEY *key, const EVP_MD *digest);
void authority_free(struct authority *authority);

/* For the alternative name ("DNS:localhost", "IP:127.0.0.1"); valid from and to, in days from now. */
void authority_issue(const struct authority *authority, const char *name, long from, long to, struct issued *issued);
/* The same for this key, which is freed. */
void authority_issue_key(const struct authority *authority, const char *name, EVP_PKEY *key, long from, long to,
                         struct issued *issued);
/* An RSA key, to be freed: the same in all of a program, since to make one takes long. */
EVP_PKEY *rsa_key(void);
/* The same key, encrypted. */
void encrypt_key(const struct issued *issued, const char *password, struct pem *key);

#endif
