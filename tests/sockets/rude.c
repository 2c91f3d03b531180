/* SPDX-License-Identifier: MIT */
/* A peer that uses its socket itself: it speaks TLS, but ends as it likes, with whatever lies unread. */
#include <errno.h>
#include <poll.h>

#include "actors.h"
#include "kernel.h"
#include "side.h"

static bool send_out(struct side *side)
{
    const uint8_t *at;
    size_t size = adieu_wire_out(side->stream, &at);
    ssize_t n = size ? kernel_send(side->descriptor, at, size, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (n > 0)
        adieu_wire_out_done(side->stream, (size_t)n);
    side->out_over |= n < 0 && n != -EAGAIN && n != -EINTR;
    return n > 0;
}

static bool take_in(struct side *side)
{
    uint8_t *at;
    size_t room = !side->in_over && adieu_wire_in(side->stream, NULL) ? adieu_wire_in(side->stream, &at) : 0;
    if (!room)
        return false;
    ssize_t n = kernel_receive(side->descriptor, at, room, MSG_DONTWAIT);
    adieu_wire_in_done(side->stream, n > 0 ? (size_t)n : 0);
    if (n == 0)
        adieu_wire_eof(side->stream);
    side->in_over |= n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR);
    return n > 0;
}

static short events_of(const struct side *side)
{
    bool in = !side->in_over && adieu_wire_in(side->stream, NULL) > 0;
    bool out = !side->out_over && adieu_wire_out(side->stream, NULL) > 0;
    return (short)(((in ? POLLIN : 0) | (out ? POLLOUT : 0)) & side->events);
}

static bool is_ready(void *context)
{
    const struct side *side = context;
    return (kernel_ready(side->descriptor, events_of(side)) & events_of(side)) != 0;
}

/* For as much of this as can still come. False: it is late, or never comes. */
static bool wait(struct side *side, short events, int64_t until)
{
    side->events = events;
    return events_of(side) && now_us() < until && actor_wait(is_ready, side, until);
}

/* Whoever says something does not listen meanwhile. */
static void say_all(struct side *side, int64_t until)
{
    while (adieu_wire_out(side->stream, NULL) && (send_out(side) || wait(side, POLLOUT, until)))
        continue;
}

static void shake(struct side *side, int64_t until)
{
    enum adieu_status status;
    while ((status = adieu_handshake(side->stream)) == ADIEU_WAIT || adieu_wire_out(side->stream, NULL))
        if (!send_out(side) && !take_in(side) && !wait(side, POLLIN | POLLOUT, until))
            break;
}

static void say(struct side *side, uint64_t size, int64_t until)
{
    size_t took;
    while (size > 0) {
        const size_t most = size < 65536 ? (size_t)size : 65536;
        enum adieu_status status = adieu_write(side->stream, said_by(side->index, side->took), most, &took);
        if (status == ADIEU_OK)
            side->took += took, side->took_at_most = side->took, size -= took;
        else if (status != ADIEU_WAIT || (!send_out(side) && !wait(side, POLLOUT, until)))
            return;
    }
    say_all(side, until);
}

static void hear(struct side *side, uint64_t size, int64_t until)
{
    uint8_t room[4096];
    size_t got;
    while (size > 0) {
        enum adieu_status status =
            adieu_read(side->stream, room, size < sizeof room ? (size_t)size : sizeof room, &got);
        if (status == ADIEU_OK)
            side_got(side, room, got), size -= got;
        else if (status != ADIEU_WAIT || (!take_in(side) && !wait(side, POLLIN, until)))
            return;
    }
}

static void let_go(struct side *side, bool reset)
{
    const struct linger linger = {.l_onoff = reset};
    (void)kernel_set_option(side->descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)kernel_close(side->descriptor);
    side->let_go = true;
    side->broke_off = true;
}

static void act(struct side *side, const struct line *line)
{
    static const char garbage[] = "no record at all";
    int64_t until = now_us() + (line->b > 0 ? line->b : line->a > 0 ? line->a : 0) * 1000;
    switch (line->verb) {
    case VERB_HANDSHAKE:
        shake(side, until);
        break;
    case VERB_WRITE:
    case VERB_WRITEV:
        say(side, (uint64_t)line->a, until);
        break;
    case VERB_READ:
        hear(side, (uint64_t)line->a, until);
        break;
    case VERB_READ_ALL:
        hear(side, UINT64_MAX, until);
        break;
    case VERB_SHUTDOWN:
        side->said_end = true;
        if (adieu_shutdown(side->stream) == ADIEU_OK)
            say_all(side, until);
        break;
    case VERB_SLEEP:
        (void)actor_wait(NULL, NULL, until);
        break;
    case VERB_FIN:
        (void)kernel_shutdown(side->descriptor, SHUT_WR);
        break;
    case VERB_GARBAGE:
        (void)kernel_send(side->descriptor, garbage, sizeof garbage, MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    case VERB_CLOSE:
    case VERB_ABORT:
        let_go(side, line->verb == VERB_ABORT);
        break;
    default:
        break;
    }
}

/* A rude server's listener is served by the kernel: its connection is simply there. */
static bool has_connection(void *context)
{
    struct side *side = context;
    if (side->descriptor < 0)
        side->descriptor = kernel_accept(side->listener);
    return side->descriptor >= 0;
}

void rude_run(void *context)
{
    struct thread *thread = context;
    struct side *side = thread->side;
    bool there = side->joined || actor_wait(has_connection, side, now_us() + 20000000);
    side->tcp = there ? kernel_tcp(side->descriptor) : NULL;
    for (size_t i = 0; there && !side->let_go && i < thread->script->count; i++)
        if (thread->script->lines[i].who == thread->who)
            act(side, &thread->script->lines[i]);
    if (there && !side->let_go)
        let_go(side, false);
    adieu_free(side->stream);
    side->stream = NULL;
    side->living--;
}
