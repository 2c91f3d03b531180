/* SPDX-License-Identifier: MIT */
/* Segments under way: in order in each direction, with delay, and lost now and then or for ever. */
#ifndef ADIEU_TESTS_SOCKETS_WIRE_H
#define ADIEU_TESTS_SOCKETS_WIRE_H

#include "tcp.h"

struct segment {
    struct tcp *from, *to;
    uint64_t seq, ack, window_end;
    uint32_t size;
    bool syn, fin, rst, probe;
    int64_t at;
};

void wire_clear(void);
void wire_put(struct segment segment);
int64_t wire_next(void);
void wire_run(int64_t now);

/* tcp.c, for those two */
void tcp_say(struct tcp *tcp, struct segment segment);
void tcp_say_ack(struct tcp *tcp);
void tcp_say_reset(struct tcp *tcp, uint64_t seq, enum reset_cause cause);
/* Says what may be said now. */
void tcp_push(struct tcp *tcp);
/* It is no more; error: 0, or why. */
void tcp_gone(struct tcp *tcp, int error);
/* Up to where it takes what comes. */
uint64_t tcp_window(struct tcp *tcp);
void tcp_arrived(const struct segment *segment);

#endif
