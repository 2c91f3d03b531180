/* SPDX-License-Identifier: MIT */
/* A play: one script, as one choice has it. The peer, the wire and adieu meet here. */
#ifndef ADIEU_TESTS_PEER_PLAY_H
#define ADIEU_TESTS_PEER_PLAY_H

#include <poll.h>

#include "adieu_fd.h"
#include "channel.h"
#include "handshake.h"
#include "outcome.h"
#include "script.h"
#include "wire.h"

/* ------------------------------------------------ adieu */

enum act_kind {
    ACT_HANDSHAKE,
    ACT_READ,
    ACT_WRITE,
    ACT_QUEUE,
    /* as write, but taken is enough */ ACT_SHUTDOWN,
    ACT_CLOSE,
    ACT_ABORT,
    ACT_FREE,
    ACT_AGAIN,
    ACTS
};

/* What adieu is to do, and what should come of it. */
struct act {
    enum act_kind kind;
    enum adieu_status wanted;
    const char *code; /* of FAIL, or NULL */
    struct bytes bytes;
    size_t done; /* of the bytes */
    int64_t patience;
    int times; /* how often it is asked again */
    bool over;
    bool implied; /* by no line: what comes of it is not looked at */
    const struct line *line;
};

/* Adieu in one of its forms. */
struct play;
struct subject {
    bool (*start)(struct play *play);
    /* Goes on with play->act as far as it can. True: something moved. */
    bool (*step)(struct play *play);
    /* Adds what it waits for; timeout is in milliseconds, -1 for none. */
    void (*await)(struct play *play, struct pollfd *set, nfds_t *count, int *timeout);
    /* After the last line: it is over. False: failed. */
    bool (*outcome)(struct play *play, struct outcome *outcome);
    void (*stop)(struct play *play);
};
extern const struct subject subject_fd, subject_uv, subject_memory, subject_command;

/* ------------------------------------------------ the peer */

#define KEPT 32

struct peer {
    struct handshake tls;
    struct channel in, out;
    struct bytes said;    /* by OpenSSL, and not sent yet */
    struct bytes waiting; /* cut off by a shape */
    struct bytes raw;     /* what was heard, as it came */
    struct record heard;
    bool has_heard;
    size_t heard_at; /* how much of its data was expected already */
    struct {
        char name[32];
        struct bytes bytes;
    } kept[KEPT];
};

/* ------------------------------------------------ the play */

struct stage {
    const struct identity *identities; /* by kind; adieu has and trusts the known one */
    const char *adieu;                 /* the command */
    int listener, port;
    bool verbose;
    int64_t bound; /* of every wait, in milliseconds */
};

struct play {
    const struct stage *stage;
    const struct script *script;
    struct choice choice;
    const struct suite *suite;
    struct wire wire;
    struct peer peer;
    const struct subject *subject;
    void *adieu; /* the subject's */
    struct act act;
    const struct line *line;
    bool begun;                                               /* adieu was told something */
    bool left;                                                /* close, abort or free was said */
    bool end_expected;                                        /* and found */
    uint64_t peer_sent, adieu_read, adieu_written, peer_read; /* places in the two patterns */
    char failure[2048];
};

/* Whether it was built with this one. */
bool play_can(enum subject_kind subject);
/* True: it was played to its end. False: failure says why not. */
bool play_run(struct play *play);

/* Answers false, and keeps the first reason with the line where it happened. */
bool play_fail(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
void play_trace(const struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * One turn of everything that can move, or one wait for it, until by at most. False: time is up, or nothing can ever move,
 * or it has failed.
 */
bool play_turn(struct play *play, int64_t by);
/* Waits until adieu has done what it was told. */
bool play_finish_act(struct play *play);

/* send.c */
bool peer_sends(struct play *play, char **words);
bool peer_keeps(struct play *play, char **words);
bool peer_shakes_hands(struct play *play);
/* Listens until OpenSSL has something to say in its handshake, which is then in peer.said, or is done. */
bool peer_awaits_flight(struct play *play);
bool peer_establishes(struct play *play);
/* expect.c */
bool peer_expects(struct play *play, char **words, bool maybe);
bool peer_expects_no_more(struct play *play);
/* The next record, opened, in peer.heard; waits until by. False: none came. */
bool peer_hears(struct play *play, int64_t by);
/* What was heard is used up; the handshake goes on with it, if it is not done. */
void peer_takes(struct play *play);

/* library.c: what the forms of the library share. */
struct verbs {
    enum adieu_status (*handshake)(void *self);
    enum adieu_status (*read)(void *self, void *buf, size_t size, size_t *got);
    enum adieu_status (*write)(void *self, const void *buf, size_t size, size_t *took);
    enum adieu_status (*shutdown)(void *self);
    enum adieu_status (*close)(void *self, int64_t patience);
    void (*abort)(void *self);
    void (*free)(void *self);
    bool (*unsent)(void *self);
    struct adieu_ending (*ending)(void *self);
    enum adieu_error_code (*error)(void *self);
};
/* The subject's state begins with this. */
struct library {
    const struct verbs *verbs;
    bool begun; /* the act's verb was called */
    bool freed;
    struct adieu_ending last; /* of what was freed */
};
bool library_step(struct play *play);
bool library_outcome(struct play *play, struct outcome *outcome);
struct adieu_config *library_config(const struct play *play);
/* Adieu's end of a connection to the peer, through the stage's listener: which side connected does not matter to TLS. */
int library_connect(struct play *play);

#endif
