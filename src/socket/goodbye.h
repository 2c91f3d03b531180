/* SPDX-License-Identifier: MIT */
/*
 * The whole goodbye. Its steps are derived from how stream and socket stand, so that blocking, polled and called back, begun
 * or interrupted, are the same: move what can be moved, end the write side when all has been said, look what the peer's side
 * has taken, and let go when nothing more can be learned or patience ends. Times are milliseconds of the caller's clock.
 */
#ifndef ADIEU_GOODBYE_H
#define ADIEU_GOODBYE_H

#include "socket.h"

struct patience {
    int64_t quiet_ms; /* without progress: since the peer's side last took more of ours; negative: for ever */
    int64_t deadline; /* over everything; INT64_MAX: none */
};

/* A goodbye in progress. */
struct goodbye {
    bool begun;             /* the transport's own mark: it was asked for */
    enum delivery delivery; /* at the last look */
    uint64_t taken;         /* by the peer's side, then */
    struct patience patience;
    int64_t progress_at; /* when it last took more of ours */
    int64_t look_at;
    int64_t settled_at;             /* when the last condition came true; 0: not yet */
    bool fresh;                     /* no step was taken yet */
    bool looked;                    /* what was taken was looked at */
    enum adieu_receiving receiving; /* as the last step found it, */
    bool in_over;                   /* and the socket */
};

/* Whose what comes is, while a goodbye goes on. */
enum incoming {
    INCOMING_NOBODYS, /* discarded, and counted */
    INCOMING_READERS, /* received for one that waits in a read; the engine looks at it */
    INCOMING_LEFT,    /* left in the kernel, which wakes a reader that polls */
    INCOMING_UNTOLD,  /* nobody's, but nothing has told of any: the kernel is not asked */
};

enum goodbye_step {
    GOODBYE_GO_ON,   /* wait for goodbye_events(), or until goodbye_until() */
    GOODBYE_RELEASE, /* done: release the socket, without a reset */
    GOODBYE_RESET,   /* done: release it with a reset */
};

/*
 * Says it, unless there is nobody to say it to (before the handshake is done; after it failed in silence): false, and the
 * transport is to break off.
 */
bool goodbye_say(struct socket *socket);
/* Patience begins to run (anew, after one that was interrupted). */
void goodbye_begin(struct goodbye *goodbye, struct patience patience, int64_t now);
/*
 * Whether this is the first step (asked once in each). As a rule nothing has come by then, and a poll tells of what has: the
 * kernel need not be asked, unless patience ends at once.
 */
bool goodbye_is_fresh(struct goodbye *goodbye, int64_t now);
/* Whether patience ends: not before what came was looked at. */
bool goodbye_is_late(const struct goodbye *goodbye, int64_t now);
/* Moves what can be moved. */
void goodbye_exchange(struct socket *socket, enum incoming incoming);
/* And then this: what has come of it. Where patience has ended it aborts what still lives. */
enum goodbye_step goodbye_step(struct goodbye *goodbye, struct socket *socket, int64_t now);
/* Whether somebody else has found an end since the last step: the next one is due at once, though nothing tells of it any more. */
bool goodbye_has_news(const struct goodbye *goodbye, const struct socket *socket);
/* What it waits for, and until when at most. */
short goodbye_events(const struct socket *socket);
int64_t goodbye_until(const struct goodbye *goodbye);

/* Breaks off, with an alert that explains it if there is one: RELEASE or RESET. */
enum goodbye_step goodbye_break_off(struct socket *socket, enum adieu_reason reason);

#endif
