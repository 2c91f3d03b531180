/* SPDX-License-Identifier: MIT */
/*
 * Conversations of every kind: what each side does is a word of one-letter steps behind the handshake, run as far as it
 * goes without waiting, again and again. The same table is cut, starved of memory, and carried over descriptors.
 */
#ifndef ADIEU_TESTS_SWEEP_TALK_H
#define ADIEU_TESTS_SWEEP_TALK_H

#include "branch.h"
#include "kinds.h"

#include "adieu_fd.h"

struct side;

/* How a stream is carried, and so by which verbs it is used. */
struct way {
    enum adieu_status (*handshake)(const struct side *side);
    enum adieu_status (*read)(const struct side *side, void *buf, size_t size, size_t *got);
    enum adieu_status (*write)(const struct side *side, const void *buf, size_t size, size_t *took);
    enum adieu_status (*shutdown)(const struct side *side);
    void (*free)(struct side *side);
    /* These are NULL in memory. */
    enum adieu_status (*adopt)(const struct side *side, int descriptor);
    enum adieu_status (*close)(const struct side *side);
    struct pollfd (*interest)(const struct side *side, int *timeout_ms);
};

struct side {
    struct adieu_stream *s;
    const struct way *way;
    struct adieu_fd *fd;   /* that carries s, */
    struct looped *looped; /* or that, on libuv */
    int64_t patience;      /* of its verbs, in ms; 0: polled */
    enum adieu_status (*open)(struct side *side, int64_t deadline);
    enum adieu_status opened;
    bool closed;          /* adieu_fd_close is done */
    const char *at;       /* what is still to be done */
    bool server, entered; /* the step at hand was begun */
    size_t due;           /* bytes that it still has to write */
    size_t said, heard, wanted;
    enum adieu_status handshake, read;
};

/* What all have that are new. */
struct side side_for(const struct setting *setting, bool server, const struct way *way);
/* The client goes on with the session, in the kinds that do. */
void side_resume(const struct setting *setting, const struct side *side);
/* NULL streams are for the test to see (no memory). */
struct side side_new(struct setting *setting, bool server);
/* The same on a handle, which the side then owns; polled if patience is 0. */
struct side side_new_fd(struct setting *setting, bool server, int64_t patience);
/* On libuv, polled whatever the patience; talk_uv.c. */
struct side side_new_looped(struct setting *setting, bool server, int64_t patience);
void side_free(struct side *side);
/* Goes as far as it can; a handle is closed in the end. Returns whether it got a step further. */
bool side_turn(struct side *side);
/* Nothing but the goodbye is left to do. */
void side_give_up(struct side *side);
bool side_done(const struct side *side);

/* What holds for every side at every end; peer is the other. */
void check_side(struct side *side, const struct side *peer);
/* That sides which nothing was done to have ended well. */
void check_clean(const struct side *side);
/* Of a refused kind, whatever happened: who must refuse has no handshake, and nobody takes it for delivered. */
void check_not_welcomed(const struct setting *setting, const struct side side[2]);
/* That this side has refused as it must, or was told by the other's alert. */
bool knows_refusal(const struct setting *setting, const struct side *side);
/* That sides of a refused kind which nothing was done to know it. */
void check_refusal(const struct setting *setting, const struct side side[2]);

#endif
