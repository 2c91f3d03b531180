/* SPDX-License-Identifier: MIT */
/* Listening: a server of libuv's own, made by name. */
#include "opening.h"

/* What every attempt to listen shares. */
struct listening {
    uv_loop_t *loop;
    int backlog;
    uv_connection_cb cb;
    uv_stream_t *server; /* once one listens */
};

/* It has been bound, or not. */
static int listen_on(struct listening *listening, uv_stream_t *server, int code)
{
    if (code == 0)
        code = uv_listen(server, listening->backlog, listening->cb);
    if (code == 0)
        listening->server = server;
    else
        transport_dispose(server);
    return code;
}

static int listen_path(struct listening *listening, const char *path)
{
    struct unix_target target;
    if (!unix_target(&target, path)) /* libuv would cut it */
        return UV_ENAMETOOLONG;
    uv_stream_t *server = transport_new(listening->loop, UV_NAMED_PIPE);
    return server ? listen_on(listening, server, uv_pipe_bind((uv_pipe_t *)server, path)) : UV_ENOMEM;
}

/* Without a host and a family one IPv6 socket hears both. */
static int listen_at(struct listening *listening, const struct sockaddr *address, bool both)
{
    const unsigned flags = address->sa_family == AF_INET6 && !both ? UV_TCP_IPV6ONLY : 0;
    uv_stream_t *server = transport_new(listening->loop, UV_TCP);
    return server ? listen_on(listening, server, uv_tcp_bind((uv_tcp_t *)server, address, flags)) : UV_ENOMEM;
}

/* The first address that can be listened on. An IPv6 one first if it is to hear both. */
static int listen_list(struct listening *listening, const struct addrinfo *list, bool both)
{
    int code = UV_EADDRNOTAVAIL;
    for (int turn = both ? 0 : 1; turn < 2; turn++) {
        for (const struct addrinfo *each = list; each; each = each->ai_next) {
            if (turn == 0 && each->ai_family != AF_INET6)
                continue;
            code = listen_at(listening, each->ai_addr, turn == 0);
            if (code == 0 || (turn == 0 && code == UV_EADDRINUSE))
                return code; /* the other family alone would hear only half */
        }
    }
    return code;
}

static int listen_host(struct listening *listening, const struct adieu_uv_address *address)
{
    struct addrinfo *list = NULL;
    int code = resolve_now(listening->loop, address, AI_PASSIVE, &list);
    if (code)
        return code;
    code = listen_list(listening, list, !address->host && address->family == AF_UNSPEC);
    uv_freeaddrinfo(list);
    return code;
}

int adieu_uv_listen(uv_loop_t *loop, const struct adieu_uv_address *address, int backlog, uv_connection_cb cb,
                    void *data, uv_stream_t **server)
{
    struct listening listening = {.loop = loop, .backlog = backlog, .cb = cb};
    int code = address->path ? listen_path(&listening, address->path) : listen_host(&listening, address);
    if (code)
        return code;
    listening.server->data = data;
    *server = listening.server;
    return 0;
}

void adieu_uv_unlisten(uv_stream_t *server)
{
    if (server)
        transport_dispose(server);
}
