/* SPDX-License-Identifier: MIT */
#include "prelude.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "values.h"

bool prelude_wanted(const struct options *options)
{
    return options->proxy.kind != PROXY_NONE || options->starttls != STARTTLS_NONE;
}

/* Whom the dialogue is led with, for messages: a proxy's user and password are no part of its name. */
static char *who(const struct connection *connection, char *text, size_t size)
{
    const struct options *options = connection->options;
    const struct proxy *proxy = &options->proxy;
    char peer[160];
    if (connection->prelude->through_proxy)
        snprintf(text, size, strchr(proxy->host, ':') ? "proxy [%.100s]:%s" : "proxy %.100s:%s", proxy->host,
                 proxy->port);
    else
        snprintf(text, size, "%.100s, --starttls=%s", connection_peer(connection, peer, sizeof peer),
                 starttls_names[options->starttls]);
    return text;
}

/* ---------------------------------------------------------------- one after the other */

static void begin_starttls(struct connection *connection)
{
    const struct options *options = connection->options;
    struct prelude *prelude = connection->prelude;
    prelude->through_proxy = false;
    starttls_begin(&prelude->dialogue, options->starttls, options->name ? options->name : options->host,
                   adieu_fd_descriptor(connection->fd));
}

static void begin_proxy(struct connection *connection)
{
    const struct options *options = connection->options;
    struct prelude *prelude = connection->prelude;
    char peer[160];
    say_event("connected to the proxy %s", adieu_fd_peer(connection->fd, peer, sizeof peer));
    prelude->through_proxy = true;
    proxy_begin(&prelude->dialogue, &options->proxy, options->host, value_port_number(options->port),
                options->starttls == STARTTLS_NONE);
}

static bool begin(struct connection *connection)
{
    connection->prelude = malloc(sizeof *connection->prelude);
    if (!connection->prelude) {
        connection_error(connection, ADIEU_ERR_MEMORY, 0, "there is not enough memory");
        return false;
    }
    if (connection->options->proxy.kind != PROXY_NONE)
        begin_proxy(connection);
    else
        begin_starttls(connection);
    return true;
}

static enum adieu_status failed(struct connection *connection)
{
    const struct dialogue *dialogue = &connection->prelude->dialogue;
    char text[160];
    connection_error(connection, ADIEU_ERR_CONNECT, dialogue->os_error, "%s: %s", who(connection, text, sizeof text),
                     dialogue->error);
    return ADIEU_FAIL;
}

/* OK: it was the last one. */
static enum adieu_status done(struct connection *connection)
{
    const struct options *options = connection->options;
    bool was_proxy = connection->prelude->through_proxy;
    if (was_proxy)
        say_event("the proxy connects us to %s:%s", options->host, options->port);
    else
        say_event("the server begins TLS, as --starttls=%s asks", starttls_names[options->starttls]);
    if (!was_proxy || options->starttls == STARTTLS_NONE)
        return ADIEU_OK;
    begin_starttls(connection);
    return ADIEU_WAIT;
}

enum adieu_status prelude_step(struct connection *connection)
{
    if (!connection->prelude && !begin(connection))
        return ADIEU_FAIL;
    for (;;) {
        switch (dialogue_step(&connection->prelude->dialogue, adieu_fd_descriptor(connection->fd))) {
        case DIALOGUE_READ:
        case DIALOGUE_WRITE:
            return ADIEU_WAIT;
        case DIALOGUE_FAILED:
            return failed(connection);
        case DIALOGUE_DONE:
            if (done(connection) == ADIEU_OK)
                return ADIEU_OK;
            break;
        }
    }
}

struct pollfd prelude_interest(const struct connection *connection)
{
    bool writes = connection->prelude->dialogue.status == DIALOGUE_WRITE;
    return (struct pollfd){.fd = adieu_fd_descriptor(connection->fd), .events = writes ? POLLOUT : POLLIN};
}

const char *prelude_late(const struct connection *connection)
{
    struct prelude *prelude = connection->prelude;
    char text[160];
    snprintf(prelude->late, sizeof prelude->late, "%s: %s did not come within", who(connection, text, sizeof text),
             prelude->dialogue.awaits);
    return prelude->late;
}

void prelude_free(struct connection *connection)
{
    free(connection->prelude);
    connection->prelude = NULL;
}
