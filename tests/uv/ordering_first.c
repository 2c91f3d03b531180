/* SPDX-License-Identifier: MIT */
/* What is pending, and how it completes by itself. */
#include "ordering.h"

#include <sys/socket.h>
#include <unistd.h>

/* ------------------------------------------------ callbacks */

static void count(struct scene *scene, const struct adieu_uv_request *request)
{
    unsigned *at = request == &scene->first.request    ? &scene->first_at
                   : request == &scene->second.request ? &scene->second_at
                                                       : NULL;
    scene->order++;
    if (at)
        *at = scene->order;
}

void scene_done(struct adieu_uv_request *request, int status)
{
    count(request->data, request);
    waiter_done(request, status);
}

void scene_closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    count(request->data, request);
    waiter_closed(request, status, ending);
}

struct adieu_uv_request *request_of(struct scene *scene, struct waiter *waiter)
{
    waiter->request.data = scene;
    return &waiter->request;
}

/* ------------------------------------------------ the peer, who does what is needed */

static void peer_read(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct ear *ear = adieu_uv_data(uv);
    struct scene *scene = (struct scene *)((char *)ear - offsetof(struct scene, peer));
    ear_read(uv, nread, buf);
    if (nread < 0)
        part(&scene->bye, uv);
}

static void shake_hands(struct scene *scene)
{
    struct talk *talk = &scene->talk;
    if (scene->to_connect && !talk->peer) {
        struct adieu_uv *us = talk->us;
        talk_make(talk);
        adieu_uv_free(talk->us);
        talk->us = us;
        assert_code(adieu_uv_open(talk->peer, accept(scene->listener, NULL, NULL)), 0);
    }
    assert_code(adieu_uv_handshake(request_of(scene, &scene->theirs), talk->peer, scene_done), 0);
    if (talk->us)
        (void)adieu_uv_handshake(request_of(scene, &scene->late), talk->us, scene_done);
}

void peer_plays(struct scene *scene)
{
    if (!scene->cell->first->established)
        shake_hands(scene);
    hear(scene->talk.peer, &scene->peer);
    assert_code(adieu_uv_read_start(scene->talk.peer, ear_alloc, peer_read), 0);
    say(&scene->again, scene->talk.peer, 0, 5);
}

/* ------------------------------------------------ what is first */

static void begin_connect(struct scene *scene)
{
    static char port[8];
    scene->listener = raw_listener(port, 5);
    assert_code(adieu_uv_connect(request_of(scene, &scene->first), scene->talk.us,
                                 &(struct adieu_uv_address){.host = "127.0.0.1", .port = port}, scene_done),
                0);
}

static void connect_completes(struct scene *scene)
{
    ends_with(&scene->first, 0);
    assert_non_null(adieu_uv_transport(scene->talk.us));
    peer_plays(scene);
}

static void begin_handshake(struct scene *scene)
{
    assert_code(adieu_uv_handshake(request_of(scene, &scene->first), scene->talk.us, scene_done), 0);
    run_ms(2); /* a client's hello has left */
}

static void handshake_completes(struct scene *scene)
{
    assert_false(scene->first.done);
    peer_plays(scene);
    ends_with(&scene->first, 0);
}

static void begin_read(struct scene *scene)
{
    hear(scene->talk.us, &scene->ear);
    run_ms(1);
}

/* A word that the peer says is heard. */
static void read_completes(struct scene *scene)
{
    assert_int_equal(scene->ear.calls, 0);
    peer_plays(scene);
    run_until_that(scene->ear.got == 5);
    assert_true(scene->ear.intact);
}

static void begin_write(struct scene *scene)
{
    const uv_buf_t buf = pattern_buf(0, BIG);
    assert_code(adieu_uv_write(request_of(scene, &scene->first), scene->talk.us, &buf, 1, scene_done), 0);
    run_ms(5);
    scene->taken = adieu_uv_ending(scene->talk.us).taken;
    assert_in_range(scene->taken, 1, BIG - 1);
}

static void write_completes(struct scene *scene)
{
    assert_false(scene->first.done);
    peer_plays(scene);
    ends_with(&scene->first, 0);
    assert_int_equal(scene->first.request.taken, BIG);
    assert_int_equal(scene->first.request.sent, BIG);
    run_until_that(scene->peer.got >= BIG);
    assert_true(scene->peer.intact);
}

static void begin_shutdown(struct scene *scene)
{
    say_too_much(&scene->blocked, scene->talk.us);
    assert_code(adieu_uv_shutdown(request_of(scene, &scene->first), scene->talk.us, scene_done), 0);
    run_ms(1);
}

static void shutdown_completes(struct scene *scene)
{
    assert_false(scene->first.done);
    peer_plays(scene);
    ends_with(&scene->first, 0);
    assert_true(scene->blocked.done);
    run_until_that(scene->peer.ended);
    assert_int_equal(scene->peer.got, BIG);
    assert_code(scene->peer.end, UV_EOF);
}

static void begin_close(struct scene *scene)
{
    const struct adieu_uv_patience patience = {.quiet_ms = 10000, .total_ms = -1};
    say_too_much(&scene->blocked, scene->talk.us);
    assert_code(adieu_uv_close(request_of(scene, &scene->first), scene->talk.us, patience, scene_closed), 0);
    run_ms(1);
}

static void close_completes(struct scene *scene)
{
    assert_false(scene->first.done);
    peer_plays(scene);
    ends_with(&scene->first, 0);
    assert_ends(scene->first.ending, "closed", "closed");
    assert_int_equal(scene->peer.got, BIG);
    assert_code(scene->peer.end, UV_EOF);
}

static void begin_abort(struct scene *scene)
{
    hear(scene->talk.us, &scene->ear);
    begin_write(scene);
    adieu_uv_abort(scene->talk.us, ADIEU_REASON_REQUEST);
    assert_null(adieu_uv_transport(scene->talk.us));
}

static void begin_cancel(struct scene *scene)
{
    begin_write(scene);
    assert_code(adieu_uv_cancel(&scene->first.request), 0);
    assert_false(scene->first.done);
}

/* The peer gets what was taken of it, and nothing else of it. */
static void cancel_completes(struct scene *scene)
{
    ends_with(&scene->first, UV_ECANCELED);
    assert_int_equal(scene->first.request.taken, scene->taken);
    peer_plays(scene);
    run_until_that(scene->peer.got >= scene->taken || scene->peer.ended);
    assert_true(scene->peer.intact);
}

static void begin_early_read(struct scene *scene)
{
    assert_code(adieu_uv_handshake(request_of(scene, &scene->late), scene->talk.us, scene_done), 0);
    hear(scene->talk.us, &scene->ear);
    run_ms(2);
}

static void begin_early_write(struct scene *scene)
{
    const uv_buf_t buf = pattern_buf(0, 5);
    assert_code(adieu_uv_handshake(request_of(scene, &scene->late), scene->talk.us, scene_done), 0);
    assert_code(adieu_uv_write(request_of(scene, &scene->first), scene->talk.us, &buf, 1, scene_done), 0);
    run_ms(2);
}

static void begin_early_shutdown(struct scene *scene)
{
    assert_code(adieu_uv_handshake(request_of(scene, &scene->late), scene->talk.us, scene_done), 0);
    assert_code(adieu_uv_shutdown(request_of(scene, &scene->first), scene->talk.us, scene_done), 0);
    run_ms(2);
}

const struct first connect_first = {begin_connect, connect_completes, .a_request = true};
const struct first handshake_first = {begin_handshake, handshake_completes, .a_request = true};
const struct first read_first = {begin_read, read_completes, .established = true};
const struct first write_first = {begin_write, write_completes, .established = true, .a_request = true};
const struct first shutdown_first = {begin_shutdown, shutdown_completes, .established = true, .a_request = true};
const struct first close_first = {begin_close, close_completes, .established = true, .a_request = true};
const struct first abort_first = {begin_abort, NULL, .established = true};
const struct first cancel_first = {begin_cancel, cancel_completes, .established = true, .a_request = true};
const struct first early_read_first = {.begin = begin_early_read};
const struct first early_write_first = {begin_early_write, NULL, .a_request = true};
const struct first early_shutdown_first = {begin_early_shutdown, NULL, .a_request = true};
