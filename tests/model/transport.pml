/* SPDX-License-Identifier: MIT */
/* A transport, as src/socket does it: it moves tokens, tells how the wire ends, and says goodbye with a deadline. */

/* ------------------------------------------------ sending */

#define CAN_SEND(s) (!side[s].out_over && len(out[s]) > 0)

/* adieu_wire_out_done: the transport took it, whatever becomes of it on its way. */
inline handed_over(s)
{
    look_at_leaving(s);
    if
    :: token == CLOSE_NOTIFY -> side[s].goodbye_handed = true
    :: token == LAST_ALERT -> side[s].alert_handed = true
    :: token >= DATA -> side[s].handed++
    :: else
    fi;
    if
    :: len(out[s]) == 0 && !side[s].due -> raise(s, EVENT_FLUSHED)
    :: else
    fi
}

inline send(s)
{
    out[s]?token;
    printf("%c hands over %e\n", NAME(s), TOKEN(token));
    if
    :: DEAD(PEER(s)) && way[s] != HOLE -> 
        if
        :: way[PEER(s)] != HOLE -> reset_sent[s] = true
        :: else
        fi
    :: SWALLOWED(s) && !(DEAD(PEER(s)) && way[s] != HOLE)
    :: else -> wire[s]!token
    fi;
    handed_over(s)
}

/* send_failed: what waits will never leave, a last word neither. */
inline send_failed(s)
{
    printf("%c is told that nothing more is taken\n", NAME(s));
    side[s].out_over = true;
    raise(s, EVENT_SEND_FAILED);
    side[s].sealed = true;
    drop(out[s])
}

/* ------------------------------------------------ receiving */

#define CAN_RECEIVE(s) (!side[s].in_over && RECEIVING_LIVES(side[s].receiving) && len(in[s]) < INPUT)
/* Behind the peer's end only the goodbye looks at what comes. */
#define DRAINS(s) (!side[s].in_over && !RECEIVING_LIVES(side[s].receiving) && side[s].closing)
#define LOOKS_FOR_END(s) (!side[s].in_over && (RECEIVING_LIVES(side[s].receiving) || side[s].closing))
/* Behind the peer's FIN nothing comes, but a reset of what we send. */
#define LOOKS_FOR_RESET(s) (side[s].closing && side[s].eof && !side[s].out_over && !side[s].gone)

inline receive(s)
{
    wire[PEER(s)]?token;
    if
    :: way[PEER(s)] == CORRUPT -> token = BAD
    :: else
    fi;
    printf("%c receives %e\n", NAME(s), TOKEN(token));
    in[s]!token
}

inline drain(s)
{
    wire[PEER(s)]?token
}

inline end_comes(s)
{
    printf("%c receives the transport's end\n", NAME(s));
    side[s].in_over = true;
    side[s].eof = true;
    drop(wire[PEER(s)])
}

inline reset(s)
{
    printf("%c is reset\n", NAME(s));
    side[s].in_over = true;
    side[s].gone = true;
    drop(wire[PEER(s)]);
    send_failed(s)
}

/* ------------------------------------------------ the goodbye */

/* adieu_wire_last: bytes that wait go first. */
#define LAST_OF(s) \
    (len(out[s]) > 0 -> LAST_GO_ON : LAST(side[s].sending, side[s].receiving, side[s].reason))
#define SAID(s) (!SENDING_LIVES(side[s].sending) && len(out[s]) == 0)
#define ENDS_WRITE(s) (side[s].closing && !side[s].write_ended && SAID(s) && LAST_OF(s) != LAST_RESET)
#define MUST_RESET(s) (side[s].closing && LAST_OF(s) == LAST_RESET)

/*
 * The peer's end has come, or need not come since it has said all. Whether its system has acknowledged ours is known to who
 * waits for it; here it may or may not be, at any time.
 */
#define NOTHING_FOLLOWS(s) (side[s].receiving == RECEIVING_CLOSED || side[s].receiving == RECEIVING_ALERTED)
#define MAY_RELEASE(s) \
    (side[s].closing && side[s].write_ended && !LIVES(s) && SAID(s) && (side[s].in_over || NOTHING_FOLLOWS(s)))

inline close(s)
{
    printf("%c closes\n", NAME(s));
    side[s].closing = true;
    if
    :: !side[s].shut && side[s].sending == SENDING_OPEN -> shutdown(s)
    :: else
    fi
}

inline end_write(s)
{
    printf("%c ends its write side\n", NAME(s));
    side[s].write_ended = true
}

/* What nobody looks at any more, so that states which differ in it only are one. */
inline forget(s)
{
    side[s].due = false;
    side[s].sealed = true;
    side[s].shut = true;
    side[s].halves = false;
    side[s].has_half = false;
    side[s].eof = false;
    side[s].gone = false;
    side[s].in_over = true;
    side[s].out_over = true;
    side[s].closing = true;
    reset_sent[s] = false;
    fails[s] = false;
    breaks[s] = false
}

/* close(). Gently: FIN, if it has not left; but with something unread, also if it is on its way, a reset follows. */
inline release(s, with_reset)
{
    printf("%c lets go\n", NAME(s));
    look_at_ending(s);
    if
    :: with_reset || len(wire[PEER(s)]) > 0 -> send_reset(s)
    :: else
    fi;
    side[s].write_ended = side[s].write_ended || !with_reset;
    side[s].released = true;
    forget(s);
    drop(in[s]);
    drop(out[s]);
    drop(wire[PEER(s)]);
    look_at_the_end()
}

/* What can leave does so before a transport breaks off, or looks at its clock. */
#define SENDS_FIRST(s) (CAN_SEND(s) && WIRE_TAKES(s))

/* Patience ends: what still lives is aborted. Where our last word has left, or our end, it is not taken back. */
inline give_up(s)
{
    printf("%c waits no longer\n", NAME(s));
    side[s].hasty = true;
    ended = (!LIVES(s) && LAST_OF(s) == LAST_END_WRITE || side[s].sending == SENDING_CLOSED);
    if
    :: LIVES(s) -> abort(s, REASON_DEADLINE)
    :: else
    fi;
    release(s, !ended)
}

/* Where both directions have ended, this is only letting go. */
inline break_off(s)
{
    printf("%c breaks off\n", NAME(s));
    side[s].hasty = true;
    ended = !LIVES(s);
    abort(s, REASON_REQUEST);
    release(s, (!ended || LAST_OF(s) == LAST_RESET))
}
