/* SPDX-License-Identifier: MIT */
/*
 * OpenSSL does the peer's handshake, in memory. It is fed one record at a time and no more once it is done, so that it
 * never holds a byte that belongs behind the handshake; what it says is taken out and read like anybody's words.
 */
#ifndef ADIEU_TESTS_PEER_HANDSHAKE_H
#define ADIEU_TESTS_PEER_HANDSHAKE_H

#include "identity.h"
#include "record.h"

struct handshake {
    struct secrets secrets;
    bool done, failed;
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
};

struct handshake_options {
    bool server, tls13;
    const struct suite *suite;
    unsigned tickets;
    const char *groups, *alpn; /* NULL: as usual; alpn: one protocol, of a client */
};
/* identity: what it shows; NULL: none, which a server cannot do. */
void handshake_begin(struct handshake *handshake, const struct identity *identity,
                     const struct handshake_options *options);
/* One record (or other bytes) from adieu. */
void handshake_feed(struct handshake *handshake, const struct bytes *raw);
/* Goes as far as it can, and adds to out what it has to say. */
void handshake_go(struct handshake *handshake, struct bytes *out);
void handshake_end(struct handshake *handshake);

#endif
