/* SPDX-License-Identifier: MIT */
/* Servers that ask for a certificate behind the handshake, and clients that are asked. */
#ifndef ADIEU_TESTS_LATE_H
#define ADIEU_TESTS_LATE_H

#include "joined.h"

struct adieu_config *late_server(enum adieu_version version);
struct adieu_config *member_client(enum adieu_version version);
/* A client that offers to be asked, and has nothing to show. */
struct adieu_config *empty_handed_client(void);

/* An observer that counts answers. */
void count_answers(void *context, const struct adieu_stream *stream, enum adieu_news news,
                   const struct adieu_alert *alert);
/* The pair behind its handshake, in which nobody was asked; answers counts from here on. */
struct joined shaken(struct adieu_config *client, struct adieu_config *server, unsigned *answers);
/* The request goes over, and is answered inside a read; the answer waits to be sent. */
void ask_and_answer(struct joined *joined);
/* The server has seen the proof. */
void check_shown(struct joined *joined, const struct issued *issued);
/* The server's read of the answer refuses, with this alert. */
void check_read_refuses(struct joined *joined, int alert);

#endif
