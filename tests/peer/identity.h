/* SPDX-License-Identifier: MIT */
/* Certificates for localhost and their keys, made once. */
#ifndef ADIEU_TESTS_PEER_IDENTITY_H
#define ADIEU_TESTS_PEER_IDENTITY_H

#include <openssl/ssl.h>

#define IDENTITY_NAME "localhost"

enum identity_kind {
    IDENTITY_KNOWN,   /* signed by itself; an authority too, and the one that adieu trusts */
    IDENTITY_UNKNOWN, /* of an authority that nobody knows */
    IDENTITY_EXPIRED, /* of the known one, until yesterday */
    IDENTITIES
};
extern const char *const identity_names[IDENTITIES];

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char pem[4096]; /* both */
    char path[64];  /* both, in a file, for the command */
};
/* All of them. */
void identities_make(struct identity identities[IDENTITIES]);
void identities_free(struct identity identities[IDENTITIES]);

#endif
