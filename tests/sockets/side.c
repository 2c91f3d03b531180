/* SPDX-License-Identifier: MIT */
/* A thread of a side: it opens if it is the first, does its lines, and the last one frees. */
#include "side.h"

#include <inttypes.h>
#include <string.h>

#include "actors.h"
#include "judge.h"
#include "kernel.h"

enum { PERIOD = 65521, PATTERN = PERIOD + 2 * 65536 };

const uint8_t *said_by(int side, uint64_t offset)
{
    static uint8_t pattern[2][PATTERN];
    if (pattern[0][1] == 0)
        for (int s = 0; s < 2; s++)
            for (uint32_t i = 0; i < PATTERN; i++)
                pattern[s][i] = (uint8_t)((i % PERIOD) * 2654435761U >> (13 + s)) | (uint8_t)(i == 1);
    return &pattern[side][offset % PERIOD];
}

/* Where it stands in what the other side said: behind what was read, and what a goodbye threw away. */
static uint64_t place_of(const struct side *side)
{
    return side->got + (side->fd ? adieu_ending(adieu_fd_stream(side->fd)).discarded : 0);
}

void side_got(struct side *side, const uint8_t *bytes, size_t size)
{
    uint64_t at = place_of(side), most = side->other->took_at_most;
    side->got += size;
    if (at + size > most)
        broken("what is delivered is a prefix of what was taken", "%" PRIu64 " bytes, and %" PRIu64 " were taken",
               at + size, most);
    if (memcmp(bytes, said_by(!side->index, at), size) != 0)
        broken("what is delivered is a prefix of what was taken", "other bytes from %" PRIu64 " on", at);
}

static bool is_shaken(void *context)
{
    const struct side *side = context;
    return side->shaken || side->first_over;
}

static bool is_alone(void *context)
{
    const struct side *side = context;
    return side->living == 1;
}

static void lines(struct thread *thread)
{
    for (size_t i = 0; i < thread->script->count; i++) {
        const struct line *line = &thread->script->lines[i];
        if (line->who != thread->who)
            continue;
        (void)side_do(thread->side, line);
        thread->side->shaken |= line->verb == VERB_HANDSHAKE;
    }
}

/* The last that is left frees the handle: nobody may be inside a verb then. */
static void leave(struct side *side)
{
    (void)actor_wait(is_alone, side, NEVER);
    side->ending = adieu_fd_ending(side->fd);
    judge_free(side);
    adieu_fd_free(side->fd);
    judge_freed(side);
    side->fd = NULL;
    if (side->descriptor >= 0 && (side->borrowed || side->let_go))
        (void)kernel_close(side->descriptor);
}

void side_run(void *context)
{
    struct thread *thread = context;
    struct side *side = thread->side;
    bool first = thread == side->threads;
    if (first) {
        side_open(side);
        side_speak(side);
    } else {
        (void)actor_wait(is_shaken, side, NEVER);
    }
    lines(thread);
    if (first) {
        side->first_over = true;
        leave(side);
    }
    side->living--;
}
