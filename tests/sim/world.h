/* SPDX-License-Identifier: MIT */
/* A conversation while it is played: two sides, and what carries their bytes. Shared by the files of the simulation. */
#ifndef ADIEU_TESTS_SIM_WORLD_H
#define ADIEU_TESTS_SIM_WORLD_H

#include "random.h"
#include "sim.h"

/* ------------------------------------------------ what carries bytes */

/* Frames of the scripted engine, followed byte by byte. The engine's file knows them. */
struct frames {
    uint8_t head[3];
    uint32_t have, size;
    uint8_t number;                /* the payload's first byte */
    uint64_t bytes;                /* that were followed */
    uint64_t plain;                /* of data, in whole frames */
    bool hello, half;              /* half of a message came */
    bool split;                    /* data came between the halves, which no real engine lets pass (RFC 9846 5.1) */
    bool close, alert, bad, fault; /* what ended it */
    uint64_t end_at;               /* behind the frame that ended it */
    uint8_t alert_number;
};

enum { WAY_ROOM = 1 << 19, WAY_MOST = 300000 };

/* One direction. Positions count from the first byte that was ever sent there. */
struct way {
    uint8_t bytes[WAY_ROOM];
    size_t start, arrived, end; /* in bytes: start to arrived lie with the receiver, arrived to end are under way */
    uint32_t capacity;
    uint64_t handed;   /* what the sender's stream handed over, */
    uint64_t entered;  /* what entered here: with what was put in, without what was taken out */
    uint64_t came;     /* what arrived, */
    uint64_t received; /* and what the receiver's stream was given */
    bool fin;          /* the sender has ended it, */
    bool cut;          /* or somebody else; nothing more enters */
    bool over;         /* that end has arrived */
    bool refuses;      /* the sender is told that nothing more is taken */
    bool stuck;        /* nothing arrives any more */
    int64_t stalled_until;
    bool shifted;    /* positions here and at the sender differ, before its close_notify */
    bool lied_early; /* before the receiver had done its handshake */
    struct frames out, in;
};

/* ------------------------------------------------ sides */

enum verb {
    VERB_HANDSHAKE,
    VERB_READ, /* peek and discard, too: they say the same */
    VERB_WRITE,
    VERB_SHUTDOWN,
    VERB_KEY_UPDATE,
    VERB_ASK_CERTIFICATE,
    VERB_OTHER,
    VERBS
};

/* A call of a verb, and how it stood before. */
struct call {
    enum verb verb;
    enum adieu_status status;
    struct adieu_ending before;
    size_t room, out;
    enum adieu_awaited awaited;
    bool readable;
};

/* What the observer has seen. */
struct seen {
    enum adieu_sending sending;
    enum adieu_receiving receiving;
    unsigned established, closes_sealed, alerts_sealed;
    struct adieu_alert alert_sealed, alert_received; /* the last fatal ones */
    bool close_received, misused;
    const char *wrong; /* what did not hold inside it */
};

enum stage { STAGE_TALKS, STAGE_CLOSES, STAGE_RELEASED };

struct side {
    struct adieu_stream *s; /* NULL: was freed, or never made */
    unsigned number;        /* SIM_CLIENT or SIM_SERVER */
    /* the program, and what it knows */
    uint64_t took, read, discarded;
    bool wrong_bytes;
    bool established, shut, shutdown_called;
    uint64_t last_took, last_put; /* of the last write, and where in its own bytes it ends */
    bool aborted, fault_wanted;   /* by its script, */
    bool refused, refused_late;   /* and the peer: by a decision, or by the engine, which could not say so yet */
    bool verbs_in_observer;
    enum adieu_status latched[VERBS]; /* ADIEU_WAIT: not yet an answer for ever */
    /* the transport, and what it told */
    const uint8_t *shown;
    size_t shown_size;
    uint32_t shown_sum;
    uint8_t *place;
    size_t place_size;
    size_t lent_size;
    bool told_eof, told_failed, told_reset, told_acknowledged;
    bool reset_first;                       /* before any eof */
    bool reset_after_both;                  /* had ended */
    bool reset_came;                        /* the network says so */
    bool ended_shown;                       /* something was out when sending ended */
    uint64_t acknowledged;                  /* the most that was told */
    uint64_t received_at_eof, plain_at_end; /* when eof, or reset, was told first */
    /* ground truth about what it sealed, as positions in its own bytes; 0: not sealed */
    uint64_t close_put, alert_put;
    uint64_t close_entered, alert_entered; /* the same in the way's, once handed over; 0: not yet */
    /* the goodbye */
    enum stage stage;
    int64_t progress_at, patience, settled_at;
    uint64_t came_before;
    bool gave_up;
    /* checks */
    struct seen seen;
    struct call call;
    bool called;
    struct adieu_ending before, last;
    bool has_before;
};

struct world {
    const struct sim_script *script;
    struct side side[SIM_SIDES];
    struct random random;
    int64_t now;
    bool hurt;    /* something was done after which a bad end is no wonder */
    bool starved; /* memory is short: a stream may fault */
    bool tampered;
    bool lied;       /* a transport told that more was acknowledged than was */
    unsigned writes; /* the side that is in adieu_write */
    size_t step;
    size_t relent_at; /* the step from which on there is memory again */
    size_t calls;
    struct sim_verdict *verdict;
    struct way way[SIM_SIDES]; /* by who sends */
};

static inline struct side *peer_of(struct world *w, const struct side *s)
{
    return &w->side[!s->number];
}
static inline struct way *way_from(struct world *w, const struct side *s)
{
    return &w->way[s->number];
}
static inline struct way *way_to(struct world *w, const struct side *s)
{
    return &w->way[!s->number];
}

/* ------------------------------------------------ the files */

/* world.c */
/* What a side says: the byte at each place is known, so that it need not be kept. */
const uint8_t *said_at(unsigned side, uint64_t place);
enum { SAID_MOST = 200000 };
/* Plays one step. */
void world_step(struct world *w, const struct sim_step *step);

/* verbs.c: each notes its call, and looks at the invariants. */
enum adieu_status verb_handshake(struct world *w, struct side *s);
enum adieu_status verb_read(struct world *w, struct side *s, size_t size);
enum adieu_status verb_discard(struct world *w, struct side *s);
enum adieu_status verb_write(struct world *w, struct side *s, size_t size, unsigned pieces);
enum adieu_status verb_shutdown(struct world *w, struct side *s);
void verb_decide(struct world *w, struct side *s, enum adieu_decision decision);
void verb_abort(struct world *w, struct side *s, enum adieu_reason reason);
/* Any other step of the program's. */
void verb_step(struct world *w, struct side *s, const struct sim_step *step);

/* observer.c */
void observer_set(struct side *s, bool calls_verbs);

/* transport.c: what a transport does with its stream. */
void transport_receive(struct world *w, struct side *s, size_t size);
void transport_send(struct world *w, struct side *s, size_t size);
void transport_step(struct world *w, struct side *s, const struct sim_step *step);
/* All that can be done now. True: something moved. */
bool transport_turn(struct world *w, struct side *s);
void transport_acknowledge(struct world *w, struct side *s);
/* Both go on with handshake and reading; true: something moved. */
bool program_turn(struct world *w, struct side *s);

/* third.c: what becomes of the bytes under way. */
size_t way_room(const struct way *way);
/* Bytes of this side's stream enter; as many as there is room for. */
size_t way_enter(struct world *w, struct side *s, const uint8_t *bytes, size_t size);
size_t way_waits(const struct way *way); /* bytes that arrived and were not received */
/* The receiver's stream is given n bytes, which lie there. */
const uint8_t *way_leave(struct world *w, struct side *receiver, size_t n);
bool way_over(const struct way *way); /* the end arrived, and every byte before it was received */
bool way_arrive(struct world *w, struct side *sender, size_t size);
void way_end(struct way *way);
void reset_both(struct world *w, bool all_lost);
/* Throws away what has arrived, and keeps account of it. */
void way_drop(struct way *way);
/* The side lets go of its end of the wire. */
void way_release(struct world *w, struct side *s, bool with_reset);
void third_step(struct world *w, struct side *s, const struct sim_step *step);

/* goodbye.c */
void goodbye_start(struct world *w, struct side *s, int64_t patience);
/* Until both have let go. False: it had no end. */
bool goodbye_both(struct world *w);
bool goodbye_turn(struct world *w, struct side *s);

/* invariants.c, joint.c: false once something is broken; it is then in the verdict. */
bool hold_all(struct world *w, struct side *s);
bool hold_joint(struct world *w);
void broken(struct world *w, const struct side *s, const char *name, const char *sentence);
static inline bool goes_on(const struct world *w)
{
    return !w->verdict->broken;
}

#endif
