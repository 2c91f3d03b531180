/* SPDX-License-Identifier: MIT */
/* A script: its head understood, its lines in words. See README.md. */
#ifndef ADIEU_TESTS_PEER_SCRIPT_H
#define ADIEU_TESTS_PEER_SCRIPT_H

#include "words.h"

enum subject_kind { SUBJECT_FD, SUBJECT_UV, SUBJECT_MEMORY, SUBJECT_COMMAND, SUBJECTS };
extern const char *const subject_names[SUBJECTS];

#define CIPHERS 3
extern const char *const cipher_names[CIPHERS];

struct settings {
    long buffers, tickets, queue; /* 0: as usual */
    bool untrusted, client_auth;
    const char *versions, *alpn;                       /* of adieu; NULL: as usual */
    const char *groups, *peer_alpn, *peer_certificate; /* of the peer */
    const char *options[16];                           /* of the command */
    int option_count;
};

/* What one case of a script is. */
struct choice {
    bool adieu_is_server, tls13;
    const char *cipher;
    enum subject_kind subject;
    const char *value; /* of the variable, or NULL */
};

struct script {
    const char *path, *name; /* name without folder and ending */
    char *claim;
    char scenarios[128];
    bool roles[2]; /* client, server */
    bool versions[2];
    bool ciphers[CIPHERS];
    bool subjects[SUBJECTS];
    char variable[32];
    char *values;
    struct settings settings; /* reads the lines' words */
    struct line *lines;       /* the head's too */
    int count;
    int body; /* the first line behind the head */
    char error[256];
};

/*
 * Reads the file, with the variable replaced by value (NULL: by nothing, which is for looking at the head). False: error
 * says where and what.
 */
bool script_read(struct script *script, const char *path, const char *value);
void script_free(struct script *script);
/* The index-th value of the variable into text; false: there are no more. Without variable there is one, and it is "". */
bool script_value(const struct script *script, int index, char *text, size_t size);
/*
 * The first word of a line behind its conditions. NULL: they do not hold. *wrong: it is no condition at all.
 */
char **line_applies(const struct script *script, const struct line *line, const struct choice *choice, bool *wrong);

#endif
