/* SPDX-License-Identifier: MIT */
#include "denied_talk.h"

#include "denied.h"
#include "shortage.h"

static struct talk {
    struct setting setting;
    struct side side[2];
    int me; /* whose calls fail */
    const char *call;
} talk;

static void make_sides(void)
{
    for (int i = 0; i < 2; i++) {
        deny_here(i == talk.me);
        talk.side[i] = side_new(&talk.setting, i == 1);
    }
    deny_here(false);
}

static bool turn(int i)
{
    deny_here(i == talk.me);
    bool further = side_turn(&talk.side[i]);
    deny_here(false);
    return further;
}

static void converse(void)
{
    enum { ROUNDS = 1000 };
    bool further = true;
    for (int round = 0; further; round++) {
        demand(round < ROUNDS, "no end after %d rounds", round);
        further = turn(0);
        further |= turn(1);
        for (int i = 0; i < 2; i++)
            further |= carry(talk.side[i].s, talk.side[!i].s) > 0;
    }
}

static void let_go(struct side *me, struct side *peer)
{
    demand(side_done(me), "without %s it waits before step \"%s\"", talk.call, me->at);
    if (!adieu_ending(me->s).decided)
        adieu_abort(me->s, ADIEU_REASON_RELEASED);
    adieu_wire_eof(peer->s);
    side_turn(peer);
    demand(side_done(peer), "the peer waits before step \"%s\"", peer->at);
    if (!adieu_ending(peer->s).decided)
        adieu_abort(peer->s, ADIEU_REASON_RELEASED);
}

/*
 * Who is without the call has the fault, or nobody; that a name cannot be compared or a pin be made is no consent. If it could
 * show less than the peer wants, and was refused, then that is the truth.
 */
static void check_whose_fault(const struct side *me, const struct side *peer)
{
    struct adieu_ending ending = adieu_ending(me->s);
    if (ending.error == ADIEU_ERR_NONE) {
        check_clean(me);
        check_clean(peer);
        return;
    }
    if (ending.error == ADIEU_ERR_ALERTED && adieu_ending(peer->s).error == ADIEU_ERR_REFUSED)
        return;
    bool ours = ending.error == ADIEU_ERR_MEMORY || ending.error == ADIEU_ERR_ENGINE;
    demand(ours || ending.error == ADIEU_ERR_REFUSED, "without %s the peer is blamed: %s", talk.call,
           adieu_error(me->s)->text);
    demand((ending.reason == ADIEU_REASON_FAULT) == ours, "without %s a fault for the reason %s", talk.call,
           adieu_reason_name(ending.reason));
}

static void check_talk(void)
{
    struct side *me = &talk.side[talk.me], *peer = &talk.side[!talk.me];
    if (!me->s)
        return;
    converse();
    talk.call = allow_calls();
    let_go(me, peer);
    check_side(me, peer);
    check_side(peer, me);
    if (is_refused(&talk.setting))
        check_not_welcomed(&talk.setting, talk.side);
    if (!is_refused(&talk.setting) || !knows_refusal(&talk.setting, me))
        check_whose_fault(me, peer);
}

static const char *talk_denied(const struct setting *like, struct setting (*again)(const struct setting *like), int me,
                               size_t nth, struct left left)
{
    struct branches point; /* it has a name, and no branches */
    branches_begin(&point, "%s, %s, call %zu of the %s", like->kind->name, version_name(like->version), nth,
                   me ? "server" : "client");
    talk = (struct talk){.me = me, .setting = again(like)};
    deny_call(nth, left);
    make_sides();
    check_talk();
    talk.call = allow_calls();
    for (int i = 0; i < 2; i++)
        side_free(&talk.side[i]);
    setting_free(&talk.setting);
    return talk.call;
}

void deny_both(const struct setting *like, struct setting (*again)(const struct setting *like))
{
    for (int me = 0; me < 2; me++)
        for (int r = 0; r < REASONS; r++)
            for (size_t nth = 0; talk_denied(like, again, me, nth, reasons[r]); nth += shortage_step())
                assert_in_range(nth, 0, 1000);
}
