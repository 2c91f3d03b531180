/* SPDX-License-Identifier: MIT */
/* adieu_fd in a poll loop. */
#include <poll.h>
#include <unistd.h>

#include "fd_talk.h"
#include "trust.h"
#include "work.h"

struct crowd {
    struct fd_talk *talks[MAX_LIVE];
    unsigned live;
    int listener;
};

static void add(struct crowd *crowd, struct fd_talk *talk)
{
    if (talk)
        crowd->talks[crowd->live++] = talk;
}

static void accept_all(struct crowd *crowd)
{
    while (crowd->live < MAX_LIVE) {
        struct adieu_fd *fd = adieu_fd_server(trust_serving());
        if (!fd)
            return;
        adieu_fd_set_polled(fd);
        if (adieu_fd_accept(fd, crowd->listener, ADIEU_FD_NOW) != ADIEU_OK) {
            adieu_fd_free(fd);
            return;
        }
        add(crowd, fd_talk_server(fd, true));
    }
}

static int sooner(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* In how many ms a talk wants to be called although nothing fires: for its pause, or its bound. */
static int clock_of(const struct fd_talk *talk)
{
    int64_t now = now_us(), until = talk->until_us;
    if (talk->talk.step.verb == 'd' || talk->talk.step.verb == 'H')
        until = talk->talk.step_began + talk->talk.step.number * 1000;
    if (until == 0)
        return 1000;
    return until <= now ? 0 : (int)((until - now + 999) / 1000);
}

static int wait_for(struct crowd *crowd, const struct work *work, struct pollfd *polled)
{
    int timeout = work_timeout(work);
    polled[0] = (struct pollfd){.fd = work->quitting ? -1 : STDIN_FILENO, .events = POLLIN};
    polled[1] = (struct pollfd){.fd = crowd->live < MAX_LIVE ? crowd->listener : -1, .events = POLLIN};
    for (unsigned i = 0; i < crowd->live; i++) {
        int own;
        polled[i + 2] = adieu_fd_interest(crowd->talks[i]->fd, &own);
        timeout = sooner(timeout, sooner(own, clock_of(crowd->talks[i])));
        if (crowd->talks[i]->until_us) /* a pause is one for the socket, too */
            polled[i + 2].fd = -1;
    }
    return timeout;
}

static void turn_all(struct crowd *crowd)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < crowd->live; i++) {
        fd_talk_turn(crowd->talks[i]);
        if (crowd->talks[i]->over)
            fd_talk_end(crowd->talks[i]);
        else
            crowd->talks[kept++] = crowd->talks[i];
    }
    crowd->live = kept;
}

void polled_work(struct work *work)
{
    struct crowd crowd = {.listener = work->client ? -1 : work_listen()};
    struct pollfd polled[MAX_LIVE + 2];
    struct plan plan;
    unsigned port;
    while (!work_over(work, crowd.live)) {
        int timeout = wait_for(&crowd, work, polled);
        (void)poll(polled, crowd.live + 2, timeout);
        work_orders(work, crowd.live);
        if (polled[1].revents)
            accept_all(&crowd);
        if (work_begins(work, crowd.live, &plan, &port))
            add(&crowd, fd_talk_client(&plan, port, true));
        turn_all(&crowd);
    }
    if (crowd.listener >= 0)
        close(crowd.listener);
}
