/* SPDX-License-Identifier: MIT */
/* adieu_fd with a thread for each connection. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "fd_talk.h"
#include "trust.h"
#include "work.h"

static atomic_uint live;

static void *tell(void *context)
{
    fd_talk_turn(context);
    fd_talk_end(context);
    live--;
    return NULL;
}

static void start(struct fd_talk *talk)
{
    pthread_t thread;
    if (!talk)
        return;
    live++;
    if (pthread_create(&thread, NULL, tell, talk) == 0)
        pthread_detach(thread);
    else {
        fputs("soak: no thread\n", stderr);
        fd_talk_end(talk);
        live--;
    }
}

static void accept_one(int listener)
{
    struct adieu_fd *fd = adieu_fd_server(trust_serving());
    if (!fd)
        return;
    if (adieu_fd_accept(fd, listener, adieu_fd_in(100)) == ADIEU_OK)
        start(fd_talk_server(fd, false));
    else
        adieu_fd_free(fd);
}

static void wait_a_bit(const struct work *work, int listener)
{
    struct pollfd polled[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    if (work->quitting) /* its input is at its end, and fires for ever */
        polled[0].fd = -1;
    if (live >= MAX_LIVE)
        polled[1].fd = -1;
    (void)poll(polled, 2, work->quitting || live >= MAX_LIVE ? 10 : work_timeout(work));
    if (polled[1].revents)
        accept_one(listener);
}

void blocking_work(struct work *work)
{
    int listener = work->client ? -1 : work_listen();
    struct plan plan;
    unsigned port;
    while (!work_over(work, live)) {
        wait_a_bit(work, listener);
        work_orders(work, live);
        if (work_begins(work, live, &plan, &port))
            start(fd_talk_client(&plan, port, false));
    }
    if (listener >= 0)
        close(listener);
}
