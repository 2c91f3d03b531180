/* SPDX-License-Identifier: MIT */
/*
 * The system calls that src/fd makes, sent here by the linker (--wrap): the kernel's own sockets, but any call can be made
 * to fail, and time is told by the test. So nothing sleeps, and what waits for nothing is known at once: poll() first lets
 * the other side go on, and when nobody gets further the clock jumps to where the first one wants to look again.
 */
#ifndef ADIEU_TESTS_SWEEP_CALLS_H
#define ADIEU_TESTS_SWEEP_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum call {
    CALL_ACCEPT,
    CALL_BIND,
    CALL_CLOSE,
    CALL_CONNECT,
    CALL_EVENTFD,
    CALL_GETADDRINFO,
    CALL_GETPEERNAME,
    CALL_GETSOCKNAME,
    CALL_GETSOCKOPT,
    CALL_IOCTL,
    CALL_LISTEN,
    CALL_POLL,
    CALL_PTHREAD_CREATE,
    CALL_RECV,
    CALL_SEND,
    CALL_SETSOCKOPT,
    CALL_SHUTDOWN,
    CALL_SOCKET,
    CALL_COUNT
};
const char *call_name(enum call call);

/* What becomes of a call. */
struct fault {
    int error;       /* errno, or what the call returns instead; 0: it goes through, with a single byte */
    bool after_all;  /* the kernel does it all the same, or goes on with it */
    bool breaks;     /* the connection is gone, for both */
    unsigned times;  /* that it happens, in calls of this sort */
    bool harmless;   /* nothing is lost by it */
    const char *why; /* its name */
};

/* Asked at each call of the thread that calls this; NULL: nothing becomes of it. NULL for the question: they all go through. */
void calls_ask(const struct fault *(*question)(enum call call));
/* Runs the other side while one waits. Returns the ms after which it wants to be run again, or -1. */
void calls_meanwhile(int (*other)(void));
/* Sends instead. NULL: the kernel does. */
void calls_send_by(ssize_t (*sender)(int descriptor, const void *bytes, size_t size));
/* send() itself. */
ssize_t calls_send(int descriptor, const void *bytes, size_t size);
/* Changes whenever something moved. */
unsigned long calls_moved(void);
/* How long the kernel may take to carry a segment to itself. */
void calls_set_lag(int ms);

/* Nobody gets further: lets time pass, but first looks whether one of these is ready. Returns how many are. */
struct pollfd;
int calls_pass_time(struct pollfd *set, size_t count, int ms);

#endif
