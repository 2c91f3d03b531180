/* SPDX-License-Identifier: MIT */
/* The libuv handle that carries the bytes: it tells when its socket is ready, and goes when all is over. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uv.h"

/* ------------------------------------------------ readable */

/* No room: libuv then reads nothing, and says that something could be read. */
static void give_no_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle, (void)suggested;
    *buf = uv_buf_init(NULL, 0);
}

static void became_readable(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    (void)nread, (void)buf;
    struct adieu_uv *uv = stream->data;
    uv->readable = true;
    handle_turn(uv);
}

/* ------------------------------------------------ writable */

/*
 * libuv tells that a stream is writable only by writing, and its write() may raise SIGPIPE. So when the kernel is full a copy
 * of the descriptor is polled; it stays while the handle is busy, since what was full once is so again.
 */
struct writable {
    uv_poll_t poll;
    int descriptor;
    bool polls;
    bool broken; /* libuv stops polling at an error of the descriptor's, which need not be send()'s */
};

static void became_writable(uv_poll_t *poll, int status, int events)
{
    (void)events; /* the next send will tell */
    struct adieu_uv *uv = poll->data;
    uv->writable->broken = status < 0;
    uv->full = false;
    handle_turn(uv);
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static struct writable *writable_new(struct adieu_uv *uv)
{
    struct writable *writable = calloc(1, sizeof *writable);
    if (!writable)
        return NULL;
    writable->descriptor = fcntl(uv->socket.descriptor, F_DUPFD_CLOEXEC, 0);
    writable->poll.data = uv;
    if (writable->descriptor >= 0 && uv_poll_init(uv->loop->uv, &writable->poll, writable->descriptor) == 0)
        return writable;
    if (writable->descriptor >= 0)
        (void)close(writable->descriptor);
    free(writable);
    return NULL;
}

static void writable_free(struct writable *writable)
{
    if (!writable)
        return;
    uv_close((uv_handle_t *)&writable->poll, free_handle);
    (void)close(writable->descriptor);
}

/* Where it cannot be polled, since no descriptor is left, perhaps: by the clock. */
static void retry(struct adieu_uv *uv)
{
    uv->full = false;
    uv->retry_at = time_later(loop_now(uv->loop), RETRY_MS);
}

static void poll_out(struct adieu_uv *uv, bool out)
{
    if (out && !uv->writable)
        uv->writable = writable_new(uv);
    if (out && (!uv->writable || uv->writable->broken)) {
        retry(uv);
        return;
    }
    if (!uv->writable || uv->writable->polls == out)
        return;
    uv->writable->polls = out;
    if (out)
        uv_poll_start(&uv->writable->poll, UV_WRITABLE, became_writable);
    else
        uv_poll_stop(&uv->writable->poll);
}

void transport_rest(struct adieu_uv *uv)
{
    if (!uv->writable || uv->writable->polls)
        return;
    writable_free(uv->writable);
    uv->writable = NULL;
}

void transport_poll(struct adieu_uv *uv, bool in, bool out)
{
    uv->retry_at = INT64_MAX;
    if (!uv->transport)
        return;
    poll_out(uv, out);
    if (uv->polls_in == in)
        return;
    uv->polls_in = in;
    if (!in)
        uv_read_stop(uv->transport);
    else if (uv_read_start(uv->transport, give_no_room, became_readable) != 0)
        uv->readable = true; /* it cannot be waited for: the socket says why */
}

/* ------------------------------------------------ beginning and letting go */

int transport_begin(struct adieu_uv *uv, uv_stream_t *stream, bool borrowed)
{
    uv_os_fd_t descriptor;
    int code = uv_fileno((const uv_handle_t *)stream, &descriptor);
    if (code)
        return code;
    handle_did_not_fail(uv);
    uv->transport = stream;
    uv->transport_data = stream->data;
    stream->data = uv;
    socket_begin(&uv->socket, descriptor, borrowed);
    loop_make_due(uv);
    return 0;
}

uv_stream_t *transport_detach(struct adieu_uv *uv)
{
    uv_stream_t *stream = uv->transport;
    transport_poll(uv, false, false);
    writable_free(uv->writable);
    uv->writable = NULL;
    uv->transport = NULL;
    uv->gone = true;
    stream->data = uv->transport_data;
    return stream;
}

uv_stream_t *transport_new(uv_loop_t *loop, uv_handle_type type)
{
    uv_stream_t *stream = calloc(1, uv_handle_size(type));
    if (stream && type == UV_TCP)
        (void)uv_tcp_init(loop, (uv_tcp_t *)stream); /* neither fails: there is no socket yet */
    else if (stream)
        (void)uv_pipe_init(loop, (uv_pipe_t *)stream, 0);
    return stream;
}

void transport_dispose(uv_stream_t *stream)
{
    uv_close((uv_handle_t *)stream, free_handle);
}

void transport_release(struct adieu_uv *uv, bool reset)
{
    bool borrowed = uv->socket.borrowed;
    uv_stream_t *stream = transport_detach(uv);
    int descriptor = socket_release(&uv->socket, reset);
    if (!borrowed)
        transport_dispose(stream);
    else if (reset && descriptor >= 0)
        (void)shutdown(descriptor, SHUT_RDWR);
}
