/* SPDX-License-Identifier: MIT */
/* Verbs in threads of their own, and how they came out: nothing is asserted outside the test's thread. */
#ifndef ADIEU_TESTS_FD_THREADS_H
#define ADIEU_TESTS_FD_THREADS_H

#include <stdatomic.h>

#include "support.h"

struct task {
    struct adieu_fd *fd;
    size_t size;         /* to write at most */
    int64_t patience_ms; /* of a goodbye */
    bool stubborn;       /* after WAIT again, except during a goodbye */
    atomic_bool *stop;   /* for who asks */
    pthread_barrier_t *together;
    pthread_t thread;
    /* results */
    size_t moved;
    bool intact;    /* what was read is the pattern */
    unsigned waits; /* how often it was told to wait, and went on */
    enum adieu_status status;
    enum adieu_fd_why why;
    struct adieu_ending ending;
    int64_t took_ms;
};

void task_start(struct task *task, void *(*run)(void *));
void task_join(struct task *task);

/* What a task runs. */
void *task_handshake(void *context);
void *task_read(void *context);  /* the pattern, until there is no more */
void *task_write(void *context); /* the pattern, until size or until it is refused */
void *task_shutdown(void *context);
void *task_close(void *context);
void *task_ask(void *context); /* everything that may be asked at any time, until stop */

/* Waits until another thread is inside the verb: a second one is then misuse. */
void until_reading(struct adieu_fd *fd);
void until_shaking(struct adieu_fd *fd);
/* Waits until the writer of a narrow connection finds no room any more. */
void until_stuck(struct adieu_fd *fd);
/* Waits until so much was delivered. */
void until_received(struct adieu_fd *fd, uint64_t bytes);

/* Makes the kernel's buffers small, so that a writer soon waits for its reader. */
void narrow(struct adieu_fd *fd);
/* Starts a writer whose peer does not read, and waits until it waits. */
void stuck_writer(struct task *writer, struct adieu_fd *peer);

/* Each story for both sides: the one it is about, and the other; over every carrier and version, after the handshake. */
void each_side(void (*story)(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair));

#endif
