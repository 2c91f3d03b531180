/* SPDX-License-Identifier: MIT */
/*
 * TCP as Linux has it, as far as it matters for how a conversation ends: two buffers with bounds, segments and
 * acknowledgements under way, FIN, RST and who sends it when, retransmission, and what a program sees of it. All that
 * an end ever said is kept (as a log), so that a segment is two numbers, and the judge can see what arrived.
 * test_calibration.c holds it against the kernel.
 *
 * Sequence numbers: SYN is 0, the first byte 1, FIN comes behind the last byte.
 */
#ifndef ADIEU_TESTS_SOCKETS_TCP_H
#define ADIEU_TESTS_SOCKETS_TCP_H

#include "dice.h"

/* Why an end sent RST. */
enum reset_cause {
    RESET_LINGER,   /* closed with SO_LINGER 0 */
    RESET_UNREAD,   /* closed with something unread */
    RESET_LATE,     /* new data came for an end that its program had closed */
    RESET_STRAY,    /* something came for an end that is no more */
    RESET_INJECTED, /* by somebody in between */
    RESET_CAUSES
};

enum tcp_state { TCP_NONE, TCP_LISTENS, TCP_SYN_SENT, TCP_SYN_RECEIVED, TCP_OPEN, TCP_GONE };

enum { TCP_BACKLOG = 4 };

struct tcp {
    enum tcp_state state;
    int side;                 /* whose: see struct path */
    struct tcp *other;        /* the other end */
    bool orphan;              /* its program has closed it */
    bool closed_by_program;   /* that ended it: nothing had before */
    bool hears_not, says_not; /* RCV_SHUTDOWN, SEND_SHUTDOWN */
    bool linger_0;
    bool last_ack;  /* its FIN came behind the peer's: it does not stay in TIME_WAIT */
    bool time_wait; /* gone, but it answers a FIN that comes again */
    int error;      /* sk_err */
    /* what it says */
    uint8_t *log;
    size_t log_size;
    uint64_t una, at, nxt, written; /* acknowledged, to be sent next, sent at most, written (without FIN) */
    bool fin;                       /* behind written */
    uint64_t window_end;            /* up to which the peer takes it */
    uint64_t bytes_acked;           /* tcpi_bytes_acked: with SYN and FIN */
    size_t send_room, receive_room;
    /* what it hears */
    uint64_t rcv_nxt, read_at, advertised;
    bool fin_came;
    unsigned unacknowledged; /* segments */
    /* timers, NEVER if off */
    int64_t resend_at, ack_at, probe_at, rto, probe_delay;
    int retries;
    /* for the judge */
    int64_t activity_at; /* when anything came of the network last */
    int64_t progress_at; /* when more of it was acknowledged last */
    int64_t fin_at;      /* when FIN came */
    int64_t gone_at;     /* when it was reset, or over */
    unsigned resets[RESET_CAUSES];
    /* a listener's */
    struct tcp *queue[TCP_BACKLOG];
    int queued;
};

/* One direction, from a side to the other. Times in microseconds. */
struct path {
    int64_t delay, jitter, us_per_kb;
    int64_t loss; /* of a thousand */
    int64_t hole_at;
    int64_t free_at, last_at; /* the wire is; the last segment arrives */
};

struct network {
    struct path path[2]; /* from side 0, from side 1 */
    int64_t mss, window;
    int64_t delayed_acks; /* of a thousand */
    struct random dice;
};
extern struct network network;

/* Forgets all. */
void tcp_reset_all(void);
struct tcp *tcp_new(int side, size_t send_room, size_t receive_room);
/* Two that are connected already. */
void tcp_join(struct tcp *one, struct tcp *other);
void tcp_connect(struct tcp *tcp, struct tcp *listener);

/* The program's doings. */
void tcp_write(struct tcp *tcp, const void *bytes, size_t size);
size_t tcp_read(struct tcp *tcp, void *bytes, size_t size);
void tcp_end_write(struct tcp *tcp);
void tcp_close(struct tcp *tcp);
/* Somebody in between resets it, as if the peer had. */
void tcp_inject_reset(struct tcp *tcp);

/* Behind its last byte, and FIN. */
uint64_t tcp_end(const struct tcp *tcp);
size_t tcp_unread(const struct tcp *tcp);
/* How much of send_room is used. */
size_t tcp_held(const struct tcp *tcp);
/* How much send() would take; and whether poll() says so, which waits until a third is free. */
size_t tcp_room(const struct tcp *tcp);
bool tcp_writable(const struct tcp *tcp);

/* When something is due next; does all that is due. */
int64_t tcp_next(void);
void tcp_run(int64_t now);
/* Segments under way. */
bool tcp_quiet(void);

#endif
