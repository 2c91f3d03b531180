/* SPDX-License-Identifier: MIT */
/* A program with one loop for all that it does: after each poll it writes and reads, until neither gets further. */
#include "side.h"

#include "actors.h"
#include "judge.h"

enum { CHUNK = 16384 };

struct pumping {
    struct side *side;
    uint64_t left;
    bool reads_first;
    bool writes, reads;
    int64_t deadline;
    uint8_t room[CHUNK];
};

static bool write_some(struct pumping *pumping)
{
    struct side *side = pumping->side;
    size_t took = 0, size = pumping->left < CHUNK ? (size_t)pumping->left : CHUNK;
    side->took_at_most = side->took + size;
    enum adieu_status status = adieu_fd_write(side->fd, said_by(side->index, side->took), size, &took, ADIEU_FD_NOW);
    side->took = status == ADIEU_FAIL ? adieu_ending(adieu_fd_stream(side->fd)).taken : side->took + took;
    side->took_at_most = side->took;
    pumping->left -= took;
    pumping->writes = pumping->left > 0 && (status == ADIEU_OK || status == ADIEU_WAIT);
    return status == ADIEU_OK;
}

static bool read_some(struct pumping *pumping)
{
    struct side *side = pumping->side;
    size_t got;
    enum adieu_status status = adieu_fd_read(side->fd, pumping->room, CHUNK, &got, ADIEU_FD_NOW);
    if (status == ADIEU_OK)
        side_got(side, pumping->room, got);
    if (status == ADIEU_END)
        judge_end(side);
    side->listened |= !side->goodbye && (status == ADIEU_END || status == ADIEU_FAIL);
    pumping->reads = status == ADIEU_OK || status == ADIEU_WAIT;
    return status == ADIEU_OK;
}

/* "Call a verb until it says WAIT before you poll". Whether anything moved. */
static bool read_all(struct pumping *pumping)
{
    bool moved = false;
    while (pumping->reads && read_some(pumping))
        moved = true;
    return moved;
}

static bool turn(struct pumping *pumping)
{
    bool moved = pumping->reads_first && read_all(pumping);
    while (pumping->writes && write_some(pumping))
        moved = true;
    return (!pumping->reads_first && read_all(pumping)) || moved;
}

/* Until something can be done; false: the deadline came first. */
static bool sleep_until_ready(const struct pumping *pumping)
{
    int timeout;
    int64_t left = pumping->deadline - adieu_fd_now();
    struct pollfd what = adieu_fd_interest(pumping->side->fd, &timeout);
    judge_interest(pumping->side, &what, timeout);
    bool own = timeout < 0 || timeout > left;
    return poll(&what, 1, own ? (int)(left > 0 ? left : 0) : timeout) > 0 || !own;
}

void pump(struct side *side, const struct line *line)
{
    struct pumping pumping = {.side = side, .left = line->a > 0 ? (uint64_t)line->a : 0, .reads = true};
    struct timing timing = judge_begin(side);
    struct spin spin = {.times = 0};
    pumping.writes = pumping.left > 0;
    pumping.reads_first = line->a & 1;
    pumping.deadline = adieu_fd_in(line->b > 0 ? line->b : 0);
    while (turn(&pumping), pumping.reads && adieu_fd_now() < pumping.deadline) {
        judge_spin(side, &spin);
        side->reading += pumping.reads;
        bool woken = sleep_until_ready(&pumping);
        side->reading = 0;
        if (woken)
            continue;
        if (judge_was_idle(side, &timing))
            judge_sleep(side, turn(&pumping) ? ADIEU_OK : ADIEU_WAIT);
        break;
    }
    side->acted_at = now_us();
}

/* "What arrives meanwhile belongs to a read that is called meanwhile": it reads on until the goodbye is over. */
void part(struct side *side, const struct line *line)
{
    struct pumping pumping = {.side = side, .reads = true, .deadline = adieu_fd_in(600000)};
    struct adieu_fd_patience patience = {line->a, ADIEU_FD_FOREVER};
    struct timing timing = judge_begin(side);
    struct spin spin = {.times = 0};
    uint64_t discarded;
    enum adieu_status status;
    side->said_end = side->goodbye = true;
    (void)read_all(&pumping);
    discarded = adieu_ending(adieu_fd_stream(side->fd)).discarded;
    while ((status = adieu_fd_close(side->fd, patience, &side->ending)) == ADIEU_WAIT) {
        if (read_all(&pumping))
            continue;
        judge_spin(side, &spin);
        (void)sleep_until_ready(&pumping);
    }
    if (now_us() - timing.begun < 900000 && adieu_ending(adieu_fd_stream(side->fd)).discarded != discarded)
        broken("a reader that comes back finds no gap", "the goodbye threw something away");
    judge_close(side, &timing, patience, status);
    side->closed |= status == ADIEU_OK;
    side->acted_at = now_us();
}
