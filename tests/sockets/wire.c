/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include "actors.h"

enum { MOST = 4096 };

struct network network;

/* By their time of arrival, the next one last. */
static struct segment segments[MOST];
static int count;

void wire_clear(void)
{
    count = 0;
}

int64_t wire_next(void)
{
    return count ? segments[count - 1].at : NEVER;
}

/* Segments of one direction never overtake each other. */
static int64_t arrival(struct path *path, uint32_t size)
{
    int64_t now = now_us();
    path->free_at = (path->free_at > now ? path->free_at : now) + size * path->us_per_kb / 1024;
    int64_t at = path->free_at + path->delay + dice_below(&network.dice, path->jitter);
    path->last_at = at > path->last_at ? at : path->last_at;
    return path->last_at;
}

void wire_put(struct segment segment)
{
    struct path *path = &network.path[segment.from->side];
    segment.at = arrival(path, segment.size);
    if (now_us() >= path->hole_at || dice_hit(&network.dice, path->loss) || !segment.to)
        return;
    if (count == MOST) {
        broken("the model has room", "more than %d segments are under way", MOST);
        return;
    }
    int place = count++;
    for (; place > 0 && segments[place - 1].at <= segment.at; place--)
        segments[place] = segments[place - 1];
    segments[place] = segment;
}

void wire_run(int64_t now)
{
    while (count && segments[count - 1].at <= now) {
        struct segment segment = segments[--count];
        tcp_arrived(&segment);
    }
}
