/* SPDX-License-Identifier: MIT */
/* What must hold of both sides together, once both have let go. */
#include <string.h>

#include "backend.h"

/* What a side knows in the end; that of a freed stream was kept. */
static struct adieu_ending ending_of(const struct side *s)
{
    return s->s ? adieu_ending(s->s) : s->last;
}

/* Nobody is left alive by a close: "what is still live when it gives up is aborted" */
static bool both_are_decided(struct world *w, const struct side *s, const struct adieu_ending *e)
{
    (void)w;
    return !s->s || e->decided;
}

/* Where nothing was done that hurts, both say everything and hear everything. */
static bool good_ends_well(struct world *w, const struct side *s, const struct adieu_ending *e)
{
    if (w->hurt || !s->s)
        return true;
    return e->sending == ADIEU_SENDING_CLOSED && e->receiving == ADIEU_RECEIVING_CLOSED && !s->gave_up &&
           s->read + s->discarded == peer_of(w, s)->took && e->error == ADIEU_ERR_NONE &&
           adieu_ending_exit(e) == ADIEU_EXIT_DELIVERED;
}

/* What one side took for the other's clean end, that side meant so: unless it was told by its transport that it failed. */
static bool clean_ends_were_meant(struct world *w, const struct side *s, const struct adieu_ending *e)
{
    const struct side *peer = peer_of(w, s);
    struct adieu_ending other = ending_of(peer);
    if (e->receiving != ADIEU_RECEIVING_CLOSED || (w->tampered && !backend_authenticates) || !peer->s)
        return true;
    return other.sending == ADIEU_SENDING_CLOSED || peer->ended_shown;
}

/* DELIVERED, and the peer's host has it: then it really does. */
static bool delivered_has_arrived(struct world *w, const struct side *s, const struct adieu_ending *e)
{
    const struct way *way = &w->way[s->number];
    if (adieu_ending_exit(e) != ADIEU_EXIT_DELIVERED || e->acknowledged == ADIEU_UNKNOWN || w->lied)
        return true;
    return e->acknowledged < e->taken || way->came >= s->last_put;
}

/* Both closed: each byte that one side took the other was given. */
static bool both_closed_is_all(struct world *w, const struct side *s, const struct adieu_ending *e)
{
    const struct side *peer = peer_of(w, s);
    struct adieu_ending other = ending_of(peer);
    bool closed = e->sending == ADIEU_SENDING_CLOSED && other.receiving == ADIEU_RECEIVING_CLOSED;
    if (!closed || (w->tampered && !backend_authenticates))
        return true;
    return other.received + other.discarded == e->taken && e->sent == e->taken;
}

/* An alert that was received was sent, and by the number that it has. */
static bool alerts_agree(struct world *w, const struct side *s, const struct adieu_ending *e)
{
    struct adieu_ending other = ending_of(peer_of(w, s));
    if (!e->alert_received.seen || w->tampered)
        return true;
    return other.alert_sent.seen && other.alert_sent.number == e->alert_received.number;
}

/* "a fatal alert may be queued and should still leave": nothing but the transport's or the program's doing keeps it back */
static bool last_words_leave(struct world *w, const struct side *s, const struct adieu_ending *e)
{
    (void)w;
    bool kept_back = s->told_failed || s->told_reset || s->aborted || s->gave_up || !s->s;
    return !s->alert_put || kept_back || e->alert_sent.seen;
}

/* What was sealed leaves: a fault drops only what stands before a close_notify that was sealed. */
static bool a_fault_drops_nothing(struct world *w, const struct side *s, const struct adieu_ending *e)
{
    (void)w;
    bool kept_back = s->told_failed || s->told_reset || s->aborted || s->gave_up || !s->s || s->close_put;
    return e->reason != ADIEU_REASON_FAULT || kept_back || e->sent == e->taken;
}

/* Both handshakes done: then they were with each other. */
static bool secrets_agree(struct world *w, const struct side *s, const struct adieu_ending *e)
{
    (void)e;
    uint8_t ours[32], theirs[32];
    const struct side *peer = peer_of(w, s);
    if (s->number || !s->s || !peer->s || !s->established || !peer->established || !backend_secret(s->s, ours))
        return true;
    return backend_secret(peer->s, theirs) && memcmp(ours, theirs, sizeof ours) == 0;
}

#define INVARIANT(name, sentence)                                                                                      \
    {                                                                                                                  \
#name, sentence, name                                                                                          \
    }
static const struct {
    const char *name, *sentence;
    bool (*holds)(struct world *w, const struct side *s, const struct adieu_ending *e);
} invariants[] = {
    INVARIANT(both_are_decided, "a side that has let go has no live direction"),
    INVARIANT(good_ends_well, "where nothing hurts, both directions close, whole, and nobody has to give up"),
    INVARIANT(clean_ends_were_meant, "what one side takes for a clean end the other side has closed"),
    INVARIANT(delivered_has_arrived, "delivered and acknowledged: then the peer's host has all of it"),
    INVARIANT(both_closed_is_all, "what one side closed and the other took for closed is whole"),
    INVARIANT(alerts_agree, "an alert that was received was sent"),
    INVARIANT(last_words_leave, "an alert of ours leaves, unless the transport or the program broke off"),
    INVARIANT(a_fault_drops_nothing,
              "what was taken leaves before a fault, unless the transport or the program broke off"),
    INVARIANT(secrets_agree, "two handshakes that are done have one secret"),
};

bool hold_joint(struct world *w)
{
    for (unsigned side = 0; side < SIM_SIDES; side++) {
        struct adieu_ending e = ending_of(&w->side[side]);
        for (size_t i = 0; i < sizeof invariants / sizeof *invariants && goes_on(w); i++)
            if (!invariants[i].holds(w, &w->side[side], &e))
                broken(w, &w->side[side], invariants[i].name, invariants[i].sentence);
    }
    return goes_on(w);
}
