/* SPDX-License-Identifier: MIT */
/* How a conversation over a socket ends. */
#include "goodbye.h"

#include <poll.h>

/* What a goodbye still stays after all was acknowledged: a reset that follows the acknowledgement shows within it. */
#define SETTLE_MS 100
/* The first look, by when most FINs are acknowledged: to look at once would mean to look again. */
#define FIRST_LOOK_MS 10

static bool sending_lives(const struct socket *socket)
{
    enum adieu_sending sending = adieu_sending(socket->stream);
    return sending == ADIEU_SENDING_OPEN || sending == ADIEU_SENDING_CLOSING;
}

static bool receiving_lives(const struct socket *socket)
{
    return adieu_receiving(socket->stream) == ADIEU_RECEIVING_OPEN;
}

static bool decided(const struct socket *socket)
{
    return !sending_lives(socket) && !receiving_lives(socket);
}

/* ------------------------------------------------ beginning */

bool goodbye_say(struct socket *socket)
{
    enum adieu_status status = adieu_shutdown(socket->stream);
    return socket->speaks && status != ADIEU_MISUSE && (status != ADIEU_FAIL || !sending_lives(socket));
}

void goodbye_begin(struct goodbye *goodbye, struct patience patience, int64_t now)
{
    goodbye->patience = patience;
    goodbye->progress_at = now;
    goodbye->look_at = now + FIRST_LOOK_MS;
    goodbye->fresh = true;
}

/* ------------------------------------------------ moving */

/* Makes the engine look at what was received; makes room, unless somebody reads. */
static bool take_in(struct socket *socket, enum incoming incoming)
{
    size_t got;
    if (incoming == INCOMING_LEFT)
        return false; /* what lies in the kernel wakes the reader; what lay in the stream would not */
    if (incoming == INCOMING_READERS)
        (void)!adieu_read(socket->stream, NULL, 0, &got);
    else
        while (adieu_discard(socket->stream, NULL) == ADIEU_OK)
            continue;
    return incoming != INCOMING_UNTOLD && socket_receive(socket);
}

void goodbye_exchange(struct socket *socket, enum incoming incoming)
{
    bool moved = true;
    socket->empty = false;
    for (int turn = 0; moved && turn < TURNS; turn++) {
        socket_send(socket);
        moved = receiving_lives(socket) && take_in(socket, incoming);
    }
    if (!receiving_lives(socket)) /* once: a peer that floods must not hold a loop */
        socket_drain(socket);
    socket_send(socket);
}

short goodbye_events(const struct socket *socket)
{
    short events = socket_events(socket);
    if (!socket->in_over && !receiving_lives(socket))
        events |= POLLIN;
    return events;
}

/* ------------------------------------------------ looking */

/* FIN follows the last word; where the peer must not find an end, there is none. */
static void end_write_when_said(struct socket *socket)
{
    bool said = !sending_lives(socket) && adieu_wire_out(socket->stream, NULL) == 0;
    if (said && adieu_wire_last(socket->stream) != ADIEU_LAST_RESET)
        socket_end_write(socket);
}

/* After the peer's FIN nothing can be polled for: a reset shows here only. */
static void look_for_reset(struct socket *socket)
{
    int error = socket->in_over && !socket->out_over ? socket_error(socket) : 0;
    if (error) {
        socket->out_over = true;
        adieu_wire_reset(socket->stream, error);
    }
}

static int64_t patience_end(const struct goodbye *goodbye)
{
    int64_t quiet = goodbye->patience.quiet_ms;
    return time_earlier(goodbye->patience.deadline, quiet < 0 ? INT64_MAX : time_later(goodbye->progress_at, quiet));
}

/*
 * Acknowledgements raise no event: they are looked up, not oftener than each LOOK_MS; and where it is decided by them,
 * once the peer's end has come or patience ends.
 */
static void look(struct goodbye *goodbye, struct socket *socket, int64_t now)
{
    bool due = now >= goodbye->look_at || socket->in_over || now >= patience_end(goodbye);
    if (goodbye->delivery == DELIVERY_ALL || !due)
        return;
    uint64_t before = goodbye->taken;
    goodbye->delivery = socket_look(socket, &goodbye->taken);
    if (goodbye->taken != before)
        goodbye->progress_at = now;
    goodbye->look_at = now + LOOK_MS;
    goodbye->looked = true;
}

/* The transport has ended: nothing more comes, and of what we said as much was taken as ever will be. */
static bool transport_ended(const struct goodbye *goodbye, const struct socket *socket, enum adieu_sending sending)
{
    if (!socket->in_over)
        return false;
    return socket->out_over || sending != ADIEU_SENDING_CLOSED || goodbye->delivery != DELIVERY_PENDING;
}

/*
 * The peer needs not end its transport: it has said all, and has all. Not after our own alert, though: whether that is
 * read is seen by the peer's end only.
 */
static bool settled(struct goodbye *goodbye, enum adieu_receiving receiving, int64_t now)
{
    bool nothing_follows = receiving == ADIEU_RECEIVING_CLOSED || receiving == ADIEU_RECEIVING_ALERTED;
    if (!nothing_follows || goodbye->delivery != DELIVERY_ALL)
        return false;
    if (!goodbye->settled_at)
        goodbye->settled_at = now;
    return now - goodbye->settled_at >= SETTLE_MS;
}

/* ------------------------------------------------ patience */

/* Time is up. The ending says so, unless both directions had ended and the peer's side is known to have everything. */
static enum goodbye_step give_up(const struct goodbye *goodbye, const struct socket *socket)
{
    enum adieu_sending sending = adieu_sending(socket->stream);
    bool ended = decided(socket);
    bool last_word_left = ended && adieu_wire_last(socket->stream) == ADIEU_LAST_END_WRITE;
    bool delivered = goodbye->delivery == DELIVERY_DATA || goodbye->delivery == DELIVERY_ALL;
    if (!ended || !delivered)
        adieu_abort(socket->stream, ADIEU_REASON_DEADLINE);
    return last_word_left || sending == ADIEU_SENDING_CLOSED ? GOODBYE_RELEASE : GOODBYE_RESET;
}

int64_t goodbye_until(const struct goodbye *goodbye)
{
    int64_t until = patience_end(goodbye);
    if (goodbye->delivery != DELIVERY_ALL)
        until = time_earlier(until, goodbye->look_at);
    return goodbye->settled_at ? time_earlier(until, goodbye->settled_at + SETTLE_MS) : until;
}

bool goodbye_has_news(const struct goodbye *goodbye, const struct socket *socket)
{
    return !goodbye->fresh &&
           (goodbye->receiving != adieu_receiving(socket->stream) || goodbye->in_over != socket->in_over);
}

bool goodbye_is_late(const struct goodbye *goodbye, int64_t now)
{
    return now >= patience_end(goodbye);
}

bool goodbye_is_fresh(struct goodbye *goodbye, int64_t now)
{
    bool fresh = goodbye->fresh && !goodbye_is_late(goodbye, now);
    goodbye->fresh = false;
    return fresh;
}

/* ------------------------------------------------ ending */

enum goodbye_step goodbye_step(struct goodbye *goodbye, struct socket *socket, int64_t now)
{
    end_write_when_said(socket);
    look_for_reset(socket);
    look(goodbye, socket, now);
    goodbye->receiving = adieu_receiving(socket->stream);
    goodbye->in_over = socket->in_over;
    bool said = decided(socket) && adieu_wire_out(socket->stream, NULL) == 0;
    if (adieu_wire_last(socket->stream) == ADIEU_LAST_RESET)
        return GOODBYE_RESET;
    if (said && (transport_ended(goodbye, socket, adieu_sending(socket->stream)) ||
                 settled(goodbye, adieu_receiving(socket->stream), now)))
        return GOODBYE_RELEASE;
    return goodbye_is_late(goodbye, now) ? give_up(goodbye, socket) : GOODBYE_GO_ON;
}

enum goodbye_step goodbye_break_off(struct socket *socket, enum adieu_reason reason)
{
    bool ended = decided(socket);
    socket->empty = false;
    if (ended)
        socket_send(socket); /* an alert, perhaps, that explains it to the peer */
    socket_tell(socket);
    adieu_abort(socket->stream, reason);
    return ended && adieu_wire_last(socket->stream) != ADIEU_LAST_RESET ? GOODBYE_RELEASE : GOODBYE_RESET;
}
