/* SPDX-License-Identifier: MIT */
/*
 * Two network namespaces, each with loopback and one TUN device, whose packets come out at, and go in by, a descriptor.
 * Nothing of it is seen outside, and all of it goes with the process.
 */
#ifndef ADIEU_TESTS_RELAY_NETWORK_H
#define ADIEU_TESTS_RELAY_NETWORK_H

#include <stdbool.h>

enum side { SIDE_A, SIDE_B, SIDES };

/* Documentation addresses (RFC 5737): they are nobody's. */
#define ADDRESS_A "192.0.2.1"
#define ADDRESS_B "192.0.2.2"

#define NETWORK_MTU 1500

struct network {
    int home;         /* the namespace that we came from */
    int space[SIDES]; /* descriptors of the namespaces */
    int tun[SIDES];   /* non-blocking; one read or write is one packet */
};

/*
 * Makes them; before the process has threads. NULL, or why it cannot be done here (static): a reason to skip. A process
 * that is not root gets a user namespace of its own, and stays in it.
 */
const char *network_make(struct network *network);
void network_free(struct network *network);

/* The calling thread, and those that it starts, make their sockets there from now on; sockets stay where they were made. */
bool network_enter(const struct network *network, enum side side);

#endif
