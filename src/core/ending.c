/* SPDX-License-Identifier: MIT */
/*
 * The closure machine: the rows of ending.def as two tables. A cell set twice is a compiler warning (override-init),
 * and the assertions below count the rows, so no cell can be missing: the machine is total by compilation.
 */
#include "ending.h"

/* How many states live; they come first in their enums. */
#define SENDING_LIVE (ADIEU_SENDING_CLOSING + 1)
#define RECEIVING_LIVE (ADIEU_RECEIVING_OPEN + 1)

struct sending_cell {
    enum adieu_sending becomes;
    enum ending_action action;
};

static const struct sending_cell sending_table[SENDING_LIVE][EVENTS] = {
#define SENDING_ROW(STATE, EVENT, BECOMES, ACTION, because)                                                            \
    [ADIEU_SENDING_##STATE][EVENT_##EVENT] = {ADIEU_SENDING_##BECOMES, ACTION_##ACTION},
#include "ending.def"
};

static const enum adieu_receiving receiving_table[RECEIVING_LIVE][EVENTS] = {
#define RECEIVING_ROW(STATE, EVENT, BECOMES, because)                                                                  \
    [ADIEU_RECEIVING_##STATE][EVENT_##EVENT] = ADIEU_RECEIVING_##BECOMES,
#include "ending.def"
};

enum {
    SENDING_ROWS = 0
#define SENDING_ROW(STATE, EVENT, BECOMES, ACTION, because) +1
#include "ending.def"
    ,
    RECEIVING_ROWS = 0
#define RECEIVING_ROW(STATE, EVENT, BECOMES, because) +1
#include "ending.def"
    ,
    JOINT_ENDINGS = 0
#define JOINT(SENDING, RECEIVING, EXIT, first, second, third) +1
#include "ending.def"
};
_Static_assert(SENDING_ROWS == SENDING_LIVE * (int)EVENTS, "every live sending state has a row for every event");
_Static_assert(RECEIVING_ROWS == RECEIVING_LIVE * (int)EVENTS, "every live receiving state has a row for every event");
_Static_assert(JOINT_ENDINGS == 16, "sixteen joint endings");
_Static_assert(sizeof(struct adieu_ending) == 128, "the ending's size is part of the contract");

#define SENDING(NAME, name, live, meaning)                                                                             \
    _Static_assert((ADIEU_SENDING_##NAME < SENDING_LIVE) == (live), "live states come first: " name);
#include "ending.def"
#define RECEIVING(NAME, name, live, meaning)                                                                           \
    _Static_assert((ADIEU_RECEIVING_##NAME < RECEIVING_LIVE) == (live), "live states come first: " name);
#include "ending.def"
#define EXIT(NAME, status, meaning) _Static_assert(ADIEU_EXIT_##NAME == (status), "exit status " #NAME);
#include "ending.def"

bool ending_sending_lives(enum adieu_sending state)
{
    return state < SENDING_LIVE;
}

bool ending_receiving_lives(enum adieu_receiving state)
{
    return state < RECEIVING_LIVE;
}

enum adieu_sending ending_sending_after(enum adieu_sending state, enum ending_event event, enum ending_action *action)
{
    *action = ACTION_NONE;
    if (!ending_sending_lives(state))
        return state;
    *action = sending_table[state][event].action;
    return sending_table[state][event].becomes;
}

enum adieu_receiving ending_receiving_after(enum adieu_receiving state, enum ending_event event)
{
    return ending_receiving_lives(state) ? receiving_table[state][event] : state;
}

enum adieu_first ending_event_first(enum ending_event event)
{
    static const enum adieu_first who[EVENTS] = {
#define EVENT(NAME, name, who, meaning) [EVENT_##NAME] = ADIEU_FIRST_##who,
#include "ending.def"
    };
    return who[event];
}

enum adieu_last ending_last(const struct adieu_ending *ending)
{
    bool live = ending_receiving_lives(ending->receiving);
    switch (ending->sending) {
    case ADIEU_SENDING_OPEN:
    case ADIEU_SENDING_CLOSING:
        return ADIEU_LAST_GO_ON;
    case ADIEU_SENDING_CLOSED:
        return ADIEU_LAST_END_WRITE;
    case ADIEU_SENDING_FAILED: /* the peer's last words may still be on their way */
        return live ? ADIEU_LAST_GO_ON : ADIEU_LAST_END_WRITE;
    case ADIEU_SENDING_ABORTED:
        break;
    }
    /* Our last word is an alert, which a reset would destroy on its way. */
    bool spoke = ending->receiving == ADIEU_RECEIVING_REJECTED || ending->reason == ADIEU_REASON_FAULT;
    return spoke ? ADIEU_LAST_END_WRITE : ADIEU_LAST_RESET;
}

/* ------------------------------------------------ the exit status */

/* What a joint ending is worth before DELIVERED and REASON are looked up further. */
enum worth {
    WORTH_NOTHING, /* a direction still lives */
    WORTH_DELIVERED,
    WORTH_TRUNCATED,
    WORTH_LOST,
    WORTH_ALERTED,
    WORTH_REJECTED,
    WORTH_REASON,
};

static const enum worth joint_worth[ADIEU_SENDING_ABORTED + 1][ADIEU_RECEIVING_ABANDONED + 1] = {
#define JOINT(SENDING, RECEIVING, EXIT, first, second, third)                                                          \
    [ADIEU_SENDING_##SENDING][ADIEU_RECEIVING_##RECEIVING] = WORTH_##EXIT,
#include "ending.def"
};

static enum adieu_exit reason_exit(enum adieu_reason reason)
{
    static const enum adieu_exit exits[] = {
#define REASON(NAME, name, EXIT) [ADIEU_REASON_##NAME] = ADIEU_EXIT_##EXIT,
#include "ending.def"
    };
    return (size_t)reason < sizeof exits / sizeof *exits ? exits[reason] : ADIEU_EXIT_OTHER;
}

/* Both closed; but a reset, or a wait broken off, before all was acknowledged means that bytes of ours may be lost. */
static enum adieu_exit delivered_exit(const struct adieu_ending *ending)
{
    bool all = ending->acknowledged != ADIEU_UNKNOWN && ending->acknowledged >= ending->taken;
    if (all || !ending->taken) /* of nothing, nothing is lost */
        return ADIEU_EXIT_DELIVERED;
    if (ending->after == ADIEU_AFTER_RESET)
        return ADIEU_EXIT_LOST;
    return ending->reason == ADIEU_REASON_NONE ? ADIEU_EXIT_DELIVERED : reason_exit(ending->reason);
}

enum adieu_exit adieu_ending_exit(const struct adieu_ending *ending)
{
    if ((unsigned)ending->sending > ADIEU_SENDING_ABORTED || (unsigned)ending->receiving > ADIEU_RECEIVING_ABANDONED)
        return ADIEU_EXIT_OTHER;
    switch (joint_worth[ending->sending][ending->receiving]) {
    case WORTH_DELIVERED:
        return delivered_exit(ending);
    case WORTH_TRUNCATED:
        return ADIEU_EXIT_TRUNCATED;
    case WORTH_LOST:
        return ADIEU_EXIT_LOST;
    case WORTH_ALERTED:
        return ADIEU_EXIT_ALERTED;
    case WORTH_REJECTED:
        return ADIEU_EXIT_REJECTED;
    case WORTH_REASON:
        return reason_exit(ending->reason);
    case WORTH_NOTHING:
        break;
    }
    return ADIEU_EXIT_OTHER;
}
