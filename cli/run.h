/* SPDX-License-Identifier: MIT */
/* One run of the command: one connection from start to end, in one poll loop. */
#ifndef ADIEU_CLI_RUN_H
#define ADIEU_CLI_RUN_H

#include <adieu_fd.h>

#include "options.h"

enum phase {
    PHASE_REACHING, /* connecting, or waiting for a connection */
    PHASE_HANDSHAKING,
    PHASE_TALKING,
    PHASE_CLOSING, /* the goodbye, also after a failure */
    PHASE_OVER,
};

#define BUFFER_SIZE (128u * 1024u)

struct buffer {
    uint8_t bytes[BUFFER_SIZE];
    size_t start, end;
};

/* The two directions between standard input and output and the stream. */
struct pipe {
    struct buffer up, down;
    bool input_over;  /* no more is read from standard input */
    bool said;        /* our end has been said, cleanly or as --end wants it */
    bool peer_over;   /* nothing more comes from the peer, and all that came is in down */
    bool peer_more;   /* the last read of the peer stopped because down was full */
    bool output_over; /* standard output is closed */
    bool failed;      /* standard input or output failed */
    uint64_t written; /* to standard output */
};

/* What the last poll said of standard input and output. */
struct ready {
    bool input, output;
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

struct run {
    const struct options *options;
    struct adieu_config *config;
    struct adieu_fd *fd;
    struct adieu_fd_address address;
    int listener; /* listen: or -1 */
    int key_log;  /* SSLKEYLOGFILE, or -1 */
    int report;   /* or -1 */
    int password; /* --key-password-file=fd:N: a copy of that descriptor, or a negative errno */
    enum phase phase;
    struct pipe pipe;
    struct ready ready;
    struct moments at;
    uint64_t moved_bytes;                  /* as they were at at.moved */
    uint64_t peer_received, peer_progress; /* as they were at at.peer: by these the peer shows that it lives */
    struct adieu_fd_patience patience;     /* of the goodbye */
    bool closed;                           /* the goodbye is done */
    struct adieu_ending ending;            /* valid once it is over */
    struct adieu_error error;              /* found by the command itself; code NONE: the stream's error counts */
    const char *late;                      /* the option whose time passed, or NULL */
    int signal;                            /* that ended it, or 0 */
    int exit;
};

/* The whole run: returns the exit status, or dies by a signal. */
int run_command(const struct options *options);

/* Whether our direction has ended badly on purpose, in this way. */
static inline bool run_plays(const struct run *run, enum end end)
{
    return run->pipe.said && run->options->end == end;
}

/* Sets the command's own error; the first one counts. */
void run_error(struct run *run, enum adieu_error_code code, int os_error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Breaks the connection off; what is left is to take the ending. */
void run_abort(struct run *run, enum adieu_reason reason);
/* A signal has come: it, and nothing else, is the explanation. */
void run_signalled(struct run *run);
/* Begins the goodbye. */
void run_close(struct run *run, struct adieu_fd_patience patience);
/* The connection has been given up in a way of its own: takes the ending. */
void run_over(struct run *run);
/* How the stream stands now, without a system call. */
struct adieu_ending run_ending(const struct run *run);
/* HOST:PORT of the peer if it is known, of the operand otherwise. Returns text. */
char *run_peer(const struct run *run, char *text, size_t size);

/* connect.c, listen.c: the part that differs. prepare: false, the error is set. reach: as adieu_fd_connect. */
bool connect_prepare(struct run *run);
enum adieu_status connect_reach(struct run *run);
bool listen_prepare(struct run *run);
enum adieu_status listen_reach(struct run *run);
/* No more connections are taken, and the Unix socket is removed. Twice is once. */
void listen_leave(struct run *run);

#endif
