/* SPDX-License-Identifier: MIT */
/* Scenes whose A waits in threads, while the test's own moves B. In memory and on libuv's loop nothing waits. */
#ifndef ADIEU_TESTS_SCENARIOS_WAITS_H
#define ADIEU_TESTS_SCENARIOS_WAITS_H

#include "scene.h"

#include "../fd/threads.h"

enum {
    SHORT = 40,
    LONG = 20000,
    AT_ONCE = 5000,
    MUCH = 4000000,
    WITH_THREADS = EVERYWHERE & ~IN_MEMORY & ~OVER_UV,
};

/* What a task runs: one call, and what became of it. The write is of MUCH. */
void *write_once(void *context);
void *read_once(void *context);
void *shake_once(void *context);

void open_waiting(struct scene *s);
void until_established(struct scene *s);
void meet_waiting(struct scene *s);
/* To a deaf B, until it waits. */
void write_blocks(struct scene *s, struct task *writer);

#endif
