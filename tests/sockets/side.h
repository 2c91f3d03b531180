/* SPDX-License-Identifier: MIT */
/* One side of a conversation: its handle (or, rude, its bare socket), what its program does, and what came of it. */
#ifndef ADIEU_TESTS_SOCKETS_SIDE_H
#define ADIEU_TESTS_SOCKETS_SIDE_H

#include "adieu_fd.h"
#include "script.h"
#include "tcp.h"

enum { THREADS = 3 };

struct side;
struct thread {
    struct side *side;
    const struct script *script;
    enum who who;
};

struct side {
    int index; /* 0: client */
    bool polled, borrowed, rude, joined;
    struct side *other;
    struct thread threads[THREADS];
    int living;      /* threads */
    bool shaken;     /* the first thread's handshake is over: the others begin */
    bool first_over; /* the first thread has ended */
    struct adieu_config *config;
    struct adieu_fd *fd;
    struct adieu_stream *stream; /* rude: its own */
    int descriptor;              /* given, or a rude side's; -1 */
    int listener;                /* b's, where a connects to */
    struct tcp *tcp;
    uint64_t took, got;      /* plaintext that a program's verbs took, and gave */
    uint64_t took_at_most;   /* that with what a write in progress may have taken */
    int64_t handshake_ms;    /* its first one was given, */
    bool handshake_late;     /* and that was not enough */
    unsigned key_updates;    /* that were asked for */
    bool in_write;           /* a write is in progress, or failed: what it took is not told */
    bool said_end;           /* shutdown or close was called */
    bool heard_end;          /* read said END */
    bool listened;           /* before any goodbye it read until there was nothing more to read: END, or FAIL */
    bool broke_off;          /* aborted, by a program's will */
    bool goodbye;            /* a close was called; */
    bool closed;             /* and came back with OK */
    bool in_over, out_over;  /* rude: its socket delivers, takes no more */
    short events;            /* rude: what it waits for */
    bool let_go;             /* rude: the socket is closed; else: detached */
    int reading;             /* threads in a read */
    int64_t got_at;          /* when a read last came back, */
    int reader;              /* to whom, */
    uint64_t discarded_then; /* and how much had been thrown away by then */
    uint64_t speaks;         /* bytes of plaintext before TLS, */
    int64_t reads_on;        /* and so many of what follows are read with the other's */
    int64_t cancelled_at, interrupted_then; /* and how long it had been held up by then */
    int64_t acted_at;                       /* when a verb last came back */
    int64_t idle_mark;                      /* what came last, when it was asked whether it was idle */
    struct adieu_ending ending;
};

/* Byte number offset of what that side says, and at least 128 KiB that follow. */
const uint8_t *said_by(int side, uint64_t offset);

/* side.c: a thread's program. */
void side_run(void *thread);
/* rude.c */
void rude_run(void *thread);

/* verbs.c: a line on a handle; false: the program ends. */
bool side_do(struct side *side, const struct line *line);
void side_open(struct side *side);
/* loop.c: writes and reads in one loop. */
void pump(struct side *side, const struct line *line);
/* Reads and closes in one loop. */
void part(struct side *side, const struct line *line);
/* plaintext.c: before TLS. */
void side_speak(struct side *side);
/* What came of a read is what the other side said. */
void side_got(struct side *side, const uint8_t *bytes, size_t size);

/* configs_*.c */
struct adieu_config *side_config(bool server);
/* How many bytes of plaintext are in the whole records among these of the wire; ADIEU_UNKNOWN: it cannot be told. */
uint64_t plain_in(const uint8_t *wire, size_t size);

#endif
