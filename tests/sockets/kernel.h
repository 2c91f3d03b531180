/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of the simulated kernel: what a program's calls answer. calls.c puts them in the place of the real ones.
 * Numbers begin at FIRST_DESCRIPTOR and are never given twice, so that whatever is used after it was closed is found.
 */
#ifndef ADIEU_TESTS_SOCKETS_KERNEL_H
#define ADIEU_TESTS_SOCKETS_KERNEL_H

#include <poll.h>
#include <sys/socket.h>

#include "tcp.h"

enum { FIRST_DESCRIPTOR = 100000, DESCRIPTORS = 64 };

struct descriptor {
    enum { NO_DESCRIPTOR, STREAM, EVENT } kind;
    bool closed;
    bool blocks;   /* O_NONBLOCK is not set */
    bool borrowed; /* the program's: the library must not close it, nor change its flags */
    bool no_delay;
    struct tcp *tcp;
    uint64_t count; /* of an eventfd */
};

/* How unfriendly the kernel is, of a thousand calls. */
struct moods {
    int64_t interrupts;  /* EINTR */
    int64_t short_sends; /* less than there is room for */
    int64_t short_reads;
    int64_t spurious;     /* poll tells of something that is not there */
    int64_t preempts;     /* the program is held up in the middle of a call, */
    int64_t preempted_us; /* for so long at most */
};
extern struct moods moods;

void kernel_reset(uint64_t seed);
bool is_simulated(int descriptor);
/* NULL, and a rule is broken: it is closed, or was never open. */
struct descriptor *descriptor_of(int number, const char *call);
struct tcp *kernel_tcp(int number);
/* An open one for it. */
int kernel_open(struct tcp *tcp);
/* Two connected sockets. */
void kernel_pair(struct tcp *tcps[2], int numbers[2]);
/* How many are open. */
int kernel_still_open(void);

/* As the calls, with -errno for -1. */
int kernel_socket(bool blocks);
ssize_t kernel_send(int number, const void *bytes, size_t size, int flags);
ssize_t kernel_receive(int number, void *bytes, size_t size, int flags);
int kernel_shutdown(int number, int how);
int kernel_close(int number);
int kernel_connect(int number, const struct sockaddr *address);
int kernel_accept(int number);
int kernel_listen(int number);
int kernel_set_option(int number, int level, int name, const void *value, socklen_t size);
int kernel_option(int number, int level, int name, void *value, socklen_t *size);
int kernel_ioctl(int number, unsigned long request, void *argument);
int kernel_address(int number, bool peer, struct sockaddr *address, socklen_t *size);
short kernel_ready(int number, short events);
int kernel_event(unsigned count);

/* Where a new socket is of, and what its buffers are; and the listener that a connect finds, NULL: nobody. */
struct defaults {
    int side;
    size_t send_room[2], receive_room[2];
    struct tcp *listener;
};
extern struct defaults defaults;

#endif
