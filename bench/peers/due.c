/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "due.h"

/* The first place is unused: the children of i are 2 i and 2 i + 1. */
static void put(struct dues *dues, size_t index, struct due *due)
{
    dues->heap[index] = due;
    due->index = index;
}

static void move_up(struct dues *dues, size_t index, struct due *due)
{
    for (; index > 1 && dues->heap[index / 2]->at > due->at; index /= 2)
        put(dues, index, dues->heap[index / 2]);
    put(dues, index, due);
}

static void move_down(struct dues *dues, size_t index, struct due *due)
{
    for (size_t child; (child = 2 * index) <= dues->count; index = child) {
        if (child < dues->count && dues->heap[child + 1]->at < dues->heap[child]->at)
            child++;
        if (dues->heap[child]->at >= due->at)
            break;
        put(dues, index, dues->heap[child]);
    }
    put(dues, index, due);
}

static void take_out(struct dues *dues, struct due *due)
{
    size_t index = due->index;
    struct due *last = dues->heap[dues->count--];
    due->index = 0;
    if (last == due)
        return;
    move_up(dues, index, last);
    move_down(dues, last->index, last);
}

static bool make_room(struct dues *dues)
{
    if (dues->count + 1 < dues->room)
        return true;
    size_t room = 2 * dues->room + 16;
    struct due **heap = realloc(dues->heap, room * sizeof(struct due *));
    if (!heap)
        return false;
    dues->heap = heap;
    dues->room = room;
    return true;
}

bool due_set(struct dues *dues, struct due *due, int64_t at)
{
    if (due->index)
        take_out(dues, due);
    due->at = at;
    if (at == INT64_MAX)
        return true;
    if (!make_room(dues))
        return false;
    move_up(dues, ++dues->count, due);
    return true;
}

struct due *due_first(const struct dues *dues)
{
    return dues->count ? dues->heap[1] : NULL;
}
