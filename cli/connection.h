/* SPDX-License-Identifier: MIT */
/* One connection, from reaching the peer to its end. */
#ifndef ADIEU_CLI_CONNECTION_H
#define ADIEU_CLI_CONNECTION_H

#include <adieu_fd.h>

#include "buffer.h"
#include "ends.h"
#include "exec.h"
#include "options.h"

enum phase {
    PHASE_REACHING, /* connecting, or waiting for a connection */
    PHASE_PRELUDE,  /* speaking in plain text before TLS: the proxy, --starttls */
    PHASE_HANDSHAKING,
    PHASE_TALKING,
    PHASE_CLOSING, /* the goodbye, also after a failure */
    PHASE_OVER,
};

/* The two directions between our input and output and the stream. */
struct pipe {
    struct buffer up, down;
    bool input_over;  /* no more is read from the input */
    bool said;        /* our end has been said, cleanly or as --end wants it */
    bool peer_over;   /* nothing more comes from the peer, and all that came is in down */
    bool peer_more;   /* the last read of the peer stopped because down was full */
    bool output_over; /* the output is closed, as far as this connection goes */
    bool failed;      /* input or output failed */
    uint64_t written; /* to the output */
    size_t piece;     /* of down: what is written before anybody else may write to a shared output */
};

/* What the last poll said of our input and output. */
struct ready {
    bool input, output;
    bool full; /* an output that needs no asking has taken less than it was given: from then on it is asked */
};

/* Moments in milliseconds; 0: not yet. */
struct moments {
    int64_t started, reached, established, closing, over;
    int64_t moved;   /* the last time that any byte moved anywhere */
    int64_t peer;    /* the last sign of life of the peer */
    int64_t sampled; /* when its acknowledgements were looked at last */
    int64_t input;   /* when our input was over: from then on its silence counts */
    int64_t blocked; /* since when input waits that the stream does not take; 0: it does not */
    int64_t flushed; /* when all of it had left, for --end=reset */
};

/* What it may wait for in the poll set. */
enum slot { SLOT_STREAM, SLOT_INPUT, SLOT_OUTPUT, SLOTS };

struct connection {
    struct run *run;
    struct connection *next, *previous; /* of the run's */
    const struct options *options;
    struct adieu_fd *fd;
    struct adieu_fd_address address; /* connect */
    struct prelude *prelude;         /* once it has begun */
    enum phase phase;
    struct ends ends;
    struct child child; /* --exec */
    enum end end;       /* how our direction is to end */
    struct pipe pipe;
    struct ready ready;
    struct moments at;
    int slots[SLOTS];                      /* where in the poll set they are now; -1: nowhere */
    bool due;                              /* something fired, or its time has come */
    int64_t wake;                          /* when its time comes */
    uint64_t moved_bytes;                  /* as they were at at.moved */
    uint64_t peer_received, peer_progress; /* as they were at at.peer: by these the peer shows that it lives */
    struct adieu_fd_patience patience;     /* of the goodbye */
    bool closed;                           /* the goodbye is done */
    struct adieu_ending ending;            /* valid once it is over */
    struct adieu_error error;              /* found by the command itself; code NONE: the stream's error counts */
    const char *late;                      /* the option whose time passed, or NULL */
    int exit;                              /* what it was worth, once it is over */
    struct adieu_error why;                /* likewise; code NONE: nothing went wrong */
};

/* NULL: no memory. It has no handle yet. */
struct connection *connection_new(struct run *run);
/* Gives it its handle, whose events are told. False: no memory, and the error is set. */
bool connection_has(struct connection *connection, struct adieu_fd *fd);
void connection_free(struct connection *connection);

/* Whether our direction has ended badly on purpose, in this way. */
static inline bool connection_plays(const struct connection *connection, enum end end)
{
    return connection->pipe.said && connection->end == end;
}

/* Sets the command's own error; the first one counts. */
void connection_error(struct connection *connection, enum adieu_error_code code, int os_error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Breaks it off; what is left is to take the ending. */
void connection_abort(struct connection *connection, enum adieu_reason reason);
/* A signal has come: it, and nothing else, is the explanation. */
void connection_signalled(struct connection *connection, int number);
/* Begins the goodbye. */
void connection_close(struct connection *connection, struct adieu_fd_patience patience);
/* How the stream stands now, without a system call. */
struct adieu_ending connection_ending(const struct connection *connection);
/* HOST:PORT of the peer if it is known, of the operand otherwise. Returns text. */
char *connection_peer(const struct connection *connection, char *text, size_t size);

#endif
