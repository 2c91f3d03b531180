/* SPDX-License-Identifier: MIT */
/*
 * Whom the examples trust: a server makes an identity on the spot and prints its pin; a client is told that pin. In
 * life you would load a certificate, and trust the system's roots (see client.c).
 */
#ifndef THROWAWAY_H
#define THROWAWAY_H

#include <adieu.h>

/* A server's config with a new identity. NULL: it could not be made. */
struct adieu_config *throwaway_server(void);
/* A client's, which trusts that identity alone. NULL: no pin, or no memory. */
struct adieu_config *throwaway_client(const char *pin);
/* Both, for programs that are both sides. */
bool throwaway_pair(struct adieu_config **client, struct adieu_config **server);
/* Prints where a listening socket listens, and the pin. */
bool throwaway_introduce(const struct adieu_config *server, int listener);

#endif
