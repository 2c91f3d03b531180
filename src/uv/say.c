/* SPDX-License-Identifier: MIT */
/* What is to be said: writes and shutdowns are taken by the stream in their order, leave, and are told of. */
#include "uv.h"

bool say_lives(const struct adieu_uv *uv)
{
    enum adieu_sending sending = adieu_ending(uv->socket.stream).sending;
    return sending == ADIEU_SENDING_OPEN || sending == ADIEU_SENDING_CLOSING;
}

/* ------------------------------------------------ taking */

/*
 * Takes what the queue has room for. OK: all of it. A callback of the stream, inside adieu_write(), may have freed the handle:
 * then the request is the program's already.
 */
static enum adieu_status take(struct adieu_uv *uv, struct adieu_uv_request *request)
{
    enum adieu_status status = ADIEU_OK;
    while (status == ADIEU_OK && !uv->taking_over && request->buf_at < request->buf_count) {
        const uv_buf_t *buf = &request->bufs[request->buf_at];
        size_t left = buf->len - request->buf_offset, took = 0;
        const char *from = left ? buf->base + request->buf_offset : NULL;
        status = adieu_write(uv->socket.stream, from, left, &took);
        if (uv->freed)
            return status;
        request->taken += took;
        request->buf_offset += took;
        if (status == ADIEU_OK && took == left) {
            request->buf_at++;
            request->buf_offset = 0;
        }
    }
    request->end = adieu_ending(uv->socket.stream).taken;
    return status;
}

static enum adieu_status say(struct adieu_uv *uv, struct adieu_uv_request *request)
{
    if (request->kind != REQUEST_WRITE)
        return adieu_shutdown(uv->socket.stream);
    size_t before = request->taken;
    uv->taking = request;
    enum adieu_status status = take(uv, request);
    uv->taking = NULL;
    if (uv->freed)
        return status;
    uv->waiting -= request->taken - before;
    if (uv->taking_over)
        (void)adieu_uv_cancel(request);
    uv->taking_over = false;
    return status;
}

/* A callback of the stream has ended it: nothing more leaves. */
static bool is_ended(const struct adieu_uv *uv)
{
    return uv->abort_due || uv->freed;
}

/* In their order. OK or WAIT leave the stream as it is; what fails is over, with all behind it. */
static void say_what_waits(struct adieu_uv *uv)
{
    struct adieu_uv_request *request;
    while ((request = uv->says.first)) {
        enum adieu_status status = say(uv, request);
        if (status == ADIEU_WAIT || is_ended(uv) || request != uv->says.first) /* cancelled by a callback, too */
            return;
        if (status != ADIEU_OK) { /* MISUSE: the program called adieu_shutdown() itself */
            socket_look_behind(&uv->socket);
            return;
        }
        requests_add(&uv->leaves, requests_take(&uv->says));
    }
}

static bool has_left(const struct adieu_uv_request *request, const struct adieu_ending *ending)
{
    return request->kind == REQUEST_WRITE ? ending->sent >= request->end : ending->sending == ADIEU_SENDING_CLOSED;
}

static void tell_what_left(struct adieu_uv *uv)
{
    const struct adieu_ending ending = adieu_ending(uv->socket.stream);
    while (uv->leaves.first && has_left(uv->leaves.first, &ending))
        request_over(requests_take(&uv->leaves), 0);
    bool stopped = ending.sending == ADIEU_SENDING_FAILED || ending.sending == ADIEU_SENDING_ABORTED;
    if (!stopped || (!uv->leaves.first && !uv->says.first))
        return;
    socket_look_behind(&uv->socket); /* so that the peer's alert, not our EPIPE, is the explanation */
    int code = handle_over_code(uv);
    requests_over(&uv->leaves, code);
    requests_over(&uv->says, code);
}

/* What was asked for behind an end of ours. */
static void refuse_what_waits(struct adieu_uv *uv)
{
    struct adieu_uv_request *request;
    while (!say_lives(uv) && (request = requests_take(&uv->says)))
        request_over(request, request->kind == REQUEST_SHUTDOWN &&
                                      adieu_ending(uv->socket.stream).sending == ADIEU_SENDING_CLOSED
                                  ? 0
                                  : UV_EPIPE);
}

static bool send_sealed(struct adieu_uv *uv)
{
    bool moved = !uv->full && socket_send(&uv->socket);
    uv->full = socket_unsent(&uv->socket) && uv->socket.speaks;
    if (moved && uv->socket.out_over)
        loop_make_due(uv); /* a handshake looks why */
    return moved;
}

void say_send(struct adieu_uv *uv)
{
    if (is_ended(uv))
        return;
    if (uv->established) {
        int round = 0;
        do
            say_what_waits(uv);
        while (!is_ended(uv) && send_sealed(uv) && uv->says.first && !uv->full && ++round < ROUNDS);
        if (round == ROUNDS) /* the others first */
            loop_make_due(uv);
        tell_what_left(uv);
        refuse_what_waits(uv);
    } else if (uv->transport) {
        (void)send_sealed(uv);
    }
}

/* ------------------------------------------------ at once */

/* What take() answers when it took nothing. */
static int nothing_taken(const struct adieu_uv *uv, enum adieu_status status)
{
    switch (status) {
    case ADIEU_OK:
        return 0;
    case ADIEU_WAIT:
        return UV_EAGAIN;
    case ADIEU_FAIL:
        return handle_code(uv);
    case ADIEU_END:
    case ADIEU_MISUSE: /* the program called adieu_shutdown() itself */
        break;
    }
    return UV_EPIPE;
}

int adieu_uv_try_write(struct adieu_uv *uv, const uv_buf_t *bufs, unsigned count)
{
    if (uv->shut || uv->gone)
        return UV_EPIPE;
    if (uv->failed)
        return handle_code(uv);
    if (uv->in_verbs || !uv->established || uv->says.first || socket_unsent(&uv->socket))
        return UV_EAGAIN;
    struct adieu_uv_request request = {.kind = REQUEST_WRITE, .uv = uv, .buf_count = count};
    request.bufs = (uv_buf_t *)(uintptr_t)bufs; /* only read */
    handle_enter(uv);
    uv->in_verbs = true;
    enum adieu_status status = take(uv, &request);
    (void)send_sealed(uv);
    uv->in_verbs = false;
    loop_make_due(uv);
    int answer = request.taken ? (int)request.taken : nothing_taken(uv, status);
    handle_leave(uv);
    return answer;
}
