/* SPDX-License-Identifier: MIT */
/* What must hold: after each event of a side, and once both transports have let go. */

c_decl {
    \#include <stdio.h>
    \#include <stdlib.h>
    /* Of the whole search, not of a state: which joint endings were seen. */
    static unsigned char seen[64];
    static void print_seen(void)
    {
        for (int i = 0; i < (int)sizeof seen; i++)
            if (seen[i])
                printf("joint %d reached\n", i);
    }
    static void see(int joint)
    {
        static int told;
        if (!told++)
            atexit(print_seen);
        seen[joint] = 1;
    }
}

hidden byte joint;
hidden byte status;

/* No end lies. */
#define NO_FALSE_CLOSED(s) \
    (side[s].receiving != RECEIVING_CLOSED || side[PEER(s)].goodbye_handed && side[s].delivered == side[PEER(s)].written)
#define ALL_TAKEN(s) (side[s].sending != SENDING_CLOSED || side[s].goodbye_handed && side[s].handed == side[s].written)
#define ABORT_IS_SEEN(s) (side[s].sending != SENDING_ABORTED || side[PEER(s)].receiving != RECEIVING_CLOSED)

/* No end comes of nothing: what each may come of, told by what the transport, the peer and the application did. */
#define SENDING_HAS_A_CAUSE(s) \
    (side[s].sending == SENDING_OPEN || side[s].sending == SENDING_CLOSED || \
    side[s].sending == SENDING_CLOSING && side[s].shut || \
    side[s].sending == SENDING_FAILED && (side[s].out_over || side[s].receiving == RECEIVING_ALERTED) || \
    side[s].sending == SENDING_ABORTED && (side[s].reason != REASON_NONE || side[s].receiving == RECEIVING_REJECTED))
#define RECEIVING_HAS_A_CAUSE(s) \
    (side[s].receiving == RECEIVING_OPEN || side[s].receiving == RECEIVING_CLOSED || \
    side[s].receiving == RECEIVING_TRUNCATED && side[s].eof || side[s].receiving == RECEIVING_RESET && side[s].gone || \
    side[s].receiving == RECEIVING_ALERTED && side[PEER(s)].alert_handed || \
    side[s].receiving == RECEIVING_REJECTED && way[PEER(s)] == CORRUPT || \
    side[s].receiving == RECEIVING_ABANDONED && side[s].reason != REASON_NONE)
/* The peer's end says nothing of ours: where only its FIN came, sending goes on, or ends by our own doing. */
#define EOF_ENDS_NOTHING_OF_OURS(was, is, event) (event != EVENT_EOF || was == is)

/* What this side does of its own accord, and what it does not trust, ends both directions at once. */
#define IS_OVER_AT_ONCE(s, event) \
    (event != EVENT_ABORT && event != EVENT_FAULT && event != EVENT_VIOLATION || !LIVES(s))

/* What may leave behind an end. */
#define NOTHING_AFTER_THEIR_ALERT(s) (side[s].receiving != RECEIVING_ALERTED)
#define NOTHING_AFTER_OUR_ABORT(s) \
    (side[s].sending != SENDING_ABORTED || side[s].reason == REASON_FAULT || side[s].receiving == RECEIVING_REJECTED)
#define NOTHING_AFTER_OUR_LAST(s) (!side[s].goodbye_handed && !side[s].alert_handed)
/* The engine's word for a fault or violation, said while sending was open, waits to leave. */
#define SPEAKS(s) ((side[s].sending == SENDING_OPEN || side[s].sending == SENDING_CLOSING && side[s].due) && out[s]??[LAST_ALERT])
#define LAST_WORD_WAITS(s, spoke) (!(spoke) || out[s]??[LAST_ALERT])

/* The exit statuses, written a second time by hand. */
inline expect_status(s)
{
    if
    :: side[s].receiving == RECEIVING_TRUNCATED -> assert(status == 3)
    :: side[s].receiving == RECEIVING_RESET -> assert(status == 4)
    :: side[s].receiving == RECEIVING_ALERTED -> assert(status == 5)
    :: side[s].receiving == RECEIVING_REJECTED -> assert(status == 6)
    :: side[s].receiving == RECEIVING_CLOSED && side[s].sending == SENDING_CLOSED -> assert(status == 0)
    :: side[s].receiving == RECEIVING_CLOSED && side[s].sending == SENDING_FAILED -> assert(status == 4)
    :: else -> assert(status == (side[s].reason == REASON_DEADLINE -> 8 : 1))
    fi
}

inline look(s, event)
{
    assert(IS_OVER_AT_ONCE(s, event));
    assert(NO_FALSE_CLOSED(s));
    assert(ALL_TAKEN(s));
    assert(SENDING_HAS_A_CAUSE(s));
    assert(RECEIVING_HAS_A_CAUSE(s));
    assert(LAST_WORD_WAITS(s, spoke));
    assert(ABORT_IS_SEEN(s));
    assert(ABORT_IS_SEEN(PEER(s)))
}

inline look_before(s)
{
    spoke = SPEAKS(s)
}

inline look_at_sending(s, was, event)
{
    assert(EOF_ENDS_NOTHING_OF_OURS(was, side[s].sending, event))
}

/* Before a token is with the transport. */
inline look_at_leaving(s)
{
    assert(NOTHING_AFTER_OUR_LAST(s));
    assert(NOTHING_AFTER_OUR_ABORT(s));
    assert(NOTHING_AFTER_THEIR_ALERT(s))
}

/* Once both directions have ended. */
inline look_at_ending(s)
{
    joint = JOINT(side[s].sending, side[s].receiving);
    assert(joint < JOINTS);
    c_code { see(joint); };
    status = EXIT(side[s].sending, side[s].receiving, side[s].reason);
    expect_status(s)
}

/* ------------------------------------------------ at the end of a run */

#define BOTH_CLOSED(s) (side[s].sending == SENDING_CLOSED && side[s].receiving == RECEIVING_CLOSED)
#define ALL_DELIVERED (side[0].delivered == side[1].written && side[1].delivered == side[0].written)
/* Neither the network nor a side, nor the end of its patience, has disturbed anything. */
#define UNDISTURBED (!attacked && side[0].reason == REASON_NONE && side[1].reason == REASON_NONE && \
    !side[0].hasty && !side[1].hasty)
/* A last alert with nothing in its way: what comes from the peer may be bad, and the goodbye went to its own end. */
#define MUST_ARRIVE(s) (side[s].alert_handed && way[s] == CALM && way[PEER(s)] != CUT && way[PEER(s)] != HOLE && \
    !ATTACKED(0) && !ATTACKED(1) && !side[s].hasty)

#define LOOKS_CUT(s) (side[s].receiving == RECEIVING_TRUNCATED || side[s].receiving == RECEIVING_RESET)
#define ABORTED_BY_RESET(s) \
    (way[s] != CUT && LAST(side[s].sending, side[s].receiving, side[s].reason) == LAST_RESET)

inline look_at_the_end()
{
    if
    :: side[0].released && side[1].released ->
        assert(!BOTH_CLOSED(0) || !BOTH_CLOSED(1) || ALL_DELIVERED);
        assert(!UNDISTURBED || BOTH_CLOSED(0) && BOTH_CLOSED(1) && ALL_DELIVERED);
        look_back(0);
        look_back(1)
    :: else
    fi
}

/* What the peer of a side found. */
inline look_back(s)
{
    /* "A naive transport that closes at FAIL loses the alert that explains everything." */
    assert(!MUST_ARRIVE(s) || !LOOKS_CUT(PEER(s)));
    /* Nothing that follows an abort may look like an end. */
    assert(!ABORTED_BY_RESET(s) || side[PEER(s)].receiving != RECEIVING_TRUNCATED)
}
