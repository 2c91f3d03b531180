/* SPDX-License-Identifier: MIT */
/* Standard input to the peer, the peer to standard output, and when that is over. */
#ifndef ADIEU_CLI_PIPE_H
#define ADIEU_CLI_PIPE_H

#include "run.h"

/* Moves what can be moved now; begins the goodbye when it is time. */
void pipe_turn(struct run *run);
/* Writes what waits for standard output, as far as that takes it now. */
void pipe_write_out(struct run *run);
/* Nothing waits for standard output. */
bool pipe_drained(const struct run *run);

/* What to poll for. */
bool pipe_wants_input(const struct run *run);
bool pipe_wants_output(const struct run *run);
bool pipe_wants_peer(const struct run *run);
/* Something can be done without waiting for anything. */
bool pipe_has_more(const struct run *run);
/* Nothing more can be, or is to be, sent to the peer: sending is closed, failed or aborted. */
bool pipe_sending_over(const struct run *run);

#endif
