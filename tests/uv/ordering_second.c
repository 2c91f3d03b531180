/* SPDX-License-Identifier: MIT */
/* What is called then. */
#include "ordering.h"

/* ------------------------------------------------ what is second */

int connect_second(struct scene *scene)
{
    return adieu_uv_connect(request_of(scene, &scene->second), scene->talk.us,
                            &(struct adieu_uv_address){.host = "127.0.0.1", .port = "1"}, scene_done);
}

int handshake_second(struct scene *scene)
{
    return adieu_uv_handshake(request_of(scene, &scene->second), scene->talk.us, scene_done);
}

static void other_read(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct scene *scene = (struct scene *)((char *)adieu_uv_data(uv) - offsetof(struct scene, other));
    scene->order++;
    scene->second.done = true; /* reading is no request, but here it ends like one */
    scene->second.calls = 1;
    ear_read(uv, nread, buf);
}

int read_second(struct scene *scene)
{
    scene->other = (struct ear){.intact = true};
    adieu_uv_set_data(scene->talk.us, &scene->other);
    return adieu_uv_read_start(scene->talk.us, ear_alloc, other_read);
}

/* So that the pattern goes on for the peer. */
int write_second(struct scene *scene)
{
    const struct first *before = scene->cell->first;
    const uv_buf_t buf = pattern_buf(before == &write_first ? BIG : before == &cancel_first ? scene->taken : 0, 5);
    return adieu_uv_write(request_of(scene, &scene->second), scene->talk.us, &buf, 1, scene_done);
}

int shutdown_second(struct scene *scene)
{
    return adieu_uv_shutdown(request_of(scene, &scene->second), scene->talk.us, scene_done);
}

static const struct adieu_uv_patience patience = {.quiet_ms = 5000, .total_ms = 10000};

int close_second(struct scene *scene)
{
    return adieu_uv_close(request_of(scene, &scene->second), scene->talk.us, patience, scene_closed);
}

int farewell_second(struct scene *scene)
{
    struct adieu_uv *uv = scene->talk.us;
    scene->talk.us = NULL; /* it is the library's */
    return adieu_uv_farewell(request_of(scene, &scene->second), uv, patience, scene_closed);
}

int abort_second(struct scene *scene)
{
    adieu_uv_abort(scene->talk.us, ADIEU_REASON_REQUEST);
    return 0;
}

int cancel_second(struct scene *scene)
{
    return scene->cell->first == &read_first ? adieu_uv_read_stop(scene->talk.us)
                                             : adieu_uv_cancel(&scene->first.request);
}

int free_second(struct scene *scene)
{
    adieu_uv_free(scene->talk.us);
    scene->talk.us = NULL;
    scene->freed = true;
    return 0;
}
