/* SPDX-License-Identifier: MIT */
/* adieu connect: reaches the peer. */
#include "run.h"

/* The name that is verified is the one that was asked for. */
static const char *server_name(const struct options *options)
{
    if (options->name)
        return options->name;
    return options->path ? NULL : options->host;
}

/*
 * What is wrong with the name is found before anybody is called: the first step of the handshake needs no connection,
 * and what it wants to say waits until there is one.
 */
static bool try_handshake(struct connection *connection)
{
    struct adieu_stream *stream = adieu_fd_stream(connection->fd);
    if (adieu_handshake(stream) != ADIEU_FAIL)
        return true;
    const struct adieu_error *error = adieu_error(stream);
    connection_error(connection, error->code, error->os_error, "%s", error->text);
    return false;
}

bool connect_prepare(struct connection *connection)
{
    const struct options *options = connection->options;
    bool direct = options->proxy.kind == PROXY_NONE;
    connection->address = (struct adieu_fd_address){
        .host = direct ? options->host : options->proxy.host,
        .port = direct ? options->port : options->proxy.port,
        .path = options->path,
        .bind_host = options->bind,
        .family = options->family,
    };
    if (!connection_has(connection, adieu_fd_client(connection->run->config, server_name(options))))
        return false;
    session_offer(&connection->run->session, adieu_fd_stream(connection->fd));
    return try_handshake(connection);
}

/* Who could not be reached is told: the target is another than the proxy. */
static void proxy_unreached(struct connection *connection)
{
    struct adieu_error error = adieu_fd_error(connection->fd);
    connection_error(connection, error.code, error.os_error, "the proxy cannot be reached: %s", error.text);
}

enum adieu_status connect_reach(struct connection *connection)
{
    enum adieu_status status = adieu_fd_connect(connection->fd, &connection->address, ADIEU_FD_NOW);
    if (status == ADIEU_FAIL && connection->options->proxy.kind != PROXY_NONE)
        proxy_unreached(connection);
    return status;
}
