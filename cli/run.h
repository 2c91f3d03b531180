/* SPDX-License-Identifier: MIT */
/* One run of the command: what its connections share, and the connections. */
#ifndef ADIEU_CLI_RUN_H
#define ADIEU_CLI_RUN_H

#include <stdarg.h>

#include "connection.h"
#include "session.h"

struct run {
    const struct options *options;
    struct adieu_config *config;
    struct session session; /* connect */
    bool refused;           /* --end=alert has had its way */
    int listener;           /* listen: or -1 */
    int key_log;            /* SSLKEYLOGFILE, or -1 */
    int report;             /* or -1 */
    int password;           /* --key-password-file=fd:N: a copy of that descriptor, or a negative errno */
    int64_t started;
    struct connection *connections, *last; /* that are not over yet */
    size_t count, room;                    /* how many there are, and may be in the poll set */
    struct pollfd *set;                    /* for poll(): as large as the connections may need */
    nfds_t watched;                        /* so much of it is in use */
    int standard[2];                       /* where in it standard input and output are; -1: nowhere */
    struct connection *waiting;            /* listen: the one that the next peer gets; NULL: none is taken now */
    struct connection *writer;             /* --keep: who is in the middle of a piece for standard output */
    unsigned most;                         /* --keep: how many connections at once */
    bool served;                           /* somebody has come */
    bool shortage_told;
    int64_t paused;           /* nobody is taken until then, for lack of something; 0: it is not so */
    struct adieu_error error; /* why it could not even begin */
    int signal;               /* that ends it, or 0 */
    int exit;                 /* of the first connection whose exit was not 0; else 0 */
};

/* The whole run: returns the exit status, or dies by a signal. */
int run_command(const struct options *options);

/* What cannot be done for any connection; the first error counts. */
void run_error(struct run *run, enum adieu_error_code code, int os_error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* One more connection, at the end of the list. NULL: no memory. */
struct connection *run_add(struct run *run);
/* It is over: judges it, tells how it ended, and frees it. */
void run_finish(struct connection *connection);
/* This machine has run out of something, whatever was to be done with it. */
bool error_is_shortage(const struct adieu_error *error);
/* Fills *error in. */
void error_set(struct adieu_error *error, enum adieu_error_code code, int os_error, const char *format, va_list values)
    __attribute__((format(printf, 4, 0)));

/* connect.c, listen.c: the part that differs. prepare: false, an error is set. reach: as adieu_fd_connect. */
bool connect_prepare(struct connection *connection);
enum adieu_status connect_reach(struct connection *connection);
bool listen_prepare(struct connection *connection);
enum adieu_status listen_reach(struct connection *connection);
/* No more connections are taken, and the Unix socket is removed. Twice is once. */
void listen_leave(struct run *run);

#endif
