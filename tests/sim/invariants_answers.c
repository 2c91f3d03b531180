/* SPDX-License-Identifier: MIT */
/* Invariants of time: what never changes, and what verbs answer. */
#include <string.h>

#include "backend.h"
#include "stream.h"

#include "invariants.h"

/* ------------------------------------------------ what never changes */

/* "an end never changes" */
static bool ends_never_change(const struct look *l)
{
    const struct adieu_ending *e = l->e, *b = l->before;
    return (!sending_ended(b) || e->sending == b->sending) && (!receiving_ended(b) || e->receiving == b->receiving) &&
           e->sending >= b->sending;
}

static bool alert_stays(const struct adieu_alert *now, const struct adieu_alert *before)
{
    return !before->seen || memcmp(now, before, sizeof *now) == 0;
}

/* Facts are told once: who was first, the reason, alerts; counts and phases only grow; after goes from eof to reset only. */
static bool facts_stay(const struct look *l)
{
    const struct adieu_ending *e = l->e, *b = l->before;
    bool alerts = alert_stays(&e->alert_received, &b->alert_received) && alert_stays(&e->alert_sent, &b->alert_sent);
    bool once = (!b->first || e->first == b->first) && (!b->reason || e->reason == b->reason);
    bool flags = e->decided >= b->decided && e->user_canceled >= b->user_canceled && e->phase >= b->phase &&
                 e->after >= b->after && (!receiving_ended(b) || e->inside_record == b->inside_record);
    bool counts = e->taken >= b->taken && e->sent >= b->sent && e->received >= b->received &&
                  e->discarded >= b->discarded &&
                  (b->acknowledged == ADIEU_UNKNOWN || e->acknowledged >= b->acknowledged);
    return alerts && once && flags && counts;
}

/* "The error may improve, never worsen, by the ranking, and only until both halves have ended." */
static bool error_only_improves(const struct look *l)
{
    const struct adieu_ending *e = l->e, *b = l->before;
    if (e->error == b->error)
        return true;
    return !b->decided && (b->error == ADIEU_ERR_NONE || error_rank(e->error) > error_rank(b->error));
}

/* ------------------------------------------------ what a verb answered */

/* "END and FAIL are stable: the same verb returns the same status for ever"; handshake: "again: OK, until the end of time" */
static bool answers_are_stable(const struct look *l)
{
    struct side *s = l->s;
    const struct call *call = &s->call;
    if (!s->called || call->verb == VERB_OTHER)
        return true;
    enum adieu_status *latched = &s->latched[call->verb];
    if (*latched != ADIEU_WAIT)
        return call->status == *latched;
    bool final = call->status == ADIEU_FAIL || call->status == ADIEU_END ||
                 (call->verb == VERB_HANDSHAKE && call->status == ADIEU_OK) ||
                 (call->verb == VERB_WRITE && call->status == ADIEU_MISUSE && s->established);
    if (final)
        *latched = call->status;
    return true;
}

/* "MISUSE: not allowed now; nothing changed, the error neither" */
static bool misuse_changes_nothing(const struct look *l)
{
    const struct call *call = &l->s->call;
    if (!l->s->called || call->status != ADIEU_MISUSE)
        return true;
    const struct adieu_stream *stream = l->s->s;
    return memcmp(&call->before, l->e, sizeof *l->e) == 0 && call->room == adieu_wire_in(l->s->s, NULL) &&
           call->out == adieu_wire_out(l->s->s, NULL) && call->awaited == adieu_awaited(stream) &&
           call->readable == adieu_readable(stream);
}

/* When a verb is MISUSE: before the handshake is done, and what is said after adieu_shutdown(). */
static bool misuse_is_misuse(const struct look *l)
{
    const struct side *s = l->s;
    if (!s->called)
        return true;
    bool early = !s->established && !receiving_ended(&s->call.before);
    bool misuse = s->call.status == ADIEU_MISUSE;
    switch (s->call.verb) {
    case VERB_HANDSHAKE:
        return !misuse;
    case VERB_READ:
    case VERB_SHUTDOWN:
        return misuse == early;
    case VERB_WRITE:
        return misuse == (early || s->shut) || s->shutdown_called;
    default:
        return true;
    }
}

/* "WAIT: there is room to receive, or there are bytes to send, or the application is to decide something" */
static bool wait_is_honest(const struct look *l)
{
    if (!l->s->called || l->s->call.status != ADIEU_WAIT)
        return true;
    bool between = l->s->call.verb != VERB_READ && l->to->in.split; /* and may fill all room */
    return adieu_wire_in(l->s->s, NULL) || adieu_wire_out(l->s->s, NULL) || between ||
           adieu_awaited(l->s->s) != ADIEU_AWAITED_NOTHING;
}

/* adieu_write: "WAIT: the queue is full; send"; or half of a message of the peer's came, and its other half has not */
static bool a_write_waits_for_room(const struct look *l)
{
    if (!l->s->called || l->s->call.verb != VERB_WRITE || l->s->call.status != ADIEU_WAIT)
        return true;
    return l->to->in.half || l->to->in.split || adieu_wire_out(l->s->s, NULL) ||
           (backend_authenticates && adieu_wire_in(l->s->s, NULL));
}

/* adieu_read: "WAIT: nothing now", so nothing that came whole is kept back; but what waits to be sent may keep the engine still */
static bool a_read_waits_for_more(const struct look *l)
{
    const struct side *s = l->s;
    bool waits = s->called && s->call.verb == VERB_READ && s->call.status == ADIEU_WAIT;
    if (!waits || adieu_wire_out(s->s, NULL))
        return true;
    uint64_t got = s->read + s->discarded;
    if (!backend_authenticates)
        return got == l->to->in.plain;
    return l->w->tampered || l->to->received < l->peer->last_put || got == l->peer->took;
}

/* "closing: close_notify waits behind the accepted bytes": it does, or waits for the other half of a message */
static bool closing_has_something_to_say(const struct look *l)
{
    if (l->e->sending != ADIEU_SENDING_CLOSING || adieu_wire_out(l->s->s, NULL))
        return true;
    bool late = l->w->script->setup.client_auth == 2; /* the client's answer is several messages, all or nothing */
    return !receiving_ended(l->e) && (l->w->tampered || late || adieu_readable(l->s->s));
}

/* adieu_readable: "false if adieu_read would say WAIT for certain" */
static bool unreadable_waits(const struct look *l)
{
    const struct call *call = &l->s->call;
    if (!l->s->called || call->verb != VERB_READ || call->readable || !l->s->established)
        return true;
    return call->status == ADIEU_WAIT;
}

/* Only reading ends by END, and only behind the peer's close_notify. */
static bool end_is_the_peers(const struct look *l)
{
    if (!l->s->called || l->s->call.status != ADIEU_END)
        return true;
    return l->s->call.verb == VERB_READ && l->e->receiving == ADIEU_RECEIVING_CLOSED;
}

/* FAIL has ended what the verb works on. */
static bool fail_has_ended(const struct look *l)
{
    if (!l->s->called || l->s->call.status != ADIEU_FAIL)
        return true;
    switch (l->s->call.verb) {
    case VERB_HANDSHAKE:
    case VERB_READ:
        return receiving_ended(l->e) && l->e->receiving != ADIEU_RECEIVING_CLOSED;
    case VERB_WRITE:
    case VERB_SHUTDOWN:
    case VERB_KEY_UPDATE:
    case VERB_ASK_CERTIFICATE:
        return l->e->sending == ADIEU_SENDING_FAILED || l->e->sending == ADIEU_SENDING_ABORTED || receiving_ended(l->e);
    default:
        return true;
    }
}

/* "adieu_awaited: NOTHING once receiving has ended" */
static bool awaited_is_sensible(const struct look *l)
{
    return adieu_awaited(l->s->s) == ADIEU_AWAITED_NOTHING ||
           (l->w->script->setup.later && !receiving_ended(l->e) && !l->s->established);
}

/* "adieu_watch": what was told last is how it stands */
static bool observer_agrees(const struct look *l)
{
    const struct seen *seen = &l->s->seen;
    return !seen->wrong && seen->sending == l->e->sending && seen->receiving == l->e->receiving &&
           seen->established == (l->s->established ? 1U : 0U) &&
           (l->e->receiving != ADIEU_RECEIVING_CLOSED || seen->close_received) &&
           (!l->e->alert_received.seen || !l->e->alert_received.number ||
            memcmp(&seen->alert_received, &l->e->alert_received, sizeof seen->alert_received) == 0);
}

/* ------------------------------------------------ all of them */

const struct invariant invariants_of_answers[] = {
    INVARIANT(closing_has_something_to_say,
              "while sending is closing there is something to be sent, or half of a message to come"),
    INVARIANT(ends_never_change, "an end never changes"),
    INVARIANT(facts_stay, "what was told once stays; counts only grow"),
    INVARIANT(error_only_improves, "the error only improves, and only until both directions have ended"),
    INVARIANT(answers_are_stable, "END, FAIL and a done handshake are answered for ever"),
    INVARIANT(misuse_changes_nothing, "MISUSE changes nothing"),
    INVARIANT(misuse_is_misuse, "a verb is MISUSE when it is not allowed, and only then"),
    INVARIANT(wait_is_honest, "WAIT: there is room, or there are bytes to send, or a decision is awaited"),
    INVARIANT(a_read_waits_for_more, "a read waits only when nothing whole that came is left"),
    INVARIANT(a_write_waits_for_room, "a write waits only while the queue is full, or half of a message came"),
    INVARIANT(unreadable_waits, "where adieu_readable says no, a read says WAIT"),
    INVARIANT(end_is_the_peers, "END is a read's, behind the peer's close_notify"),
    INVARIANT(fail_has_ended, "FAIL has ended what the verb works on"),
    INVARIANT(awaited_is_sensible, "a decision is awaited in a handshake that asks for one only"),
    INVARIANT(observer_agrees, "what the observer was told last is how it stands"),
    {NULL, NULL, NULL},
};
