/* SPDX-License-Identifier: MIT */
/* A connection that is being made: connect.c finds the addresses, race.c tries them. */
#ifndef ADIEU_UV_OPENING_H
#define ADIEU_UV_OPENING_H

#include "targets.h"
#include "uv.h"

/* One address being tried. */
struct attempt {
    uv_connect_t request;
    struct opening *opening;
    uv_stream_t *stream; /* NULL: not begun, or decided */
};

/*
 * libuv cannot take back at once what it was given, so an opening outlives its handle: it goes when libuv has called
 * back for its timer, for the resolver and for each attempt.
 */
struct opening {
    struct adieu_uv *uv; /* NULL: nobody waits any more */
    unsigned references; /* libuv's */
    uv_timer_t timer;    /* when the next attempt begins */
    uv_getaddrinfo_t resolver;
    bool resolving;
    char *host, *port;             /* copies, for messages */
    struct addrinfo *list, *local; /* what there is to try, and where from */
    struct unix_target unix_target;
    struct targets targets;
    struct attempt attempts[TARGETS];
    size_t begun; /* of the targets */
};

/* connect.c */
/* libuv refers to it once less. */
void opening_unref(struct opening *opening);
/* It is over: with a connected handle, or with a code (then the error has been set). */
void opening_done(struct opening *opening, int status, uv_stream_t *stream);
/*
 * The addresses of a host or of none, waiting for them if flags say so; *list is to be freed with uv_freeaddrinfo().
 * 0 or a code.
 */
int resolve_now(uv_loop_t *loop, const struct adieu_uv_address *address, int flags, struct addrinfo **list);

/* race.c */
/* The targets are lined up: tries them from the loop, and tells opening_done() what came of it. */
void race_begin(struct opening *opening);
void race_give_up(struct opening *opening);

#endif
