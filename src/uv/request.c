/* SPDX-License-Identifier: MIT */
/* What was asked for: kept in order, cancelled, and over. */
#include <stdlib.h>
#include <string.h>

#include "uv.h"

/* ------------------------------------------------ lists */

void requests_init(struct requests *requests)
{
    requests->first = NULL;
    requests->end = &requests->first;
}

void requests_add(struct requests *requests, struct adieu_uv_request *request)
{
    request->next = NULL;
    *requests->end = request;
    requests->end = &request->next;
}

struct adieu_uv_request *requests_take(struct requests *requests)
{
    struct adieu_uv_request *request = requests->first;
    if (request)
        requests->first = request->next;
    if (!requests->first)
        requests->end = &requests->first;
    return request;
}

static bool remove_from(struct requests *requests, struct adieu_uv_request *request)
{
    struct adieu_uv_request **at = &requests->first;
    while (*at && *at != request)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = request->next;
    if (!*at)
        requests->end = at;
    return true;
}

/* ------------------------------------------------ over */

/* What is in the buffers and was not taken. */
static size_t untaken(const struct adieu_uv_request *request)
{
    size_t size = 0;
    for (unsigned i = request->buf_at; i < request->buf_count; i++)
        size += request->bufs[i].len;
    return size - request->buf_offset;
}

/* How much of it left: what was taken of it ends at request->end of all that was. */
static void account(struct adieu_uv_request *request)
{
    uint64_t sent = say_sent(request->uv);
    uint64_t start = request->end - request->taken;
    if (sent >= request->end)
        request->sent = request->taken;
    else
        request->sent = sent > start ? (size_t)(sent - start) : 0;
}

void request_over(struct adieu_uv_request *request, int status)
{
    struct adieu_uv *uv = request->uv;
    if (request->kind == REQUEST_WRITE) {
        account(request);
        uv->waiting -= untaken(request);
        if (request->bufs != request->few)
            free(request->bufs);
    }
    request->status = status;
    requests_add(&uv->over, request);
    loop_make_due_for(uv, STAGE_TELL);
}

void requests_over(struct requests *requests, int status)
{
    struct adieu_uv_request *request;
    while ((request = requests_take(requests)))
        request_over(request, status);
}

void requests_all_over(struct adieu_uv *uv, int status)
{
    if (uv->connect)
        request_over(uv->connect, status);
    uv->connect = NULL;
    requests_over(&uv->handshakes, status);
    requests_over(&uv->leaves, status);
    requests_over(&uv->says, status);
}

/* ------------------------------------------------ asking */

static void begin(struct adieu_uv_request *request, struct adieu_uv *uv, enum request_kind kind,
                  void (*done)(struct adieu_uv_request *request, int status))
{
    request->uv = uv;
    request->kind = (int)kind;
    request->done = done;
    request->closed = NULL;
    request->status = 0;
    request->taken = request->sent = 0;
    request->bufs = request->few;
    request->buf_count = request->buf_at = 0;
    request->buf_offset = 0;
    request->end = 0;
    bool said = kind == REQUEST_WRITE || kind == REQUEST_SHUTDOWN;
    if (said && !uv->failed) /* that a handshake has failed is told by a whole turn only */
        loop_make_due_for(uv, STAGE_SAY);
    else
        loop_make_due(uv);
}

/* From here on connecting and the handshake have a deadline. */
static void start_clock(struct adieu_uv *uv)
{
    if (!uv->established && uv->handshake_at == INT64_MAX && uv->handshake_ms)
        uv->handshake_at = time_later(loop_now(uv->loop), (int64_t)uv->handshake_ms);
}

int adieu_uv_connect(struct adieu_uv_request *request, struct adieu_uv *uv, const struct adieu_uv_address *address,
                     void (*done)(struct adieu_uv_request *request, int status))
{
    if (uv->transport || uv->gone || uv->connect || uv->opening || uv->goodbye.begun)
        return UV_EALREADY;
    int code = opening_start(uv, address);
    if (code)
        return code;
    begin(request, uv, REQUEST_CONNECT, done);
    uv->connect = request;
    start_clock(uv);
    return 0;
}

int adieu_uv_handshake(struct adieu_uv_request *request, struct adieu_uv *uv,
                       void (*done)(struct adieu_uv_request *request, int status))
{
    if (uv->goodbye.begun)
        return UV_EALREADY;
    if (!uv->transport && !uv->opening && !uv->gone)
        return UV_ENOTCONN;
    begin(request, uv, REQUEST_HANDSHAKE, done);
    requests_add(&uv->handshakes, request);
    uv->asked = true;
    start_clock(uv);
    return 0;
}

static bool copy_bufs(struct adieu_uv_request *request, const uv_buf_t *bufs, unsigned count)
{
    if (count > sizeof request->few / sizeof request->few[0])
        request->bufs = calloc(count, sizeof *bufs);
    if (!request->bufs)
        return false;
    if (count)
        memcpy(request->bufs, bufs, count * sizeof *bufs);
    request->buf_count = count;
    return true;
}

int adieu_uv_write(struct adieu_uv_request *request, struct adieu_uv *uv, const uv_buf_t *bufs, unsigned count,
                   void (*done)(struct adieu_uv_request *request, int status))
{
    if (uv->shut || uv->gone)
        return UV_EPIPE;
    begin(request, uv, REQUEST_WRITE, done);
    if (!copy_bufs(request, bufs, count))
        return UV_ENOMEM;
    requests_add(&uv->says, request);
    uv->waiting += untaken(request);
    return 0;
}

int adieu_uv_shutdown(struct adieu_uv_request *request, struct adieu_uv *uv,
                      void (*done)(struct adieu_uv_request *request, int status))
{
    begin(request, uv, REQUEST_SHUTDOWN, done);
    requests_add(&uv->says, request);
    uv->shut = true;
    return 0;
}

/* ------------------------------------------------ cancelling */

static bool another_shutdown(const struct adieu_uv *uv)
{
    const struct adieu_uv_request *each = uv->says.first;
    while (each && each->kind != REQUEST_SHUTDOWN)
        each = each->next;
    return each != NULL;
}

/* Whether nothing more may be asked to be said: an end of it was asked for, is sealed, or came otherwise. */
static bool is_shut(const struct adieu_uv *uv)
{
    return uv->goodbye.begun || uv->said || another_shutdown(uv) ||
           adieu_sending(uv->socket.stream) != ADIEU_SENDING_OPEN;
}

/* What was waited for rests. False: it is over already. */
static bool rest(struct adieu_uv *uv, struct adieu_uv_request *request)
{
    switch ((enum request_kind)request->kind) {
    case REQUEST_CONNECT:
        if (uv->connect != request)
            return false;
        uv->connect = NULL;
        opening_leave(uv);
        if (!uv->handshakes.first && !uv->says.first) /* nothing is asked for that would need an end */
            uv->handshake_at = INT64_MAX;
        return true;
    case REQUEST_HANDSHAKE:
        if (!remove_from(&uv->handshakes, request))
            return false;
        uv->asked = uv->asked && uv->handshakes.first;
        return true;
    case REQUEST_WRITE:
        return remove_from(&uv->says, request) || remove_from(&uv->leaves, request);
    case REQUEST_SHUTDOWN:
        if (!remove_from(&uv->says, request))
            return remove_from(&uv->leaves, request);
        uv->shut = is_shut(uv);
        return true;
    case REQUEST_CLOSE:
        if (!remove_from(&uv->closes, request)) /* a farewell neither: the handle is gone from the program */
            return false;
        uv->goodbye.begun = uv->closes.first || uv->farewell;
        uv->shut = is_shut(uv);
        return true;
    }
    return false;
}

static bool is_being_taken(const struct adieu_uv *uv, const struct adieu_uv_request *request)
{
    const struct adieu_uv_request *each = uv->says.first;
    for (unsigned n = 0; n < uv->taking; n++, each = each->next)
        if (each == request)
            return true;
    return false;
}

int adieu_uv_cancel(struct adieu_uv_request *request)
{
    struct adieu_uv *uv = request->uv;
    bool taking = is_being_taken(uv, request); /* over as soon as it is known how much of it was taken */
    if (taking && !request->status) {
        uv->taking_over = true;
        request->status = UV_ECANCELED;
        return 0;
    }
    if (taking || !rest(uv, request))
        return UV_EALREADY;
    request_over(request, UV_ECANCELED);
    return 0;
}

/* ------------------------------------------------ closing */

static void say_goodbye(struct requests *requests, struct adieu_uv_request *request, struct adieu_uv *uv,
                        struct adieu_uv_patience patience,
                        void (*closed)(struct adieu_uv_request *request, int status, const struct adieu_ending *ending))
{
    int64_t now = loop_now(uv->loop);
    struct patience wanted = {.quiet_ms = patience.quiet_ms,
                              .deadline = patience.total_ms < 0 ? INT64_MAX : time_later(now, patience.total_ms)};
    const struct patience *old = &uv->goodbye.patience;
    if (uv->goodbye.begun) {
        if (wanted.quiet_ms < 0 || (old->quiet_ms >= 0 && old->quiet_ms < wanted.quiet_ms))
            wanted.quiet_ms = old->quiet_ms;
        uv->goodbye.patience.quiet_ms = wanted.quiet_ms;
        uv->goodbye.patience.deadline = time_earlier(wanted.deadline, old->deadline);
    } else {
        goodbye_begin(&uv->goodbye, wanted, now);
        uv->goodbye.begun = true;
    }
    begin(request, uv, REQUEST_CLOSE, NULL);
    request->closed = closed;
    requests_add(requests, request);
    uv->shut = true;
}

int adieu_uv_close(struct adieu_uv_request *request, struct adieu_uv *uv, struct adieu_uv_patience patience,
                   void (*closed)(struct adieu_uv_request *request, int status, const struct adieu_ending *ending))
{
    say_goodbye(&uv->closes, request, uv, patience, closed);
    return 0;
}

int adieu_uv_farewell(struct adieu_uv_request *request, struct adieu_uv *uv, struct adieu_uv_patience patience,
                      void (*closed)(struct adieu_uv_request *request, int status, const struct adieu_ending *ending))
{
    say_goodbye(&uv->farewells, request, uv, patience, closed);
    uv->farewell = true;
    uv->reading = false;
    uv->idle = NULL;
    adieu_watch(uv->socket.stream, NULL, NULL);
    return 0;
}
