/* SPDX-License-Identifier: MIT */
/*
 * A name with several addresses, and where they lead. In a program with this file getaddrinfo() is its own for that one name,
 * and connect() notes who was called. What swallows a connection is a listener whose queue is full.
 */
#ifndef ADIEU_TESTS_FD_MANY_H
#define ADIEU_TESTS_FD_MANY_H

#include <stdatomic.h>

#include "support.h"

#define MANY "many.example"

/* What the name resolves to, in the order of getaddrinfo(); NULL ends it. */
extern const char *const *many_addresses;
/* Every connect() fails at once. */
extern bool nobody_listens;

/* Who was called, in order. */
struct called {
    atomic_int count;
    char hosts[32][64];
};
extern struct called called;
void assert_called(const char *const *hosts);

#define LIST(...)                                                                                                      \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }

/* Listeners on one port at several addresses, which answer or swallow. */
struct place {
    const char *host;
    bool swallows;
    int listener;
    struct queue full;
};
/* Opens them, and says on which port; nobody has been called then. */
void places_open(struct place *places, int count, char port[8]);
void places_close(struct place *places, int count);
/* There is such a place on this machine. */
bool place_exists(const char *host);

#endif
