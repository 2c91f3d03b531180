/* SPDX-License-Identifier: MIT */
/* What differs between the engines. One of engine_scripted.c and engine_openssl.c is linked. */
#ifndef ADIEU_TESTS_SIM_BACKEND_H
#define ADIEU_TESTS_SIM_BACKEND_H

#include "world.h"

extern const char *const backend_name;
/* Whether what was tampered with cannot be mistaken for the peer's. */
extern const bool backend_authenticates;

void backend_begin(void);
void backend_end(void);
/* A conversation begins: all that follows depends on this only. */
void backend_seed(uint64_t seed);
/* NULL: no memory. */
struct adieu_stream *backend_stream(const struct sim_setup *setup, unsigned side);
void backend_over(void);

/* adieu_resume, which not every engine has. */
enum adieu_status backend_resume(struct side *s, const uint8_t *bytes, size_t size);
/* Calls what asks the engine. */
void backend_ask(const struct adieu_stream *stream, uint8_t *pin);
/* What both sides of one conversation have in common, and nobody else: 32 bytes; false: none. */
bool backend_secret(const struct adieu_stream *stream, uint8_t secret[32]);

/* How this side's engine is to fail; false: it cannot. */
bool backend_fault(struct side *s, unsigned how);
/* A record of somebody else's, to be put behind what is under way; 0: none of this sort. */
size_t backend_lie(uint8_t at[], size_t room, unsigned how, size_t size);
/* Lies are put between records only. */
bool backend_between(const struct frames *frames);
/* Follows bytes; an engine whose records cannot be read follows nothing. */
void backend_follow(struct frames *frames, const uint8_t *bytes, size_t size);

/* The nth allocation from now on fails. */
void backend_starve(size_t nth, bool for_ever);
void backend_relent(void);
/* Blocks that our own code holds. */
size_t backend_blocks(void);

#endif
