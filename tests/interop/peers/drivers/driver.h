/* SPDX-License-Identifier: MIT */
/* What driver.c asks of a TLS library. One connection a process; whatever goes wrong leaves its words in tls_error(). */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdbool.h>
#include <stddef.h>

struct given {
    bool server, ask;            /* ask: require a certificate of the client */
    int version;                 /* 2 or 3: TLS 1.2, 1.3 */
    const char *ca, *cert, *key; /* PEM files; cert and key may be NULL */
};

/* The handshake on a connected socket, as its users write it: a client verifies the name localhost. */
bool tls_begin(const struct given *given, int fd);
/* Bytes, 0 at the peer's authentic end, -1 for anything else. */
long tls_read(void *buf, size_t size);
/* All of it; false: it failed. */
bool tls_write(const void *buf, size_t size);
/* Sends close_notify; reading may go on. */
bool tls_shutdown(void);
const char *tls_error(void);

#endif
