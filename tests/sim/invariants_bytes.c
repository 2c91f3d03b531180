/* SPDX-License-Identifier: MIT */
/* Invariants of the bytes: what was delivered and what left is what the ending says. */
#include <string.h>

#include "backend.h"
#include "stream.h"

#include "invariants.h"

/* ------------------------------------------------ what was received */

/* "closed: an authentic close_notify came" */
static bool closed_is_authentic(const struct look *l)
{
    if (l->e->receiving != ADIEU_RECEIVING_CLOSED)
        return true;
    if (!backend_authenticates)
        return l->to->in.close && l->s->established;
    return l->peer->close_entered && (l->to->shifted || l->to->received >= l->peer->close_entered);
}

/* "closed: every byte that the peer sent was received"; END: "every byte before it has been delivered" */
static bool closed_is_complete(const struct look *l)
{
    if (l->e->receiving != ADIEU_RECEIVING_CLOSED)
        return true;
    uint64_t got = l->s->read + l->s->discarded;
    return backend_authenticates || !l->w->tampered ? got == l->peer->took : got == l->to->in.plain;
}

/* What is delivered is what the peer's program wrote, in order, and no more. */
static bool delivered_is_a_prefix(const struct look *l)
{
    uint64_t got = l->s->read + l->s->discarded;
    return !l->s->wrong_bytes && got <= l->peer->took && (backend_authenticates || got <= l->to->in.plain);
}

/* adieu_wire_surplus: "How many bytes came behind the peer's close_notify"; "0 unless receiving is closed" */
static bool surplus_is_what_follows(const struct look *l)
{
    size_t surplus = adieu_wire_surplus(l->s->s, NULL);
    if (l->e->receiving != ADIEU_RECEIVING_CLOSED)
        return surplus == 0;
    if (l->w->starved || (backend_authenticates && l->to->shifted))
        return true;
    return surplus == l->to->received - (backend_authenticates ? l->peer->close_entered : l->to->in.end_at);
}

/* adieu_wire_in: "at least one whole record, or 0" */
static bool room_is_a_record(const struct look *l)
{
    size_t room = adieu_wire_in(l->s->s, NULL);
    bool over = receiving_ended(l->e) || l->s->told_eof || l->s->told_reset;
    return room == 0 || (room >= RECORD_PLAIN + 2048 && !over);
}

/* "What came before an ending is delivered before it": what was whole when the transport's end was told has been read. */
static bool delivered_before_the_end(const struct look *l)
{
    const struct side *s = l->s;
    bool by_transport = l->e->receiving == ADIEU_RECEIVING_TRUNCATED || l->e->receiving == ADIEU_RECEIVING_RESET;
    if (backend_authenticates)
        return !by_transport || l->w->tampered || s->read + s->discarded >= s->plain_at_end;
    bool by_peer = l->e->receiving == ADIEU_RECEIVING_ALERTED && l->to->in.hello;
    if (!by_transport && !by_peer)
        return true;
    uint64_t came = s->read + s->discarded, all = l->to->in.plain;
    return by_peer ? came == all : came >= s->plain_at_end && came <= all; /* a place that was out then may add to it */
}

/* ------------------------------------------------ what was sent */

/* "adieu_shutdown: seals close_notify behind what was taken, and nothing after it"; 6.2: no data after a fatal alert */
static bool nothing_after_the_last_word(const struct look *l)
{
    const struct side *s = l->s;
    bool after_close = s->close_put && l->from->handed > s->close_put;
    bool after_alert = s->alert_put && l->from->handed > s->alert_put;
    bool after_frame = (l->from->out.close || l->from->out.alert) && l->from->out.bytes > l->from->out.end_at;
    return !after_close && !after_alert && !after_frame && s->seen.closes_sealed <= 1 && s->seen.alerts_sealed <= 1;
}

/* "sending closed: the transport took every byte and close_notify" */
static bool closed_has_left(const struct look *l)
{
    if (l->e->sending != ADIEU_SENDING_CLOSED)
        return true;
    return l->s->close_put && l->from->handed == l->s->close_put && l->e->sent == l->e->taken &&
           adieu_wire_out(l->s->s, NULL) == 0;
}

/* "sent: of these, in records wholly handed to the transport: never too many" */
static bool sent_was_handed(const struct look *l)
{
    const struct side *s = l->s;
    if (l->e->sent > l->e->taken || (l->from->handed < s->last_put && l->e->sent == s->took && s->last_took))
        return false;
    return backend_authenticates || l->e->sent <= l->from->out.plain;
}

/* The last record is never forgotten: what has all been handed over has all been sent. */
static bool all_handed_is_all_sent(const struct look *l)
{
    return l->from->handed < l->s->last_put || l->e->sent == l->e->taken;
}

/* "acknowledged: of these, acknowledged by the peer's TCP, or ADIEU_UNKNOWN: never too many"; "known from the first call" */
static bool acknowledged_had_arrived(const struct look *l)
{
    const struct side *s = l->s;
    if (!s->told_acknowledged)
        return l->e->acknowledged == ADIEU_UNKNOWN;
    bool too_many = s->acknowledged < s->last_put && l->e->acknowledged == s->took && s->last_took;
    return l->e->acknowledged <= l->e->sent && !too_many;
}

/* "taken ... that adieu_write took"; "received ... delivered by adieu_read"; "discarded ... by adieu_discard" */
static bool counts_add_up(const struct look *l)
{
    return l->e->taken == l->s->took && l->e->received == l->s->read && l->e->discarded == l->s->discarded;
}

/* "what is queued does not leave, least of all close_notify"; failed: nothing more can leave */
static bool what_was_dropped_stays(const struct look *l)
{
    bool lived = l->before->sending <= ADIEU_SENDING_CLOSING;
    bool aborted = l->e->sending == ADIEU_SENDING_ABORTED && l->s->aborted && lived;
    bool dropped = aborted || l->e->sending == ADIEU_SENDING_FAILED || l->s->told_failed || l->s->told_reset;
    return !dropped || faulted(l) || adieu_wire_out(l->s->s, NULL) == 0;
}

/* "alert_sent: our fatal alert, once the transport has taken it" */
static bool alert_sent_has_left(const struct look *l)
{
    const struct side *s = l->s;
    bool left = s->alert_put && l->from->handed >= s->alert_put;
    return l->e->alert_sent.seen == left && (!left || l->e->alert_sent.number == s->seen.alert_sealed.number);
}

/* "ADIEU_LAST_GO_ON: bytes wait to be sent, sending lives, or it failed and the peer's last words may come" and so on */
static bool last_is_derived(const struct look *l)
{
    enum adieu_last want = ADIEU_LAST_END_WRITE;
    bool spoke = l->e->receiving == ADIEU_RECEIVING_REJECTED || l->e->reason == ADIEU_REASON_FAULT;
    if (l->e->sending == ADIEU_SENDING_ABORTED && !spoke)
        want = ADIEU_LAST_RESET;
    if (!sending_ended(l->e) || (l->e->sending == ADIEU_SENDING_FAILED && !receiving_ended(l->e)))
        want = ADIEU_LAST_GO_ON;
    if (adieu_wire_out(l->s->s, NULL))
        want = ADIEU_LAST_GO_ON;
    return adieu_wire_last(l->s->s) == want;
}

/* ------------------------------------------------ all of them */

const struct invariant invariants_of_bytes[] = {
    INVARIANT(closed_is_authentic, "receiving closes only behind a close_notify that the peer really sealed"),
    INVARIANT(closed_is_complete, "receiving closes only when every byte before close_notify was delivered"),
    INVARIANT(delivered_is_a_prefix, "what is delivered is what the peer wrote, in order, and no more"),
    INVARIANT(surplus_is_what_follows, "the surplus is what came behind close_notify, and nothing else"),
    INVARIANT(delivered_before_the_end, "what came before the end is delivered before it"),
    INVARIANT(room_is_a_record, "there is room for a whole record, or none; none once receiving has ended"),
    INVARIANT(nothing_after_the_last_word, "nothing is on the wire after close_notify or after a fatal alert"),
    INVARIANT(closed_has_left, "sending closes only when every byte and close_notify were handed over"),
    INVARIANT(sent_was_handed, "sent counts only records that were wholly handed over"),
    INVARIANT(all_handed_is_all_sent, "what was all handed over was all sent"),
    INVARIANT(acknowledged_had_arrived, "acknowledged is unknown or counts only what the peer's side has"),
    INVARIANT(what_was_dropped_stays, "what an abort or a failure dropped does not leave"),
    INVARIANT(counts_add_up, "taken, received and discarded are what the verbs said"),
    INVARIANT(alert_sent_has_left, "an alert is sent when the transport has taken it, and only then"),
    INVARIANT(last_is_derived, "what is left for the transport follows from the ending"),
    {NULL, NULL, NULL},
};
