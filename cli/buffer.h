/* SPDX-License-Identifier: MIT */
/* Bytes on their way. An empty buffer holds no memory: there may be thousands of them. */
#ifndef ADIEU_CLI_BUFFER_H
#define ADIEU_CLI_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFER_SIZE (128u * 1024u)
/* One record at least, so that no read of the stream is cut small. */
#define BUFFER_ROOM 16384u

struct buffer {
    uint8_t *bytes; /* NULL: it is empty */
    size_t start, end;
};

/* How much is in it. */
size_t buffer_filled(const struct buffer *buffer);
/* BUFFER_ROOM can be put at its end, or could be after what is there has moved to the front. */
bool buffer_has_room(const struct buffer *buffer);
/* Where to put more, and how much: *room is 0 without memory. What is put there is told by adding to end. */
uint8_t *buffer_space(struct buffer *buffer, size_t *room);
/* So much has left from its start. */
void buffer_consume(struct buffer *buffer, size_t count);
/* The memory, if nothing was put there after all. */
void buffer_settle(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);
/* The memory that is kept for the next one who needs some. At the very end. */
void buffer_release_spare(void);

#endif
