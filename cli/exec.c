/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sigabbrev_np: POSIX has no names for signals */
#include "exec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connection.h"
#include "events.h"
#include "pipe.h"
#include "spawn.h"

/* How long what it started may keep its output open, and say nothing, after it has exited. */
#define HOLD_MS 5000
/* From SIGTERM to SIGKILL. */
#define END_MS 2000
/* How often to look whether its process group has gone: nothing tells. */
#define LOOK_MS 20

/* ---------------------------------------------------------------- starting it */

/* input and output: our ends of its pipes. */
static pid_t start(const struct connection *connection, int *input, int *output)
{
    const struct adieu_stream *stream = adieu_fd_stream(connection->fd);
    char peer[160];
    const struct variable variables[] = {
        {"ADIEU_PEER", connection_peer(connection, peer, sizeof peer)},
        {"ADIEU_VERSION", adieu_version(stream)},
        {"ADIEU_CIPHER", adieu_cipher(stream)},
        {"ADIEU_ALPN", adieu_alpn(stream)},
        {"ADIEU_SERVER_NAME", adieu_server_name(stream)},
        {"ADIEU_VERIFIED", adieu_verified_name(adieu_verified(stream))},
    };
    return spawn(connection->options->exec, variables, sizeof variables / sizeof variables[0], input, output);
}

void exec_start(struct connection *connection)
{
    int input, output;
    pid_t pid = start(connection, &input, &output);
    if (pid < 0) {
        int error = errno;
        connection_error(connection, ADIEU_ERR_LOCAL_IO, error, "the command could not be started: %s",
                         strerror(error));
        connection_abort(connection, ADIEU_REASON_LOCAL_IO);
        return;
    }
    connection->child = (struct child){.pid = pid};
    ends_own(&connection->ends, output, input);
    events_say(connection, "the command is process %ld", (long)pid);
}

/* ---------------------------------------------------------------- how it stands */

/* "exited with 3", "was ended by SIGKILL" */
static const char *fate(const struct child *child, char *text, size_t size)
{
    char name[16];
    int status = exec_status(child);
    if (exec_signal(child, name, sizeof name))
        snprintf(text, size, "was ended by %s", name);
    else
        snprintf(text, size, "exited with %d%s", status,
                 status == 127   ? " (not found)"
                 : status == 126 ? " (found, but it could not be run)"
                                 : "");
    return text;
}

int exec_status(const struct child *child)
{
    return WIFSIGNALED(child->status) ? 128 + WTERMSIG(child->status) : WEXITSTATUS(child->status);
}

const char *exec_signal(const struct child *child, char *name, size_t size)
{
    if (!WIFSIGNALED(child->status))
        return NULL;
    const char *known = sigabbrev_np(WTERMSIG(child->status));
    if (known)
        snprintf(name, size, "SIG%s", known);
    else
        snprintf(name, size, "SIG%d", WTERMSIG(child->status));
    return name;
}

bool exec_exited(struct connection *connection, pid_t pid, int status)
{
    struct child *child = &connection->child;
    char text[64];
    if (child->pid != pid || child->exited)
        return false;
    child->status = status;
    child->exited = child->heard = adieu_fd_now();
    connection->due = true;
    events_say(connection, "the command %s", fate(child, text, sizeof text));
    return true;
}

void exec_heard(struct connection *connection)
{
    connection->child.heard = adieu_fd_now();
}

void exec_silent(struct connection *connection)
{
    connection->child.silent = true;
    ends_close_input(&connection->ends);
}

bool exec_done(const struct connection *connection)
{
    const struct child *child = &connection->child;
    return child->exited && child->status == 0 && child->silent;
}

/* ---------------------------------------------------------------- what follows */

/* Something that it has started has its output still, and is silent. INT64_MAX: it is not so. */
static int64_t held_until(const struct connection *connection)
{
    const struct child *child = &connection->child;
    bool held = child->exited && !child->silent && buffer_filled(&connection->pipe.up) == 0;
    return held ? child->heard + HOLD_MS : INT64_MAX;
}

static void fails(struct connection *connection, const char *also)
{
    char text[64];
    connection_error(connection, ADIEU_ERR_LOCAL_IO, 0, "the command %s%s", fate(&connection->child, text, sizeof text),
                     also);
}

void exec_turn(struct connection *connection)
{
    const struct child *child = &connection->child;
    if (!child->exited || connection->pipe.input_over)
        return;
    if (held_until(connection) <= adieu_fd_now()) {
        fails(connection, ", but something that it started keeps its output open");
        connection_abort(connection, ADIEU_REASON_LOCAL_IO);
    } else if (child->silent) {
        if (child->status != 0) {
            fails(connection, "");
            connection->end = END_RESET; /* once what it said has arrived */
        }
        pipe_stop_input(connection);
    }
}

/* ---------------------------------------------------------------- ending it */

static void end_group(struct child *child, int number)
{
    (void)kill(-child->pid, number);
}

/* The whole group is asked, and then made, to go. */
static void end(struct child *child)
{
    int64_t now = adieu_fd_now();
    if (child->ended == 0) {
        child->ended = now;
        end_group(child, SIGTERM);
    }
    bool alone = child->exited && kill(-child->pid, 0) != 0;
    if (!alone && !child->killed && now - child->ended >= END_MS) {
        child->killed = true;
        end_group(child, SIGKILL);
    }
    child->gone = alone || (child->exited && child->killed);
}

bool exec_leave(struct connection *connection)
{
    struct child *child = &connection->child;
    if (child->pid == 0 || child->gone)
        return true;
    if (child->exited && child->silent && !child->ended)
        child->gone = true; /* what it may have left behind has let our pipes go, and stays */
    else
        end(child);
    if (child->gone) {
        ends_close_input(&connection->ends);
        ends_close_output(&connection->ends, &(int){0});
    }
    return child->gone;
}

int64_t exec_next(const struct connection *connection)
{
    const struct child *child = &connection->child;
    if (child->pid == 0 || child->gone)
        return INT64_MAX;
    if (connection->phase == PHASE_TALKING)
        return connection->pipe.input_over ? INT64_MAX : held_until(connection);
    if (child->exited)
        return adieu_fd_in(LOOK_MS);
    return child->ended && !child->killed ? child->ended + END_MS : INT64_MAX;
}
