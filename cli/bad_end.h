/* SPDX-License-Identifier: MIT */
/* Ending badly on purpose, for testing peers: --end. */
#ifndef ADIEU_CLI_BAD_END_H
#define ADIEU_CLI_BAD_END_H

#include "run.h"

/* All of the input that is to be sent was taken: ends as --end says, once it has left. Call it again until it is said. */
void bad_end(struct run *run);
/* After a cut, when the peer has ended too or was silent for too long: lets the socket go as anybody who forgot TLS would. */
void bad_end_release(struct run *run);

#endif
