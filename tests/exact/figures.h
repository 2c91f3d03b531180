/* SPDX-License-Identifier: MIT */
/*
 * What is measured: a subject (adieu on descriptors, adieu on libuv, bare OpenSSL) holds both ends of connections over
 * TCP on loopback, in one thread. No call waits: the ends take turns, and each turn belongs to one side, so that its cost can be
 * counted apart. A turn is what a program does when its poll has fired: it polls, and then acts.
 */
#ifndef ADIEU_FIGURES_H
#define ADIEU_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

struct end;

/* The certificate is its own root. */
void subject_begin(const char *cert, const char *key);
void subject_end(void);

/* An end lies in this many zeroed bytes, which are not counted. */
extern const size_t end_size;
/* The descriptor becomes the end's. resumes: a client that offers the last session, if it has one. */
void end_begin(struct end *end, bool server, bool resumes, int descriptor);
void end_end(struct end *end);
/* True: done. */
bool end_handshake(struct end *end);
bool end_resumed(const struct end *end);
/* Says it, as far as it can be said now: how much was. */
size_t end_write(struct end *end, const char *bytes, size_t size);
/* Reads until there is nothing more: how much was there. */
size_t end_read(struct end *end);
/* Reads as end_read, and says as many bytes. */
size_t end_echo(struct end *end);
/* What its loop does while nothing comes, until it has nothing to do but to wait. */
void end_rest(struct end *end);
/* The whole goodbye. True: done. */
bool end_close(struct end *end);

enum { READ_SIZE = 65536, MOST_RESTS = 100 };
/* The clock stands still but for this, or what is due would depend on how fast the machine is. */
void time_passes(int milliseconds);
_Noreturn void give_up(const char *what);

#endif
