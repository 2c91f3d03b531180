/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <limits.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "pipe.h"
#include "prelude.h"
#include "progress.h"
#include "serve.h"
#include "signals.h"
#include "step.h"

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---------------------------------------------------------------- what to wait for */

size_t loop_set_size(size_t connections)
{
    return 1 + connections * SLOTS;
}

/*
 * The set holds descriptors alone, each of them once: poll() refuses more of them than may be open. Standard input and output
 * may be wanted by many, all in the same way.
 */
static int watch(struct run *run, struct pollfd what)
{
    if (what.fd < 0)
        return -1;
    bool standard = what.fd <= STDOUT_FILENO;
    if (standard && run->standard[what.fd] >= 0)
        return run->standard[what.fd];
    if (standard)
        run->standard[what.fd] = (int)run->watched;
    run->set[run->watched] = what;
    return (int)run->watched++;
}

/* What is not read here is not polled for: a descriptor with an empty mask would still wake us for HUP. */
static struct pollfd stream_slot(const struct connection *connection, int *timeout)
{
    struct pollfd nothing = {.fd = -1};
    if (connection_plays(connection, END_STALL) || connection->closed || serve_pauses(connection))
        return nothing;
    if (connection->phase == PHASE_PRELUDE)
        return prelude_interest(connection);
    struct pollfd what = adieu_fd_interest(connection->fd, timeout);
    if (connection->phase == PHASE_TALKING && !pipe_wants_peer(connection))
        what.events = (short)(what.events & ~POLLIN);
    return what.events ? what : nothing;
}

/* Fills its slots in; returns when it has something to do although nothing fires. */
static int64_t fill(struct connection *connection)
{
    int timeout = -1;
    const struct pollfd wanted[SLOTS] = {
        [SLOT_STREAM] = stream_slot(connection, &timeout),
        [SLOT_INPUT] = {.fd = pipe_wants_input(connection) ? connection->ends.input : -1, .events = POLLIN},
        [SLOT_OUTPUT] = {.fd = pipe_wants_output(connection) ? connection->ends.output : -1, .events = POLLOUT},
    };
    for (int i = 0; i < SLOTS; i++)
        connection->slots[i] = watch(connection->run, wanted[i]);
    if (connection->due || pipe_has_more(connection))
        return 0;
    int64_t next = earlier(clock_next(connection), exec_next(connection));
    return earlier(next, timeout < 0 ? INT64_MAX : adieu_fd_in(timeout));
}

static int64_t fill_all(struct run *run)
{
    int64_t next = earlier(serve_next(run), progress_next(run));
    run->watched = 0;
    run->standard[STDIN_FILENO] = run->standard[STDOUT_FILENO] = -1;
    watch(run, (struct pollfd){.fd = signals_descriptor(), .events = POLLIN}); /* the first one */
    for (struct connection *each = run->connections; each; each = each->next) {
        each->wake = fill(each);
        next = earlier(next, each->wake);
    }
    return next;
}

static int milliseconds_until(int64_t moment)
{
    int64_t left = moment - adieu_fd_now();
    if (moment == INT64_MAX)
        return -1;
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* ---------------------------------------------------------------- what came */

static bool fired(const struct connection *connection, enum slot slot)
{
    int at = connection->slots[slot];
    return at >= 0 && connection->run->set[at].revents != 0;
}

static void note(struct connection *connection, int64_t now)
{
    connection->ready.input = fired(connection, SLOT_INPUT);
    connection->ready.output = fired(connection, SLOT_OUTPUT);
    connection->due = fired(connection, SLOT_STREAM) || connection->ready.input || connection->ready.output ||
                      connection->wake <= now;
}

/*
 * That a child has exited is told by a signal. Not all of them are commands: if we are process 1, as in a container, what the
 * commands left behind becomes ours, and nobody else would bury it.
 */
static void reap_children(struct run *run)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct connection *each = run->connections;
        while (each && !exec_exited(each, pid, status))
            each = each->next;
    }
}

static void wait_for_something(struct run *run)
{
    int64_t next = fill_all(run);
    if (poll(run->set, run->watched, milliseconds_until(next)) < 0) {
        for (nfds_t i = 0; i < run->watched; i++)
            run->set[i].revents = 0;
    }
    int64_t now = adieu_fd_now();
    for (struct connection *each = run->connections; each; each = each->next)
        note(each, now);
    if (run->set[0].revents) {
        signals_drain();
        reap_children(run);
    }
}

static void notice_signal(struct run *run)
{
    if (run->signal || !signals_received())
        return;
    run->signal = signals_received();
    for (struct connection *each = run->connections; each; each = each->next) {
        connection_signalled(each, run->signal);
        each->due = true;
    }
}

static void check_clocks(struct run *run)
{
    for (struct connection *each = run->connections; each; each = each->next) {
        if (each->due)
            clock_check(each);
    }
}

/* ---------------------------------------------------------------- */

static void serve(struct connection *connection)
{
    step(connection);
    connection->due = false;
    if (connection->phase == PHASE_OVER)
        run_finish(connection);
}

/* A new one comes in at the end of the list. */
static void serve_due(struct run *run)
{
    for (struct connection *each = run->connections, *next; each; each = next) {
        next = each->next;
        if (each->due)
            serve(each);
    }
}

void loop(struct run *run)
{
    for (;;) {
        serve_due(run);
        serve_more(run);
        if (!run->connections && serve_next(run) == INT64_MAX)
            break;
        progress_turn(run);
        wait_for_something(run);
        notice_signal(run);
        check_clocks(run);
    }
}
