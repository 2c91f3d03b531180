/* SPDX-License-Identifier: MIT */
/* What was received goes to whoever reads: first every byte, then, once, how it ended. */
#include "uv.h"

int adieu_uv_read_start(struct adieu_uv *uv, void (*alloc)(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf),
                        void (*read)(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf))
{
    if (!alloc || !read)
        return UV_EINVAL;
    uv->alloc = alloc;
    uv->read = read;
    uv->reading = true;
    if (uv->opening || uv->transport)
        uv->unconnected = 0; /* it is for another connection */
    loop_make_due(uv);
    return 0;
}

int adieu_uv_read_stop(struct adieu_uv *uv)
{
    uv->reading = false;
    loop_make_due(uv); /* libuv need not tell any more, perhaps */
    return 0;
}

static uv_buf_t ask_for_room(struct adieu_uv *uv)
{
    uv_buf_t buf = uv_buf_init(NULL, 0);
    uv->in_verbs = false;
    uv->alloc(uv, SUGGESTED, &buf);
    uv->in_verbs = true;
    return buf;
}

static void tell(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    uv->in_verbs = false;
    uv->read(uv, nread, buf);
    uv->in_verbs = true;
}

/* Several records, if there are and they fit. */
static size_t fill(struct adieu_uv *uv, const uv_buf_t *buf)
{
    size_t n = 0, got;
    while (n < buf->len && adieu_read(uv->socket.stream, buf->base + n, buf->len - n, &got) == ADIEU_OK)
        n += got;
    return n;
}

static enum adieu_status peek(const struct adieu_uv *uv)
{
    size_t got;
    return adieu_read(uv->socket.stream, NULL, 0, &got);
}

void read_deliver(struct adieu_uv *uv)
{
    while (uv->reading && peek(uv) == ADIEU_OK && uv->reading) {
        uv_buf_t buf = ask_for_room(uv);
        if (!uv->reading) /* alloc stopped it, or worse */
            return;
        bool room = buf.base && buf.len;
        ssize_t nread = room ? (ssize_t)fill(uv, &buf) : UV_ENOBUFS;
        /* Stopped by a callback of the stream: what was read for it already is still its. */
        if (uv->reading || (nread > 0 && !uv->freed && !uv->farewell))
            tell(uv, nread, &buf);
        if (!room) { /* it is asked again in the next turn, not in this one */
            loop_make_due(uv);
            return;
        }
    }
}

static void tell_end(struct adieu_uv *uv, int code)
{
    const uv_buf_t none = uv_buf_init(NULL, 0);
    uv->reading = false;
    tell(uv, code, &none);
}

void read_end(struct adieu_uv *uv)
{
    int unconnected = uv->unconnected;
    uv->unconnected = 0;
    if (!uv->reading)
        return;
    if (unconnected) {
        tell_end(uv, unconnected);
        return;
    }
    enum adieu_status status = peek(uv);
    if (uv->reading && (status == ADIEU_END || status == ADIEU_FAIL || uv->failed))
        tell_end(uv, status == ADIEU_END ? UV_EOF : handle_code(uv));
}
