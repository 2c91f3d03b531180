/* SPDX-License-Identifier: MIT */
/*
 * A third party between client and server, in a thread of the client's process: passes bytes on in small pieces, flips a
 * bit of the first side's words behind the handshake, or cuts or resets the connection. What it does it knows from the
 * address that the client calls from, which it takes over; where, by chance from its count of connections.
 */
#ifndef ADIEU_TESTS_SOAK_MEDDLER_H
#define ADIEU_TESTS_SOAK_MEDDLER_H

#include "stories.h"

/* Stands between the client and the servers at these ports. */
void meddler_start(const unsigned *ports, unsigned count);
void meddler_stop(void);
/* Where to find it, to get to the server with this number. */
unsigned meddler_port(unsigned target);
/* The port from which it called the server for the client of this plan at this one. */
unsigned meddler_onward(const struct plan *plan, unsigned client_port);

#endif
