/* SPDX-License-Identifier: MIT */
/*
 * The stream's inside, shared by stream.c (verbs), wire.c (transport side), state.c (events and errors) and told.c
 * (what the engine tells and asks).
 */
#ifndef ADIEU_CORE_STREAM_H
#define ADIEU_CORE_STREAM_H

#include "ending.h"
#include "engine.h"
#include "marks.h"
#include "queue.h"

/*
 * The most that one sealed record of plaintext takes in the queue, and what a record adds to its plaintext at most.
 */
#define RECORD_PLAIN ((size_t)16384)
#define RECORD_SEALED ((size_t)16640)
#define RECORD_ADDS (RECORD_SEALED - RECORD_PLAIN)
/* What the engine's own words may take behind full data. */
#define RESERVE ((size_t)65536)

/* What was received and not yet read by the engine: our own bytes first, then lent ones. */
struct input {
    struct block *own;
    bool offered; /* a transport holds a place in own */
    const uint8_t *lent;
    size_t lent_size;
};

/* Where a stream was when what explains its end happened. */
enum error_place {
    PLACE_TOLD, /* the text is complete */
    PLACE_HANDSHAKE,
    PLACE_DECISION, /* in the handshake, too */
    PLACE_AFTER,
};

struct adieu_stream {
    struct adieu_config *config;
    struct engine *engine; /* NULL: could not be made; error says why */
    struct adieu_ending ending;
    struct adieu_error error; /* its text is written when somebody asks: most endings are explained to nobody. Until */
    enum error_place error_place; /* then it is what is known more, and this what is to be said besides */
    bool error_asked;             /* somebody may have kept where it is: from then on it is complete at once */
    uint8_t error_rank;
    uint64_t error_after; /* PLACE_AFTER: so many bytes received */

    bool established;
    bool shut;        /* adieu_shutdown was called: writes are misuse for ever */
    bool goodbye_due; /* but the engine could not seal close_notify yet */
    bool sealed;      /* nothing more may be put: what the engine still says is swallowed */
    bool no_memory;   /* a put failed */
    bool in_callback; /* the application's code runs inside a verb */
    bool keeps;       /* the transport says when the engine rests, */
    bool rest_due;    /* and has, while something waited */
    enum adieu_awaited awaited;
    enum adieu_decision decision; /* given by adieu_decide; LATER: not yet */
    bool dry;                     /* the engine can make nothing more of what was received */
    bool eof, reset;              /* what the transport said, behind what was received */
    bool reset_ended_sending;
    int reset_error;

    struct input input;
    struct queue output;
    bool writing;    /* adieu_write is sealing */
    size_t expected; /* and how much plaintext it will still seal behind that */
    size_t (*direct)(void *context, const uint8_t *bytes, size_t size); /* see adieu_wire_direct */
    void *direct_context;
    struct marks marks; /* of records that are not acknowledged; passed: handed over */
    struct adieu_alert alert_sealed; /* our fatal alert, not yet handed over */
    uint64_t alert_mark;             /* where it ends */

    void (*watch)(void *context, const struct adieu_stream *stream, enum adieu_news news,
                  const struct adieu_alert *alert);
    void *watch_context;
};

/* config.c */
struct pool *config_pool(struct adieu_config *config);
size_t config_queue_limit(const struct adieu_config *config); /* in bytes */

/* error.c */
unsigned error_rank(enum adieu_error_code code);
/* No error, without the price of writing all of it: each verb needs one. */
void error_none(struct adieu_error *error);

/* state.c: shows an event to both halves and does what the rows say. */
void stream_raise(struct adieu_stream *stream, enum ending_event event);
/*
 * Puts the explanation of the event that is about to be raised into the error, if it is better than what is there. Of
 * found its code, alert, OS error and, as what is known more, its text are used; phase and counts are added here.
 */
void stream_explain(struct adieu_stream *stream, const struct adieu_error *found);
void stream_explain_code(struct adieu_stream *stream, enum adieu_error_code code, int os_error);
void stream_tell(struct adieu_stream *stream, enum adieu_news news, const struct adieu_alert *alert);
bool stream_both_ended(const struct adieu_stream *stream);
/* Raises the transport's end, if one is known and nothing received is left to be read before it. */
void stream_transport_end(struct adieu_stream *stream);
void stream_fault_memory(struct adieu_stream *stream);

/* stream.c: seals the close_notify that is due, if the engine can by now. */
void stream_try_goodbye(struct adieu_stream *stream);

/* wire.c */
void input_clear(struct adieu_stream *stream);
/* What was handed over, in plaintext, and whether our alert was in it. */
void stream_account_sent(struct adieu_stream *stream);
/* An idle stream holds no buffers, the engine's neither, unless the transport says when it is idle. */
void stream_rest(struct adieu_stream *stream);

#endif
