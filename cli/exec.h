/* SPDX-License-Identifier: MIT */
/*
 * --exec: a connection's own process. Its input ends when the peer has ended in order, its output ends for the peer when
 * it has exited with 0; where either cannot be, it is killed, or the connection is reset, so that no cut looks like an end.
 */
#ifndef ADIEU_CLI_EXEC_H
#define ADIEU_CLI_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct connection;

struct child {
    pid_t pid;      /* 0: there was none */
    int status;     /* as wait() gives it, once it has exited */
    int64_t exited; /* when; 0: it has not */
    int64_t heard;  /* since then, when its output said something last */
    int64_t ended;  /* since when it is being ended; 0: it is not */
    bool killed;    /* it was not only asked to end */
    bool silent;    /* its output has ended, or is wanted no more */
    bool gone;      /* and so is all that it started, or may stay */
};

/* The handshake is done: starts it. If that cannot be done, the connection is aborted. */
void exec_start(struct connection *connection);
/* A process has exited with this status, as wait() gives it. False: it was not this one's. */
bool exec_exited(struct connection *connection, pid_t pid, int status);
/* Its output has said something. */
void exec_heard(struct connection *connection);
/* Its output has ended, or is wanted no more. */
void exec_silent(struct connection *connection);
/* What follows from how it stands, while the connection talks. */
void exec_turn(struct connection *connection);
/* It exited with 0, and all of its output is known. */
bool exec_done(const struct connection *connection);
/* The connection is over: ends it if it still runs. True: it and its pipes are gone. */
bool exec_leave(struct connection *connection);
/* Once it has exited: its status as a shell tells it, with 128 and the number of the signal that ended it. */
int exec_status(const struct child *child);
/* "SIGKILL"; NULL: no signal ended it. */
const char *exec_signal(const struct child *child, char *name, size_t size);
/* When to look again although nothing fires. */
int64_t exec_next(const struct connection *connection);

#endif
