/* SPDX-License-Identifier: MIT */
/* Conversations of two adieu ends, many at once, each end in a thread of its own and blocking. */
#ifndef ADIEU_TESTS_RELAY_PLAY_H
#define ADIEU_TESTS_RELAY_PLAY_H

#include "adieu_fd.h"
#include "field.h"

/* One end of a conversation, and what it saw. */
struct end {
    const struct story *story;
    bool server;
    struct adieu_fd *fd;
    struct adieu_ending ending; /* decided false: the goodbye was not done */
    enum adieu_status handshake, last_write, last_read;
    char peer[64], error[ADIEU_ERROR_TEXT];
    size_t got;
    bool damaged;   /* what was received is not what the other end says */
    bool explained; /* when a write failed, the peer's alert was already known */
    int64_t closing_ms, whole_ms;
};

/*
 * What the two do. Each part runs the verbs that it wants, up to and with the goodbye. Both ends say the same pattern, so
 * that each knows what it should hear.
 */
struct story {
    struct adieu_config *client_config, *server_config;
    void (*client)(struct end *end);
    void (*server)(struct end *end);
    size_t up, down;  /* how many bytes the client, the server says */
    int64_t quiet_ms; /* the patience of both goodbyes */
    int64_t part_ms;  /* how long every other part may take; 0: as long as a test may */
    uint8_t alert;    /* that a test expects */
};

/* Of two that trust each other, with a patience of 10 s. */
struct story story_of(enum adieu_version version, void (*client)(struct end *), void (*server)(struct end *));
/* Frees its configs. */
void story_free(struct story *story);

struct play {
    struct end client, server;
};

/*
 * Plays the story count times, that many at once, and fails unless in each the two ends came out as wanted says. The first
 * that did not is told.
 */
void play(const struct field *field, const struct story *story, int count, int at_once,
          bool (*wanted)(const struct play *play));

/* ------------------------------------------------ parts */

/* Each stops at what fails or takes too long, and leaves the rest to the goodbye. They answer whether to go on. */
bool part_handshake(struct end *end);
bool part_write(struct end *end, size_t size);
bool part_read_to_end(struct end *end);
void part_close(struct end *end);

/* Resets the connection as soon as all that was said is on the wire; to our end it comes as a surprise. */
void part_reset(struct end *end);

/* Whole parts. A server says down bytes, a client up bytes. */
void shake_and_close(struct end *end);
void push_and_close(struct end *end);      /* handshake, write, close */
void push_and_read(struct end *end);       /* handshake, write, read to the end, close */
void half_close_and_read(struct end *end); /* handshake, write, shutdown, read to the end, close */
void read_and_reply(struct end *end);      /* handshake, read to the end, write, close */
void read_and_write_at_once(
    struct end *end); /* handshake, write and shutdown in another thread, read to the end, close */

/* What a whole exchange is: closed both ways, everything acknowledged, exit status 0. */
bool is_whole(const struct end *end, size_t said, size_t heard);

#endif
