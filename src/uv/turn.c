/* SPDX-License-Identifier: MIT */
/*
 * A handle's turn: what was asked for is done as far as stream and socket go, and who waited for it is told. Its steps are
 * derived from how both stand, so it may be called at any time, and again.
 */
#include <poll.h>

#include "uv.h"

/* ------------------------------------------------ the handshake */

static void established(struct adieu_uv *uv)
{
    uv->established = true;
    uv->handshake_at = INT64_MAX;
    uv->moved_at = loop_now(uv->loop);
    requests_over(&uv->handshakes, 0);
}

static void handshake_failed(struct adieu_uv *uv)
{
    uv->failed = true;
    uv->handshake_at = INT64_MAX;
    requests_all_over(uv, handle_code(uv));
}

/*
 * What we had to say did not leave. If what had come does not explain it, the answer never will, so there is nothing to wait
 * for.
 */
static enum adieu_status look_for_answer(struct adieu_uv *uv)
{
    struct adieu_stream *stream = uv->socket.stream;
    enum adieu_status status = ADIEU_WAIT;
    adieu_wire_settle(stream);
    for (int turn = 0; status == ADIEU_WAIT && turn < TURNS && socket_receive(&uv->socket); turn++)
        status = adieu_handshake(stream);
    if (status != ADIEU_WAIT)
        return status;
    uv->socket.in_over = true;
    adieu_wire_reset(stream, adieu_ending(stream).os_error);
    return adieu_handshake(stream);
}

static void shake_hands(struct adieu_uv *uv)
{
    if (uv->established && uv->handshakes.first)
        requests_over(&uv->handshakes, 0);
    if (uv->failed)
        requests_all_over(uv, handle_code(uv));
    if (!uv->asked || uv->established || uv->failed || !uv->transport)
        return;
    socket_speak(&uv->socket);
    enum adieu_status status = adieu_handshake(uv->socket.stream);
    if (status == ADIEU_WAIT && uv->socket.out_over)
        status = look_for_answer(uv);
    if (status == ADIEU_OK)
        established(uv);
    else if (status == ADIEU_FAIL)
        handshake_failed(uv);
}

/* ------------------------------------------------ receiving */

/* Whether anybody wants what comes now. */
static bool wants_input(const struct adieu_uv *uv)
{
    if (!uv->asked && !uv->established)
        return false;
    if (uv->failed)
        return false;
    return !uv->established || uv->reading || uv->says.first || uv->leaves.first || socket_unsent(&uv->socket);
}

/*
 * True: there may be more. What lies behind less than there was room for, an end perhaps, libuv tells in its own time: it
 * tells as long as there is something.
 */
static bool receive(struct adieu_uv *uv)
{
    if (!uv->readable || !wants_input(uv))
        return false;
    uv->readable = socket_lend(&uv->socket, uv->loop->buffer, RECEIVED) && !uv->socket.drained;
    read_foresee(uv, uv->loop->buffer, uv->socket.lent);
    return uv->readable;
}

/* Makes the engine look at what came: an alert ends the waiting, half of a message wants its other half. */
static void look_at_it(struct adieu_uv *uv)
{
    size_t got;
    if (uv->established && !uv->reading && adieu_readable(uv->socket.stream))
        (void)!adieu_read(uv->socket.stream, NULL, 0, &got);
}

/* ------------------------------------------------ telling */

static void call_back(struct adieu_uv *uv)
{
    struct adieu_uv_request *request, **end = uv->over.end; /* what is added meanwhile is told later */
    bool more = uv->over.first != NULL;
    while (more && (request = requests_take(&uv->over))) {
        more = &request->next != end;
        uv->in_verbs = false;
        if (request->done)
            request->done(request, request->status);
        else if (request->closed) { /* a close that was cancelled */
            const struct adieu_ending ending = adieu_ending(uv->socket.stream);
            request->closed(request, request->status, &ending);
        }
        uv->in_verbs = true;
    }
}

static void tell_closed(struct adieu_uv *uv, struct requests *requests, int status)
{
    const struct adieu_ending ending = adieu_ending(uv->socket.stream);
    struct adieu_uv_request *request, **end = requests->end;
    bool more = true;
    while (more && (request = requests_take(requests))) {
        more = &request->next != end;
        uv->in_verbs = false;
        if (request->closed)
            request->closed(request, status, &ending);
        uv->in_verbs = true;
    }
}

/* Once nothing more is said, or will be. */
static void tell_farewells(struct adieu_uv *uv)
{
    if (uv->farewells.first && (uv->gone || (uv->said && !say_lives(uv))))
        tell_closed(uv, &uv->farewells, adieu_sending(uv->socket.stream) == ADIEU_SENDING_CLOSED ? 0 : handle_code(uv));
}

/* ------------------------------------------------ the wire */

/* Asked for inside a callback of the stream, where nothing could be done. */
static void heed_abort(struct adieu_uv *uv)
{
    if (uv->abort_due && !uv->gone)
        handle_break_off(uv, uv->abort_reason);
    uv->abort_due = false;
}

/* One round: what came in, what goes out, and who waited for either. True: another is worth it. */
static bool exchange(struct adieu_uv *uv)
{
    bool more = receive(uv);
    shake_hands(uv);
    heed_abort(uv); /* before what is still to be said leaves, and before more is heard */
    look_at_it(uv);
    if (uv->says.first || uv->leaves.first) /* who asked to write is told before who reads */
        say_send(uv);
    heed_abort(uv);
    if (uv->over.first)
        call_back(uv);
    if (uv->established && !uv->freed)
        read_deliver(uv);
    adieu_wire_settle(uv->socket.stream);
    return more;
}

/* What had come may wait until what the engine has to say has left. */
static bool may_read_on(const struct adieu_uv *uv)
{
    return uv->socket.left && (uv->reading || uv->says.first) && adieu_readable(uv->socket.stream) &&
           adieu_receiving(uv->socket.stream) == ADIEU_RECEIVING_OPEN;
}

static void note_movement(struct adieu_uv *uv)
{
    if (!uv->socket.came && !uv->socket.left)
        return;
    if (may_read_on(uv))
        loop_make_due(uv);
    uv->moved_at = loop_now(uv->loop);
    warm_touch(uv);
    uv->socket.came = uv->socket.left = false;
}

/* ------------------------------------------------ the goodbye */

static void say_goodbye(struct adieu_uv *uv)
{
    bool may_say = !uv->says.first || !uv->established;
    if (uv->said || uv->gone || !may_say)
        return;
    uv->said = true;
    if (!uv->transport || !goodbye_say(&uv->socket))
        handle_break_off(uv, ADIEU_REASON_REQUEST);
}

/* It must not before what came was looked at. */
static bool patience_ends(const struct adieu_uv *uv)
{
    return uv->goodbye.begun && goodbye_is_late(&uv->goodbye, loop_now(uv->loop));
}

static void go_on_closing(struct adieu_uv *uv)
{
    if (!uv->goodbye.begun)
        return;
    say_goodbye(uv);
    if (!uv->transport)
        return;
    bool told = uv->readable || patience_ends(uv);
    goodbye_exchange(&uv->socket, uv->reading ? INCOMING_LEFT : told ? INCOMING_NOBODYS : INCOMING_UNTOLD);
    uv->readable = uv->readable && uv->reading; /* what was not taken libuv tells again */
    enum goodbye_step step = goodbye_step(&uv->goodbye, &uv->socket, loop_now(uv->loop));
    if (step != GOODBYE_GO_ON)
        transport_release(uv, step == GOODBYE_RESET);
    say_send(uv); /* and what it has sent is told */
}

/* ------------------------------------------------ time */

static bool handshake_is_late(const struct adieu_uv *uv)
{
    return !uv->established && !uv->gone && !uv->failed && loop_now(uv->loop) >= uv->handshake_at;
}

/* It was looked at what came: a loop that slept beyond the deadline may find the answer there. */
static void end_late_handshake(struct adieu_uv *uv)
{
    if (uv->freed || !handshake_is_late(uv))
        return;
    opening_late(uv);
    handle_break_off(uv, ADIEU_REASON_DEADLINE);
}

static void look_for_idleness(struct adieu_uv *uv)
{
    if (!uv->idle)
        return;
    int64_t now = loop_now(uv->loop);
    if (uv->established && !uv->gone && !uv->goodbye.begun && now - uv->moved_at >= (int64_t)uv->idle_ms) {
        uv->moved_at = now;
        uv->in_verbs = false;
        uv->idle(uv);
        uv->in_verbs = true;
    }
}

/* Another wake is set only where it is earlier: one that comes too early costs less than to move it at each turn. */
static void set_clock(struct adieu_uv *uv)
{
    int64_t when = INT64_MAX;
    if (!uv->gone && uv->goodbye.begun)
        when = goodbye_until(&uv->goodbye);
    else if (!uv->gone && !uv->established)
        when = uv->handshake_at;
    else if (!uv->gone && uv->idle)
        when = time_later(uv->moved_at, (int64_t)uv->idle_ms);
    when = time_earlier(when, uv->retry_at);
    if (uv->wake_index ? when < uv->wake_at || when == INT64_MAX : when != INT64_MAX)
        loop_wake_at(uv, when);
}

static void set_polls(struct adieu_uv *uv)
{
    short events = uv->goodbye.begun ? goodbye_events(&uv->socket) : socket_events(&uv->socket);
    bool wanted = uv->goodbye.begun || wants_input(uv);
    bool unsent = events & POLLOUT && uv->socket.speaks;
    uv->full = uv->full && unsent;
    transport_poll(uv, wanted && events & POLLIN, unsent);
}

/* ------------------------------------------------ the whole */

/* Once the transport is gone nothing waits any more. */
static void finish(struct adieu_uv *uv)
{
    if (!uv->gone)
        return;
    requests_all_over(uv, handle_over_code(uv));
    uv->failed = uv->failed || !uv->established;
}

/* Whether nobody waits to be told anything. */
static bool all_are_told(const struct adieu_uv *uv)
{
    return !uv->handshakes.first && !uv->says.first && !uv->leaves.first && !uv->over.first && !uv->farewells.first &&
           !uv->closes.first;
}

static void step(struct adieu_uv *uv)
{
    bool more = true;
    uv->readable = uv->readable || patience_ends(uv) || (uv->transport && handshake_is_late(uv));
    uv->stage = STAGE_ROUNDS;
    look_for_idleness(uv);
    heed_abort(uv);
    for (int round = 0; more && round < ROUNDS && !uv->freed; round++)
        more = exchange(uv);
    end_late_handshake(uv);
    uv->stage = STAGE_SAY;
    say_send(uv); /* what callbacks asked for, and what the engine had to say to what came: an alert, a KeyUpdate */
    heed_abort(uv);
    if (uv->freed)
        return;
    go_on_closing(uv);
    note_movement(uv);
    finish(uv);
    uv->stage = STAGE_TELL;
    call_back(uv);
    if (!uv->freed)
        read_end(uv);
    if (!uv->freed)
        tell_farewells(uv);
    if (!uv->freed && uv->gone && !uv->over.first)
        tell_closed(uv, &uv->closes, 0);
    if (!uv->freed && uv->farewell && uv->gone && all_are_told(uv))
        adieu_uv_free(uv);
    if (more && !uv->freed)
        loop_make_due(uv);
}

void handle_turn(struct adieu_uv *uv)
{
    if (uv->entered) { /* uv_run() inside a callback, which libuv forbids: no turn inside another */
        loop_make_due(uv);
        return;
    }
    handle_enter(uv);
    uv->in_verbs = true;
    if (!uv->freed)
        step(uv);
    uv->stage = STAGE_NONE;
    uv->in_verbs = false;
    if (uv->freed && !uv->gone) /* inside a callback of the stream, where nothing could be done */
        handle_break_off(uv, ADIEU_REASON_RELEASED);
    if (!uv->freed) {
        set_polls(uv);
        set_clock(uv);
    }
    handle_leave(uv);
}
