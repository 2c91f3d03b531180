/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

/* What was given back last: mostly one connection moves something, gives its memory back, and the next one needs it. */
static uint8_t *spare[2];

static uint8_t *take(void)
{
    for (int i = 0; i < 2; i++) {
        uint8_t *bytes = spare[i];
        spare[i] = NULL;
        if (bytes)
            return bytes;
    }
    return malloc(BUFFER_SIZE);
}

static void give_back(uint8_t *bytes)
{
    for (int i = 0; i < 2; i++) {
        if (spare[i])
            continue;
        spare[i] = bytes;
        return;
    }
    free(bytes);
}

size_t buffer_filled(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

bool buffer_has_room(const struct buffer *buffer)
{
    return BUFFER_SIZE - buffer_filled(buffer) >= BUFFER_ROOM;
}

/* What is there moves to the front only when the room gets small. */
uint8_t *buffer_space(struct buffer *buffer, size_t *room)
{
    *room = 0;
    if (!buffer->bytes)
        buffer->bytes = take();
    if (!buffer->bytes)
        return NULL;
    if (BUFFER_SIZE - buffer->end < BUFFER_ROOM && buffer->start > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, buffer_filled(buffer));
        buffer->end -= buffer->start;
        buffer->start = 0;
    }
    *room = BUFFER_SIZE - buffer->end;
    return buffer->bytes + buffer->end;
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    buffer->start += count;
    buffer_settle(buffer);
}

void buffer_settle(struct buffer *buffer)
{
    if (buffer->start == buffer->end)
        buffer_clear(buffer);
}

void buffer_clear(struct buffer *buffer)
{
    if (buffer->bytes)
        give_back(buffer->bytes);
    *buffer = (struct buffer){.bytes = NULL};
}

void buffer_release_spare(void)
{
    for (int i = 0; i < 2; i++) {
        free(spare[i]);
        spare[i] = NULL;
    }
}
