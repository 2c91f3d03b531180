/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "loop.h"
#include "progress.h"
#include "report.h"
#include "say.h"
#include "serve.h"
#include "signals.h"
#include "verdict.h"

/* ---------------------------------------------------------------- errors */

void error_set(struct adieu_error *error, enum adieu_error_code code, int os_error, const char *format, va_list values)
{
    *error = (struct adieu_error){.code = code, .os_error = os_error};
    vsnprintf(error->text, sizeof error->text, format, values);
}

bool error_is_shortage(const struct adieu_error *error)
{
    int number = error->os_error;
    return number == EMFILE || number == ENFILE || number == ENOMEM || number == ENOBUFS;
}

void run_error(struct run *run, enum adieu_error_code code, int os_error, const char *format, ...)
{
    va_list values;
    if (run->error.code != ADIEU_ERR_NONE)
        return;
    va_start(values, format);
    error_set(&run->error, code, os_error, format, values);
    va_end(values);
}

/* ---------------------------------------------------------------- connections */

/* Room in the poll set, too: once it has been taken, a connection needs no memory to be waited for. */
static bool grow_set(struct run *run)
{
    if (run->count < run->room)
        return true;
    size_t room = run->room * 2 + 1;
    struct pollfd *set = realloc(run->set, loop_set_size(room) * sizeof *set);
    if (!set)
        return false;
    run->set = set;
    run->room = room;
    return true;
}

struct connection *run_add(struct run *run)
{
    struct connection *connection = grow_set(run) ? connection_new(run) : NULL;
    if (!connection)
        return NULL;
    connection->previous = run->last;
    if (run->last)
        run->last->next = connection;
    else
        run->connections = connection;
    run->last = connection;
    run->count++;
    return connection;
}

static void take_out(struct connection *connection)
{
    struct run *run = connection->run;
    struct connection *previous = connection->previous, *next = connection->next;
    *(previous ? &previous->next : &run->connections) = next;
    *(next ? &next->previous : &run->last) = previous;
    run->count--;
}

static void tell(struct connection *connection)
{
    struct run *run = connection->run;
    connection->at.over = adieu_fd_now();
    if (connection->at.reached != 0)
        session_keep(&run->session, adieu_fd_stream(connection->fd));
    verdict(connection);
    verdict_say(connection);
    report_write(connection);
    if (run->exit == ADIEU_EXIT_DELIVERED)
        run->exit = connection->exit;
}

void run_finish(struct connection *connection)
{
    progress_end();
    take_out(connection);
    if (!serve_over(connection))
        tell(connection);
    connection_free(connection);
}

/* ---------------------------------------------------------------- from start to end */

static bool catch_signals(struct run *run)
{
    if (signals_prepare(run->options->exec != NULL))
        return true;
    int error = errno;
    run_error(run, ADIEU_ERR_SOCKET, error, "no pipe to notice signals with: %s", strerror(error));
    return false;
}

/* Everything that can be wrong before anything happens on the network. */
static bool prepare(struct run *run, struct connection *first)
{
    config_claim(run);
    if (!report_open(run) || !catch_signals(run) || !config_prepare(run))
        return false;
    return run->options->command == COMMAND_CONNECT ? connect_prepare(first) : listen_prepare(first);
}

/* The run could not begin: so its first connection never was. */
static void give_up(struct run *run, struct connection *first)
{
    run->signal = signals_received();
    if (first->error.code == ADIEU_ERR_NONE)
        first->error = run->error;
    if (run->signal)
        connection_signalled(first, run->signal);
    run_finish(first);
}

static void release(struct run *run)
{
    listen_leave(run);
    adieu_config_free(run->config);
    session_forget(&run->session);
    if (run->key_log >= 0)
        close(run->key_log);
    free(run->set);
    buffer_release_spare();
    signals_release();
}

int run_command(const struct options *options)
{
    struct run run = {.options = options, .listener = -1, .key_log = -1, .report = -1, .started = adieu_fd_now()};
    ends_prepare();
    say_set_verbosity(options->verbosity);
    struct connection *first = run_add(&run);
    if (!first) {
        say_error("there is not enough memory");
        return ADIEU_EXIT_OTHER;
    }
    if (prepare(&run, first))
        loop(&run);
    else
        give_up(&run, first);
    report_close(&run);
    release(&run);
    if (run.signal != 0)
        signals_die(run.signal);
    return run.exit;
}
