/* SPDX-License-Identifier: MIT */
/* The command line, understood. */
#ifndef ADIEU_CLI_OPTIONS_H
#define ADIEU_CLI_OPTIONS_H

#include <adieu.h>

enum command { COMMAND_NONE = 0, COMMAND_CONNECT = 1, COMMAND_LISTEN = 2 };

enum option_id {
#define GROUP(title)
#define OPTION(ID, name, letter, argument, commands, help, man) OPTION_##ID,
#include "options.def"
    OPTIONS
};

/* A row of the table; a group's title has no name. */
struct option_row {
    enum option_id id;
    const char *name;
    char letter;
    const char *argument; /* NULL: takes none */
    unsigned commands;    /* enum command, ored */
    const char *help;     /* or the group's title */
    const char *man;
};
extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* When to leave. */
enum until { UNTIL_BOTH, UNTIL_PEER, UNTIL_SELF };
/* How to end our direction. */
enum end { END_CLEAN, END_CUT, END_RESET, END_STALL, END_MUTE };

#define NEVER INT64_C(-1)
#define REPEATS 16 /* how often an option may be repeated */

struct options {
    enum command command;
    char host[256]; /* "": none */
    char port[64];
    const char *path; /* of --unix, or NULL */
    const char *ca[REPEATS];
    size_t ca_count;
    const char *client_ca[REPEATS];
    size_t client_ca_count;
    uint8_t pin[REPEATS][ADIEU_PIN_SIZE];
    size_t pin_count;
    const char *name, *cert, *key, *key_password_file, *alpn, *bind, *report;
    bool insecure, accept_truncation, help, version;
    enum adieu_version min, max;
    int family;
    int64_t timeout_connect, timeout_handshake, timeout_close, timeout_idle, timeout_total; /* milliseconds, or NEVER */
    enum until until;
    enum end end;
    uint64_t end_after; /* UINT64_MAX: at the end of input */
    int verbosity;      /* -1 quiet, 0, 1 verbose */
};

/*
 * Understands the arguments after the command's name. False: it has said on standard error what is wrong. The strings
 * are argv's.
 */
bool options_parse(struct options *options, enum command command, int argc, char **argv);
const char *command_name(enum command command);

#endif
