/* SPDX-License-Identifier: MIT */
/*
 * Programs that take turns in one thread under a virtual clock. Each has a stack of its own, and runs until it waits:
 * so a blocking verb of one side goes on inside its poll() while the other side runs. Nothing waits really: when nobody
 * can run, the clock jumps to the next thing that is due.
 */
#ifndef ADIEU_TESTS_SOCKETS_ACTORS_H
#define ADIEU_TESTS_SOCKETS_ACTORS_H

#include "dice.h"

#define NEVER INT64_MAX

/* Microseconds of the virtual clock. */
int64_t now_us(void);
/* Forgets all actors, and begins again at some time. */
void actors_reset(uint64_t seed);
/*
 * An actor of a side: while one of a side is interrupted inside a call, no other of that side runs. False: there are
 * too many.
 */
bool actors_add(int side, void (*run)(void *context), void *context);
/* Runs all, until they have ended or a rule is broken; false then. */
bool actors_run(void);
/* Before the clock goes on this is called; and whether somebody of a side is held up in a call. */
void actors_each_time(void (*function)(void *context), void *context);
bool side_is_inside(int side);
/* When nobody runs: the clock is at that time, and the network has done what was due. */
void time_jump(int64_t to);

/* Inside an actor. Waits until that is true (NULL: never) or it is so late; whether it became true. */
bool actor_wait(bool (*ready)(void *context), void *context, int64_t until);
/* It is interrupted for so long: other sides go on, and the network. */
void actor_interrupted(int64_t us);
/* Which one runs, from 1; 0: none. And how long its side was interrupted in all. */
int actor_running(void);
int64_t side_interrupted_us(int side);

/*
 * A rule is broken: the sentence of the contract, and what happened. Does not return inside an actor. The first stands.
 */
void broken(const char *rule, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text of it, or NULL. */
const char *broken_text(void);

#endif
