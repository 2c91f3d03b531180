/* SPDX-License-Identifier: MIT */
/* A certificate for localhost and its key, made once, signed by itself. */
#ifndef ADIEU_TESTS_PEER_IDENTITY_H
#define ADIEU_TESTS_PEER_IDENTITY_H

#include <openssl/ssl.h>

#define IDENTITY_NAME "localhost"

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char pem[4096]; /* both */
    char path[64];  /* both, in a file, for the command */
};
void identity_make(struct identity *identity);
void identity_free(struct identity *identity);

#endif
