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
static bool try_handshake(struct run *run)
{
    struct adieu_stream *stream = adieu_fd_stream(run->fd);
    if (adieu_handshake(stream) != ADIEU_FAIL)
        return true;
    const struct adieu_error *error = adieu_error(stream);
    run_error(run, error->code, error->os_error, "%s", error->text);
    return false;
}

bool connect_prepare(struct run *run)
{
    const struct options *options = run->options;
    run->address = (struct adieu_fd_address){
        .host = options->host,
        .port = options->port,
        .path = options->path,
        .bind_host = options->bind,
        .family = options->family,
    };
    run->fd = adieu_fd_client(run->config, server_name(options));
    if (!run->fd) {
        run_error(run, ADIEU_ERR_MEMORY, 0, "there is not enough memory");
        return false;
    }
    adieu_fd_set_polled(run->fd);
    return try_handshake(run);
}

enum adieu_status connect_reach(struct run *run)
{
    return adieu_fd_connect(run->fd, &run->address, ADIEU_FD_NOW);
}
