/* SPDX-License-Identifier: MIT */
/* Connecting: what was asked for becomes addresses, which race.c tries. */
#include <stdlib.h>
#include <string.h>

#include "opening.h"

/* ------------------------------------------------ its life */

static void opening_free(struct opening *opening)
{
    uv_freeaddrinfo(opening->list);
    uv_freeaddrinfo(opening->local);
    free(opening->host);
    free(opening->port);
    free(opening);
}

void opening_unref(struct opening *opening)
{
    if (--opening->references == 0)
        opening_free(opening);
}

static void timer_closed(uv_handle_t *timer)
{
    opening_unref(timer->data);
}

/* From now on it does nothing but wait for libuv's last callbacks. */
static void give_up(struct opening *opening)
{
    opening->uv->opening = NULL;
    opening->uv = NULL;
    if (opening->resolving)
        (void)uv_cancel((uv_req_t *)&opening->resolver); /* or, if it is at work, its result is thrown away */
    race_give_up(opening);
    uv_close((uv_handle_t *)&opening->timer, timer_closed);
}

void opening_done(struct opening *opening, int status, uv_stream_t *stream)
{
    struct adieu_uv *uv = opening->uv;
    give_up(opening);
    opening_result(uv, status, stream);
}

void opening_leave(struct adieu_uv *uv)
{
    if (uv->opening)
        give_up(uv->opening);
}

void opening_late(struct adieu_uv *uv)
{
    const struct opening *opening = uv->opening;
    if (!opening)
        return;
    const char *path = opening->unix_target.address.sun_path;
    const char *whom = *path ? path : opening->host ? opening->host : "this machine";
    if (opening->resolving)
        (void)handle_fail(uv, UV_ETIMEDOUT, ADIEU_ERR_DEADLINE, "resolve %.150s: no answer in time", whom);
    else
        (void)handle_fail(uv, UV_ETIMEDOUT, ADIEU_ERR_DEADLINE,
                          "connect to %.150s: no answer in time; addresses tried: %zu of %zu", whom, opening->begun,
                          opening->targets.count);
}

/* ------------------------------------------------ resolving */

int resolve_now(uv_loop_t *loop, const struct adieu_uv_address *address, int flags, struct addrinfo **list)
{
    const struct addrinfo hints = {.ai_family = address->family, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    uv_getaddrinfo_t request;
    if (!port_possible(address->port))
        return UV_EAI_SERVICE;
    int code = uv_getaddrinfo(loop, &request, NULL, address->host, address->port, &hints);
    *list = request.addrinfo;
    return code;
}

static int resolve_fail(struct adieu_uv *uv, const struct opening *opening, int code)
{
    if (code != UV_EAI_SERVICE)
        return handle_fail(uv, code, ADIEU_ERR_RESOLVE, "resolve %.150s: %s",
                           opening->host ? opening->host : "this machine", uv_strerror(code));
    return handle_fail(uv, code, ADIEU_ERR_RESOLVE,
                       "port %.150s: neither a number from 0 to 65535 nor the name of a service",
                       opening->port ? opening->port : "(none)");
}

/* The addresses are there. */
static int line_up(struct adieu_uv *uv, struct opening *opening)
{
    char from[80];
    const struct addrinfo *local = opening->local;
    if (targets_line_up(&opening->targets, opening->list, local))
        return 0;
    (void)getnameinfo(local->ai_addr, local->ai_addrlen, from, sizeof from, NULL, 0, NI_NUMERICHOST);
    return handle_fail(uv, UV_EAFNOSUPPORT, ADIEU_ERR_CONNECT, "connect to %.100s: it has no address that %s can reach",
                       opening->host ? opening->host : "this machine", from);
}

static void resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct opening *opening = request->data;
    struct adieu_uv *uv = opening->uv;
    opening->resolving = false;
    opening->list = list;
    if (uv) {
        int code = status ? resolve_fail(uv, opening, status) : line_up(uv, opening);
        if (code)
            opening_done(opening, code, NULL);
        else
            race_begin(opening);
    }
    opening_unref(opening);
}

static int resolve_later(struct adieu_uv *uv, struct opening *opening, const struct adieu_uv_address *address)
{
    const struct addrinfo hints = {.ai_family = address->family, .ai_socktype = SOCK_STREAM};
    opening->resolver.data = opening;
    int code = uv_getaddrinfo(uv->loop->uv, &opening->resolver, resolved, address->host, address->port, &hints);
    if (code)
        return resolve_fail(uv, opening, code);
    opening->resolving = true;
    opening->references++;
    return 0;
}

/* ------------------------------------------------ beginning */

static bool copy(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

static struct opening *opening_new(const struct adieu_uv_address *address)
{
    struct opening *opening = calloc(1, sizeof *opening);
    if (opening && copy(&opening->host, address->host) && copy(&opening->port, address->port))
        return opening;
    if (opening)
        opening_free(opening);
    return NULL;
}

static int unix_path(struct adieu_uv *uv, struct opening *opening, const char *path)
{
    if (!unix_target(&opening->unix_target, path))
        return handle_fail(uv, UV_ENAMETOOLONG, ADIEU_ERR_CONNECT,
                           "connect to %.100s…: the path is longer than %zu bytes", path,
                           sizeof opening->unix_target.address.sun_path - 1);
    (void)targets_line_up(&opening->targets, &opening->unix_target.info, NULL);
    return 0;
}

static int local_address(struct adieu_uv *uv, struct opening *opening, const char *host)
{
    const struct adieu_uv_address address = {.host = host, .port = "0"};
    int code = host ? resolve_now(uv->loop->uv, &address, AI_NUMERICHOST | AI_PASSIVE, &opening->local) : 0;
    if (code)
        return handle_fail(uv, UV_EADDRNOTAVAIL, ADIEU_ERR_CONNECT, "connect from %.100s: no numeric address", host);
    return 0;
}

/* Only a name is resolved in libuv's threads: whatever else is known at once. */
static int find_targets(struct adieu_uv *uv, struct opening *opening, const struct adieu_uv_address *address)
{
    if (address->path)
        return unix_path(uv, opening, address->path);
    int code = local_address(uv, opening, address->bind_host);
    if (code)
        return code;
    code = resolve_now(uv->loop->uv, address, AI_NUMERICHOST, &opening->list);
    if (code == UV_EAI_NONAME && address->host)
        return resolve_later(uv, opening, address);
    return code ? resolve_fail(uv, opening, code) : line_up(uv, opening);
}

int opening_start(struct adieu_uv *uv, const struct adieu_uv_address *address)
{
    if (!handle_may_fail(uv))
        return UV_ENOMEM;
    struct opening *opening = opening_new(address);
    if (!opening)
        return handle_fail(uv, UV_ENOMEM, ADIEU_ERR_CONNECT, "connect: %s", uv_strerror(UV_ENOMEM));
    int code = find_targets(uv, opening, address);
    if (code) {
        opening_free(opening);
        return code;
    }
    opening->uv = uv;
    uv->opening = opening;
    (void)uv_timer_init(uv->loop->uv, &opening->timer); /* cannot fail */
    opening->timer.data = opening;
    opening->references++;
    if (!opening->resolving)
        race_begin(opening);
    return 0;
}
