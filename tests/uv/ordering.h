/* SPDX-License-Identifier: MIT */
/*
 * docs/ordering.md, played: ordering_first.c begins what is pending, ordering_second.c calls the second, ordering_outcomes.c holds what becomes of the first against
 * the page's words, and test_ordering.c has the cells.
 */
#ifndef ADIEU_TESTS_UV_ORDERING_H
#define ADIEU_TESTS_UV_ORDERING_H

#include "talk.h"

struct scene {
    struct talk talk;
    const struct cell *cell;
    bool to_connect; /* there is no connection before it is asked for */
    int listener;
    struct waiter blocked;       /* a write that fills the kernel, before the first */
    struct waiter first, second; /* what the cell is about, */
    struct waiter late, theirs;  /* the handshakes that a cell itself does not ask for, */
    struct waiter again, bye;    /* what shows that the stream goes on, and the peer's goodbye */
    struct ear ear, other, peer;
    unsigned order, first_at, second_at; /* of the callbacks */
    uint64_t taken;                      /* of the first, by the stream, when the second was called */
    bool freed;                          /* the second was */
};

/* What is pending, and how it completes by itself. */
struct first {
    void (*begin)(struct scene *scene);
    void (*completes)(struct scene *scene);
    bool established, a_request;
};

struct cell {
    const char *name;
    const struct first *first;
    int (*second)(struct scene *scene);
    void (*outcome)(struct scene *scene);
    int answer; /* of the second, at once */
};

/* ordering_first.c */
extern const struct first connect_first, handshake_first, read_first, write_first, shutdown_first, close_first;
extern const struct first abort_first, cancel_first, early_read_first, early_write_first, early_shutdown_first;
/* A callback for the scene's waiters, with which it counts in which order they come; and the request of one. */
void scene_done(struct adieu_uv_request *request, int status);
void scene_closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending);
struct adieu_uv_request *request_of(struct scene *scene, struct waiter *waiter);
/* From now on the peer plays its part: the handshake, a word, reading to the end, and a goodbye. */
void peer_plays(struct scene *scene);

/* ordering_second.c */
int connect_second(struct scene *scene);
int handshake_second(struct scene *scene);
int read_second(struct scene *scene);
int write_second(struct scene *scene);
int shutdown_second(struct scene *scene);
int close_second(struct scene *scene);
int farewell_second(struct scene *scene);
int abort_second(struct scene *scene);
int cancel_second(struct scene *scene);
int free_second(struct scene *scene);

/* ordering_outcomes.c: named as in the page */
void unharmed(struct scene *scene);
void first(struct scene *scene);
void joined(struct scene *scene);
void replaced(struct scene *scene);
void cancelled(struct scene *scene);
void stopped(struct scene *scene);
void withdrawn(struct scene *scene);
void hurried(struct scene *scene);
void paused(struct scene *scene);
void final(struct scene *scene);
void dropped(struct scene *scene);

#endif
