/* SPDX-License-Identifier: MIT */
/*
 * Every kind of conversation in memory, with the nth allocation of one side (ours and OpenSSL's) refused, once or from then
 * on: no crash, no leak, nobody waits for ever, no wrong ending, and a lack of memory is told as this side's fault.
 */
#include "talk.h"

#include <string.h>

#include <openssl/crypto.h>

#include "memory.h"

enum outcome {
    OUTCOME_WHOLE,   /* nothing was the matter */
    OUTCOME_FAULT,   /* told as a fault of this side */
    OUTCOME_ALERTED, /* the peer gave up */
    OUTCOME_REFUSED, /* as it must */
    OUTCOME_NOTHING, /* there was no stream to begin with */
};

static struct starved {
    struct setting setting;
    struct branches branches;
    struct side side[2];
    int me;                           /* who is short of memory */
    size_t nth;                       /* allocation of mine */
    bool heard;                       /* something came to me */
    bool for_ever;                    /* in the child: all that follow fail, too */
    size_t baseline, engine_baseline; /* blocks before there was a stream */
} starved;

/* Most kinds have the same handshake; but not where one has heard the other, whom it must refuse. */
static bool is_dull(const struct side *me)
{
    bool deciding = must_refuse(&starved.setting, starved.me) && starved.heard;
    return me->handshake != ADIEU_OK && !starved.setting.kind->own_handshake && !deciding;
}

/* Asked at each allocation of mine. */
static bool refuses(bool ours)
{
    static const char *const sorts[] = {"allocation", "every allocation from"};
    if (branched())
        return starved.for_ever;
    size_t nth = starved.nth++;
    bool dull = is_dull(&starved.side[starved.me]);
    if (!branch_worth(&starved.branches, dull) && !ours) /* of our own there are few */
        return false;
    /* When all that follow fail, too, it is soon over, in much the same way. */
    bool both = ours || nth % 4 == 0 || branch_all();
    for (int for_ever = 0; for_ever < 1 + both; for_ever++) {
        starved.for_ever = for_ever;
        if (branch(&starved.branches, sorts[for_ever], nth))
            return true;
    }
    return false;
}

/* ------------------------------------------------ a conversation with little memory on one side */

static void make_sides(void)
{
    for (int i = 0; i < 2; i++) {
        memory_ask(i == starved.me ? refuses : NULL);
        starved.side[i] = side_new(&starved.setting, i == 1);
    }
    memory_ask(NULL);
}

static bool turn(int i)
{
    memory_ask(i == starved.me ? refuses : NULL);
    bool further = side_turn(&starved.side[i]);
    memory_ask(NULL);
    return further;
}

/* The receiver's buffers are made here. */
static bool carried(int from)
{
    memory_ask(from != starved.me ? refuses : NULL);
    bool moved = carry(starved.side[from].s, starved.side[!from].s) > 0;
    memory_ask(NULL);
    starved.heard = starved.heard || (moved && from != starved.me);
    return moved;
}

static void converse(void)
{
    enum { ROUNDS = 1000 };
    bool further = true;
    for (int round = 0; further; round++) {
        demand(round < ROUNDS, "no end after %d rounds", round);
        further = turn(0);
        further |= turn(1);
        further |= carried(0);
        further |= carried(1);
    }
}

/* ------------------------------------------------ what is to be seen */

static enum outcome outcome_of(const struct side *me, const struct side *peer)
{
    struct adieu_ending ending = adieu_ending(me->s);
    if (ending.error == ADIEU_ERR_NONE) {
        check_clean(me);
        check_clean(peer);
        return OUTCOME_WHOLE;
    }
    /* For want of memory it showed no certificate, and the peer minded: then that is the truth. */
    enum { CERTIFICATE_REQUIRED = 116 };
    if (ending.error == ADIEU_ERR_ALERTED && ending.alert_received.number == CERTIFICATE_REQUIRED)
        return OUTCOME_ALERTED;
    demand(ending.error == ADIEU_ERR_MEMORY || ending.error == ADIEU_ERR_ENGINE, "the peer is blamed: %s",
           adieu_error(me->s)->text);
    demand(ending.reason == ADIEU_REASON_FAULT, "a fault for the reason %s", adieu_reason_name(ending.reason));
    demand(adieu_ending_exit(&ending) == ADIEU_EXIT_OTHER, "a fault with exit status %d",
           (int)adieu_ending_exit(&ending));
    return OUTCOME_FAULT;
}

/* One must refuse: either it knows, or this side is at fault. */
static enum outcome refused_outcome_of(const struct side *me)
{
    struct adieu_ending ending = adieu_ending(me->s);
    check_not_welcomed(&starved.setting, starved.side);
    if (knows_refusal(&starved.setting, me))
        return OUTCOME_REFUSED;
    demand(ending.error != ADIEU_ERR_NONE, "neither a fault nor refused: %s, %s", adieu_sending_name(ending.sending),
           adieu_receiving_name(ending.receiving));
    return outcome_of(me, &starved.side[!starved.me]);
}

/* What a transport does when nothing moves any more: the peer finds the end of what came. */
static void let_go(struct side *me, struct side *peer)
{
    demand(side_done(me), "it waits before step \"%s\"", me->at);
    if (!adieu_ending(me->s).decided)
        adieu_abort(me->s, ADIEU_REASON_RELEASED);
    adieu_wire_eof(peer->s);
    side_turn(peer);
    demand(side_done(peer), "the peer waits before step \"%s\"", peer->at);
    if (!adieu_ending(peer->s).decided)
        adieu_abort(peer->s, ADIEU_REASON_RELEASED);
}

static void check_no_leak(void)
{
    OPENSSL_thread_stop(); /* the thread's error queue keeps texts */
    size_t blocks = memory_blocks(), theirs = memory_engine_blocks();
    char where[160];
    demand(blocks <= starved.baseline, "%zu blocks are lost", blocks - starved.baseline);
    memory_newest(where, sizeof where, theirs - starved.engine_baseline);
    demand(theirs <= starved.engine_baseline, "%zu blocks of OpenSSL's are lost, made at%s",
           theirs - starved.engine_baseline, where);
}

static enum outcome check_starved(void)
{
    struct side *me = &starved.side[starved.me], *peer = &starved.side[!starved.me];
    enum outcome outcome = OUTCOME_NOTHING;
    if (me->s) {
        converse();
        let_go(me, peer);
        check_side(me, peer);
        check_side(peer, me);
        outcome = is_refused(&starved.setting) ? refused_outcome_of(me) : outcome_of(me, peer);
    }
    side_free(me);
    side_free(peer);
    setting_free(&starved.setting);
    check_no_leak();
    return outcome;
}

/* With enough memory it ends as its kind does. */
static void check_enough(const struct setting *setting, const struct side side[2])
{
    if (is_refused(setting))
        check_refusal(setting, side);
    else
        for (int i = 0; i < 2; i++)
            check_clean(&side[i]);
}

static void starve(const struct setting *like, int me)
{
    starved = (struct starved){.me = me, .baseline = memory_blocks(), .engine_baseline = memory_engine_blocks()};
    starved.setting = setting_again(like);
    branches_begin(&starved.branches, "%s, %s, a %s short of memory", like->kind->name, version_name(like->version),
                   me ? "server" : "client");
    make_sides();
    if (branched())
        branch_finish(check_starved());
    converse();
    if (branched())
        branch_finish(check_starved());
    check_enough(&starved.setting, starved.side);
    for (int i = 0; i < 2; i++)
        side_free(&starved.side[i]);
    setting_free(&starved.setting);
    branches_end(&starved.branches);
    check_that(!branch_densely() || starved.branches.outcomes[OUTCOME_FAULT] > 0, "%s: never a fault",
               starved.branches.what);
}

/* OpenSSL makes some things once for all streams; after this they are there. */
static void warm_up(struct setting *setting)
{
    struct branches quiet;
    struct side side[2] = {side_new(setting, false), side_new(setting, true)};
    branches_begin(&quiet, "%s, %s", setting->kind->name, version_name(setting->version));
    for (int round = 0; round < 100; round++)
        for (int i = 0; i < 2; i++) {
            side_turn(&side[i]);
            carry(side[i].s, side[!i].s);
        }
    check_enough(setting, side);
    for (int i = 0; i < 2; i++)
        side_free(&side[i]);
}

static void starve_the_client(struct setting *setting)
{
    warm_up(setting);
    starve(setting, 0);
}

static void starve_the_server(struct setting *setting)
{
    warm_up(setting);
    starve(setting, 1);
}

static void every_allocation_of_a_client(void **state)
{
    (void)state;
    for_settings(starve_the_client);
    for_refused_settings(starve_the_client);
}

static void every_allocation_of_a_server(void **state)
{
    (void)state;
    for_settings(starve_the_server);
    for_refused_settings(starve_the_server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_client),
        cmocka_unit_test(every_allocation_of_a_server),
    };
    if (!memory_begin())
        return 1;
    return cmocka_run_group_tests_name("sweep shortage", tests, setup_authority, teardown_authority);
}
