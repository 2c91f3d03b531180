/* SPDX-License-Identifier: MIT */
/* --session: the last session that the server gave is kept in a file, and resumed by the next run. */
#ifndef ADIEU_CLI_SESSION_H
#define ADIEU_CLI_SESSION_H

#include <adieu.h>

struct session {
    const char *path; /* NULL: none is kept */
    const char *name; /* of the server; "": it has none. A session is offered to nobody else */
    bool offered;     /* the one in the file */
    uint8_t *bytes;   /* the last one that came in this run, or NULL */
    size_t size;
};

/* Before the first step of the handshake. What is wrong with the file is said, and costs no more than a full handshake. */
void session_offer(struct session *session, struct adieu_stream *stream);
/* For adieu_config_on_session(); context is the struct session. */
void session_came(void *context, const struct adieu_stream *stream, const uint8_t *bytes, size_t size);
/* The connection has ended, after a handshake was begun: the file then holds what the next run may resume, or is gone. */
void session_keep(const struct session *session, const struct adieu_stream *stream);
void session_forget(struct session *session);

#endif
