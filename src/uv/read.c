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
    loop_make_due_for(uv, STAGE_SAY);
    return 0;
}

int adieu_uv_read_stop(struct adieu_uv *uv)
{
    uv->reading = false;
    if (uv->stage == STAGE_NONE)
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

/*
 * A record's header tells in plaintext that data is in it (RFC 8446 5.2); TLS 1.3 tells it of everything, but its alerts and
 * KeyUpdates have a size of their own, and tickets come before data. So it need not be decrypted before alloc is asked for room,
 * which would cost a second call of the engine. Where the guess is wrong, who reads is told of 0 bytes.
 */
void read_foresee(struct adieu_uv *uv, const uint8_t *bytes, size_t size)
{
    enum { HEADER = 5, DATA = 23, ALERT_SIZE = 2 + 1 + 16, KEY_UPDATE_SIZE = 5 + 1 + 16, ADDED = 24 };
    uv->foreseen = 0;
    while (uv->heard && size > HEADER && bytes[0] == DATA) {
        size_t length = (size_t)bytes[3] << 8 | bytes[4];
        if (size < HEADER + length || length == ALERT_SIZE || length == KEY_UPDATE_SIZE)
            return;
        uv->foreseen += length > ADDED ? length - ADDED : 1;
        bytes += HEADER + length;
        size -= HEADER + length;
    }
}

static bool has_something(const struct adieu_uv *uv)
{
    size_t got;
    if (!adieu_readable(uv->socket.stream))
        return false;
    return uv->foreseen || adieu_read(uv->socket.stream, NULL, 0, &got) == ADIEU_OK;
}

/* Several records, if there are and they fit. */
static size_t fill(struct adieu_uv *uv, const uv_buf_t *buf)
{
    size_t n = 0, got;
    while (n < buf->len && adieu_read(uv->socket.stream, buf->base + n, buf->len - n, &got) == ADIEU_OK)
        n += got;
    uv->heard = uv->heard || n;
    uv->foreseen = n == buf->len && n < uv->foreseen ? uv->foreseen - n : 0;
    return n;
}

void read_deliver(struct adieu_uv *uv)
{
    while (uv->reading && has_something(uv) && uv->reading) {
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
    enum adieu_receiving receiving = adieu_receiving(uv->socket.stream);
    if (receiving != ADIEU_RECEIVING_OPEN || uv->failed)
        tell_end(uv, receiving == ADIEU_RECEIVING_CLOSED ? UV_EOF : handle_code(uv));
}
