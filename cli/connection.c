/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "prelude.h"
#include "run.h"

struct connection *connection_new(struct run *run)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->run = run;
    connection->options = run->options;
    connection->end = run->options->end;
    connection->due = true;
    connection->at.started = adieu_fd_now();
    connection->patience = (struct adieu_fd_patience)ADIEU_FD_PATIENCE;
    if (run->options->exec)
        ends_own(&connection->ends, -1, -1); /* there is no command yet */
    else
        ends_standard(&connection->ends, run->options->keep);
    return connection;
}

bool connection_has(struct connection *connection, struct adieu_fd *fd)
{
    connection->fd = fd;
    if (!fd) {
        connection_error(connection, ADIEU_ERR_MEMORY, 0, "there is not enough memory");
        return false;
    }
    adieu_fd_set_polled(fd);
    adieu_watch(adieu_fd_stream(fd), events_on_news, connection);
    return true;
}

void connection_free(struct connection *connection)
{
    if (connection->fd)
        adieu_watch(adieu_fd_stream(connection->fd), NULL, NULL); /* what freeing does is no event of the connection */
    adieu_fd_free(connection->fd);
    prelude_free(connection);
    if (connection->run->writer == connection)
        connection->run->writer = NULL;
    buffer_clear(&connection->pipe.up);
    buffer_clear(&connection->pipe.down);
    free(connection);
}

void connection_error(struct connection *connection, enum adieu_error_code code, int os_error, const char *format, ...)
{
    va_list values;
    if (connection->error.code != ADIEU_ERR_NONE)
        return;
    va_start(values, format);
    error_set(&connection->error, code, os_error, format, values);
    va_end(values);
}

struct adieu_ending connection_ending(const struct connection *connection)
{
    return adieu_ending(adieu_fd_stream(connection->fd));
}

void connection_abort(struct connection *connection, enum adieu_reason reason)
{
    adieu_fd_abort(connection->fd, reason);
    connection_close(connection, (struct adieu_fd_patience){0, ADIEU_FD_NOW});
}

void connection_close(struct connection *connection, struct adieu_fd_patience patience)
{
    connection->patience = patience;
    if (connection->phase >= PHASE_CLOSING)
        return;
    connection->phase = PHASE_CLOSING;
    connection->at.closing = adieu_fd_now();
}

void connection_signalled(struct connection *connection, int number)
{
    connection->error.code = ADIEU_ERR_NONE; /* whatever it interrupted is no explanation */
    connection_error(connection, ADIEU_ERR_ABORTED, 0, "stopped by a signal (%d)", number);
    if (!connection->fd)
        return;
    connection_abort(connection, ADIEU_REASON_REQUEST);
    buffer_clear(&connection->pipe.down); /* standard output may be what it waits for */
}

static const char *operand(const struct options *options, char *text, size_t size)
{
    if (options->path)
        snprintf(text, size, "%s", options->path);
    else
        snprintf(text, size, strchr(options->host, ':') ? "[%s]:%s" : "%s:%s", options->host, options->port);
    return text;
}

char *connection_peer(const struct connection *connection, char *text, size_t size)
{
    text[0] = '\0';
    if (connection->fd && connection->options->proxy.kind == PROXY_NONE) /* the handle's peer is the proxy */
        adieu_fd_peer(connection->fd, text, size);
    if (text[0] == '\0' && connection->options->command == COMMAND_CONNECT)
        operand(connection->options, text, size);
    return text;
}
