/* SPDX-License-Identifier: MIT */
/* adieu_uv: connections in a loop. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "trust.h"
#include "uv_talk.h"
#include "work.h"

static uv_loop_t loop;
static struct adieu_uv_loop *shared;
static unsigned live;

/* ------------------------------------------------ connections */

/* A bound on the handshake has to be set before anything is asked for. */
static void bound_handshake(struct uv_talk *t)
{
    const char *at = t->talk.at;
    struct step first = next_step(&at);
    if (first.verb == 'H')
        adieu_uv_handshake_timeout(t->uv, (uint64_t)first.number);
}

static void start_client(const struct plan *plan, unsigned port)
{
    const char *name;
    struct adieu_config *config = trust_config(plan, &name);
    struct uv_talk *t = uv_talk_new(&loop, adieu_uv_client(shared, config, name), &live);
    talk_begin(&t->talk, plan, false);
    bound_handshake(t);
    t->talk.step = (struct step){.verb = '@', .number = port};
    t->talk.step_began = now_us();
    uv_talk_begin(t);
}

static void accept_one(uv_stream_t *server, int status)
{
    struct adieu_uv *uv = adieu_uv_server(shared, trust_serving());
    if (status < 0 || !uv || adieu_uv_accept(uv, server) < 0) {
        adieu_uv_free(uv);
        return;
    }
    struct uv_talk *t = uv_talk_new(&loop, uv, &live);
    struct sockaddr_in peer = {0};
    int size = sizeof peer;
    char host[32] = "", text[64];
    struct plan plan;
    if (uv_tcp_getpeername((uv_tcp_t *)adieu_uv_transport(uv), (struct sockaddr *)&peer, &size) == 0)
        uv_inet_ntop(AF_INET, &peer.sin_addr, host, sizeof host);
    snprintf(text, sizeof text, "%s:%u", host, (unsigned)ntohs(peer.sin_port));
    bool known = plan_of_address(text, &plan, &t->talk.port);
    talk_begin(&t->talk, &plan, true);
    t->talk.known = known;
    if (!known)
        t->talk.at = "h o c";
    bound_handshake(t);
    uv_talk_advance(t);
}

/* ------------------------------------------------ the loop */

static void count_handle(uv_handle_t *handle, void *count)
{
    (void)handle;
    ++*(unsigned *)count;
}

static void ordered(uv_poll_t *input, int status, int events)
{
    struct work *work = input->data;
    (void)status;
    (void)events;
    work->handles = 0;
    uv_walk(&loop, count_handle, &work->handles);
    work_orders(work, live);
    if (work->quitting)
        uv_poll_stop(input);
}

static void tick(uv_timer_t *timer)
{
    struct work *work = timer->data;
    struct plan plan;
    unsigned port;
    if (work_begins(work, live, &plan, &port))
        start_client(&plan, port);
    uv_timer_start(timer, tick, (uint64_t)work_timeout(work), 0);
}

void uv_work(struct work *work)
{
    uv_poll_t input;
    uv_timer_t ticks;
    uv_tcp_t listener;
    uv_loop_init(&loop);
    shared = adieu_uv_loop_new(&loop);
    uv_poll_init(&loop, &input, STDIN_FILENO);
    input.data = work;
    uv_poll_start(&input, UV_READABLE, ordered);
    uv_timer_init(&loop, &ticks);
    ticks.data = work;
    uv_tcp_init(&loop, &listener);
    if (work->client)
        tick(&ticks);
    else if (uv_tcp_open(&listener, work_listen()) < 0 || uv_listen((uv_stream_t *)&listener, 128, accept_one) < 0)
        exit(1);
    while (!work_over(work, live))
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&input, NULL);
    uv_close((uv_handle_t *)&ticks, NULL);
    uv_close((uv_handle_t *)&listener, NULL);
    adieu_uv_loop_free(shared);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}
