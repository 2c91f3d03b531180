/* SPDX-License-Identifier: MIT */
/*
 * Every kind of conversation over sockets, with the nth system call of one side failing, by each errno that it can give, or
 * going on in single bytes: what is harmless harms nothing; what is not is told; no descriptor leaks, nobody waits
 * for ever, and nobody has an end that was not said.
 */
#include "stage.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <string.h>

enum { STORM = 30 };

#define HARMLESS(code)                                                                                                 \
    {                                                                                                                  \
        .error = code, .times = 1, .harmless = true, .why = #code                                                      \
    }
#define STORM_OF(code)                                                                                                 \
    {                                                                                                                  \
        .error = code, .times = STORM, .harmless = true, .why = "a storm of " #code                                    \
    }
#define DONE_ALL_THE_SAME(code)                                                                                        \
    {                                                                                                                  \
        .error = code, .times = 1, .harmless = true, .after_all = true, .why = #code " (though done)"                  \
    }
#define FATAL(code)                                                                                                    \
    {                                                                                                                  \
        .error = code, .times = 1, .why = #code                                                                        \
    }
#define BREAKS(code)                                                                                                   \
    {                                                                                                                  \
        .error = code, .times = 1, .breaks = true, .why = #code                                                        \
    }
#define ONE_BYTE                                                                                                       \
    {                                                                                                                  \
        .times = 1, .harmless = true, .why = "one byte"                                                                \
    }
#define BYTE_BY_BYTE                                                                                                   \
    {                                                                                                                  \
        .times = UINT_MAX, .harmless = true, .why = "byte by byte from then on"                                        \
    }

/* What each call can give (its man page), closed by an entry without a name. */
static const struct fault faults[CALL_COUNT][16] = {
    [CALL_ACCEPT] = {FATAL(EMFILE), FATAL(ENFILE), FATAL(ENOBUFS), FATAL(ENOMEM), HARMLESS(ECONNABORTED),
                     HARMLESS(EPROTO), HARMLESS(ENETDOWN), HARMLESS(EHOSTUNREACH), HARMLESS(EPERM), HARMLESS(EINTR),
                     STORM_OF(EINTR), STORM_OF(EAGAIN)},
    [CALL_BIND] = {FATAL(EADDRINUSE), FATAL(EACCES)},
    [CALL_CLOSE] = {DONE_ALL_THE_SAME(EINTR), DONE_ALL_THE_SAME(EIO)},
    [CALL_CONNECT] = {DONE_ALL_THE_SAME(EINTR), DONE_ALL_THE_SAME(EINPROGRESS), FATAL(ECONNREFUSED), FATAL(ETIMEDOUT),
                      FATAL(ENETUNREACH), FATAL(EHOSTUNREACH), FATAL(EACCES), FATAL(EPERM), FATAL(EADDRNOTAVAIL),
                      FATAL(EAGAIN)},
    [CALL_EVENTFD] = {HARMLESS(EMFILE), HARMLESS(ENFILE), HARMLESS(ENOMEM), HARMLESS(ENODEV)},
    [CALL_GETADDRINFO] = {FATAL(EAI_MEMORY), FATAL(EAI_SYSTEM), FATAL(EAI_AGAIN), FATAL(EAI_NONAME), FATAL(EAI_FAIL)},
    [CALL_GETPEERNAME] = {HARMLESS(ENOBUFS), HARMLESS(ENOTCONN)},
    [CALL_GETSOCKNAME] = {HARMLESS(ENOBUFS)},
    [CALL_GETSOCKOPT] = {FATAL(ENOBUFS), FATAL(ENOPROTOOPT)},
    [CALL_IOCTL] = {HARMLESS(ENOTTY), HARMLESS(EINVAL)},
    [CALL_LISTEN] = {FATAL(EADDRINUSE)},
    [CALL_POLL] = {HARMLESS(EINTR), STORM_OF(EINTR), HARMLESS(ENOMEM)},
    [CALL_PTHREAD_CREATE] = {FATAL(EAGAIN)},
    [CALL_RECV] = {HARMLESS(EINTR), STORM_OF(EINTR), HARMLESS(EAGAIN), STORM_OF(EAGAIN), ONE_BYTE, BYTE_BY_BYTE,
                   BREAKS(ECONNRESET), BREAKS(ETIMEDOUT), BREAKS(EHOSTUNREACH), FATAL(ENOMEM), BREAKS(ENETDOWN),
                   BREAKS(ECONNABORTED)},
    [CALL_SEND] = {HARMLESS(EINTR), STORM_OF(EINTR), HARMLESS(EAGAIN), STORM_OF(EAGAIN), ONE_BYTE, BYTE_BY_BYTE,
                   BREAKS(ECONNRESET), BREAKS(EPIPE), BREAKS(ETIMEDOUT), BREAKS(EHOSTUNREACH), BREAKS(ENETDOWN),
                   BREAKS(ECONNABORTED), FATAL(EPERM), FATAL(ENOBUFS)},
    [CALL_SETSOCKOPT] = {FATAL(ENOBUFS), FATAL(EINVAL)},
    [CALL_SHUTDOWN] = {HARMLESS(ENOTCONN), HARMLESS(ENOBUFS)},
    [CALL_SOCKET] = {FATAL(EMFILE), FATAL(ENFILE), FATAL(ENOBUFS), FATAL(ENOMEM), FATAL(EAFNOSUPPORT), FATAL(EACCES)},
};

enum outcome { OUTCOME_WHOLE, OUTCOME_FAILED, OUTCOME_UNOPENED, OUTCOME_REFUSED };

enum { MANY = 2000 };

static struct hurt {
    struct branches branches;
    struct stage stage;
    size_t counts[CALL_COUNT];   /* of my calls of each sort, */
    bool dull[CALL_COUNT][MANY]; /* and whether one is in a handshake that is swept elsewhere */
    enum call call;              /* in the child: which sort is hurt, */
    size_t nth;                  /* and which of them, since the others' number is the clock's to say; */
    const struct fault *fault;
    unsigned left; /* how often more */
} hurt;

/* ------------------------------------------------ hurting */

static const struct stage *recorded;

static const struct fault *record(enum call call)
{
    const struct side *me = &recorded->side[recorded->me];
    size_t now = hurt.counts[call]++;
    demand(now < MANY, "more than %d calls of %s", MANY, call_name(call));
    const struct setting *setting = recorded->setting;
    hurt.dull[call][now] = me->handshake != ADIEU_OK && !setting->kind->own_handshake && !is_refused(setting);
    return NULL;
}

static const struct fault *hurt_nth(enum call call)
{
    size_t now = hurt.counts[call]++;
    if (call != hurt.call)
        return NULL;
    if (now == hurt.nth)
        hurt.left = hurt.fault->times;
    if (!hurt.left)
        return NULL;
    hurt.left--;
    return hurt.fault;
}

static void mine(bool begins)
{
    calls_ask(!begins ? NULL : branched() ? hurt_nth : record);
}

/* ------------------------------------------------ what is to be seen */

/* What nothing can be done without, unless there is another address to try. */
static bool cannot_be_opened(const struct stage *stage)
{
    static const bool needed[CALL_COUNT] = {[CALL_ACCEPT] = true, [CALL_BIND] = true,   [CALL_CONNECT] = true,
                                            [CALL_LISTEN] = true, [CALL_SOCKET] = true, [CALL_PTHREAD_CREATE] = true};
    /* The first question of a client that connects, or of one that adopts: is this a connection? */
    bool asked = hurt.call == CALL_GETSOCKOPT && hurt.nth == 0 && (stage->me == 0 || stage->carrier == CARRIER_UNIX);
    bool rescued = stage->carrier == CARRIER_NAME && hurt.call != CALL_PTHREAD_CREATE;
    return !hurt.fault->harmless && (needed[hurt.call] || asked) && !rescued;
}

static void check_told(const struct side *me, const struct adieu_ending *ending)
{
    const struct adieu_error *error = adieu_error(me->s);
    bool moves = hurt.call == CALL_SEND || hurt.call == CALL_RECV;
    demand(error->code != ADIEU_ERR_NONE || ending->after == ADIEU_AFTER_RESET, "it failed without an error");
    demand(hurt.call != CALL_RECV || ending->receiving == ADIEU_RECEIVING_RESET || ending->after == ADIEU_AFTER_RESET,
           "receiving is %s, after it %s", adieu_receiving_name(ending->receiving), adieu_after_name(ending->after));
    /* After a failure that the kernel knows nothing of, the other side's reset may follow. */
    demand(!moves || ending->os_error == hurt.fault->error || ending->os_error == ECONNRESET, "os_error is %d (%s)",
           ending->os_error, error->text);
}

/*
 * If I say that all was delivered, it was: the other side is well. (What it says of me goes by TCP's word, and what TCP
 * has got I may still fail to take.)
 */
static void check_delivered(const struct side *side, const struct side *other)
{
    struct adieu_ending ending = adieu_ending(side->s);
    if (adieu_ending_exit(&ending) == ADIEU_EXIT_DELIVERED)
        demand(other->read == ADIEU_END && other->heard == ending.taken,
               "it says delivered, but the other side heard %zu of %llu bytes, and then %s: %s", other->heard,
               (unsigned long long)ending.taken, adieu_status_name(other->read), adieu_error(other->s)->text);
}

/* One must refuse: both know, or the failure is told. */
static enum outcome check_hurt_refusal(const struct stage *stage)
{
    const struct setting *setting = stage->setting;
    const struct side *me = &stage->side[stage->me];
    struct adieu_ending ending = adieu_ending(me->s);
    check_not_welcomed(setting, stage->side);
    if (hurt.fault->harmless)
        check_refusal(setting, stage->side);
    if (knows_refusal(setting, me))
        return OUTCOME_REFUSED;
    check_told(me, &ending);
    return OUTCOME_FAILED;
}

static enum outcome check_hurt(struct stage *stage)
{
    struct side *me = &stage->side[stage->me], *other = &stage->side[!stage->me];
    if (me->opened != ADIEU_OK) {
        struct adieu_error error = adieu_fd_error(me->fd);
        bool needed = hurt.call == CALL_EVENTFD && stage->carrier == CARRIER_NAME; /* to hear of the resolver */
        demand(!hurt.fault->harmless || needed, "it was not opened: %s", error.text);
        demand(error.text[0] || stage->listener < 0, "it was not opened, without words");
        return OUTCOME_UNOPENED;
    }
    struct adieu_ending ending = adieu_ending(me->s);
    for (int i = 0; i < 2; i++)
        check_side(&stage->side[i], &stage->side[!i]);
    check_delivered(me, other);
    demand(ending.decided, "a live half after the goodbye: %s, %s", adieu_sending_name(ending.sending),
           adieu_receiving_name(ending.receiving));
    demand(!cannot_be_opened(stage), "it was opened, though %s() failed", call_name(hurt.call));
    if (is_refused(stage->setting))
        return check_hurt_refusal(stage);
    bool whole = adieu_ending_exit(&ending) == ADIEU_EXIT_DELIVERED;
    demand(whole || !hurt.fault->harmless, "it did not end well: %s, %s, %s", adieu_sending_name(ending.sending),
           adieu_receiving_name(ending.receiving), adieu_error(me->s)->text);
    if (hurt.fault->harmless)
        check_clean(other);
    if (!whole)
        check_told(me, &ending);
    return whole ? OUTCOME_WHOLE : OUTCOME_FAILED;
}

/* ------------------------------------------------ sweeping */

static void check_unhurt(struct stage *stage)
{
    for (int i = 0; i < 2; i++)
        check_side(&stage->side[i], &stage->side[!i]);
    if (is_refused(stage->setting))
        check_refusal(stage->setting, stage->side);
    else
        for (int i = 0; i < 2; i++)
            check_clean(&stage->side[i]);
}

static enum outcome converse(struct stage *stage)
{
    memset(hurt.counts, 0, sizeof hurt.counts);
    stage->mine = mine;
    bool made = stage_begin(stage);
    demand(made, "no side to be had");
    stage_run(stage);
    enum outcome outcome = OUTCOME_WHOLE;
    if (branched())
        outcome = check_hurt(stage);
    else
        check_unhurt(stage);
    stage_end(stage);
    return outcome;
}

static void hurt_nth_call(enum call call, size_t nth, const struct fault *fault)
{
    char sort[80];
    (void)snprintf(sort, sizeof sort, "%s by %s(), call", fault->why, call_name(call));
    if (!branch(&hurt.branches, sort, nth))
        return;
    hurt.call = call;
    hurt.nth = nth;
    hurt.fault = fault;
    struct stage stage = hurt.stage;
    branch_finish(converse(&stage));
}

/* A socket that takes no more but lives leaves both waiting, which is soon known for sure on a Unix socket only. */
static bool would_take_long(enum call call, const struct fault *fault)
{
    return call == CALL_SEND && hurt.stage.carrier != CARRIER_UNIX && !fault->breaks && !fault->harmless;
}

static void hurt_calls(enum call call, size_t count)
{
    for (size_t nth = 0; nth < count; nth++)
        for (const struct fault *fault = faults[call]; fault->why; fault++)
            if (!would_take_long(call, fault) && branch_worth(&hurt.branches, hurt.dull[call][nth]))
                hurt_nth_call(call, nth, fault);
}

static void hurt_each(struct setting *setting, int me, enum carrier carrier, bool blocking)
{
    struct stage clean;
    hurt.stage = (struct stage){.setting = setting, .me = me, .carrier = carrier, .blocking = blocking};
    branches_begin(&hurt.branches, "%s, %s, a %s on %s, %s", setting->kind->name, version_name(setting->version),
                   me ? "server" : "client", carrier_name(carrier), blocking ? "blocking" : "polled");
    clean = hurt.stage;
    recorded = &clean;
    (void)converse(&clean);
    for (enum call call = 0; call < CALL_COUNT; call++)
        hurt_calls(call, hurt.counts[call]);
    branches_end(&hurt.branches);
}

static void hurt_in_all_ways(struct setting *setting)
{
    for (int me = 0; me < 2; me++)
        for (int blocking = 0; blocking < 2; blocking++)
            for (enum carrier carrier = CARRIER_UNIX; carrier < CARRIERS; carrier++)
                if (stage_carries(setting, me, carrier))
                    hurt_each(setting, me, carrier, blocking);
}

static void every_system_call(void **state)
{
    (void)state;
    for_settings(hurt_in_all_ways);
    for_refused_settings(hurt_in_all_ways);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_system_call),
    };
    return cmocka_run_group_tests_name("sweep calls", tests, setup_authority, teardown_authority);
}
