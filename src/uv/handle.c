/* SPDX-License-Identifier: MIT */
/* A handle's life, and what can be asked of it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "uv.h"

/* ------------------------------------------------ life */

static struct adieu_uv *around(struct adieu_uv_loop *loop, struct adieu_stream *stream)
{
    struct adieu_uv *uv = stream ? calloc(1, sizeof *uv) : NULL;
    if (!uv || !loop_ref(loop)) {
        free(uv);
        adieu_free(stream);
        return NULL;
    }
    uv->loop = loop;
    adieu_wire_keep(stream); /* warm.c says when it is to rest */
    socket_init(&uv->socket, stream);
    requests_init(&uv->handshakes);
    requests_init(&uv->says);
    requests_init(&uv->leaves);
    requests_init(&uv->farewells);
    requests_init(&uv->closes);
    requests_init(&uv->over);
    uv->handshake_ms = HANDSHAKE_MS;
    uv->handshake_at = uv->retry_at = INT64_MAX;
    return uv;
}

struct adieu_uv *adieu_uv_client(struct adieu_uv_loop *loop, struct adieu_config *config, const char *server_name)
{
    return around(loop, adieu_client(config, server_name));
}

struct adieu_uv *adieu_uv_server(struct adieu_uv_loop *loop, struct adieu_config *config)
{
    return around(loop, adieu_server(config));
}

void handle_enter(struct adieu_uv *uv)
{
    uv->entered++;
}

/* Lets the memory go if it was freed and nothing refers to it any more. */
static void let_go(struct adieu_uv *uv)
{
    if (!uv->freed || uv->entered || uv->is_due)
        return;
    loop_wake_at(uv, INT64_MAX);
    warm_leave(uv);
    adieu_free(uv->socket.stream);
    loop_unref(uv->loop);
    free(uv->error);
    free(uv);
}

void handle_leave(struct adieu_uv *uv)
{
    uv->entered--;
    let_go(uv);
}

void handle_break_off(struct adieu_uv *uv, enum adieu_reason reason)
{
    bool in_verbs = uv->in_verbs;
    uv->gone = true;
    uv->in_verbs = true; /* the stream's observer is told: what it asks for comes too late */
    opening_leave(uv);
    enum goodbye_step step = goodbye_break_off(&uv->socket, reason);
    if (uv->transport)
        transport_release(uv, step == GOODBYE_RESET);
    uv->in_verbs = in_verbs;
    loop_make_due(uv);
}

/* Bufs that were copied are ours, whosever the request is. */
static void forget(struct requests *requests)
{
    struct adieu_uv_request *request;
    while ((request = requests_take(requests)))
        if (request->kind == REQUEST_WRITE && request->bufs != request->few)
            free(request->bufs);
}

void adieu_uv_free(struct adieu_uv *uv)
{
    if (!uv || uv->freed)
        return;
    handle_enter(uv);
    uv->freed = true;
    uv->reading = false;
    adieu_watch(uv->socket.stream, NULL, NULL);
    uv->connect = NULL;
    forget(&uv->handshakes);
    forget(&uv->says);
    forget(&uv->leaves);
    forget(&uv->farewells);
    forget(&uv->closes);
    requests_init(&uv->over); /* their bufs are free already */
    if (uv->in_verbs)
        loop_make_due(uv); /* and the turn in progress sees it */
    else if (!uv->gone)
        handle_break_off(uv, ADIEU_REASON_RELEASED);
    handle_leave(uv);
}

/* ------------------------------------------------ aborting */

void adieu_uv_abort(struct adieu_uv *uv, enum adieu_reason reason)
{
    if (uv->in_verbs) {
        uv->abort_due = true;
        uv->abort_reason = reason;
        loop_make_due(uv);
        return;
    }
    handle_enter(uv);
    if (!uv->gone)
        handle_break_off(uv, reason);
    else
        adieu_abort(uv->socket.stream, reason);
    handle_leave(uv);
}

/* ------------------------------------------------ errors */

static const struct adieu_error no_memory = {
    .code = ADIEU_ERR_CONNECT, .os_error = ENOMEM, .text = "connect: not enough memory"};

bool handle_may_fail(struct adieu_uv *uv)
{
    if (!uv->error)
        uv->error = calloc(1, sizeof *uv->error);
    if (uv->error)
        uv->error->code = ADIEU_ERR_NONE;
    else
        uv->error_code = UV_ENOMEM;
    return uv->error != NULL;
}

/* What was told once lives as long as the handle. */
void handle_did_not_fail(struct adieu_uv *uv)
{
    if (uv->error && uv->error_code) {
        uv->error->code = ADIEU_ERR_NONE;
        return;
    }
    free(uv->error);
    uv->error = NULL;
    uv->error_code = 0;
}

int handle_fail(struct adieu_uv *uv, int code, enum adieu_error_code error, const char *format, ...)
{
    va_list arguments;
    *uv->error = (struct adieu_error){.code = error, .os_error = code <= UV_EAI_ADDRFAMILY ? 0 : -code};
    uv->error_code = code;
    va_start(arguments, format);
    (void)vsnprintf(uv->error->text, sizeof uv->error->text, format, arguments);
    va_end(arguments);
    return code;
}

int handle_code(const struct adieu_uv *uv)
{
    const struct adieu_error *error = adieu_uv_error(uv);
    switch (error->code) {
    case ADIEU_ERR_ALERTED:
    case ADIEU_ERR_CLOSED_EARLY:
    case ADIEU_ERR_VIOLATION:
    case ADIEU_ERR_NOT_TLS:
        return UV_EPROTO;
    case ADIEU_ERR_REFUSED:
        return UV_EACCES;
    case ADIEU_ERR_TRUNCATED:
        return UV_ECONNABORTED;
    case ADIEU_ERR_RESET:
        return error->os_error ? uv_translate_sys_error(error->os_error) : UV_ECONNRESET;
    case ADIEU_ERR_SEND_FAILED:
        return error->os_error ? uv_translate_sys_error(error->os_error) : UV_EPIPE;
    case ADIEU_ERR_NONE:
    case ADIEU_ERR_ABORTED:
    case ADIEU_ERR_RELEASED:
        return UV_ECANCELED;
    case ADIEU_ERR_DEADLINE:
        return UV_ETIMEDOUT;
    case ADIEU_ERR_MEMORY:
        return UV_ENOMEM;
    case ADIEU_ERR_LOCAL_IO:
    case ADIEU_ERR_ENGINE:
        return UV_EIO;
    case ADIEU_ERR_FROZEN:
    case ADIEU_ERR_ARGUMENT:
    case ADIEU_ERR_FILE:
    case ADIEU_ERR_PEM:
    case ADIEU_ERR_KEY_PASSWORD:
    case ADIEU_ERR_KEY_MISMATCH:
    case ADIEU_ERR_EMPTY_TRUST:
    case ADIEU_ERR_NO_IDENTITY:
    case ADIEU_ERR_NO_NAME:
    case ADIEU_ERR_BAD_NAME:
        return UV_EINVAL;
    case ADIEU_ERR_RESOLVE:
    case ADIEU_ERR_CONNECT:
    case ADIEU_ERR_SOCKET:
        break;
    }
    return uv->error_code;
}

int handle_over_code(const struct adieu_uv *uv)
{
    switch (adieu_ending(uv->socket.stream).reason) {
    case ADIEU_REASON_DEADLINE:
        return UV_ETIMEDOUT;
    case ADIEU_REASON_LOCAL_IO:
        return UV_EIO;
    case ADIEU_REASON_REQUEST:
    case ADIEU_REASON_RELEASED:
        return UV_ECANCELED;
    case ADIEU_REASON_NONE:
    case ADIEU_REASON_FAULT:
        break;
    }
    return handle_code(uv);
}

/* ------------------------------------------------ asking */

const struct adieu_error *adieu_uv_error(const struct adieu_uv *uv)
{
    if (!uv->error && uv->error_code)
        return &no_memory;
    return uv->error && uv->error->code != ADIEU_ERR_NONE ? uv->error : adieu_error(uv->socket.stream);
}

struct adieu_ending adieu_uv_ending(struct adieu_uv *uv)
{
    socket_tell(&uv->socket);
    return adieu_ending(uv->socket.stream);
}

void adieu_uv_set_data(struct adieu_uv *uv, void *data)
{
    uv->data = data;
}

void *adieu_uv_data(const struct adieu_uv *uv)
{
    return uv->data;
}

struct adieu_uv_loop *adieu_uv_loop_of(const struct adieu_uv *uv)
{
    return uv->loop;
}

struct adieu_stream *adieu_uv_stream(const struct adieu_uv *uv)
{
    return uv->socket.stream;
}

uv_stream_t *adieu_uv_transport(const struct adieu_uv *uv)
{
    return uv->transport;
}

void adieu_uv_wake(struct adieu_uv *uv)
{
    loop_make_due(uv);
}

void adieu_uv_handshake_timeout(struct adieu_uv *uv, uint64_t milliseconds)
{
    uv->handshake_ms = milliseconds < INT64_MAX ? milliseconds : 0;
}

void adieu_uv_on_idle(struct adieu_uv *uv, uint64_t milliseconds, void (*function)(struct adieu_uv *uv))
{
    uv->idle = milliseconds && milliseconds < INT64_MAX ? function : NULL;
    uv->idle_ms = milliseconds;
    uv->moved_at = loop_now(uv->loop);
    loop_make_due(uv);
}

size_t adieu_uv_write_queue_size(const struct adieu_uv *uv)
{
    return uv->waiting + (say_lives(uv) ? (size_t)(uv->taken - say_sent(uv)) : 0);
}
