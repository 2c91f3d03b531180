/* SPDX-License-Identifier: MIT */
/* Our input to the peer, the peer to our output, and when that is over. */
#ifndef ADIEU_CLI_PIPE_H
#define ADIEU_CLI_PIPE_H

#include "connection.h"

/* Moves what can be moved now; begins the goodbye when it is time. */
void pipe_turn(struct connection *connection);
/* Writes what waits for standard output, as far as that takes it now. */
void pipe_write_out(struct connection *connection);
/* Nothing waits for standard output. */
bool pipe_drained(const struct connection *connection);

/* No more is read from our input: what was read so far is all. */
void pipe_stop_input(struct connection *connection);

/* What to poll for. */
bool pipe_wants_input(const struct connection *connection);
bool pipe_wants_output(const struct connection *connection);
bool pipe_wants_peer(const struct connection *connection);
/* Something can be done without waiting for anything. */
bool pipe_has_more(const struct connection *connection);
/* Nothing more can be, or is to be, sent to the peer: sending is closed, failed or aborted. */
bool pipe_sending_over(const struct connection *connection);

#endif
