/* SPDX-License-Identifier: MIT */
/* How a handle comes to its connection, and gives it back. */
#include <sys/socket.h>

#include "uv.h"

static bool may_begin(const struct adieu_uv *uv)
{
    return !uv->transport && !uv->gone && !uv->opening && !uv->goodbye.begun;
}

/* The handle carries the connection from now on, or goes. */
static int begin(struct adieu_uv *uv, uv_stream_t *stream, int code)
{
    if (code == 0)
        code = transport_begin(uv, stream, false);
    if (code)
        transport_dispose(stream);
    return code;
}

/* Who waited for it is told, and may ask for another. */
static void none_connected(struct adieu_uv *uv, int code)
{
    requests_all_over(uv, code);
    uv->unconnected = uv->reading ? code : 0;
    uv->asked = false;
    uv->shut = uv->goodbye.begun;
    uv->handshake_at = INT64_MAX;
}

void opening_result(struct adieu_uv *uv, int status, uv_stream_t *stream)
{
    if (status == 0)
        status = begin(uv, stream, 0);
    if (status)
        none_connected(uv, status);
    else if (uv->connect)
        request_over(uv->connect, 0);
    uv->connect = NULL;
    loop_make_due(uv);
}

int adieu_uv_accept(struct adieu_uv *uv, uv_stream_t *server)
{
    if (!may_begin(uv))
        return UV_EALREADY;
    if (server->loop != uv->loop->uv || (server->type != UV_TCP && server->type != UV_NAMED_PIPE))
        return UV_EINVAL;
    uv_stream_t *stream = transport_new(uv->loop->uv, server->type);
    return stream ? begin(uv, stream, uv_accept(server, stream)) : UV_ENOMEM;
}

static bool listens(int descriptor)
{
    int listening = 0;
    socklen_t size = sizeof listening;
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

/* UV_TCP, UV_NAMED_PIPE (a Unix socket), or neither: not a stream socket that could be connected. */
static uv_handle_type type_of(int descriptor)
{
    struct sockaddr_storage address;
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM || listens(descriptor))
        return UV_UNKNOWN_HANDLE;
    size = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) < 0)
        return UV_UNKNOWN_HANDLE;
    return address.ss_family == AF_UNIX ? UV_NAMED_PIPE : UV_TCP;
}

int adieu_uv_open(struct adieu_uv *uv, uv_os_sock_t descriptor)
{
    if (!may_begin(uv))
        return UV_EALREADY;
    uv_handle_type type = type_of(descriptor);
    if (type == UV_UNKNOWN_HANDLE)
        return UV_EINVAL;
    uv_stream_t *stream = transport_new(uv->loop->uv, type);
    if (!stream)
        return UV_ENOMEM;
    int code =
        type == UV_TCP ? uv_tcp_open((uv_tcp_t *)stream, descriptor) : uv_pipe_open((uv_pipe_t *)stream, descriptor);
    return begin(uv, stream, code);
}

int adieu_uv_adopt(struct adieu_uv *uv, uv_stream_t *stream)
{
    uv_os_fd_t descriptor;
    if (!may_begin(uv))
        return UV_EALREADY;
    if (stream->loop != uv->loop->uv || uv_is_active((uv_handle_t *)stream) ||
        uv_fileno((uv_handle_t *)stream, &descriptor) != 0 || type_of(descriptor) == UV_UNKNOWN_HANDLE ||
        uv_stream_get_write_queue_size(stream) || !uv_is_readable(stream) || !uv_is_writable(stream))
        return UV_EINVAL;
    return transport_begin(uv, stream, true);
}

int adieu_uv_put_back(struct adieu_uv *uv, const void *bytes, size_t size)
{
    if (uv->asked || uv->socket.speaks || uv->failed || uv->gone)
        return UV_EALREADY;
    if (size > adieu_wire_in(uv->socket.stream, NULL))
        return UV_ENOBUFS;
    return socket_put_back(&uv->socket, bytes, size) ? 0 : UV_ENOMEM;
}

int adieu_uv_detach(struct adieu_uv *uv, uv_stream_t **stream, const uint8_t **surplus, size_t *size)
{
    struct adieu_ending ending = adieu_ending(uv->socket.stream);
    bool ended = ending.sending == ADIEU_SENDING_CLOSED && ending.receiving == ADIEU_RECEIVING_CLOSED;
    bool pending = uv->handshakes.first || uv->says.first || uv->leaves.first || uv->over.first || uv->goodbye.begun;
    if (!ended || pending || !uv->transport || uv->in_verbs)
        return UV_EBUSY;
    adieu_wire_settle(uv->socket.stream);
    uv->reading = false;
    *stream = transport_detach(uv);
    (void)socket_detach(&uv->socket); /* it is the handle's */
    *size = adieu_wire_surplus(uv->socket.stream, surplus);
    return 0;
}
