/* SPDX-License-Identifier: MIT */
/* A program of the soak: a server or a client of one kind that lives as long as its standard input. */
#ifndef ADIEU_TESTS_SOAK_WORK_H
#define ADIEU_TESTS_SOAK_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "stories.h"

#define MAX_TARGETS 8
/* So many connections at once: a client begins no more, a server lets the others wait in the listener. */
#define MAX_LIVE 96

struct work {
    bool client;
    const char *folder;
    /* a client's: */
    uint64_t seed, count; /* the first one, and how many (0: no end) */
    double rate;          /* connections a second */
    unsigned targets;
    unsigned ports[MAX_TARGETS];
    /* how it stands: */
    bool paused, quitting;
    int64_t due_us; /* when the next connection begins */
    unsigned handles;
};

/* Reads what the driver wants, which must not wait: s stand, p pause, g go, q or the end: quit. */
void work_orders(struct work *work, unsigned live);
/* A client: true if a connection is to begin now, and which; its port is that of whoever takes it. */
bool work_begins(struct work *work, unsigned live, struct plan *plan, unsigned *port);
/* How long until something may begin, in ms; at most a second. */
int work_timeout(const struct work *work);
/* Nothing is left to be done. */
bool work_over(const struct work *work, unsigned live);

/* A listening socket at every loopback address; tells the driver its port. */
int work_listen(void);

/* The three kinds. They return when the work is over. */
void blocking_work(struct work *work);
void polled_work(struct work *work);
void uv_work(struct work *work);

#endif
