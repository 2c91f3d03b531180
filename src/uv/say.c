/* SPDX-License-Identifier: MIT */
/* What is to be said: writes and shutdowns are taken by the stream in their order, leave, and are told of. */
#include "uv.h"

bool say_lives(const struct adieu_uv *uv)
{
    enum adieu_sending sending = adieu_sending(uv->socket.stream);
    return sending == ADIEU_SENDING_OPEN || sending == ADIEU_SENDING_CLOSING;
}

uint64_t say_sent(const struct adieu_uv *uv)
{
    enum adieu_sending sending = adieu_sending(uv->socket.stream);
    bool all = sending == ADIEU_SENDING_OPEN && adieu_wire_out(uv->socket.stream, NULL) == 0; /* it need not be asked */
    return all ? uv->taken : adieu_ending(uv->socket.stream).sent;
}

/* ------------------------------------------------ taking */

/* What the stream is given at once, of one write or of several: its records go across their borders. */
struct batch {
    struct adieu_piece pieces[PIECES];
    size_t count, size;
};

/* Adds what is left of a write. False: the batch takes no more. */
static bool gather(struct batch *batch, const struct adieu_uv_request *request)
{
    size_t offset = request->buf_offset;
    for (unsigned i = request->buf_at; i < request->buf_count; i++, offset = 0) {
        const uv_buf_t *buf = &request->bufs[i];
        const size_t left = buf->len - offset, room = BATCH - batch->size;
        if (batch->count == PIECES || !room)
            return false;
        if (!left)
            continue;
        const size_t n = left < room ? left : room;
        batch->pieces[batch->count++] = (struct adieu_piece){.bytes = buf->base + offset, .size = n};
        batch->size += n;
        if (n < left)
            return false;
    }
    return true;
}

/* The stream took as many of its bytes as there are, and *took; what is left of *took is of the next. True: it took all. */
static bool pass(struct adieu_uv_request *request, size_t *took)
{
    for (; request->buf_at < request->buf_count; request->buf_at++, request->buf_offset = 0) {
        size_t left = request->bufs[request->buf_at].len - request->buf_offset;
        size_t n = left < *took ? left : *took;
        request->taken += n;
        *took -= n;
        if (n < left) {
            request->buf_offset += n;
            return false;
        }
    }
    return true;
}

/* As adieu_writev() answers, but WAIT: not all was taken. */
static enum adieu_status take(const struct adieu_uv *uv, const struct batch *batch, size_t *took)
{
    enum adieu_status status = adieu_writev(uv->socket.stream, batch->pieces, batch->count, took);
    return status == ADIEU_OK && *took < batch->size ? ADIEU_WAIT : status;
}

/* Those that were cancelled while they were taken: how much of them leaves is known now. */
static void heed_cancels(struct adieu_uv_request *request)
{
    while (request) {
        struct adieu_uv_request *next = request->next;
        if (request->status)
            (void)adieu_uv_cancel(request);
        request = next;
    }
}

/* Of the first writes that wait this much was taken. */
static void taken(struct adieu_uv *uv, size_t took)
{
    bool all = true;
    uv->waiting -= took;
    for (unsigned count = uv->taking; all && count; count--) {
        struct adieu_uv_request *request = uv->says.first;
        size_t rest = took;
        all = pass(request, &rest);
        uv->taken += took - rest;
        took = rest;
        request->end = uv->taken;
        if (all)
            requests_add(&uv->leaves, requests_take(&uv->says));
    }
    uv->taking = 0;
    if (uv->taking_over) {
        heed_cancels(uv->leaves.first);
        heed_cancels(uv->says.first);
    }
    uv->taking_over = false;
}

/*
 * The writes that wait, as far as the queue has room. OK: they are on their way. A callback of the stream, inside
 * adieu_writev(), may have freed the handle: then the requests are the program's already.
 */
static enum adieu_status say_writes(struct adieu_uv *uv)
{
    struct batch batch;
    batch.count = batch.size = 0;
    size_t took = 0;
    bool more = true;
    for (const struct adieu_uv_request *request = uv->says.first; more && request && request->kind == REQUEST_WRITE;
         request = request->next) {
        more = gather(&batch, request);
        uv->taking++;
    }
    enum adieu_status status = take(uv, &batch, &took);
    if (!uv->freed)
        taken(uv, took);
    uv->taking = 0;
    return status;
}

static enum adieu_status say_end(struct adieu_uv *uv)
{
    enum adieu_status status = adieu_shutdown(uv->socket.stream);
    if (status == ADIEU_OK && !uv->freed && uv->says.first && uv->says.first->kind == REQUEST_SHUTDOWN)
        requests_add(&uv->leaves, requests_take(&uv->says));
    return status;
}

/* A callback of the stream has ended it: nothing more leaves. */
static bool is_ended(const struct adieu_uv *uv)
{
    return uv->abort_due || uv->freed;
}

/*
 * In their order, as much as is sent at once. OK or WAIT leave the stream as it is; what fails is over, with all behind it.
 */
static void say_what_waits(struct adieu_uv *uv)
{
    enum adieu_status status = ADIEU_OK;
    const uint64_t enough = uv->taken + BATCH;
    while (status == ADIEU_OK && !is_ended(uv) && uv->says.first && uv->taken < enough)
        status = uv->says.first->kind == REQUEST_WRITE ? say_writes(uv) : say_end(uv);
    if (status != ADIEU_OK && status != ADIEU_WAIT &&
        !is_ended(uv)) /* MISUSE: the program called adieu_shutdown() itself */
        socket_look_behind(&uv->socket);
}

static void tell_what_left(struct adieu_uv *uv)
{
    if (!uv->leaves.first && !uv->says.first)
        return;
    const enum adieu_sending sending = adieu_sending(uv->socket.stream);
    const uint64_t sent = say_sent(uv);
    struct adieu_uv_request *request;
    while ((request = uv->leaves.first) &&
           (request->kind == REQUEST_WRITE ? sent >= request->end : sending == ADIEU_SENDING_CLOSED))
        request_over(requests_take(&uv->leaves), 0);
    bool stopped = sending == ADIEU_SENDING_FAILED || sending == ADIEU_SENDING_ABORTED;
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
        request_over(request,
                     request->kind == REQUEST_SHUTDOWN && adieu_sending(uv->socket.stream) == ADIEU_SENDING_CLOSED
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
    if (is_ended(uv) || (!uv->says.first && !uv->leaves.first && !socket_unsent(&uv->socket)))
        return;
    if (uv->established) {
        int round = 0;
        do
            say_what_waits(uv);
        while (!is_ended(uv) && send_sealed(uv) && uv->says.first && !uv->full && ++round < ROUNDS);
        if (round == ROUNDS) /* the others first */
            loop_make_due(uv);
        tell_what_left(uv);
        if (uv->says.first)
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
    struct adieu_uv_request request = {.buf_count = count};
    struct batch batch;
    batch.count = batch.size = 0;
    request.bufs = (uv_buf_t *)(uintptr_t)bufs; /* only read */
    (void)gather(&batch, &request);             /* if there are more, they are not taken */
    size_t took = 0;
    handle_enter(uv);
    uv->in_verbs = true;
    enum adieu_status status = take(uv, &batch, &took);
    uv->taken += took;
    (void)send_sealed(uv);
    uv->in_verbs = false;
    loop_make_due_for(uv, STAGE_SAY);
    int answer = took ? (int)took : nothing_taken(uv, status);
    handle_leave(uv);
    return answer;
}
