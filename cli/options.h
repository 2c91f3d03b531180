/* SPDX-License-Identifier: MIT */
/* The command line, understood. */
#ifndef ADIEU_CLI_OPTIONS_H
#define ADIEU_CLI_OPTIONS_H

#include <adieu.h>

#include "proxy.h"
#include "starttls.h"

enum command { COMMAND_NONE = 0, COMMAND_CONNECT = 1, COMMAND_LISTEN = 2 };

struct options;

/* A row of the table; a group's title has no name. */
struct option_row {
    const char *name;
    char letter;
    const char *argument; /* NULL: takes none */
    unsigned commands;    /* enum command, ored */
    /* Understands the value, and puts it where the offset says; false: it has said what is wrong with it. */
    bool (*set)(struct options *options, const struct option_row *row, const char *value, void *where);
    size_t offset;
    const char *help; /* or the group's title */
    const char *man;
};
extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* When to leave. */
enum until { UNTIL_BOTH, UNTIL_PEER, UNTIL_SELF };
/* How to end our direction. */
enum end { END_CLEAN, END_CUT, END_RESET, END_STALL, END_MUTE, END_ALERT };

#define NEVER INT64_C(-1)
#define REPEATS 16   /* how often an option may be repeated */
#define PROTOCOLS 64 /* how many --alpn may name */

struct texts {
    const char *all[REPEATS];
    size_t count;
};

struct pins {
    uint8_t all[REPEATS][ADIEU_PIN_SIZE];
    size_t count;
};

struct options {
    enum command command;
    char host[HOST_SIZE]; /* "": none */
    char port[PORT_SIZE];
    const char *path; /* of --unix, or NULL */
    struct texts ca, client_ca;
    struct pins pin;
    const char *name, *cert, *key, *key_password_file, *alpn, *bind, *report, *exec, *session;
    struct proxy proxy;
    enum starttls starttls;
    bool keep, insecure, accept_truncation, help, version;
    enum adieu_version min, max;
    int family;
    int64_t timeout_connect, timeout_handshake, timeout_close, timeout_idle, timeout_total; /* milliseconds, or NEVER */
    enum until until;
    enum end end;
    unsigned max_connections; /* 0: as many as is sensible */
    uint64_t end_after;       /* UINT64_MAX: at the end of input */
    int verbosity;            /* -1 quiet, 0, 1 verbose */
};

/*
 * Understands the arguments after the command's name. False: it has said on standard error what is wrong. The strings
 * are argv's.
 */
bool options_parse(struct options *options, enum command command, int argc, char **argv);
const char *command_name(enum command command);
/* The option of that command whose name is most like what was typed; NULL: none is. */
const char *option_nearest(enum command command, const char *typed);

#endif
