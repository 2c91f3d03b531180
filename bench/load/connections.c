/* SPDX-License-Identifier: MIT */
/* Handshake, goodbye, and the next one: in lanes, each one connection at a time. */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"

/* Its talk comes first: whose the talk is, is whose the lane is. */
struct lane {
    struct talk talk;
    SSL_SESSION *session; /* to resume next */
    uint64_t began, said; /* when connecting and the goodbye began */
    bool counted;         /* the goodbye has been */
};

struct connections {
    struct floor *floor;
    const struct order *order;
    struct lane *lanes;
    uint64_t begun, over, resumed;
    struct figures handshakes, closes;
};

/* A ticket has come; TLS 1.3 sends several, and the last one is as good as any. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct lane *lane = SSL_get_app_data(ssl);
    SSL_SESSION_free(lane->session);
    lane->session = session;
    return 1;
}

static void remember_sessions(SSL_CTX *context)
{
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
}

/* With a copy: OpenSSL lets no session that was used resume again, and not every server gives a new one each time. */
static void resume(struct lane *lane)
{
    SSL_SESSION *copy = lane->session ? SSL_SESSION_dup(lane->session) : NULL;
    if (copy)
        SSL_set_session(lane->talk.ssl, copy);
    SSL_SESSION_free(copy);
}

/* The lane's next connection, if there is to be one. One that cannot even begin is not the last word. */
static void next(struct connections *work, struct lane *lane)
{
    while (work->begun < work->order->count) {
        lane->began = now();
        lane->counted = false;
        if (talk_begin(work->floor, &lane->talk, (uint32_t)++work->begun) == STEP_WAIT) {
            SSL_set_app_data(lane->talk.ssl, lane);
            resume(lane);
            return;
        }
        talk_let_go(&lane->talk);
        work->over++;
    }
}

static enum step established(struct connections *work, struct lane *lane)
{
    lane->said = now();
    figures_add(&work->handshakes, lane->said - lane->began);
    work->resumed += (uint64_t)SSL_session_reused(lane->talk.ssl);
    enum step step = talk_say_end(work->floor, &lane->talk);
    return step == STEP_DONE ? talk_hear_end(work->floor, &lane->talk) : step;
}

static void go_on(void *context, struct talk *talk)
{
    struct connections *work = context;
    struct lane *lane = (struct lane *)talk;
    enum step step;
    if (talk->phase <= PHASE_HANDSHAKE) {
        step = talk_handshake(work->floor, talk);
        if (step == STEP_DONE)
            step = established(work, lane);
    } else {
        step = talk_hear_end(work->floor, talk);
    }
    /* The conversation has ended with its close_notify; the socket may take a moment more. */
    if (talk->phase == PHASE_FIN && !lane->counted) {
        figures_add(&work->closes, now() - lane->said);
        lane->counted = true;
    }
    if (step == STEP_WAIT)
        return;
    talk_let_go(talk);
    work->over++;
    next(work, lane);
}

/* Nothing happens any more: what is under way has failed. */
static void give_up(struct connections *work)
{
    for (uint64_t i = 0; i < work->order->parallel; i++) {
        struct talk *talk = &work->lanes[i].talk;
        if (talk->descriptor >= 0 && talk->number > 0)
            talk_give_up(work->floor, talk);
    }
}

static void tell(struct connections *work, double seconds)
{
    printf("{\"work\": \"connections\", \"count\": %" PRIu64 ", \"failures\": %" PRIu64 ", \"resumed\": %" PRIu64 ", ",
           work->over, work->floor->troubles.all, work->resumed);
    figures_print_time(seconds);
    printf(", ");
    figures_print(&work->handshakes, "handshake_us");
    printf(", ");
    figures_print(&work->closes, "close_us");
    printf("}\n");
}

static void clear(struct connections *work)
{
    for (uint64_t i = 0; i < work->order->parallel; i++) {
        talk_let_go(&work->lanes[i].talk);
        SSL_SESSION_free(work->lanes[i].session);
    }
    free(work->lanes);
}

int work_connections(struct floor *floor, const struct order *order)
{
    struct connections work = {
        .floor = floor,
        .order = order,
        .lanes = calloc(order->parallel, sizeof(struct lane)),
        .handshakes = figures_new(order->count),
        .closes = figures_new(order->count),
    };
    if (!work.lanes || !limits_raise(order->parallel + 16))
        return CANNOT;
    if (strcmp(order->resume, "yes") == 0)
        remember_sessions(floor->context);
    uint64_t began = now();
    for (uint64_t i = 0; i < order->parallel; i++) {
        work.lanes[i].talk.descriptor = -1;
        next(&work, &work.lanes[i]);
    }
    while (work.over < order->count)
        if (!floor_turn(floor, floor->patience_ms, go_on, &work)) {
            give_up(&work);
            break;
        }
    tell(&work, seconds_since(began));
    clear(&work);
    return floor->troubles.all ? DONE_WITH_FAILURES : DONE_WELL;
}
