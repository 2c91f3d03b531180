/* SPDX-License-Identifier: MIT */
/*
 * Built twice: my side is on a descriptor, and on libuv. What one side says over a socket, cut behind each byte. The other side's: by the end of its write side, or by a real
 * reset; receiving is closed if and only if all of it came. Mine: the socket takes no more, and nobody claims more than came.
 */
#define _GNU_SOURCE /* dup3 */
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef WITH_UV
#include "looped.h"
#define MAKE side_new_looped
#define WARM_UP looped_warm_up
#define NAME "sweep uv cuts"
#else
#define MAKE NULL
#define WARM_UP() (void)0
#define NAME "sweep fd cuts"
#endif

enum outcome { OUTCOME_OPEN, OUTCOME_CLOSED };

enum how { HOW_EOF, HOW_RESET, HOW_MINE, HOWS };
static const char *const how_names[HOWS] = {"ended behind byte", "reset behind byte", "takes no more behind byte"};

static struct cut {
    struct branches branches;
    struct stage stage;
    enum how how;
    bool i_run;        /* or the other side */
    size_t sent, lost; /* bytes that were said, before the cut and behind it */
    size_t after;      /* where to cut */
    bool made;
    int taken; /* a number that is no handle's any more; -1: none */
} cut;

static void make(int descriptor)
{
    const struct linger linger = {.l_onoff = 1};
    cut.made = true;
    if (cut.how != HOW_RESET) {
        (void)shutdown(descriptor, SHUT_WR);
        return;
    }
    /* The number becomes that of something that is no socket, which a handle leaves alone: the socket itself is closed by a reset. */
    cut.taken = descriptor;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    demand(nothing >= 0 && dup3(nothing, descriptor, O_CLOEXEC) == descriptor, "no /dev/null");
    (void)close(nothing);
}

/* Behind the cut what the other side says goes into the void, and I am told. */
static ssize_t send_behind(size_t sent, size_t size)
{
    cut.lost += size - sent;
    if (cut.how != HOW_MINE)
        return (ssize_t)size;
    errno = EPIPE;
    return sent ? (ssize_t)sent : -1;
}

static ssize_t send_cutting(int descriptor, const void *bytes, size_t size)
{
    if (cut.i_run != (cut.how == HOW_MINE))
        return calls_send(descriptor, bytes, size);
    size_t left = cut.after - cut.sent, n = size < left ? size : left;
    ssize_t sent = n ? calls_send(descriptor, bytes, n) : 0;
    if (sent < 0)
        return sent;
    cut.sent += (size_t)sent;
    if (cut.sent == cut.after && !cut.made)
        make(descriptor);
    return cut.made ? send_behind((size_t)sent, size) : sent;
}

static void mine(bool begins)
{
    cut.i_run = begins;
}

/* ------------------------------------------------ what is to be seen */

/* Not all came to me. */
static void check_open(const struct side *me, const struct adieu_ending *ending)
{
    bool reset = cut.how == HOW_RESET;
    enum adieu_receiving want = reset ? ADIEU_RECEIVING_RESET : ADIEU_RECEIVING_TRUNCATED;
    demand(me->read == ADIEU_FAIL, "read says %s", adieu_status_name(me->read));
    demand(ending->receiving == want, "receiving is %s: %s", adieu_receiving_name(ending->receiving),
           adieu_error(me->s)->text);
    demand(adieu_ending_exit(ending) == (reset ? ADIEU_EXIT_LOST : ADIEU_EXIT_TRUNCATED), "exit status %d",
           (int)adieu_ending_exit(ending));
    demand(!reset || ending->os_error == ECONNRESET || ending->os_error == EPIPE, "os_error %d", ending->os_error);
}

/* Not all of mine was taken. */
static void check_unsent(const struct adieu_ending *ending, const struct side *other)
{
    demand(ending->sending == ADIEU_SENDING_FAILED, "sending is %s", adieu_sending_name(ending->sending));
    demand(ending->os_error == EPIPE, "os_error %d", ending->os_error);
    demand(ending->sent <= other->heard, "sent says %llu, but %zu were heard", (unsigned long long)ending->sent,
           other->heard);
    demand(adieu_ending_exit(ending) != ADIEU_EXIT_DELIVERED, "delivered, though it was not");
}

static enum outcome check_cut(const struct stage *stage)
{
    struct side side[2] = {stage->side[stage->me], stage->side[!stage->me]};
    struct adieu_ending ending = adieu_ending(side[0].s), theirs = adieu_ending(side[1].s);
    const struct adieu_ending *said = cut.how == HOW_MINE ? &ending : &theirs,
                              *heard = cut.how == HOW_MINE ? &theirs : &ending;
    bool all_came = said->sending == ADIEU_SENDING_CLOSED && cut.lost == 0;
    bool closed = heard->receiving == ADIEU_RECEIVING_CLOSED;
    check_side(&side[0], &side[1]);
    demand(ending.decided, "a live half after the goodbye");
    demand(closed == all_came, "receiving is %s, though %zu bytes are lost", adieu_receiving_name(heard->receiving),
           cut.lost);
    if (!closed && cut.how != HOW_MINE)
        check_open(&side[0], &ending);
    if (cut.how == HOW_MINE && cut.lost > 0)
        check_unsent(&ending, &side[1]);
    return closed ? OUTCOME_CLOSED : OUTCOME_OPEN;
}

/* ------------------------------------------------ sweeping */

static enum outcome converse(struct stage *stage, size_t after)
{
    cut.sent = cut.lost = 0;
    cut.after = after;
    cut.made = false;
    cut.taken = -1;
    stage->mine = mine;
    calls_send_by(send_cutting);
    demand(stage_begin(stage), "no side to be had");
    stage_run(stage);
    enum outcome outcome = branched() ? check_cut(stage) : OUTCOME_CLOSED;
    for (int i = 0; i < 2 && !branched(); i++)
        check_clean(&stage->side[i]);
    if (cut.taken >= 0)
        (void)close(cut.taken);
    stage_end(stage);
    calls_send_by(NULL);
    return outcome;
}

static void cut_each(struct setting *setting, int me, enum how how)
{
    enum { MARGIN = 8 }; /* a signature may be longer the next time */
    enum carrier carrier = how == HOW_RESET ? CARRIER_TCP : CARRIER_UNIX;
    struct stage clean;
    cut.how = how;
    cut.stage = (struct stage){.setting = setting, .me = me, .carrier = carrier, .make = MAKE};
    branches_begin(&cut.branches, "%s, %s, a %s on %s", setting->kind->name, version_name(setting->version),
                   me ? "server" : "client", carrier_name(carrier));
    clean = cut.stage;
    (void)converse(&clean, SIZE_MAX);
    size_t whole = cut.sent;
    for (size_t after = 0; after < whole + MARGIN; after++) {
        bool last = after + 2L * MARGIN >= whole, first_kind = setting->kind == &kinds[0];
        if (how != HOW_EOF && after % 3 && !last && !branch_all())
            continue;
        if (!branch_worth(&cut.branches, !first_kind && !last) || !branch(&cut.branches, how_names[how], after))
            continue;
        struct stage stage = cut.stage;
        stage.blocking = after % 2 && !stage.make;
        branch_finish(converse(&stage, after));
    }
    branches_end(&cut.branches);
    check_that(!branch_densely() ||
                   (cut.branches.outcomes[OUTCOME_CLOSED] > 0 && cut.branches.outcomes[OUTCOME_OPEN] > 0),
               "%s: always the same end", cut.branches.what);
}

static void cut_in_all_ways(struct setting *setting)
{
    for (int me = 0; me < 2; me++)
        for (enum how how = 0; how < HOWS; how++)
            cut_each(setting, me, how);
}

static void every_cut_of_a_socket(void **state)
{
    (void)state;
    WARM_UP();
    for_settings(cut_in_all_ways);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_a_socket),
    };
    return cmocka_run_group_tests_name(NAME, tests, setup_authority, teardown_authority);
}
