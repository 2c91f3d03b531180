/* SPDX-License-Identifier: MIT */
/*
 * Inside the descriptor transport. Reading order: ../socket moves bytes and decides how they end, wait.c waits,
 * verbs.c joins the two; release.c lets the socket go; close.c says goodbye; handover.c gives it back; resolve.c,
 * attempts.c, connect.c and listen.c open.
 *
 * The lock is held wherever a handle is touched, except in poll() and while one that releases waits for the others to
 * leave poll(). The polled form has no lock and no waits, and goes through the same code.
 *
 * A handle is kept small, since a server may hold many that are idle: what only opening needs goes when there is a
 * connection.
 */
#ifndef ADIEU_FD_INTERNAL_H
#define ADIEU_FD_INTERNAL_H

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "adieu_fd.h"
#include "targets.h"
#include "goodbye.h"

/* A stream that moves something at shorter intervals keeps its buffers meanwhile. */
#define BUSY_MS 20
/* For so long after another thread's read what comes is still that thread's: it went to look at what it got. */
#define READER_MS 1000

/* A verb that a thread can be in, and wait in: one thread each. */
enum slot_name { SLOT_OPEN, SLOT_HANDSHAKE, SLOT_READ, SLOT_WRITE, SLOT_SHUTDOWN, SLOT_CLOSE, SLOT_COUNT };

struct slot {
    bool busy : 1;    /* a thread is inside */
    bool waiting : 1; /* and in poll() */
    bool woken : 1;   /* its wake descriptor was written */
    uint8_t over;     /* its wait is to end, and why: enum adieu_fd_why */
    short events;     /* what it polls the socket for */
    int wake;         /* eventfd, made by its first wait; -1 */
};

/* One address being tried. */
struct attempt {
    int socket;     /* or -1 */
    bool try_again; /* a Unix listener's queue is full, and nothing can be polled for */
};

/* Addresses that are tried in their order, each a little later than the one before; the first that connects wins. */
struct attempts {
    struct targets targets;
    struct attempt each[TARGETS];
    size_t begun;    /* of the targets */
    int64_t next_at; /* when the next one begins */
    int reset;       /* the connection that is returned stood, and was then reset; or 0 */
};

/* What only opening needs. */
struct opening {
    int listener;                         /* polled: where an accept waits, or -1 */
    bool connects;                        /* adieu_fd_connect was called; what follows is its own */
    char *host, *port, *path, *bind_host; /* copies */
    int family;
    struct resolve *resolve;       /* a name being resolved, or NULL */
    struct addrinfo *list, *local; /* what there is to try, and where from; to be freed */
    struct unix_target unix_target;
    struct attempts attempts;
    struct adieu_error error; /* of the transport; the stream has its own */
};

struct adieu_fd {
    struct adieu_stream *stream;
    pid_t process;           /* whose handle it is: a child that forked off has a copy */
    struct opening *opening; /* until there is a connection: NULL from then on */
    struct socket socket;    /* what came and left in it: since the others were last told */
    bool polled;
    bool released; /* there was a conversation, or could have been: no other begins */
    union {
        struct sockaddr any; /* AF_UNSPEC: unknown */
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } peer;

    pthread_mutex_t lock;
    pthread_cond_t no_polls;
    unsigned polls; /* threads in poll() on the socket */
    struct slot slots[SLOT_COUNT];
    bool cancelled;   /* and nobody waited: for the next wait */
    unsigned reads;   /* how often somebody read, */
    int64_t read_at;  /* when last, */
    pthread_t reader; /* and who */
    bool inside;      /* polled: a verb is running */
    bool moved;       /* something was received or sent since that was last looked at, */
    int64_t moved_at; /* and before that then: see fd_rest */
    bool warm;        /* the stream may hold buffers */
    bool had_all;     /* polled: the last read that received got all that there was */
    bool heard;       /* polled: a write received something for a read, which no poll tells any more, */
    bool heard_told;  /* and the interest has said so: once is enough for who only writes */
    enum adieu_fd_why why;

    struct goodbye goodbye;
    unsigned reads_before; /* it began */
};

/* fd.c */
/* Sets the transport's error; returns FAIL. */
enum adieu_status fd_fail(struct adieu_error *error, enum adieu_error_code code, int os_error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The handle's socket is this one from now on: connected, accepted or adopted. */
void fd_begin(struct adieu_fd *fd, int descriptor, bool borrowed);
/* As poll() wants it: -1 for ever, 0 if it has passed. */
int fd_milliseconds_until(int64_t when);

/* wait.c */
/*
 * The calling thread is in that verb from now on, with the lock. False, with nothing done: another is, or a callback
 * asks.
 */
bool fd_enter(struct adieu_fd *fd, enum slot_name name);
void fd_leave(struct adieu_fd *fd, enum slot_name name);
/* For what is no verb. False: this thread holds the lock already (a callback asks); then do not unlock. */
bool fd_lock(const struct adieu_fd *fd);
void fd_unlock(const struct adieu_fd *fd, bool locked);
/*
 * Waits, without the lock, until what is ready, somebody moved bytes, or the time until (a look, not an end) is
 * there. False: the wait is over, and fd->why says why.
 */
bool fd_wait(struct adieu_fd *fd, enum slot_name name, struct pollfd what, int64_t until, int64_t deadline);
/*
 * The stream has nothing to do. If it is busy at short intervals it keeps its buffers: until then, when this is to be
 * asked again. If not, or if nobody would ask (comes_back), it gives them back: FOREVER.
 */
int64_t fd_rest(struct adieu_fd *fd, bool comes_back);
/* What the stream needs of the socket. */
struct pollfd fd_need(const struct adieu_fd *fd);
/* Waits for that. */
bool fd_wait_stream(struct adieu_fd *fd, enum slot_name name, int64_t deadline);
/* Ends the waits in all verbs but reading and closing. */
void fd_end_waits(struct adieu_fd *fd, enum adieu_fd_why why);
void fd_wake_all(struct adieu_fd *fd);

/* release.c */
/* Lets the socket go, with a reset or without. May let others have the lock meanwhile. */
void fd_release(struct adieu_fd *fd, bool reset);
/* A copy in a forked child: the connection, and its end, are the parent's. */
void fd_forget(struct adieu_fd *fd);
/* Aborts, and releases as that demands. */
void fd_break_off(struct adieu_fd *fd, enum adieu_reason reason);

/* close.c */
/* What a goodbye waits for, and until when at most. */
struct pollfd close_need(const struct adieu_fd *fd, int64_t *until);

/* connect.c */
struct pollfd connect_need(const struct opening *opening, int64_t *until);
/* Gives up what is being connected or resolved. */
void connect_stop(struct opening *opening);

/* attempts.c */
/*
 * Looks at those that were begun, and begins what is due. OK: *descriptor is connected, and the caller's; the others
 * are to be stopped. FAIL: none did, and *error says why of each.
 */
enum adieu_status attempts_step(struct attempts *attempts, int *descriptor, struct adieu_error *error);
struct pollfd attempts_need(const struct attempts *attempts, int64_t *until);
void attempts_stop(struct attempts *attempts);

/* resolve.c */
struct resolve;
/*
 * The addresses of a name. OK: *list, to be freed with freeaddrinfo(). WAIT: *resolve works at it; poll its
 * descriptor. FAIL: *error says why. flags as for getaddrinfo().
 */
enum adieu_status resolve_begin(const char *host, const char *port, int family, int flags, struct resolve **resolve,
                                struct addrinfo **list, struct adieu_error *error);
int resolve_descriptor(const struct resolve *resolve);
/* As resolve_begin; OK and FAIL come once. */
enum adieu_status resolve_step(struct resolve *resolve, struct addrinfo **list, struct adieu_error *error);
/* Leaves it, behind if it is at work: getaddrinfo() cannot be cancelled. NULL is allowed. */
void resolve_leave(struct resolve *resolve);
/* Frees a copy in a forked child, where there is no thread that shares it. NULL is allowed. */
void resolve_forget(struct resolve *resolve);

#endif
