/* SPDX-License-Identifier: MIT */
/*
 * Adieu on libuv, used as the polled form of a descriptor is: a verb asks, turns the loop until that has nothing to do, and looks
 * what came of it; WAIT: call it again. The loop turns at no other time.
 */
#ifndef ADIEU_TESTS_LOOPED_H
#define ADIEU_TESTS_LOOPED_H

#include <poll.h>

#include "adieu_uv.h"

struct looped;

/* libuv opens what it never closes with its first loop: for who counts descriptors. */
void looped_warm_up(void);

/* NULL: no memory. */
struct looped *looped_new(struct adieu_config *config, bool server, const char *name);
/* Frees the handle, if it is not, and all else. NULL, or what was wrong with it. NULL is allowed. */
const char *looped_free(struct looped *looped);
struct adieu_uv *looped_uv(const struct looped *looped);

/*
 * What is asked before the handshake is done waits for it, on libuv; the other forms of the library say MISUSE, and so do these,
 * once it is withdrawn: which leaves no trace.
 */
enum adieu_status looped_handshake(struct looped *looped);
enum adieu_status looped_read(struct looped *looped, void *buf, size_t size, size_t *got);
/* The bytes are copied; size bytes or less each time until all are taken. size 0: what became of those before. */
enum adieu_status looped_write(struct looped *looped, const void *buf, size_t size, size_t *took);
enum adieu_status looped_shutdown(struct looped *looped);
enum adieu_status looped_close(struct looped *looped, int64_t quiet_ms);
void looped_abort(struct looped *looped);
/* The handle only. */
void looped_release(struct looped *looped);

/* What to wait for: the loop's descriptor, or -1: nothing ever comes. */
struct pollfd looped_interest(const struct looped *looped, int *timeout_ms);

#endif
