/* SPDX-License-Identifier: MIT */
/* What an authority says of the certificates that it has issued: lists of the revoked, and OCSP responses. */
#ifndef ADIEU_TESTS_REVOKING_H
#define ADIEU_TESTS_REVOKING_H

#include <stdbool.h>

#include "authority.h"

/* A CRL valid from and to, in minutes from now (to 0: it names no end); revoked may be NULL. */
void authority_crl(const struct authority *authority, long from, long to, const struct issued *revoked,
                   struct pem *crl);

struct der {
    unsigned char bytes[4096];
    size_t size;
};

/* How an OCSP response is made; what is 0 or NULL is as it should be. */
struct saying {
    const struct authority *signer;   /* the authority itself */
    const struct issued *delegate;    /* a responder, whose certificate is then in the response */
    const struct authority *about_by; /* it says that this one has issued the certificate */
    int status;                       /* V_OCSP_CERTSTATUS_, good */
    long from, to;                    /* minutes from now; both 0: good for an hour */
    bool endless;                     /* it names no end */
    bool sha256;                      /* its certificate is named by SHA-256 */
    const struct issued *first;       /* before it, it speaks of this one */
};
void authority_says(const struct authority *authority, const struct issued *issued, const struct saying *how,
                    struct der *response);

/* A certificate that may sign OCSP responses in the authority's name. */
void authority_delegate(const struct authority *authority, struct issued *issued);

X509 *certificate_of(const struct issued *issued);

#endif
