/* SPDX-License-Identifier: MIT */
/*
 * Happy eyeballs (RFC 8305): the addresses of a name are tried a little after one another, while the earlier attempts go on;
 * the first that connects wins. So an address that swallows everything costs 250 ms, not a time-out.
 */
#include "opening.h"

/* ------------------------------------------------ one attempt */

static void go_on(struct opening *opening);

static void timer_ran(uv_timer_t *timer)
{
    go_on(timer->data);
}

static void go_on_in(struct opening *opening, uint64_t milliseconds)
{
    (void)uv_timer_start(&opening->timer, timer_ran, milliseconds, 0); /* fails only while closing */
}

static void fail(struct opening *opening, size_t index, int code)
{
    opening->targets.each[index].error = -code;
    go_on_in(opening, 0);
}

/* Its callback is the last of libuv's that uses the request; after race_give_up() it has nothing else to do. */
static void decided(uv_connect_t *request, int status)
{
    struct attempt *attempt = request->data;
    struct opening *opening = attempt->opening;
    const size_t index = (size_t)(attempt - opening->attempts);
    uv_stream_t *stream = attempt->stream;
    attempt->stream = NULL;
    if (stream && (status == 0 || status == UV_ECONNRESET)) {
        /* Whoever refuses us says ECONNREFUSED: this one took the connection, and may have said why it reset it. */
        opening->uv->socket.reset_error = -status;
        opening_done(opening, 0, stream);
    } else if (stream) {
        transport_dispose(stream);
        fail(opening, index, status);
    }
    opening_unref(opening);
}

/* A Unix listener's queue is full, and nothing tells when it no longer is. */
static void decided_unix(uv_connect_t *request, int status)
{
    struct attempt *attempt = request->data;
    struct opening *opening = attempt->opening;
    if (!attempt->stream || status != UV_EAGAIN) {
        decided(request, status);
        return;
    }
    transport_dispose(attempt->stream);
    attempt->stream = NULL;
    opening->begun--; /* there is but one */
    go_on_in(opening, RETRY_MS);
    opening_unref(opening);
}

static int call_connect(struct opening *opening, struct attempt *attempt, struct target *target)
{
    const struct addrinfo *local = opening->targets.local;
    uv_tcp_t *tcp = (uv_tcp_t *)attempt->stream;
    int code = local ? uv_tcp_bind(tcp, local->ai_addr, 0) : 0;
    target->local = code != 0;
    return code ? code : uv_tcp_connect(&attempt->request, tcp, target->address->ai_addr, decided);
}

static void begin(struct opening *opening)
{
    const size_t index = opening->begun++;
    struct attempt *attempt = &opening->attempts[index];
    struct target *target = &opening->targets.each[index];
    bool path = target->address->ai_family == AF_UNIX;
    *attempt = (struct attempt){.request.data = attempt, .opening = opening};
    attempt->stream = transport_new(opening->timer.loop, path ? UV_NAMED_PIPE : UV_TCP);
    int code = attempt->stream ? 0 : UV_ENOMEM;
    if (code == 0 && path)
        uv_pipe_connect(&attempt->request, (uv_pipe_t *)attempt->stream, opening->unix_target.address.sun_path,
                        decided_unix);
    else if (code == 0)
        code = call_connect(opening, attempt, target);
    if (code == 0) {
        opening->references++;
        return;
    }
    if (attempt->stream)
        transport_dispose(attempt->stream);
    attempt->stream = NULL;
    fail(opening, index, code);
}

/* ------------------------------------------------ all of them */

static bool in_flight(const struct opening *opening)
{
    for (size_t i = 0; i < opening->begun; i++)
        if (opening->attempts[i].stream)
            return true;
    return false;
}

static void none_did(struct opening *opening)
{
    char text[sizeof opening->uv->error->text];
    int error = targets_explain(&opening->targets, text, sizeof text);
    opening_done(opening, handle_fail(opening->uv, -error, ADIEU_ERR_CONNECT, "%s", text), NULL);
}

/* The next one is due: its time has come, or one has failed. */
static void go_on(struct opening *opening)
{
    if (opening->begun < opening->targets.count) {
        go_on_in(opening, ATTEMPT_DELAY_MS);
        begin(opening);
    } else if (!in_flight(opening)) {
        none_did(opening);
    }
}

void race_begin(struct opening *opening)
{
    go_on_in(opening, 0);
}

void race_give_up(struct opening *opening)
{
    for (size_t i = 0; i < opening->begun; i++) {
        if (opening->attempts[i].stream)
            transport_dispose(opening->attempts[i].stream);
        opening->attempts[i].stream = NULL;
    }
}
