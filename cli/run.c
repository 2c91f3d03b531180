/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "ends.h"
#include "loop.h"
#include "report.h"
#include "say.h"
#include "signals.h"
#include "verdict.h"

void run_error(struct run *run, enum adieu_error_code code, int os_error, const char *format, ...)
{
    va_list values;
    if (run->error.code != ADIEU_ERR_NONE)
        return;
    run->error.code = code;
    run->error.os_error = os_error;
    va_start(values, format);
    vsnprintf(run->error.text, sizeof run->error.text, format, values);
    va_end(values);
}

struct adieu_ending run_ending(const struct run *run)
{
    return adieu_ending(adieu_fd_stream(run->fd));
}

void run_abort(struct run *run, enum adieu_reason reason)
{
    adieu_fd_abort(run->fd, reason);
    run_close(run, (struct adieu_fd_patience){0, ADIEU_FD_NOW});
}

void run_close(struct run *run, struct adieu_fd_patience patience)
{
    run->patience = patience;
    if (run->phase >= PHASE_CLOSING)
        return;
    run->phase = PHASE_CLOSING;
    run->at.closing = adieu_fd_now();
}

void run_over(struct run *run)
{
    run->ending = adieu_fd_ending(run->fd);
    run->closed = true;
    run->phase = PHASE_OVER;
}

static const char *operand(const struct run *run, char *text, size_t size)
{
    const struct options *options = run->options;
    if (options->path)
        snprintf(text, size, "%s", options->path);
    else
        snprintf(text, size, strchr(options->host, ':') ? "[%s]:%s" : "%s:%s", options->host, options->port);
    return text;
}

char *run_peer(const struct run *run, char *text, size_t size)
{
    text[0] = '\0';
    if (run->fd)
        adieu_fd_peer(run->fd, text, size);
    if (text[0] == '\0' && run->options->command == COMMAND_CONNECT)
        operand(run, text, size);
    return text;
}

/* Everything that can be wrong before anything happens on the network. */
static bool prepare(struct run *run)
{
    config_claim(run);
    if (!report_open(run))
        return false;
    if (!signals_prepare()) {
        int error = errno;
        run_error(run, ADIEU_ERR_SOCKET, error, "no pipe to notice signals with: %s", strerror(error));
        return false;
    }
    if (!config_prepare(run))
        return false;
    return run->options->command == COMMAND_CONNECT ? connect_prepare(run) : listen_prepare(run);
}

static void release(struct run *run)
{
    listen_leave(run);
    if (run->fd)
        adieu_watch(adieu_fd_stream(run->fd), NULL, NULL); /* what freeing does is no event of the connection */
    adieu_fd_free(run->fd);
    adieu_config_free(run->config);
    if (run->key_log >= 0)
        close(run->key_log);
    signals_release();
}

static struct run *run_new(const struct options *options)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->options = options;
    run->listener = run->key_log = run->report = -1;
    run->at.started = adieu_fd_now();
    run->patience = (struct adieu_fd_patience)ADIEU_FD_PATIENCE;
    return run;
}

void run_signalled(struct run *run)
{
    run->signal = signals_received();
    run->error.code = ADIEU_ERR_NONE; /* whatever it interrupted is no explanation */
    run_error(run, ADIEU_ERR_ABORTED, 0, "stopped by a signal (%d)", run->signal);
}

int run_command(const struct options *options)
{
    ends_prepare();
    say_set_verbosity(options->verbosity);
    struct run *run = run_new(options);
    if (!run) {
        say_error("there is not enough memory");
        return ADIEU_EXIT_OTHER;
    }
    if (prepare(run))
        loop(run);
    else if (signals_received())
        run_signalled(run);
    run->at.over = adieu_fd_now();
    run->exit = verdict(run);
    verdict_say(run);
    report_write(run);
    int status = run->exit, number = run->signal;
    release(run);
    free(run);
    if (number != 0)
        signals_die(number);
    return status;
}
