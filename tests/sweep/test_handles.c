/* SPDX-License-Identifier: MIT */
/*
 * Every kind of conversation over sockets, with the nth allocation of one side refused, once or from then on; the handle's
 * own allocations, too: opening, waiting and the goodbye have to do without, or say so, and leave no descriptor behind.
 */
#include "stage.h"

#include <string.h>

#include "memory.h"

enum outcome { OUTCOME_WHOLE, OUTCOME_FAULT, OUTCOME_UNOPENED, OUTCOME_NOTHING };

enum { ALLOCATIONS = 20000 };

static struct starved {
    struct branches branches;
    struct stage stage;
    bool ours[ALLOCATIONS]; /* of my allocations when there is enough */
    size_t count, nth;
    bool for_ever;
} starved;

static bool records(bool ours)
{
    demand(starved.count < ALLOCATIONS, "more than %d allocations", ALLOCATIONS);
    starved.ours[starved.count++] = ours;
    return false;
}

static bool refuses(bool ours)
{
    size_t now = starved.count++;
    (void)ours;
    return now == starved.nth || (starved.for_ever && now > starved.nth);
}

static void mine(bool begins)
{
    memory_ask(!begins ? NULL : branched() ? refuses : records);
}

/* ------------------------------------------------ what is to be seen */

static enum outcome check_opened(const struct side *me, struct stage *stage)
{
    struct adieu_error error = adieu_fd_error(me->fd);
    demand(error.text[0] || stage->listener < 0, "it was not opened, without words");
    return OUTCOME_UNOPENED;
}

static enum outcome check_starved(struct stage *stage)
{
    struct side *me = &stage->side[stage->me], *other = &stage->side[!stage->me];
    if (me->opened != ADIEU_OK)
        return check_opened(me, stage);
    struct adieu_ending ending = adieu_ending(me->s);
    for (int i = 0; i < 2; i++)
        check_side(&stage->side[i], &stage->side[!i]);
    demand(ending.decided, "a live half after the goodbye");
    demand(adieu_ending_exit(&ending) != ADIEU_EXIT_DELIVERED || other->read == ADIEU_END, "delivered, but not to %s",
           other->server ? "the server" : "the client");
    if (adieu_ending_exit(&ending) == ADIEU_EXIT_DELIVERED)
        return OUTCOME_WHOLE;
    enum { CERTIFICATE_REQUIRED = 116 }; /* for want of memory it showed none */
    demand(ending.reason == ADIEU_REASON_FAULT || ending.alert_received.number == CERTIFICATE_REQUIRED,
           "it is told as no fault: %s", adieu_error(me->s)->text);
    return OUTCOME_FAULT;
}

/* ------------------------------------------------ sweeping */

static enum outcome converse(const struct stage *like)
{
    struct setting setting = setting_again(like->setting); /* with empty pools */
    struct stage copy = *like, *stage = &copy;
    starved.count = 0;
    stage->setting = &setting;
    stage->mine = mine;
    enum outcome outcome = OUTCOME_NOTHING;
    if (stage_begin(stage)) {
        stage_run(stage);
        outcome = branched() ? check_starved(stage) : OUTCOME_WHOLE;
    }
    for (int i = 0; i < 2 && !branched(); i++)
        check_clean(&stage->side[i]);
    stage_end(stage);
    setting_free(&setting);
    return outcome;
}

static void starve_at(size_t nth, bool for_ever)
{
    if (!branch(&starved.branches, for_ever ? "every allocation from" : "allocation", nth))
        return;
    starved.nth = nth;
    starved.for_ever = for_ever;
    size_t blocks = memory_blocks();
    enum outcome outcome = converse(&starved.stage);
    demand(memory_blocks() == blocks, "%zu blocks are lost", memory_blocks() - blocks);
    branch_finish(outcome);
}

/* OpenSSL's are swept in memory, one by one: here it is enough to meet them now and then. */
static void starve_each(struct setting *setting, int me, enum carrier carrier, bool blocking)
{
    starved.stage = (struct stage){.setting = setting, .me = me, .carrier = carrier, .blocking = blocking};
    branches_begin(&starved.branches, "%s, %s, a %s on %s, %s, short of memory", setting->kind->name,
                   version_name(setting->version), me ? "server" : "client", carrier_name(carrier),
                   blocking ? "blocking" : "polled");
    (void)converse(&starved.stage);
    size_t count = starved.count;
    for (size_t nth = 0; nth < count; nth++) {
        if (!branch_worth(&starved.branches, !starved.ours[nth]))
            continue;
        starve_at(nth, false);
        starve_at(nth, true);
    }
    branches_end(&starved.branches);
}

static void starve_in_all_ways(struct setting *setting)
{
    for (int me = 0; me < 2; me++)
        for (int blocking = 0; blocking < 2; blocking++)
            for (enum carrier carrier = CARRIER_UNIX; carrier < CARRIERS; carrier++)
                if (stage_carries(setting, me, carrier))
                    starve_each(setting, me, carrier, blocking);
}

static void every_allocation_of_a_handle(void **state)
{
    (void)state;
    for_settings(starve_in_all_ways);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_handle),
    };
    if (!memory_begin())
        return 1;
    return cmocka_run_group_tests_name("sweep handles", tests, setup_authority, teardown_authority);
}
