/* SPDX-License-Identifier: MIT */
#include "serve.h"

#include <sys/resource.h>

#include "say.h"

/* Without --max-connections; fewer if the limit on open files (ulimit -n) leaves room for fewer. */
#define MOST 1000u
/* What the process itself has open, roughly. */
#define OWN_DESCRIPTORS 16u
/* How long to wait when it has run out of something, unless a connection ends before. */
#define PAUSE_MS 1000

/* The stream's descriptor, and the two pipes of its process. */
static unsigned descriptors_each(const struct options *options)
{
    return options->exec ? 3 : 1;
}

static unsigned most_by_default(const struct options *options)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return MOST;
    rlim_t free = limit.rlim_cur > OWN_DESCRIPTORS ? limit.rlim_cur - OWN_DESCRIPTORS : 0;
    rlim_t most = free / descriptors_each(options);
    return most < 1 ? 1 : most > MOST ? MOST : (unsigned)most;
}

bool serve_prepare(struct run *run)
{
    const struct options *options = run->options;
    if (!options->keep)
        return true;
    run->most = options->max_connections ? options->max_connections : most_by_default(options);
    if (options->exec || ends_can_be_shared())
        return true;
    run_error(run, ADIEU_ERR_ARGUMENT, 0,
              "--keep: standard input must be a file, which every peer gets whole, or '< /dev/null'; to answer each "
              "peer by itself use --exec");
    return false;
}

/* ---------------------------------------------------------------- the next one */

static void pause_taking(struct run *run)
{
    run->paused = adieu_fd_in(PAUSE_MS);
}

static void try_again(struct run *run)
{
    if (run->paused && run->waiting)
        run->waiting->due = true;
    run->paused = 0;
}

static bool may_take(const struct run *run)
{
    return run->options->keep && run->listener >= 0 && !run->signal && !run->paused && !run->waiting &&
           run->count < run->most;
}

void serve_more(struct run *run)
{
    if (run->paused <= adieu_fd_now())
        try_again(run);
    if (!may_take(run))
        return;
    struct adieu_fd *fd = adieu_fd_server(run->config);
    run->waiting = fd ? run_add(run) : NULL;
    if (run->waiting) {
        (void)connection_has(run->waiting, fd);
        return;
    }
    adieu_fd_free(fd);
    pause_taking(run);
}

int64_t serve_next(const struct run *run)
{
    return run->paused ? run->paused : INT64_MAX;
}

bool serve_pauses(const struct connection *connection)
{
    return connection->run->paused && connection->run->waiting == connection;
}

bool serve_later(struct connection *connection)
{
    struct run *run = connection->run;
    struct adieu_error error = adieu_fd_error(connection->fd);
    if (!run->options->keep || !error_is_shortage(&error))
        return false;
    if (!run->shortage_told)
        say_error("%s; no more connections are taken until one ends", error.text);
    run->shortage_told = true;
    pause_taking(run);
    return true;
}

/* ---------------------------------------------------------------- taken, over */

void serve_taken(struct connection *connection)
{
    struct run *run = connection->run;
    if (run->waiting != connection)
        return;
    run->waiting = NULL;
    run->served = true;
    if (run->options->keep)
        connection->at.started = connection->at.reached; /* its own times, not the server's */
    else
        listen_leave(run); /* whoever comes second is refused at once, and does not wait for nobody */
}

/* Nobody came any more, or a signal: that is no fault of the server's. */
static bool nothing_to_tell(const struct connection *connection)
{
    enum adieu_error_code code = connection->error.code;
    return connection->run->served &&
           (code == ADIEU_ERR_NONE || code == ADIEU_ERR_DEADLINE || code == ADIEU_ERR_ABORTED);
}

bool serve_over(struct connection *connection)
{
    struct run *run = connection->run;
    try_again(run);
    if (run->waiting == connection) {
        run->waiting = NULL;
        listen_leave(run);
        return nothing_to_tell(connection);
    }
    if (run->waiting && run->count == 1)
        run->waiting->at.started = adieu_fd_now(); /* nobody is connected any more: --timeout-connect begins */
    return false;
}

void serve_leave(struct run *run)
{
    listen_leave(run);
    if (!run->waiting)
        return;
    run->waiting->phase = PHASE_OVER;
    run->waiting->due = true;
}
