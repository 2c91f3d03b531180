/* SPDX-License-Identifier: MIT */
/* A story on adieu_fd, blocking or polled. */
#ifndef ADIEU_TESTS_SOAK_FD_TALK_H
#define ADIEU_TESTS_SOAK_FD_TALK_H

#include "adieu_fd.h"
#include "talk.h"

struct fd_talk {
    struct talk talk;
    struct adieu_fd *fd;
    bool polled;
    bool over;        /* nothing is left to be done but to report */
    long want;        /* D: what is left to be read */
    size_t answered;  /* o: of what was read last */
    long awaited;     /* e: what of the answer has not come */
    int64_t until_us; /* a pause's end */
    char host[32], port[8];
    uint8_t room[PIECE];
};

/* A client's that will connect to this port; a server's that was accepted. NULL: no memory. */
struct fd_talk *fd_talk_client(const struct plan *plan, unsigned port, bool polled);
struct fd_talk *fd_talk_server(struct adieu_fd *fd, bool polled);
/* Goes on: blocking until it is over, polled until it waits. */
void fd_talk_turn(struct fd_talk *talk);
/* fd_steps.c: takes the step at hand, or as much of it as does not wait (polled), or until it was cancelled; true: it is over. */
bool fd_step(struct fd_talk *talk);
void sleep_us(int64_t us);
/* Reports how it ended, and frees it. */
void fd_talk_end(struct fd_talk *talk);

#endif
