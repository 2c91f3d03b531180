/* SPDX-License-Identifier: MIT */
#include "step.h"

#include "bad_end.h"
#include "clock.h"
#include "events.h"
#include "pipe.h"
#include "prelude.h"
#include "run.h"
#include "serve.h"

/* Nobody was reached: there is no ending, only an error. */
static void unreached(struct connection *connection)
{
    struct adieu_error error = adieu_fd_error(connection->fd);
    connection_error(connection, error.code, error.os_error, "%s", error.text);
    connection->phase = PHASE_OVER;
}

/* TLS can begin. */
static void reached(struct connection *connection)
{
    connection->at.reached = adieu_fd_now();
    connection->phase = PHASE_HANDSHAKING;
    serve_taken(connection);
    events_reached(connection);
}

static void reaching(struct connection *connection)
{
    bool calls = connection->options->command == COMMAND_CONNECT;
    enum adieu_status status = calls ? connect_reach(connection) : listen_reach(connection);
    if (status == ADIEU_WAIT)
        return;
    if (status != ADIEU_OK) {
        if (!serve_later(connection))
            unreached(connection);
        return;
    }
    if (prelude_wanted(connection->options))
        connection->phase = PHASE_PRELUDE;
    else
        reached(connection);
}

/* Whoever fails before TLS has not been reached. */
static void prelude(struct connection *connection)
{
    enum adieu_status status = prelude_step(connection);
    if (status == ADIEU_OK)
        reached(connection);
    else if (status != ADIEU_WAIT)
        connection->phase = PHASE_OVER;
}

static void handshaking(struct connection *connection)
{
    enum adieu_status status = adieu_fd_handshake(connection->fd, ADIEU_FD_NOW);
    if (status == ADIEU_WAIT)
        return;
    if (status == ADIEU_OK) {
        connection->at.established = connection->at.moved = adieu_fd_now();
        connection->phase = PHASE_TALKING;
        if (connection->options->exec)
            exec_start(connection);
    } else {
        bad_end_explain(connection);
        connection_close(connection, clock_patience(connection)); /* the alert that explains it should still arrive */
    }
}

/* What is left for the output may take longer than the goodbye, which waits for nobody here. */
static void closing(struct connection *connection)
{
    if (!connection->closed && adieu_fd_close(connection->fd, connection->patience, &connection->ending) != ADIEU_WAIT)
        connection->closed = true;
    if (connection->child.pid)
        buffer_clear(&connection->pipe.down); /* it is gone, or is to go */
    pipe_write_out(connection);
    bool left = exec_leave(connection);
    if (connection->closed && pipe_drained(connection) && left)
        connection->phase = PHASE_OVER;
}

/* Each phase may end within its step, and the next one has something to do at once. */
void step(struct connection *connection)
{
    if (connection->phase == PHASE_REACHING)
        reaching(connection);
    if (connection->phase == PHASE_PRELUDE)
        prelude(connection);
    if (connection->phase == PHASE_HANDSHAKING)
        handshaking(connection);
    if (connection->phase == PHASE_TALKING)
        pipe_turn(connection);
    if (connection->phase == PHASE_CLOSING)
        closing(connection);
}
