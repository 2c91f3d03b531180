/* SPDX-License-Identifier: MIT */
/*
 * What a busy handle keeps and an idle one gives back: the engine's buffers, and the means to learn that a full socket takes
 * more. To take them anew for each record costs more than a small record, so a loop lets the few that moved last keep theirs
 * for a moment: what is held does not grow with the number of handles.
 */
#include "uv.h"

/* So many handles of a loop are warm at most, */
#define WARM 64
/* and for so long after something moved. */
#define WARM_MS 50

static void unlink_warm(struct adieu_uv *uv)
{
    struct adieu_uv_loop *loop = uv->loop;
    *(uv->warmer ? &uv->warmer->colder : &loop->warmest) = uv->colder;
    *(uv->colder ? &uv->colder->warmer : &loop->coldest) = uv->warmer;
    uv->warmer = uv->colder = NULL;
    uv->warm = false;
    loop->warm_count--;
}

static void link_warmest(struct adieu_uv *uv)
{
    struct adieu_uv_loop *loop = uv->loop;
    uv->warm = true;
    uv->colder = loop->warmest;
    *(uv->colder ? &uv->colder->warmer : &loop->coldest) = uv;
    loop->warmest = uv;
    loop->warm_count++;
}

/* One that is at work, around the callback we are in, keeps what it holds. */
static void cool(struct adieu_uv *uv)
{
    unlink_warm(uv);
    if (uv->entered) {
        link_warmest(uv);
        return;
    }
    adieu_wire_rest(uv->socket.stream);
    transport_rest(uv);
}

static void cool_the_idle(uv_timer_t *timer)
{
    struct adieu_uv_loop *loop = timer->data;
    const int64_t then = loop_now(loop) - WARM_MS;
    for (size_t count = loop->warm_count; count && loop->coldest->moved_at <= then; count--)
        cool(loop->coldest);
    if (!loop->warm_count)
        uv_timer_stop(timer);
}

void warm_touch(struct adieu_uv *uv)
{
    struct adieu_uv_loop *loop = uv->loop;
    if (loop->warmest == uv)
        return;
    if (uv->warm)
        unlink_warm(uv);
    link_warmest(uv);
    if (loop->warm_count > WARM)
        cool(loop->coldest);
    if (!uv_is_active((uv_handle_t *)&loop->cooler))
        uv_timer_start(&loop->cooler, cool_the_idle, WARM_MS, WARM_MS);
}

void warm_leave(struct adieu_uv *uv)
{
    if (uv->warm)
        unlink_warm(uv);
}
