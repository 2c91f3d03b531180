/* SPDX-License-Identifier: MIT */
/* Ending badly on purpose, for testing peers: --end. */
#ifndef ADIEU_CLI_BAD_END_H
#define ADIEU_CLI_BAD_END_H

#include "connection.h"

/*
 * --end=alert: the config's streams refuse whoever they meet, and *refused tells that they did. A server does it before it shows
 * anything (unrecognized_name), a client once it has seen the certificate (bad_certificate, or what the certificate deserves).
 */
enum adieu_status bad_end_refuse(struct adieu_config *config, enum command command, bool *refused);
/* The handshake failed: if that was the aim, that is the explanation. */
void bad_end_explain(struct connection *connection);
/* All of the input that is to be sent was taken: ends as --end says, once it has left. Call it again until it is said. */
void bad_end(struct connection *connection);
/* After a cut, when the peer has ended too or was silent for too long: lets the socket go as anybody who forgot TLS would. */
void bad_end_release(struct connection *connection);

#endif
