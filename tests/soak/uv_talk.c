/* SPDX-License-Identifier: MIT */
#include "uv_talk.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "meddler.h"

/* ------------------------------------------------ the end of a connection */

static void timer_gone(uv_handle_t *handle)
{
    struct uv_talk *t = handle->data;
    --*t->live;
    free(t);
}

static void over(struct uv_talk *t)
{
    if (t->told)
        return;
    t->told = true;
    struct adieu_ending ending = adieu_uv_ending(t->uv);
    if (!t->talk.server && stories[t->talk.plan.story].wire != WIRE_STRAIGHT)
        t->talk.port = meddler_onward(&t->talk.plan, t->talk.port);
    talk_report(&t->talk, &ending, adieu_uv_stream(t->uv));
    adieu_uv_free(t->uv);
    uv_close((uv_handle_t *)&t->timer, timer_gone);
}

static void too_late(uv_timer_t *timer)
{
    struct uv_talk *t = timer->data;
    t->talk.stuck = true;
    over(t);
}

/* A step that has its own use for the timer takes it over. */
static void bound(struct uv_talk *t)
{
    uv_timer_start(&t->timer, too_late, STEP_MS, 0);
}

/* ------------------------------------------------ steps */

/* A request's callback: on to the next, or again after a cancel. */
static void stepped(struct adieu_uv_request *request, int status)
{
    struct uv_talk *t = request->data;
    if (status == UV_ECANCELED && t->retry) {
        t->retry = false;
        t->talk.cancels++;
        uv_talk_begin(t);
        return;
    }
    if (t->talk.step.verb == 'h' && status == 0)
        talk_done_shake(&t->talk);
    uv_talk_advance(t);
}

/* What a call that asks answered: if nothing was begun, the step is over. */
static void asked(struct uv_talk *t, int code)
{
    if (code < 0) {
        uv_talk_advance(t);
        return;
    }
    if (t->talk.step.cancelled) {
        t->talk.step.cancelled = false;
        t->retry = adieu_uv_cancel(&t->request) == 0;
    }
}

static void connected(struct adieu_uv_request *request, int status)
{
    struct uv_talk *t = request->data;
    struct sockaddr_in us;
    int size = sizeof us;
    if (status == 0 && uv_tcp_getsockname((uv_tcp_t *)adieu_uv_transport(t->uv), (struct sockaddr *)&us, &size) == 0)
        t->talk.port = ntohs(us.sin_port);
    uv_talk_advance(t);
}

static void write_more(struct uv_talk *t);
static void room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf);
static void heard(struct adieu_uv *uv, ssize_t n, const uv_buf_t *buf);

static void wrote(struct adieu_uv_request *request, int status)
{
    struct uv_talk *t = request->data;
    /* A cancelled write says what was taken of it, which leaves. */
    t->talk.said += request->taken;
    t->talk.due -= (long)request->taken;
    t->answered += request->taken;
    t->speaking = false;
    bool again = status == UV_ECANCELED && t->retry;
    if (again)
        t->talk.cancels++;
    t->retry = false;
    if (status < 0 && !again)
        t->talk.due = 0;
    if (t->talk.due > 0 && (status == 0 || again))
        write_more(t);
    else if (t->talk.step.verb == 'w' || t->talk.step.verb == 'm')
        uv_talk_advance(t);
    else if (t->talk.step.verb == 'D' && t->want <= 0)
        uv_talk_advance(t);
    else if (t->talk.step.verb == 'o' && adieu_uv_read_start(t->uv, room, heard) < 0)
        uv_talk_advance(t);
}

static void write_more(struct uv_talk *t)
{
    size_t most = t->talk.step.verb == 'm' ? MESSAGE : PIECE;
    size_t size = (size_t)t->talk.due < most ? (size_t)t->talk.due : most;
    char *words = t->talk.step.verb == 'o' ? t->room + t->answered : (char *)pattern_from(t->talk.said);
    uv_buf_t buf = uv_buf_init(words, (unsigned)size);
    t->second.data = t;
    int code = adieu_uv_write(&t->second, t->uv, &buf, 1, wrote);
    t->speaking = code == 0;
    if (code == 0 && t->talk.step.cancelled) {
        t->talk.step.cancelled = false;
        t->retry = adieu_uv_cancel(&t->second) == 0;
    }
    if (code == 0)
        return;
    t->talk.due = 0;
    if (t->talk.step.verb == 'w' || t->talk.step.verb == 'o' || t->talk.step.verb == 'm' ||
        (t->talk.step.verb == 'D' && t->want <= 0))
        uv_talk_advance(t);
}

static void room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct uv_talk *t = adieu_uv_data(uv);
    char verb = t->talk.step.verb;
    size_t most = sizeof t->room;
    (void)suggested;
    if ((verb == 'r' || verb == 'D' || verb == 'e') && (size_t)t->want < most)
        most = (size_t)t->want;
    if (verb == 'S' && (size_t)t->talk.step.number < most)
        most = (size_t)t->talk.step.number;
    *buf = uv_buf_init(t->room, (unsigned)most);
}

static void read_again(uv_timer_t *timer)
{
    struct uv_talk *t = timer->data;
    bound(t);
    (void)adieu_uv_read_start(t->uv, room, heard);
}

static void next_question(struct uv_talk *t)
{
    if (t->talk.echoes == (unsigned)t->talk.step.number) {
        adieu_uv_read_stop(t->uv);
        talk_done_echo(&t->talk);
        uv_talk_advance(t);
        return;
    }
    t->talk.echoes++;
    t->talk.due = t->want = QUESTION;
    write_more(t);
}

/* What a step does about something that came. */
static void came(struct uv_talk *t, size_t n)
{
    char verb = t->talk.step.verb;
    if (verb == 'o') {
        adieu_uv_read_stop(t->uv); /* until it is answered: the room is needed */
        t->talk.due = (long)n;
        t->answered = 0;
        write_more(t);
    }
    if (verb == 'S') {
        adieu_uv_read_stop(t->uv);
        uv_timer_start(&t->timer, read_again, 2, 0);
    }
    if (verb != 'r' && verb != 'D' && verb != 'e')
        return;
    t->want -= (long)n;
    if (t->want > 0)
        return;
    if (verb == 'e') {
        next_question(t);
        return;
    }
    adieu_uv_read_stop(t->uv);
    if (verb == 'r' || !t->speaking)
        uv_talk_advance(t);
}

static void heard(struct adieu_uv *uv, ssize_t n, const uv_buf_t *buf)
{
    struct uv_talk *t = adieu_uv_data(uv);
    if (n > 0) {
        talk_heard(&t->talk, buf->base, (size_t)n);
        came(t, (size_t)n);
    } else if (n < 0 && n != UV_ENOBUFS) {
        t->want = 0;
        if (t->talk.step.verb != 'D' || !t->speaking)
            uv_talk_advance(t);
    }
}

static void read_step(struct uv_talk *t)
{
    if (adieu_uv_read_start(t->uv, room, heard) < 0)
        uv_talk_advance(t);
    else if (t->talk.step.cancelled) { /* reading has no request: it is stopped, and begun again */
        adieu_uv_read_stop(t->uv);
        t->talk.step.cancelled = false;
        t->talk.cancels++;
        uv_timer_start(&t->timer, read_again, 2, 0);
    }
}

static void paused(uv_timer_t *timer)
{
    uv_talk_advance(timer->data);
}

static void waited_enough(uv_timer_t *timer)
{
    struct uv_talk *t = timer->data;
    adieu_uv_read_stop(t->uv);
    adieu_uv_abort(t->uv, ADIEU_REASON_DEADLINE);
    uv_talk_advance(t);
}

static void closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct uv_talk *t = request->data;
    (void)ending;
    if (status == UV_ECANCELED && t->retry) {
        t->retry = false;
        t->talk.cancels++;
        uv_talk_begin(t);
        return;
    }
    t->talk.close_us = now_us() - t->talk.step_began;
    uv_talk_advance(t);
}

static void close_step(struct uv_talk *t)
{
    struct adieu_uv_patience patience = ADIEU_UV_PATIENCE;
    if (t->talk.step.verb == 'q')
        patience.quiet_ms = t->talk.step.number;
    asked(t, adieu_uv_close(&t->request, t->uv, patience, closed));
}

static void stream_step(struct uv_talk *t)
{
    struct adieu_stream *stream = adieu_uv_stream(t->uv);
    char verb = t->talk.step.verb;
    uv_os_fd_t descriptor;
    if (verb == 'A')
        (void)!adieu_ask_certificate(stream);
    else if (verb == 'k' || verb == 'K')
        (void)!adieu_key_update(stream, verb == 'K');
    else if (verb == 'a')
        adieu_uv_abort(t->uv, ADIEU_REASON_REQUEST);
    else if (verb != 'f' && adieu_uv_transport(t->uv) &&
             uv_fileno((uv_handle_t *)adieu_uv_transport(t->uv), &descriptor) == 0)
        below_tls(descriptor, verb);
    if (verb == 'A' || verb == 'k' || verb == 'K')
        adieu_uv_wake(t->uv);
    uv_talk_advance(t);
}

static void connect_step(struct uv_talk *t)
{
    char host[32], port[16];
    plan_address(&t->talk.plan, host);
    snprintf(port, sizeof port, "%ld", t->talk.step.number);
    const struct adieu_uv_address peer = {.host = "127.0.0.1", .port = port, .bind_host = host};
    asked(t, adieu_uv_connect(&t->request, t->uv, &peer, connected));
}

/* Begins the step at hand. */
void uv_talk_begin(struct uv_talk *t)
{
    t->request.data = t;
    bound(t);
    switch (t->talk.step.verb) {
    case '@':
        connect_step(t);
        break;
    case 'H': /* its time runs from the connection on: see bound_handshake */
        asked(t, adieu_uv_handshake(&t->request, t->uv, stepped));
        break;
    case 'h':
        asked(t, adieu_uv_handshake(&t->request, t->uv, stepped));
        break;
    case 's':
        asked(t, adieu_uv_shutdown(&t->request, t->uv, stepped));
        break;
    case 'D':
        if (adieu_uv_read_start(t->uv, room, heard) < 0)
            t->want = 0;
        write_more(t);
        break;
    case 'w':
    case 'm':
        write_more(t);
        break;
    case 'e':
        if (adieu_uv_read_start(t->uv, room, heard) < 0)
            uv_talk_advance(t);
        else
            next_question(t);
        break;
    case 'r':
    case 'R':
    case 'S':
    case 'o':
        read_step(t);
        break;
    case 'd':
        uv_timer_start(&t->timer, waited_enough, (uint64_t)t->talk.step.number, 0);
        (void)adieu_uv_read_start(t->uv, room, heard);
        break;
    case 'p':
        uv_timer_start(&t->timer, paused, (uint64_t)t->talk.step.number, 0);
        break;
    case 'c':
    case 'q':
        close_step(t);
        break;
    default:
        stream_step(t);
    }
}

static bool enter(struct uv_talk *t)
{
    if (!talk_next(&t->talk))
        return false;
    if (t->talk.step.verb == 'm')
        t->talk.due *= MESSAGE;
    t->want = t->talk.due;
    if (t->talk.step.verb == 'e' || t->talk.step.verb == 'o')
        t->talk.due = 0;
    return true;
}

/* The step is over. Steps that are over at once do not nest. */
void uv_talk_advance(struct uv_talk *t)
{
    t->advanced = true;
    if (t->advancing)
        return;
    t->advancing = true;
    while (t->advanced) {
        t->advanced = false;
        if (t->talk.stuck || !enter(t)) {
            over(t);
            return;
        }
        uv_talk_begin(t);
    }
    t->advancing = false;
}

struct uv_talk *uv_talk_new(uv_loop_t *loop, struct adieu_uv *uv, unsigned *live)
{
    struct uv_talk *t = calloc(1, sizeof *t);
    if (!t || !uv) {
        fputs("soak: no memory\n", stderr);
        exit(1);
    }
    t->uv = uv;
    adieu_uv_set_data(uv, t);
    uv_timer_init(loop, &t->timer);
    t->timer.data = t;
    t->live = live;
    ++*live;
    return t;
}
