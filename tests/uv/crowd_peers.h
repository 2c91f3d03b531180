/* SPDX-License-Identifier: MIT */
/*
 * The peers of a crowd, in a process of their own: so each process needs but one descriptor for a connection. Who calls one of these
 * is told of what fails there by a failure here; the words go to standard error.
 */
#ifndef ADIEU_TESTS_UV_CROWD_PEERS_H
#define ADIEU_TESTS_UV_CROWD_PEERS_H

#include <stdbool.h>

/* What a peer does about our goodbye. Who is blocked reads nothing, although we write. */
enum kind { ANSWERING, SILENT, RESETTING, CUTTING, TRICKLING, BLOCKED, KINDS };

/* Forks: after setup_talks(), whose configs both have, and while there is neither a loop nor a thread. */
void peers_start(void);
/* One more, with this end of a connection, which is the peer's from then on. */
void peers_meet(enum kind kind, bool serves, int descriptor);
/* Returns when all their handshakes are done. Those who answer listen now, those who trickle begin. */
void peers_settle(void);
/* Those who reset or cut do so; does not wait for it. */
void peers_break(void);
/* Who answered had the same right ending; then all go. Returns when nothing is left of them. */
void peers_leave(void);
/* The process ends, at once if we died before. Its status as waitpid() has it; one that does not end in time is killed. */
int peers_end(void);

#endif
