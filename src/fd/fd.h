/* SPDX-License-Identifier: MIT */
/*
 * Inside the descriptor transport. Reading order: io.c moves bytes, wait.c waits, verbs.c joins the two; tcp.c knows what
 * the peer's TCP has; release.c lets the socket go; close.c is the goodbye; resolve.c, attempts.c, connect.c and listen.c
 * open.
 *
 * The lock is held wherever a handle is touched, except in poll() and while one that releases waits for the others to
 * leave poll(). The polled form has no lock and no waits, and goes through the same code.
 *
 * A handle is kept small, since a server may hold many that are idle: what only opening needs goes when there is a connection.
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

/* Acknowledgements raise no event: while closing they are looked up, at first soon, then each LOOK_MS. */
#define LOOK_MS 20
/* What a goodbye still stays after all was acknowledged: a reset that follows the acknowledgement shows within it. */
#define SETTLE_MS 100
/* For so long after another thread's read what comes is still that thread's: it went to look at what it got. */
#define READER_MS 1000
/* A loop over the wire looks up from it after so many turns: a peer that floods must not hold a verb beyond its deadline. */
#define TURNS 64

/* A verb that a thread can be in, and wait in: one thread each. */
enum slot_name { SLOT_OPEN, SLOT_HANDSHAKE, SLOT_READ, SLOT_WRITE, SLOT_SHUTDOWN, SLOT_CLOSE, SLOT_COUNT };

struct slot {
    bool busy;              /* a thread is inside */
    bool waiting;           /* and in poll() */
    bool woken;             /* its wake descriptor was written */
    short events;           /* what it polls the socket for */
    enum adieu_fd_why over; /* its wait is to end, and why */
    int wake;               /* eventfd, made by its first wait; -1 */
};

/* How many addresses of a name are tried at most, and so how many at once. */
#define TARGETS 16
/* How long after one attempt began the next begins, though nothing is decided: RFC 8305 5. */
#define ATTEMPT_DELAY_MS 250

/* An address, and what became of it. */
struct target {
    const struct addrinfo *address;
    int attempt;    /* its socket, or -1 */
    int error;      /* why it did not do; 0: undecided */
    bool local;     /* the error is about the address that we wanted to connect from */
    bool try_again; /* a Unix listener's queue is full, and nothing can be polled for */
};

/* Addresses that are tried in their order, each a little later than the one before; the first that connects wins. */
struct attempts {
    struct target targets[TARGETS];
    size_t count;                 /* targets */
    size_t begun;                 /* of these */
    size_t left_out;              /* addresses beyond: not tried */
    int64_t next_at;              /* when the next one begins */
    const struct addrinfo *local; /* where to connect from, or NULL */
    int reset;                    /* the connection that is returned stood, and was then reset; or 0 */
};

/* What only opening needs. */
struct opening {
    int listener;                         /* polled: where an accept waits, or -1 */
    bool connects;                        /* adieu_fd_connect was called; what follows is its own */
    char *host, *port, *path, *bind_host; /* copies */
    int family;
    struct resolve *resolve;       /* a name being resolved, or NULL */
    struct addrinfo *list, *local; /* what there is to try, and where from; to be freed */
    struct addrinfo unix_info;
    struct sockaddr_un unix_address;
    struct attempts attempts;
    struct adieu_error error; /* of the transport; the stream has its own */
};

/* What the kernel knows of the bytes that it took: whether the peer's side has them, and (all) our FIN. */
enum delivery { DELIVERY_UNKNOWN, DELIVERY_PENDING, DELIVERY_DATA, DELIVERY_ALL };

/* A goodbye in progress. */
struct goodbye {
    bool begun;
    bool write_ended;       /* FIN was sent */
    enum delivery delivery; /* at the last look */
    struct adieu_fd_patience patience;
    unsigned reads;      /* fd->reads when it began */
    int64_t progress_at; /* when the peer's side last took more of ours */
    int64_t look_at, look_pause;
    int64_t settled_at; /* when the last condition came true; 0: not yet */
};

struct adieu_fd {
    struct adieu_stream *stream;
    pid_t process;           /* whose handle it is: a child that forked off has a copy */
    struct opening *opening; /* until there is a connection: NULL from then on */
    int descriptor;          /* -1: none yet, or released */
    bool borrowed, unix_socket, polled;
    bool released; /* there was a conversation, or could have been: no other begins */
    bool speaks;   /* adieu_fd_handshake was called: nothing leaves before */
    union {
        struct sockaddr any; /* AF_UNSPEC: unknown */
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } peer;

    bool in_over, out_over; /* the socket delivers, takes no more */
    int reset_error;        /* the errno that send() was told of a reset, which recv() then shows as 0 */
    uint64_t handed;        /* bytes that the kernel took */
    bool counts_acknowledged;
    uint64_t acknowledged_base; /* what tcpi_bytes_acked counts that was not ours: SYN, and what was said before us */
    uint64_t taken_seen;        /* what the peer's side had taken at the last look */
    int queue_seen;             /* and what the kernel then held (Unix sockets) */

    pthread_mutex_t lock;
    pthread_cond_t no_polls;
    unsigned polls; /* threads in poll() on the socket */
    struct slot slots[SLOT_COUNT];
    bool cancelled;   /* and nobody waited: for the next wait */
    unsigned reads;   /* how often somebody read, */
    int64_t read_at;  /* when last, */
    pthread_t reader; /* and who */
    bool came, left;  /* since the others were last told: something was received, sent */
    bool inside;      /* polled: a verb is running */
    bool heard;       /* polled: a write received something for a read, which no poll tells any more, */
    bool heard_told;  /* and the interest has said so: once is enough for who only writes */
    enum adieu_fd_why why;

    struct goodbye goodbye;
};

/* fd.c */
/* Sets the transport's error; returns FAIL. */
enum adieu_status fd_fail(struct adieu_error *error, enum adieu_error_code code, int os_error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The handle's socket is this one from now on: connected, accepted or adopted. */
void fd_begin(struct adieu_fd *fd, int descriptor, bool borrowed);
/* "127.0.0.1:443", for messages. */
char *fd_address_text(const struct sockaddr *address, socklen_t size, char *text, size_t room);
int64_t fd_later(int64_t now, int64_t milliseconds);
/* As poll() wants it: -1 for ever, 0 if it has passed. */
int fd_milliseconds_until(int64_t when);

/* io.c: each answers whether anything moved or changed */
bool fd_send(struct adieu_fd *fd);
bool fd_receive(struct adieu_fd *fd);
/* Receives what the stream no longer wants, and throws it away. */
bool fd_drain(struct adieu_fd *fd);
/* Bytes wait that the socket may still take. */
bool fd_unsent(const struct adieu_fd *fd);
/* After something failed: reads on as far as the kernel has anything, so that the peer's alert is the explanation. */
void fd_look_behind(struct adieu_fd *fd);
/* What the stream needs of the socket. */
struct pollfd fd_need(struct adieu_fd *fd);

/* wait.c */
/* The calling thread is in that verb from now on, with the lock. False, with nothing done: another is, or a callback asks. */
bool fd_enter(struct adieu_fd *fd, enum slot_name name);
void fd_leave(struct adieu_fd *fd, enum slot_name name);
/* For what is no verb. False: this thread holds the lock already (a callback asks); then do not unlock. */
bool fd_lock(const struct adieu_fd *fd);
void fd_unlock(const struct adieu_fd *fd, bool locked);
/*
 * Waits, without the lock, until what is ready, somebody moved bytes, or the time until (a look, not an end) is there.
 * False: the wait is over, and fd->why says why.
 */
bool fd_wait(struct adieu_fd *fd, enum slot_name name, struct pollfd what, int64_t until, int64_t deadline);
/* The same for what the stream needs of the socket. */
bool fd_wait_stream(struct adieu_fd *fd, enum slot_name name, int64_t deadline);
/* Ends the waits in all verbs but reading and closing. */
void fd_end_waits(struct adieu_fd *fd, enum adieu_fd_why why);
void fd_wake_all(struct adieu_fd *fd);

/* tcp.c */
void tcp_begin(struct adieu_fd *fd);
/* The stream begins to speak: what left before is not its. */
void tcp_first(struct adieu_fd *fd);
/* Tells the stream what the peer's TCP has acknowledged. */
void tcp_tell(struct adieu_fd *fd);
/* Looks, and tells the stream; *progress: the peer's side has taken more since the last look. */
enum delivery tcp_delivery(struct adieu_fd *fd, bool *progress);
/* The error that the socket holds, taken out of it; 0: none. */
int tcp_error(const struct adieu_fd *fd);

/* release.c */
/* Lets the socket go, with a reset or without. May let others have the lock meanwhile. */
void fd_release(struct adieu_fd *fd, bool reset);
/* A copy in a forked child: the connection, and its end, are the parent's. */
void fd_forget(struct adieu_fd *fd);
/* Aborts, and releases as that demands. */
void fd_break_off(struct adieu_fd *fd, enum adieu_reason reason);
/* Ends the write side of the socket, once. */
void fd_end_write(struct adieu_fd *fd);

/* close.c */
/* What a goodbye waits for, and until when at most. */
struct pollfd close_need(struct adieu_fd *fd, int64_t *until);

/* connect.c */
struct pollfd connect_need(const struct opening *opening, int64_t *until);
/* Gives up what is being connected or resolved. */
void connect_stop(struct opening *opening);

/* attempts.c */
/* Puts the addresses into their order; those of another family than local's are left out. False: there are none. */
bool attempts_line_up(struct attempts *attempts, const struct addrinfo *list, const struct addrinfo *local);
/*
 * Looks at those that were begun, and begins what is due. OK: *descriptor is connected, and the caller's; the others are to be
 * stopped. FAIL: none did, and *error says why of each.
 */
enum adieu_status attempts_step(struct attempts *attempts, int *descriptor, struct adieu_error *error);
struct pollfd attempts_need(const struct attempts *attempts, int64_t *until);
void attempts_stop(struct attempts *attempts);

/* resolve.c */
struct resolve;
/*
 * The addresses of a name. OK: *list, to be freed with freeaddrinfo(). WAIT: *resolve works at it; poll its descriptor.
 * FAIL: *error says why. flags as for getaddrinfo().
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
