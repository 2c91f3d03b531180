/* SPDX-License-Identifier: MIT */
/* What the handles of a loop share: who is due, who is to be woken when, who is warm (warm.c), and a receive buffer. */
#include <stdlib.h>

#include "uv.h"

int64_t loop_now(const struct adieu_uv_loop *loop)
{
    return (int64_t)uv_now(loop->uv);
}

/* ------------------------------------------------ who is due */

/* idle, so that the loop does not sleep; check, so that what became due while it polled is done in the same turn. */
static void run_due(struct adieu_uv_loop *loop)
{
    loop->references++;
    struct adieu_uv *first = loop->due;
    loop->due = NULL; /* whoever becomes due meanwhile is next turn's */
    loop->due_end = &loop->due;
    while (first) {
        struct adieu_uv *uv = first;
        first = uv->next_due;
        uv->is_due = false;
        handle_turn(uv);
    }
    if (!loop->due) {
        uv_idle_stop(&loop->idle);
        uv_check_stop(&loop->check);
    }
    loop_unref(loop);
}

static void run_idle(uv_idle_t *idle)
{
    run_due(idle->data);
}

static void run_check(uv_check_t *check)
{
    run_due(check->data);
}

void loop_make_due(struct adieu_uv *uv)
{
    struct adieu_uv_loop *loop = uv->loop;
    if (uv->is_due)
        return;
    if (!loop->due) {
        uv_idle_start(&loop->idle, run_idle);
        uv_check_start(&loop->check, run_check);
    }
    uv->is_due = true;
    uv->next_due = NULL;
    *loop->due_end = uv;
    loop->due_end = &uv->next_due;
}

void loop_make_due_for(struct adieu_uv *uv, enum stage stage)
{
    if (uv->stage == STAGE_NONE || uv->stage >= stage)
        loop_make_due(uv);
}

/* ------------------------------------------------ who is to be woken when */

/* A heap, its first place unused: the children of i are 2 i and 2 i + 1. */
static void put(struct adieu_uv_loop *loop, size_t index, struct adieu_uv *uv)
{
    loop->wakes[index] = uv;
    uv->wake_index = index;
}

static void move_up(struct adieu_uv_loop *loop, size_t index, struct adieu_uv *uv)
{
    for (; index > 1 && loop->wakes[index / 2]->wake_at > uv->wake_at; index /= 2)
        put(loop, index, loop->wakes[index / 2]);
    put(loop, index, uv);
}

static void move_down(struct adieu_uv_loop *loop, size_t index, struct adieu_uv *uv)
{
    for (size_t child; (child = 2 * index) <= loop->wake_count; index = child) {
        if (child < loop->wake_count && loop->wakes[child + 1]->wake_at < loop->wakes[child]->wake_at)
            child++;
        if (loop->wakes[child]->wake_at >= uv->wake_at)
            break;
        put(loop, index, loop->wakes[child]);
    }
    put(loop, index, uv);
}

static void remove_wake(struct adieu_uv_loop *loop, struct adieu_uv *uv)
{
    size_t index = uv->wake_index;
    struct adieu_uv *last = loop->wakes[loop->wake_count--];
    uv->wake_index = 0;
    if (last == uv)
        return;
    move_up(loop, index, last);
    move_down(loop, last->wake_index, last);
}

static void run_timer(uv_timer_t *timer);

static void set_timer(struct adieu_uv_loop *loop)
{
    if (!loop->wake_count) {
        uv_timer_stop(&loop->timer);
        return;
    }
    int64_t wait = loop->wakes[1]->wake_at - loop_now(loop);
    uv_timer_start(&loop->timer, run_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void run_timer(uv_timer_t *timer)
{
    struct adieu_uv_loop *loop = timer->data;
    while (loop->wake_count && loop->wakes[1]->wake_at <= loop_now(loop)) {
        struct adieu_uv *uv = loop->wakes[1];
        remove_wake(loop, uv);
        loop_make_due(uv);
    }
    set_timer(loop);
}

/* One place for each handle, made when the handle is: so no wake ever lacks memory. */
static bool make_room(struct adieu_uv_loop *loop, size_t handles)
{
    if (handles < loop->wake_room)
        return true;
    size_t room = 2 * handles + 16;
    struct adieu_uv **wakes = realloc(loop->wakes, room * sizeof *wakes);
    if (!wakes)
        return false;
    loop->wakes = wakes;
    loop->wake_room = room;
    return true;
}

void loop_wake_at(struct adieu_uv *uv, int64_t when)
{
    struct adieu_uv_loop *loop = uv->loop;
    if (uv->wake_index ? uv->wake_at == when : when == INT64_MAX)
        return;
    bool first = uv->wake_index == 1;
    if (uv->wake_index)
        remove_wake(loop, uv);
    uv->wake_at = when;
    if (when != INT64_MAX)
        move_up(loop, ++loop->wake_count, uv);
    if (first || uv->wake_index == 1)
        set_timer(loop);
}

/* ------------------------------------------------ life */

static void closed(uv_handle_t *handle)
{
    struct adieu_uv_loop *loop = handle->data;
    if (--loop->open)
        return;
    free(loop->wakes);
    free(loop->buffer);
    free(loop);
}

bool loop_ref(struct adieu_uv_loop *loop)
{
    if (!make_room(loop, loop->references + 1))
        return false;
    loop->references++;
    return true;
}

void loop_unref(struct adieu_uv_loop *loop)
{
    if (--loop->references)
        return;
    uv_close((uv_handle_t *)&loop->timer, closed);
    uv_close((uv_handle_t *)&loop->cooler, closed);
    uv_close((uv_handle_t *)&loop->idle, closed);
    uv_close((uv_handle_t *)&loop->check, closed);
}

struct adieu_uv_loop *adieu_uv_loop_new(uv_loop_t *uv)
{
    struct adieu_uv_loop *loop = calloc(1, sizeof *loop);
    uint8_t *buffer = loop ? malloc(RECEIVED) : NULL;
    if (!buffer) {
        free(loop);
        return NULL;
    }
    loop->uv = uv;
    loop->buffer = buffer;
    loop->references = 1;
    loop->due_end = &loop->due;
    /* None of the four can fail. */
    uv_timer_init(uv, &loop->timer);
    uv_timer_init(uv, &loop->cooler);
    uv_unref((uv_handle_t *)&loop->cooler);
    uv_idle_init(uv, &loop->idle);
    uv_check_init(uv, &loop->check);
    loop->timer.data = loop->cooler.data = loop->idle.data = loop->check.data = loop;
    loop->open = 4;
    return loop;
}

void adieu_uv_loop_free(struct adieu_uv_loop *loop)
{
    if (loop)
        loop_unref(loop);
}

uv_loop_t *adieu_uv_loop_uv(const struct adieu_uv_loop *loop)
{
    return loop->uv;
}
