/* SPDX-License-Identifier: MIT */
/* What libcounts.so's files share. */
#ifndef ADIEU_COUNTS_CALLS_H
#define ADIEU_COUNTS_CALLS_H

enum call {
    CALL_SEND,
    CALL_RECV,
    CALL_READ,
    CALL_WRITE,
    CALL_POLL,
    CALL_EPOLL_WAIT,
    CALL_EPOLL_CTL,
    CALL_OTHER,
    CALLS
};

void counts_call(enum call call);

#endif
