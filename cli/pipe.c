/* SPDX-License-Identifier: MIT */
#include "pipe.h"

#include <errno.h>
#include <string.h>

#include "bad_end.h"
#include "clock.h"
#include "ends.h"
#include "run.h"
#include "say.h"
#include "serve.h"

/* So often what is there is moved on before anything else is looked at: 1 MiB each way, and not more than a file has. */
#define TURNS 8

bool pipe_sending_over(const struct connection *connection)
{
    enum adieu_sending sending = connection_ending(connection).sending;
    return sending != ADIEU_SENDING_OPEN && sending != ADIEU_SENDING_CLOSING;
}

bool pipe_drained(const struct connection *connection)
{
    return buffer_filled(&connection->pipe.down) == 0;
}

bool pipe_wants_input(const struct connection *connection)
{
    return connection->phase == PHASE_TALKING && !connection->pipe.input_over && connection->ends.input >= 0 &&
           buffer_filled(&connection->pipe.up) == 0;
}

/* Who has begun a piece on a shared output finishes it first. */
static bool has_turn(const struct connection *connection)
{
    const struct connection *writer = connection->run->writer;
    return !writer || writer == connection;
}

bool pipe_wants_output(const struct connection *connection)
{
    return !pipe_drained(connection) && has_turn(connection);
}

bool pipe_wants_peer(const struct connection *connection)
{
    return !connection->pipe.peer_over && buffer_has_room(&connection->pipe.down);
}

/* --until=peer, and the peer has ended. */
static bool follows(const struct connection *connection)
{
    return connection->options->until == UNTIL_PEER && connection->pipe.peer_over &&
           !connection_plays(connection, END_MUTE);
}

/* Every verb sends what waits, reading too: the queue can be empty again after a write found it full. */
static bool can_send_more(const struct connection *connection)
{
    return buffer_filled(&connection->pipe.up) > 0 && !(adieu_fd_interest(connection->fd, NULL).events & POLLOUT);
}

bool pipe_has_more(const struct connection *connection)
{
    const struct pipe *pipe = &connection->pipe;
    if (connection->phase != PHASE_TALKING || connection_plays(connection, END_STALL))
        return false;
    if (can_send_more(connection) || (follows(connection) && !pipe->input_over))
        return true;
    return pipe->peer_more && buffer_has_room(&pipe->down);
}

/* ---------------------------------------------------------------- standard input to the peer */

void pipe_stop_input(struct connection *connection)
{
    if (!connection->pipe.input_over)
        connection->at.input = adieu_fd_now();
    connection->pipe.input_over = true;
}

static void local_failure(struct connection *connection, const char *which, int os_error)
{
    pipe_stop_input(connection);
    buffer_clear(&connection->pipe.down);
    connection->pipe.output_over = true;
    connection_error(connection, ADIEU_ERR_LOCAL_IO, os_error, "%s failed: %s", which, strerror(os_error));
    connection->pipe.failed = true;
    if (!connection->closed)
        connection_abort(connection, ADIEU_REASON_LOCAL_IO);
}

/* --end-after: as much of what was just read as is still to be sent. */
static void limit_input(struct connection *connection)
{
    uint64_t left = connection->options->end_after - connection_ending(connection).taken;
    struct buffer *up = &connection->pipe.up;
    if (left > buffer_filled(up))
        return;
    up->end = up->start + (size_t)left;
    buffer_settle(up);
    pipe_stop_input(connection);
}

/* The end of a command's output says nothing until it has exited. */
static void input_ended(struct connection *connection)
{
    if (connection->child.pid)
        exec_silent(connection);
    else
        pipe_stop_input(connection);
}

static void take_input(struct connection *connection)
{
    struct buffer *up = &connection->pipe.up;
    size_t got = 0, room;
    int error = ENOMEM;
    if (connection->options->end_after == 0)
        pipe_stop_input(connection);
    if (!pipe_wants_input(connection) || !(connection->ready.input || ends_input_never_waits(&connection->ends)))
        return;
    connection->ready.input = false;
    uint8_t *space = buffer_space(up, &room);
    enum io answer = space ? ends_read(&connection->ends, space, room, &got, &error) : IO_FAILED;
    up->end += got;
    buffer_settle(up);
    switch (answer) {
    case IO_DONE:
        exec_heard(connection);
        limit_input(connection);
        break;
    case IO_END:
        input_ended(connection);
        break;
    case IO_FAILED:
        local_failure(connection, connection->child.pid ? "the command's output" : "standard input", error);
        break;
    case IO_WAIT:
        break;
    }
}

static void give_up_input(struct connection *connection)
{
    buffer_clear(&connection->pipe.up);
    pipe_stop_input(connection);
    if (connection->child.pid)
        exec_silent(connection); /* so that the command learns it, as a shell's pipe would tell */
}

static void send_up(struct connection *connection)
{
    struct buffer *up = &connection->pipe.up;
    enum adieu_status status = ADIEU_OK;
    size_t took = 0;
    while (buffer_filled(up) > 0 && status == ADIEU_OK) {
        status = adieu_fd_write(connection->fd, up->bytes + up->start, buffer_filled(up), &took, ADIEU_FD_NOW);
        if (status == ADIEU_OK)
            buffer_consume(up, took);
    }
    if (status == ADIEU_FAIL || status == ADIEU_MISUSE || pipe_sending_over(connection))
        give_up_input(connection);
    if (buffer_filled(up) == 0)
        connection->at.blocked = 0;
    else if (connection->at.blocked == 0)
        connection->at.blocked = adieu_fd_now();
}

static void say_end(struct connection *connection)
{
    struct pipe *pipe = &connection->pipe;
    if (!pipe->input_over || buffer_filled(&pipe->up) > 0 || pipe->said || pipe_sending_over(connection))
        return;
    if (connection->end != END_CLEAN) {
        bad_end(connection);
        return;
    }
    pipe->said = true;
}

/* What waits to be sent leaves with any verb: reading the peer is one, and this one is for when no other is due. */
static void flush(struct connection *connection)
{
    size_t took;
    if (connection->pipe.said && connection->end == END_CLEAN)
        (void)!adieu_fd_shutdown(connection->fd, ADIEU_FD_NOW);
    else if (!connection->pipe.said && !pipe_wants_peer(connection))
        (void)!adieu_fd_write(connection->fd, "", 0, &took, ADIEU_FD_NOW);
}

/* ---------------------------------------------------------------- the peer to standard output */

static void receive_down(struct connection *connection)
{
    struct pipe *pipe = &connection->pipe;
    enum adieu_status status = ADIEU_OK;
    size_t got, room;
    pipe->peer_more = false;
    while (!pipe->peer_over && status == ADIEU_OK) {
        uint8_t *space = buffer_space(&pipe->down, &room);
        if (!space) {
            local_failure(connection, "memory for standard output", ENOMEM);
            return;
        }
        if (room < BUFFER_ROOM) {
            pipe->peer_more = true;
            return;
        }
        status = adieu_fd_read(connection->fd, space, room, &got, ADIEU_FD_NOW);
        if (status == ADIEU_OK)
            pipe->down.end += got;
    }
    buffer_settle(&pipe->down);
    if (status != ADIEU_OK && status != ADIEU_WAIT)
        pipe->peer_over = true;
}

/* The peer has said its end; or a cut one is to do for it. */
static bool ended_in_order(const struct connection *connection)
{
    struct adieu_ending ending = connection_ending(connection);
    bool only_cut = ending.receiving == ADIEU_RECEIVING_TRUNCATED && !ending.inside_record;
    return ending.receiving == ADIEU_RECEIVING_CLOSED || (only_cut && connection->options->accept_truncation);
}

/* A command must not take a cut for an end. */
static bool output_ends(const struct connection *connection)
{
    if (connection->child.pid)
        return connection->pipe.peer_over && ended_in_order(connection);
    return connection->pipe.peer_over || connection->closed;
}

/* The reader of standard output is told of the peer's end as soon as it is there: it may have an answer to give. */
static void end_output(struct connection *connection)
{
    int error;
    if (connection->pipe.output_over || !pipe_drained(connection) || !output_ends(connection))
        return;
    connection->pipe.output_over = true;
    if (ends_close_output(&connection->ends, &error) == IO_FAILED)
        local_failure(connection, "standard output", error);
}

/* What is everybody's output has failed: nothing more can be taken from anybody. */
static void output_failed(struct connection *connection, int os_error)
{
    local_failure(connection, connection->child.pid ? "the command's input" : "standard output", os_error);
    if (connection->ends.shared)
        serve_leave(connection->run);
}

/* The command has closed its input, as it may: how it exits is what counts. What the peer still says is thrown away. */
static void hears_no_more(struct connection *connection)
{
    int ignored;
    connection->pipe.output_over = true;
    buffer_clear(&connection->pipe.down);
    (void)ends_close_output(&connection->ends, &ignored);
}

/* How much to write: all, but on a shared output no more than what was there when this connection's turn came. */
static size_t piece(struct connection *connection)
{
    size_t all = buffer_filled(&connection->pipe.down);
    if (!connection->ends.shared)
        return all;
    connection->run->writer = connection;
    if (connection->pipe.piece == 0)
        connection->pipe.piece = all;
    return connection->pipe.piece;
}

static struct connection *first_to_write(struct connection *from, const struct connection *end)
{
    for (; from != end; from = from->next) {
        if (buffer_filled(&from->pipe.down) > 0)
            return from;
    }
    return NULL;
}

/* Whoever comes next in the list, and then from its start up to the last one. */
static struct connection *next_writer(const struct connection *last)
{
    struct connection *after = first_to_write(last->next, NULL);
    return after ? after : first_to_write(last->run->connections, last->next);
}

static void written(struct connection *connection, size_t count)
{
    struct pipe *pipe = &connection->pipe;
    buffer_consume(&pipe->down, count);
    pipe->written += count;
    if (!connection->ends.shared)
        return;
    pipe->piece -= count;
    if (pipe->piece == 0)
        connection->run->writer = next_writer(connection);
}

static bool can_write(struct connection *connection)
{
    const struct ready *ready = &connection->ready;
    return pipe_wants_output(connection) &&
           (ready->output || (!ready->full && ends_output_never_waits(&connection->ends)));
}

static enum io write_piece(struct connection *connection, int *error)
{
    const struct buffer *down = &connection->pipe.down;
    struct ready *ready = &connection->ready;
    size_t size = piece(connection), took = 0;
    enum io answer = ends_write(&connection->ends, down->bytes + down->start, size, &took, error);
    if (took > 0)
        written(connection, took);
    ready->full = took < size;
    ready->output = took > 0 && pipe_wants_output(connection) && !ends_output_never_waits(&connection->ends) &&
                    ends_output_ready(&connection->ends);
    return answer;
}

void pipe_write_out(struct connection *connection)
{
    enum io answer = IO_DONE;
    int error = 0;
    if (connection->child.pid && connection->pipe.output_over)
        buffer_clear(&connection->pipe.down);
    while (answer == IO_DONE && can_write(connection))
        answer = write_piece(connection, &error);
    if (answer == IO_FAILED && error == EPIPE && connection->child.pid)
        hears_no_more(connection);
    else if (answer == IO_FAILED)
        output_failed(connection, error);
    end_output(connection);
}

/* ---------------------------------------------------------------- when it is over */

/* --until=peer, and the peer has ended while we had more to say: what was taken so far is all, and is delivered. */
static void follow_peer(struct connection *connection)
{
    if (follows(connection))
        pipe_stop_input(connection);
}

static void judge(struct connection *connection)
{
    const struct pipe *pipe = &connection->pipe;
    const struct child *child = &connection->child;
    if (child->pid && pipe->peer_over && !ended_in_order(connection) && !exec_done(connection)) {
        connection_abort(connection, ADIEU_REASON_REQUEST);
        return;
    }
    if (connection_plays(connection, END_CUT)) {
        if (pipe->peer_over)
            bad_end_release(connection);
        return;
    }
    if (child->pid && !child->exited)
        return; /* nobody hears it any more, but it has heard all, and may have something to do */
    if (pipe_sending_over(connection) && (pipe->peer_over || connection->options->until == UNTIL_SELF))
        connection_close(connection, clock_patience(connection));
}

/*
 * --until=self: our end is the goodbye's to say, which discards what still comes. It must not be left unread: a peer that
 * is blocked because nobody reads does not read either. A command that has exited hears no more, which is the same.
 */
static void leave_after_own_end(struct connection *connection)
{
    bool leaves = connection->options->until == UNTIL_SELF || connection->child.pid;
    if (leaves && connection->end == END_CLEAN && connection->pipe.said)
        connection_close(connection, clock_patience(connection));
}

static void turn(struct connection *connection)
{
    if (!connection_plays(connection, END_STALL)) {
        follow_peer(connection);
        take_input(connection);
        exec_turn(connection);
        if (connection->phase != PHASE_TALKING)
            return;
        send_up(connection);
        say_end(connection);
        leave_after_own_end(connection);
        flush(connection);
        if (connection->phase == PHASE_TALKING && !connection_plays(connection, END_STALL))
            receive_down(connection);
    }
    pipe_write_out(connection);
    if (connection->phase == PHASE_TALKING && !connection_plays(connection, END_STALL))
        judge(connection);
}

static bool goes_on(const struct connection *connection)
{
    return pipe_has_more(connection) || (pipe_wants_input(connection) && ends_input_never_waits(&connection->ends));
}

void pipe_turn(struct connection *connection)
{
    turn(connection);
    for (int more = 1; more < TURNS && goes_on(connection); more++)
        turn(connection);
}
