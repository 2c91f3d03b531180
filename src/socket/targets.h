/* SPDX-License-Identifier: MIT */
/*
 * Where a name leads: its addresses in the order in which they are tried (RFC 8305), what became of each, and the sentence that
 * says so when none did. How they are tried is the transport's.
 */
#ifndef ADIEU_TARGETS_H
#define ADIEU_TARGETS_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

/* How many addresses of a name are tried at most, and so how many at once. */
#define TARGETS 16
/* How long after one attempt began the next begins, though nothing is decided: RFC 8305 5. */
#define ATTEMPT_DELAY_MS 250

/* An address, and what became of it. */
struct target {
    const struct addrinfo *address;
    int error;  /* errno: why it did not do; 0: undecided */
    bool local; /* that is about the address that we wanted to connect from */
};

struct targets {
    struct target each[TARGETS];
    size_t count;
    size_t left_out;              /* addresses beyond: not tried */
    const struct addrinfo *local; /* where to connect from, or NULL */
};

/* Puts the addresses into their order; those of another family than local's are left out. False: there are none. */
bool targets_line_up(struct targets *targets, const struct addrinfo *list, const struct addrinfo *local);
/* None did: "connect to …: why; …". Returns the last one's error. */
int targets_explain(const struct targets *targets, char *text, size_t room);

/* A Unix socket, as a list of one. */
struct unix_target {
    struct addrinfo info;
    struct sockaddr_un address;
};
/* False: the path is too long. */
bool unix_target(struct unix_target *target, const char *path);

/* getaddrinfo() takes any number for a port and cuts it to 16 bits. */
bool port_possible(const char *port);
/* "127.0.0.1:443", for messages. */
char *address_text(const struct sockaddr *address, socklen_t size, char *text, size_t room);

#endif
