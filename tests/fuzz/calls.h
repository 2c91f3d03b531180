/* SPDX-License-Identifier: MIT */
/* What the command's files call in these programs instead of the system: the build renames their calls. */
#ifndef ADIEU_TESTS_FUZZ_CALLS_H
#define ADIEU_TESTS_FUZZ_CALLS_H

#include <netdb.h>
#include <poll.h>
#include <sys/types.h>

#include "fuzz.h"

/* The only connection. */
#define CONNECTION 7

struct network {
    struct input in;       /* what the peer says */
    size_t arrived;        /* so much of it can be read now */
    bool ended, reset;     /* behind its last byte: and how */
    uint8_t words[131072]; /* what was said to it */
    size_t said;
};
extern struct network network;

/* What was said on standard error, or in the report. */
#define REPORT 9
extern char told[16384];
extern size_t told_size;

ssize_t fuzz_recv(int descriptor, void *buf, size_t size, int flags);
ssize_t fuzz_send(int descriptor, const void *buf, size_t size, int flags);
ssize_t fuzz_write(int descriptor, const void *bytes, size_t size);
int fuzz_poll(struct pollfd *set, nfds_t count, int timeout);
struct servent *fuzz_getservbyname(const char *name, const char *protocol);

#endif
