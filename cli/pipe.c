/* SPDX-License-Identifier: MIT */
#include "pipe.h"

#include <string.h>

#include "bad_end.h"
#include "clock.h"
#include "ends.h"
#include "say.h"

/* One record at least, so that no read of the stream is cut small. */
#define ROOM 16384u

static size_t filled(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

static void consume(struct buffer *buffer, size_t n)
{
    buffer->start += n;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

/* Where to put more, at the end; what is there moves to the front only when the room gets small. */
static size_t room(struct buffer *buffer)
{
    if (BUFFER_SIZE - buffer->end < ROOM && buffer->start > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, filled(buffer));
        buffer->end -= buffer->start;
        buffer->start = 0;
    }
    return BUFFER_SIZE - buffer->end;
}

static bool has_room(const struct buffer *buffer)
{
    return BUFFER_SIZE - filled(buffer) >= ROOM;
}

bool pipe_sending_over(const struct run *run)
{
    enum adieu_sending sending = run_ending(run).sending;
    return sending != ADIEU_SENDING_OPEN && sending != ADIEU_SENDING_CLOSING;
}

bool pipe_drained(const struct run *run)
{
    return filled(&run->pipe.down) == 0;
}

bool pipe_wants_input(const struct run *run)
{
    return run->phase == PHASE_TALKING && !run->pipe.input_over && filled(&run->pipe.up) == 0;
}

bool pipe_wants_output(const struct run *run)
{
    return !pipe_drained(run);
}

bool pipe_wants_peer(const struct run *run)
{
    return !run->pipe.peer_over && has_room(&run->pipe.down);
}

/* --until=peer, and the peer has ended. */
static bool follows(const struct run *run)
{
    return run->options->until == UNTIL_PEER && run->pipe.peer_over && !run_plays(run, END_MUTE);
}

/* Every verb sends what waits, reading too: the queue can be empty again after a write found it full. */
static bool can_send_more(const struct run *run)
{
    return filled(&run->pipe.up) > 0 && !(adieu_fd_interest(run->fd, NULL).events & POLLOUT);
}

bool pipe_has_more(const struct run *run)
{
    const struct pipe *pipe = &run->pipe;
    if (run->phase != PHASE_TALKING || run_plays(run, END_STALL))
        return false;
    if (can_send_more(run) || (follows(run) && !pipe->input_over))
        return true;
    return pipe->peer_more && has_room(&pipe->down);
}

/* ---------------------------------------------------------------- standard input to the peer */

static void stop_input(struct run *run)
{
    if (!run->pipe.input_over)
        run->at.input = adieu_fd_now();
    run->pipe.input_over = true;
}

static void local_failure(struct run *run, const char *which, int os_error)
{
    stop_input(run);
    run->pipe.down.start = run->pipe.down.end = 0;
    run->pipe.output_over = true;
    run_error(run, ADIEU_ERR_LOCAL_IO, os_error, "%s failed: %s", which, strerror(os_error));
    run->pipe.failed = true;
    if (!run->closed)
        run_abort(run, ADIEU_REASON_LOCAL_IO);
}

/* --end-after: as much of what was just read as is still to be sent. */
static void limit_input(struct run *run)
{
    uint64_t left = run->options->end_after - run_ending(run).taken;
    struct buffer *up = &run->pipe.up;
    if (left > filled(up))
        return;
    up->end = up->start + (size_t)left;
    stop_input(run);
}

static void take_input(struct run *run)
{
    struct buffer *up = &run->pipe.up;
    size_t got;
    int error;
    if (run->options->end_after == 0)
        stop_input(run);
    if (!pipe_wants_input(run) || !run->ready.input)
        return;
    run->ready.input = false;
    switch (ends_read(up->bytes, BUFFER_SIZE, &got, &error)) {
    case IO_DONE:
        up->start = 0;
        up->end = got;
        limit_input(run);
        break;
    case IO_END:
        stop_input(run);
        break;
    case IO_FAILED:
        local_failure(run, "standard input", error);
        break;
    case IO_WAIT:
        break;
    }
}

static void give_up_input(struct run *run)
{
    run->pipe.up.start = run->pipe.up.end = 0;
    stop_input(run);
}

static void send_up(struct run *run)
{
    struct buffer *up = &run->pipe.up;
    enum adieu_status status = ADIEU_OK;
    size_t took = 0;
    while (filled(up) > 0 && status == ADIEU_OK) {
        status = adieu_fd_write(run->fd, up->bytes + up->start, filled(up), &took, ADIEU_FD_NOW);
        if (status == ADIEU_OK)
            consume(up, took);
    }
    if (status == ADIEU_FAIL || status == ADIEU_MISUSE || pipe_sending_over(run))
        give_up_input(run);
    if (filled(up) == 0)
        run->at.blocked = 0;
    else if (run->at.blocked == 0)
        run->at.blocked = adieu_fd_now();
}

static void say_end(struct run *run)
{
    struct pipe *pipe = &run->pipe;
    if (!pipe->input_over || filled(&pipe->up) > 0 || pipe->said || pipe_sending_over(run))
        return;
    if (run->options->end != END_CLEAN) {
        bad_end(run);
        return;
    }
    pipe->said = true;
}

/* What waits to be sent leaves with any verb; this one is for when no other is due. */
static void flush(struct run *run)
{
    size_t took;
    if (!run->pipe.said)
        (void)!adieu_fd_write(run->fd, "", 0, &took, ADIEU_FD_NOW);
    else if (run->options->end == END_CLEAN)
        (void)!adieu_fd_shutdown(run->fd, ADIEU_FD_NOW);
}

/* ---------------------------------------------------------------- the peer to standard output */

static void receive_down(struct run *run)
{
    struct pipe *pipe = &run->pipe;
    enum adieu_status status = ADIEU_OK;
    size_t got = 0;
    pipe->peer_more = false;
    while (!pipe->peer_over && status == ADIEU_OK) {
        size_t space = room(&pipe->down);
        if (space < ROOM) {
            pipe->peer_more = true;
            return;
        }
        status = adieu_fd_read(run->fd, pipe->down.bytes + pipe->down.end, space, &got, ADIEU_FD_NOW);
        if (status == ADIEU_OK)
            pipe->down.end += got;
    }
    if (status != ADIEU_OK && status != ADIEU_WAIT)
        pipe->peer_over = true;
}

/* The reader of standard output is told of the peer's end as soon as it is there: it may have an answer to give. */
static void end_output(struct run *run)
{
    int error;
    if (run->pipe.output_over || !(run->pipe.peer_over || run->closed) || !pipe_drained(run))
        return;
    run->pipe.output_over = true;
    if (ends_close_output(&error) == IO_FAILED)
        local_failure(run, "standard output", error);
}

void pipe_write_out(struct run *run)
{
    struct buffer *down = &run->pipe.down;
    enum io answer = IO_DONE;
    size_t took;
    int error;
    while (run->ready.output && filled(down) > 0 && answer == IO_DONE) {
        answer = ends_write(down->bytes + down->start, filled(down), &took, &error);
        if (answer == IO_DONE) {
            consume(down, took);
            run->pipe.written += took;
        }
        run->ready.output = answer == IO_DONE && filled(down) > 0 && ends_output_ready();
    }
    if (answer == IO_FAILED)
        local_failure(run, "standard output", error);
    end_output(run);
}

/* ---------------------------------------------------------------- when it is over */

/* --until=peer, and the peer has ended while we had more to say: what was taken so far is all, and is delivered. */
static void follow_peer(struct run *run)
{
    if (follows(run))
        stop_input(run);
}

static void judge(struct run *run)
{
    const struct pipe *pipe = &run->pipe;
    if (run_plays(run, END_CUT)) {
        if (pipe->peer_over)
            bad_end_release(run);
        return;
    }
    if (pipe_sending_over(run) && (pipe->peer_over || run->options->until == UNTIL_SELF))
        run_close(run, clock_patience(run));
}

/*
 * --until=self: our end is the goodbye's to say, which discards what still comes. It must not be left unread: a peer that
 * is blocked because nobody reads does not read either.
 */
static void leave_after_own_end(struct run *run)
{
    if (run->options->until == UNTIL_SELF && run->options->end == END_CLEAN && run->pipe.said)
        run_close(run, clock_patience(run));
}

void pipe_turn(struct run *run)
{
    if (!run_plays(run, END_STALL)) {
        follow_peer(run);
        take_input(run);
        if (run->phase != PHASE_TALKING)
            return;
        send_up(run);
        say_end(run);
        leave_after_own_end(run);
        flush(run);
        if (run->phase == PHASE_TALKING && !run_plays(run, END_STALL))
            receive_down(run);
    }
    pipe_write_out(run);
    if (run->phase == PHASE_TALKING && !run_plays(run, END_STALL))
        judge(run);
}
