/* SPDX-License-Identifier: MIT */
/* When all is over: what both sides say of it, against what came over the wire. */
#include <inttypes.h>

#include "actors.h"
#include "judge.h"
#include "kernel.h"

/* Of one that was detached, or broken off behind its ends, nobody has asked. */
static bool says_delivered(const struct side *side)
{
    return side->closed && !side->let_go && !side->broke_off &&
           adieu_ending_exit(&side->ending) == ADIEU_EXIT_DELIVERED;
}

/* What the side's program was given, or knows that it threw away. */
static uint64_t accounted(const struct side *side)
{
    return side->got + (side->rude ? 0 : side->ending.discarded);
}

/*
 * "exit 0: both directions closed, and nothing is known or suspected to be lost" of what was taken, that is:
 * close_notify may be on its way. Where plaintext cannot be told from it, its record is left out.
 */
static void exit_0_means_that_the_peers_tcp_has_all(const struct side *side)
{
    enum { RECORD = 64 };
    const struct tcp *tcp = side->tcp;
    if (!says_delivered(side) || !side->ending.taken)
        return;
    size_t arrived = (size_t)(tcp->other->rcv_nxt - tcp->other->fin_came - 1);
    uint64_t plain = plain_at(side, arrived);
    size_t words = RECORD * (1 + side->key_updates + side->other->key_updates);
    bool all = plain == ADIEU_UNKNOWN ? arrived + words >= tcp->written : plain >= side->ending.taken;
    if (!all)
        broken("exit 0 means that all arrived", "%zu of %" PRIu64 " bytes of the wire", arrived, tcp->written - 1);
}

/* The same, for a peer's program that read on until there was no more. */
static void exit_0_means_that_a_reader_got_all(const struct side *side)
{
    const struct side *peer = side->other;
    if (!says_delivered(side) || !peer->listened || peer->broke_off || peer->rude)
        return;
    if (peer->got != side->ending.taken)
        broken("exit 0 means that a peer that reads on gets all", "%" PRIu64 " of %" PRIu64 " bytes", peer->got,
               side->ending.taken);
}

/* "nothing is lost in silence" */
static void loss_is_told(const struct side *side)
{
    const struct side *peer = side->other;
    if (peer->rude || accounted(peer) >= side->ending.taken || !side->closed || !peer->closed)
        return;
    if (says_delivered(side) && says_delivered(peer))
        broken("what is lost is told by a side", "%" PRIu64 " of %" PRIu64 " bytes", accounted(peer),
               side->ending.taken);
}

/* "releases the socket without a reset, so that the kernel goes on delivering" */
static void a_good_release_resets_nothing(const struct side *side)
{
    const struct tcp *tcp = side->tcp;
    if (!says_delivered(side) || side->other->rude)
        return;
    for (int cause = RESET_LINGER; cause <= RESET_LATE; cause++)
        if (tcp->resets[cause])
            broken("a release after a whole goodbye causes no reset", "it does (cause %d)", cause);
}

/*
 * "if sending was closed, the socket is released without a reset" when patience ends, and behind a failure "it delivers
 * the alert that explains it". What comes between the last look and close() is nobody's fault.
 */
static void a_last_word_is_not_reset(const struct side *side)
{
    const struct adieu_ending *ending = &side->ending;
    bool alert = ending->sending == ADIEU_SENDING_ABORTED && ending->alert_sent.seen;
    if (!side->closed || side->broke_off || (ending->sending != ADIEU_SENDING_CLOSED && !alert))
        return;
    bool unread = side->tcp->resets[RESET_UNREAD] && !moods.preempts && !side->borrowed;
    if (side->tcp->resets[RESET_LINGER] || unread)
        broken("where a last word was said nothing is reset", "it is, %s",
               alert ? "behind an alert" : "behind close_notify");
}

static bool network_is_well(const struct side *side)
{
    if (side->tcp->resets[RESET_INJECTED] || side->other->tcp->resets[RESET_INJECTED])
        return false;
    for (int i = 0; i < 2; i++)
        if (network.path[i].loss || network.path[i].hole_at != NEVER)
            return false;
    return true;
}

/* Whether that side did what its peer has to see as a failure: it was no friend, gave up, or left without a word. */
static bool gave_cause(const struct side *side)
{
    return side->rude || side->broke_off || side->let_go || !side->closed || side->ending.reason != ADIEU_REASON_NONE ||
           side->ending.sending != ADIEU_SENDING_CLOSED;
}

/* "TRUNCATED: the transport ended without one"; "RESET: the transport failed" */
static void the_transports_end_is_told_as_it_was(const struct side *side)
{
    if (side->ending.receiving == ADIEU_RECEIVING_TRUNCATED && !side->tcp->fin_came && !side->broke_off)
        broken("receiving is truncated by the peer's FIN only", "none came");
}

/* A direction ends badly only where somebody has made it: the peer, the network, or this side. */
static void no_direction_fails_without_a_cause(const struct side *side)
{
    const struct adieu_ending *ending = &side->ending;
    if (!side->closed || side->broke_off || gave_cause(side->other) || !network_is_well(side))
        return;
    bool cut = ending->receiving == ADIEU_RECEIVING_TRUNCATED || ending->receiving == ADIEU_RECEIVING_RESET;
    if (cut || ending->sending == ADIEU_SENDING_FAILED || ending->receiving == ADIEU_RECEIVING_REJECTED)
        broken("no direction fails without a cause", "sending %s, receiving %s", adieu_sending_name(ending->sending),
               adieu_receiving_name(ending->receiving));
}

/* Nothing waits for ever: between friends who give each other time, TLS begins. */
static void a_handshake_of_friends_comes_to_an_end(const struct side *side)
{
    enum { MUCH_MS = 30000 };
    const struct side *other = side->other;
    bool friends = !other->rude && !other->broke_off && !side->broke_off && network_is_well(side);
    bool patient = side->handshake_ms >= MUCH_MS && other->handshake_ms >= MUCH_MS;
    if (side->handshake_late && friends && patient)
        broken("a handshake between friends comes to an end", "not within %" PRId64 " ms", side->handshake_ms);
}

/* "What was taken is what write said." */
static void counts_agree(const struct side *side)
{
    const struct adieu_ending *ending = &side->ending;
    if (ending->taken != side->took && !side->in_write)
        broken("taken counts what write took", "%" PRIu64 ", not %" PRIu64, ending->taken, side->took);
    if (ending->received != side->got)
        broken("received counts what read gave", "%" PRIu64 ", not %" PRIu64, ending->received, side->got);
    if (ending->received + ending->discarded > side->other->took_at_most)
        broken("nothing is received that was not said", "%" PRIu64 " of %" PRIu64, ending->received + ending->discarded,
               side->other->took_at_most);
}

/* A closed direction means that the other side has really said its end, and that all before it came. */
static void a_closed_direction_is_no_guess(const struct side *side)
{
    const struct side *peer = side->other;
    if (side->ending.receiving != ADIEU_RECEIVING_CLOSED)
        return;
    if (!peer->said_end)
        broken("receiving is closed by the peer's close_notify only", "it has not shut down");
    if (side->ending.received + side->ending.discarded != peer->took)
        broken("receiving is closed behind every byte", "%" PRIu64 " of %" PRIu64,
               side->ending.received + side->ending.discarded, peer->took);
}

void judge_all(const struct side sides[2])
{
    for (int i = 0; i < 2; i++) {
        const struct side *side = &sides[i];
        if (side->rude || !side->tcp || !side->other->tcp)
            continue;
        counts_agree(side);
        the_transports_end_is_told_as_it_was(side);
        a_closed_direction_is_no_guess(side);
        exit_0_means_that_the_peers_tcp_has_all(side);
        exit_0_means_that_a_reader_got_all(side);
        loss_is_told(side);
        a_handshake_of_friends_comes_to_an_end(side);
        no_direction_fails_without_a_cause(side);
        a_good_release_resets_nothing(side);
        a_last_word_is_not_reset(side);
    }
    if (kernel_still_open())
        broken("every descriptor is closed exactly once", "%d are still open", kernel_still_open());
}
