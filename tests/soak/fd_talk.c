/* SPDX-License-Identifier: MIT */
#include "fd_talk.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "meddler.h"
#include "trust.h"

/* When a cancel comes. */
enum { CANCEL_US = 5000 };

static void *cancelling(void *context)
{
    const struct fd_talk *t = context;
    sleep_us(CANCEL_US);
    adieu_fd_cancel(t->fd);
    return NULL;
}

/* A blocking step, which another thread cancels. */
static void cancelled_step(struct fd_talk *t)
{
    pthread_t canceller;
    bool cancelling_it = pthread_create(&canceller, NULL, cancelling, t) == 0;
    while (!fd_step(t))
        ;
    if (cancelling_it)
        pthread_join(canceller, NULL);
}

static bool enter(struct fd_talk *t)
{
    struct talk *talk = &t->talk;
    if (!talk_next(talk))
        return false;
    if (talk->step.verb == 'm')
        talk->due *= MESSAGE;
    if (talk->step.verb == 'e' || talk->step.verb == 'o')
        talk->due = 0;
    t->want = talk->due;
    t->awaited = 0;
    return true;
}

void fd_talk_turn(struct fd_talk *t)
{
    while (!t->over) {
        if (t->talk.step.cancelled && !t->polled)
            cancelled_step(t);
        else if (!fd_step(t)) {
            if (t->polled)
                return;
            continue;
        }
        t->over = t->talk.stuck || !enter(t);
    }
}

static struct fd_talk *new_talk(bool polled)
{
    struct fd_talk *t = calloc(1, sizeof *t);
    if (t)
        t->polled = polled;
    return t;
}

struct fd_talk *fd_talk_client(const struct plan *plan, unsigned port, bool polled)
{
    const char *name;
    struct adieu_config *config = trust_config(plan, &name);
    struct fd_talk *t = new_talk(polled);
    if (!t)
        return NULL;
    t->fd = adieu_fd_client(config, name);
    if (polled)
        adieu_fd_set_polled(t->fd);
    talk_begin(&t->talk, plan, false);
    plan_address(plan, t->host);
    snprintf(t->port, sizeof t->port, "%u", port);
    t->talk.step = (struct step){.verb = '@'};
    t->talk.step_began = now_us();
    return t;
}

struct fd_talk *fd_talk_server(struct adieu_fd *fd, bool polled)
{
    struct fd_talk *t = new_talk(polled);
    struct plan plan;
    char peer[80];
    if (!t)
        return NULL;
    t->fd = fd;
    bool known = plan_of_address(adieu_fd_peer(fd, peer, sizeof peer), &plan, &t->talk.port);
    talk_begin(&t->talk, &plan, true);
    t->talk.known = known;
    if (!known)
        t->talk.at = "h o c";
    t->over = !enter(t);
    return t;
}

void fd_talk_end(struct fd_talk *t)
{
    if (!t->talk.server && stories[t->talk.plan.story].wire != WIRE_STRAIGHT)
        t->talk.port = meddler_onward(&t->talk.plan, t->talk.port);
    struct adieu_ending ending = adieu_fd_ending(t->fd);
    talk_report(&t->talk, &ending, adieu_fd_stream(t->fd));
    adieu_fd_free(t->fd);
    free(t);
}
