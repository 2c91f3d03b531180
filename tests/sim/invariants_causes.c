/* SPDX-License-Identifier: MIT */
/* Invariants of the ending: nothing ends but by what happened, and what it is worth follows from it. */
#include <string.h>

#include "backend.h"
#include "stream.h"

#include "invariants.h"

/* ------------------------------------------------ why it ended */

static bool peer_gave_up(const struct look *l)
{
    if (!backend_authenticates)
        return l->to->in.alert || l->to->in.close;
    return l->to->lied_early ||
           (l->peer->alert_entered && (l->to->shifted || l->to->received >= l->peer->alert_entered));
}

static bool closed_before_the_end(const struct look *l)
{
    uint64_t end = backend_authenticates ? l->peer->close_entered : l->to->in.close ? l->to->in.end_at : 0;
    return end && end <= l->s->received_at_eof && !(backend_authenticates && l->w->tampered);
}

/* "truncated: the transport ended without one"; "reset: the transport failed"; and so on: no end without its cause */
static bool receiving_has_a_cause(const struct look *l)
{
    const struct side *s = l->s;
    switch (l->e->receiving) {
    case ADIEU_RECEIVING_OPEN:
    case ADIEU_RECEIVING_CLOSED:
        return true;
    case ADIEU_RECEIVING_TRUNCATED:
        return s->told_eof && !s->reset_first && !closed_before_the_end(l);
    case ADIEU_RECEIVING_RESET:
        return s->told_reset && (s->reset_first || !s->told_eof);
    case ADIEU_RECEIVING_ALERTED:
        return peer_gave_up(l);
    case ADIEU_RECEIVING_REJECTED:
        return l->w->tampered || s->refused || s->fault_wanted; /* the other side's alert is ALERTED */
    case ADIEU_RECEIVING_ABANDONED:
        return s->aborted || faulted(l);
    }
    return false;
}

/* "failed: the transport or the peer stopped it"; "aborted: this side stopped it"; and "MISUSE: adieu_shutdown()" */
static bool sending_has_a_cause(const struct look *l)
{
    const struct side *s = l->s;
    switch (l->e->sending) {
    case ADIEU_SENDING_OPEN:
        return !s->shut;
    case ADIEU_SENDING_CLOSING:
    case ADIEU_SENDING_CLOSED:
        return s->shut;
    case ADIEU_SENDING_FAILED:
        return s->told_failed || s->told_reset || l->e->receiving == ADIEU_RECEIVING_ALERTED ||
               (l->w->tampered && l->e->receiving == ADIEU_RECEIVING_CLOSED); /* close_notify at level fatal */
    case ADIEU_SENDING_ABORTED:
        return s->aborted || l->e->receiving == ADIEU_RECEIVING_REJECTED || faulted(l);
    }
    return false;
}

/* "a fault: this side could not go on (memory, the engine's internal_error)" */
static bool fault_has_a_cause(const struct look *l)
{
    if (!faulted(l) || l->w->starved || l->s->fault_wanted || l->to->in.fault)
        return true;
    bool explained = l->e->receiving == ADIEU_RECEIVING_ALERTED || l->e->receiving == ADIEU_RECEIVING_REJECTED;
    return l->w->tampered && !explained; /* half of a message came, and the other half cannot */
}

/* A peer that was refused is never spoken with; and "what ended already, and only could not be told yet" is not the network's. */
static bool refused_is_refused(const struct look *l)
{
    bool by_transport = l->e->receiving == ADIEU_RECEIVING_TRUNCATED || l->e->receiving == ADIEU_RECEIVING_RESET;
    bool told = l->s->established || !by_transport;
    return l->s->refused ? !l->s->established && told : !l->s->refused_late || told;
}

/* "alert_received: the one that ended receiving" */
static bool alert_is_told(const struct look *l)
{
    const struct adieu_alert *alert = &l->e->alert_received;
    if (l->e->receiving != ADIEU_RECEIVING_ALERTED)
        return !alert->seen;
    if (!backend_authenticates)
        return !l->to->in.alert || alert->number == l->to->in.alert_number;
    return alert->seen && (l->w->tampered || alert->number == l->peer->seen.alert_sealed.number);
}

/* "What the transport did that caused neither end, told once both have ended." */
static bool after_is_after(const struct look *l)
{
    switch (l->e->after) {
    case ADIEU_AFTER_NOTHING:
        return !l->e->decided || (!l->s->reset_after_both && (l->e->receiving == ADIEU_RECEIVING_TRUNCATED ||
                                                              l->s->told_reset || !l->s->told_eof));
    case ADIEU_AFTER_EOF:
        return l->e->decided && l->s->told_eof;
    case ADIEU_AFTER_RESET:
        return l->e->decided && l->s->told_reset;
    }
    return false;
}

/* An abort breaks off whatever lives. */
static bool abort_ends_both(const struct look *l)
{
    bool reason = l->e->reason != ADIEU_REASON_NONE && l->e->reason != ADIEU_REASON_FAULT;
    return (!l->s->aborted || l->e->decided) && (!reason || l->s->aborted);
}

/* What the transport told ends sending at once, and receiving when what came before it is read. */
static bool told_is_heard(const struct look *l)
{
    if ((l->s->told_failed || l->s->told_reset) && !sending_ended(l->e))
        return false;
    bool over = l->s->told_eof || l->s->told_reset;
    return !over || adieu_readable(l->s->s) || receiving_ended(l->e) || adieu_wire_out(l->s->s, NULL) ||
           adieu_awaited(l->s->s) != ADIEU_AWAITED_NOTHING;
}

/* "A shutdown, an abort and a fault are ours; everything else is the peer's (or the network's)." */
static bool first_is_right(const struct look *l)
{
    const struct side *s = l->s;
    bool begun = l->e->sending != ADIEU_SENDING_OPEN || receiving_ended(l->e);
    if (!begun || l->e->first == ADIEU_FIRST_NOBODY)
        return !begun && l->e->first == ADIEU_FIRST_NOBODY;
    if (l->e->first == ADIEU_FIRST_SELF)
        return s->shut || s->aborted || faulted(l);
    return s->told_eof || s->told_failed || s->told_reset || receiving_ended(l->e);
}

/* The first to move is told, once: who was alone then is the first for ever. */
static bool first_was_first(const struct look *l)
{
    const struct side *s = l->s;
    bool alone = !s->told_eof && !s->told_failed && !s->told_reset && !l->to->received;
    return !alone || l->e->first != ADIEU_FIRST_PEER;
}

/* "NONE: nothing came from the peer"; "ESTABLISHED: the handshake is done here"; "HEARD: after that" */
static bool phase_is_reached(const struct look *l)
{
    if ((l->e->phase >= ADIEU_PHASE_ESTABLISHED) != l->s->established)
        return false;
    if (l->s->read + l->s->discarded && l->e->phase != ADIEU_PHASE_HEARD)
        return false;
    bool came = l->to->received > 0;
    return l->e->phase == ADIEU_PHASE_NONE ? !came || receiving_ended(l->e) : came;
}

/* "error: the best explanation; ADIEU_ERR_NONE for an orderly end" */
static bool error_explains(const struct look *l)
{
    bool bad_sending = l->e->sending == ADIEU_SENDING_FAILED || l->e->sending == ADIEU_SENDING_ABORTED;
    bool bad = bad_sending || l->e->receiving > ADIEU_RECEIVING_CLOSED;
    if (!bad)
        return l->e->error == ADIEU_ERR_NONE || !l->e->decided;
    if (l->e->receiving == ADIEU_RECEIVING_TRUNCATED && error_rank(l->e->error) < error_rank(ADIEU_ERR_TRUNCATED))
        return false;
    return l->e->error != ADIEU_ERR_NONE;
}

/* docs/endings.md, "The exit status", in other words than the code's */
static enum adieu_exit worth(const struct adieu_ending *e)
{
    static const int of_reason[] = {1, 1, 8, 9, 1, 1};
    bool unsure = e->taken && (e->acknowledged == ADIEU_UNKNOWN || e->acknowledged < e->taken);
    if (!e->decided)
        return ADIEU_EXIT_OTHER;
    if (e->receiving == ADIEU_RECEIVING_ABANDONED ||
        (e->sending == ADIEU_SENDING_ABORTED && e->receiving == ADIEU_RECEIVING_CLOSED))
        return (enum adieu_exit)of_reason[e->reason];
    if (e->receiving == ADIEU_RECEIVING_CLOSED && e->sending == ADIEU_SENDING_CLOSED) {
        if (!unsure)
            return ADIEU_EXIT_DELIVERED;
        if (e->after == ADIEU_AFTER_RESET)
            return ADIEU_EXIT_LOST;
        return e->reason ? (enum adieu_exit)of_reason[e->reason] : ADIEU_EXIT_DELIVERED;
    }
    static const int of_receiving[] = {1, 4, 3, 4, 5, 6, 1};
    return (enum adieu_exit)of_receiving[e->receiving];
}
static bool exit_is_by_the_table(const struct look *l)
{
    return adieu_ending_exit(l->e) == worth(l->e);
}

/* ------------------------------------------------ all of them */

const struct invariant invariants_of_causes[] = {
    INVARIANT(receiving_has_a_cause, "receiving ends by nothing but what happened"),
    INVARIANT(sending_has_a_cause, "sending ends by nothing but what happened"),
    INVARIANT(fault_has_a_cause, "there is no fault where nothing failed"),
    INVARIANT(alert_is_told, "the alert that ended receiving is told, and no other"),
    INVARIANT(refused_is_refused, "a peer that was refused is never spoken with, and its refusal is told"),
    INVARIANT(abort_ends_both, "an abort ends whatever lives, and nobody else gives a reason"),
    INVARIANT(told_is_heard, "what the transport told counts, behind what came before it"),
    INVARIANT(after_is_after, "what the transport did later is told once both have ended"),
    INVARIANT(first_is_right, "first says whose doing the first end was"),
    INVARIANT(first_was_first, "the peer is not the first before anything came of it"),
    INVARIANT(phase_is_reached, "the phase is the one that was reached"),
    INVARIANT(error_explains, "a bad end has an error, an orderly one has none"),
    INVARIANT(exit_is_by_the_table, "the exit status is the table's"),
    {NULL, NULL, NULL},
};
