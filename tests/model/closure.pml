/* SPDX-License-Identifier: MIT */
/*
 * Two machines of endings.md, each between an application and a transport, joined by channels that lose, cut, corrupt and
 * reset. rows.pml is printed from the data file of the code; the rest is here and in the three files below, by hand.
 *
 * Every step changes something for good (a token moves on, a flag is set), so no run is endless: a search without a
 * cycle and without a deadlock proves that every run ends, whatever the order.
 */
#include "rows.pml"

/* How large it is: three kinds of runs, of which one is chosen at the beginning; see init. */
#ifndef WRITES
#define WRITES 1 /* records of data that each side may write */
#endif
#ifndef WIRE
#define WIRE 1 /* tokens under way, each way, until the sender has to wait */
#endif
#ifndef INPUT
#define INPUT 1 /* tokens received and not yet read */
#endif
#ifndef ATTACKS
#define ATTACKS 1 /* things that the network does to a run */
#endif

/*
 * What goes over the wire. Records are numbered, so BAD stands for whatever does not authenticate: forged, altered, replayed, or
 * with one missing before it. HALF and REST are a message after the handshake that spans two records, and which the
 * peer's engine answers by itself (a KeyUpdate).
 */
mtype = { half, rest, answer, close_notify, alert, bad_record, data } /* as they are printed */
#define HALF 1
#define REST 2
#define ANSWER 3
#define CLOSE_NOTIFY 4
#define LAST_ALERT 5
#define BAD 6
#define DATA 7 /* and its number is added */

#define QUEUE (WRITES + 5)
#define PEER(s) (1 - (s))
#define NAME(s) ('A' + (s))
#define TOKEN(t) \
    (t == HALF -> half : (t == REST -> rest : (t == ANSWER -> answer : (t == CLOSE_NOTIFY -> close_notify : \
    (t == LAST_ALERT -> alert : (t == BAD -> bad_record : data))))))
#define OPEN(s) (!side[s].released)

/* One side: the stream, and what its transport knows. */
typedef side_state {
    mtype sending = SENDING_OPEN;
    mtype receiving = RECEIVING_OPEN;
    mtype reason = REASON_NONE;
    unsigned written : 3;   /* records of data that were taken, */
    unsigned handed : 3;    /* that the transport took of them, */
    unsigned delivered : 3; /* and of the peer's that came out here */
    bit shut;               /* adieu_shutdown was called */
    bit due;                /* close_notify is, once the other half of a message has come */
    bit sealed;             /* nothing more may be put */
    bit goodbye;            /* close_notify was put, */
    bit goodbye_handed;     /* and the transport took it */
    bit alert_handed;       /* our last alert is with the transport */
    bit halves;             /* a message in two records was put */
    bit has_half;           /* one half of the peer's message has come */
    bit eof, gone;          /* what the transport told of its end: FIN, reset */
    bit in_over, out_over;  /* it delivers, or takes, no more */
    bit write_ended;        /* FIN has left */
    bit closing;            /* the transport's goodbye has begun */
    bit hasty;              /* it let go before its goodbye was done */
    bit released            /* it let go: nothing happens here any more */
}
side_state side[2];

/* What the kind of run allows. */
byte writes = WRITES;
bit halves;
byte attacks_left = ATTACKS;
bit patient;   /* for ever: there is no deadline */
bit breaks[2]; /* that side may break off at any time, */
bit fails[2];  /* or be unable to go on; one that does neither must come to an end, too */

chan out[2] = [QUEUE] of { byte };  /* the stream's output queue */
chan in[2] = [INPUT] of { byte };   /* received, and not yet read */
chan wire[2] = [WIRE] of { byte };  /* from that side to its peer, kernels included */

/* Of passing interest within one step. */
hidden byte token;
hidden mtype before;
hidden mtype action;
hidden byte ended;
hidden byte spoke;

#include "machine.pml"
#include "network.pml"
#include "transport.pml"
#include "claims.pml"

/* ------------------------------------------------ the application and its transport */

#define READS(s) (RECEIVING_LIVES(side[s].receiving) && len(in[s]) > 0)
#define CAN_SAY(s) (side[s].sending == SENDING_OPEN && !side[s].shut && !side[s].has_half)

/* All that can happen on one side, in any order: each line is one step. */
proctype live(bit s)
{
    do
    /* what the application does */
    :: d_step { OPEN(s) && CAN_SAY(s) && side[s].written < writes -> write(s) }
    :: d_step { OPEN(s) && CAN_SAY(s) && halves && !side[s].halves -> say_halves(s) }
    :: d_step { OPEN(s) && !side[s].shut && side[s].sending == SENDING_OPEN -> half_close(s) }
    :: d_step { OPEN(s) && !side[s].closing -> close(s) }
    :: d_step { OPEN(s) && breaks[s] && LIVES(s) -> abort(s, REASON_REQUEST) }
    :: d_step { OPEN(s) && breaks[s] && !SENDS_FIRST(s) -> break_off(s) }
    /* reading: by the application, or for it by the goodbye */
    :: d_step { OPEN(s) && READS(s) -> read(s, true) }
    :: d_step { OPEN(s) && READS(s) && in[s]?[BAD] -> read(s, false) }
    :: d_step { OPEN(s) && TRANSPORT_ENDED(s) -> transport_end(s) }
    /* what goes wrong on this side */
    :: d_step { OPEN(s) && fails[s] && LIVES(s) -> fault(s, false) }
    :: d_step { OPEN(s) && fails[s] && LIVES(s) -> fault(s, true) }
    /* the transport */
    :: d_step { OPEN(s) && CAN_SEND(s) && WIRE_TAKES(s) -> send(s) }
    :: d_step { OPEN(s) && CAN_SEND(s) && SEND_FAILS(s) -> send_failed(s) }
    :: d_step { OPEN(s) && CAN_RECEIVE(s) && COMES(s) -> receive(s) }
    :: d_step { OPEN(s) && LOOKS_FOR_END(s) && FIN_COMES(s) -> end_comes(s) }
    :: d_step { OPEN(s) && (LOOKS_FOR_END(s) || LOOKS_FOR_RESET(s)) && RESET_COMES(s) -> reset(s) }
    /* its goodbye */
    :: d_step { OPEN(s) && DRAINS(s) && COMES(s) -> drain(s) }
    :: d_step { OPEN(s) && ENDS_WRITE(s) -> end_write(s) }
    :: d_step { OPEN(s) && (MUST_RESET(s) || MAY_RELEASE(s)) -> release(s, MUST_RESET(s)) }
    :: d_step { OPEN(s) && side[s].closing && !patient && !SENDS_FIRST(s) -> give_up(s) }
    :: !OPEN(s) -> break
    od
}

/* What may happen to a side by its own doing. The large search has it all at once. */
inline choose_mishap(s)
{
    if
    :: true
    :: breaks[s] = true
    :: fails[s] = true
#ifdef LARGE
    :: breaks[s] = true; fails[s] = true
#endif
    fi
}

/* A network that loses nothing in silence needs no deadlines; any other does. */
init
{
    atomic {
        if
        :: true /* data */
        :: writes = 0; halves = true /* messages in halves */
        :: patient = true
        fi;
        choose_mishap(0);
        choose_mishap(1);
#ifndef LARGE
        if
        :: (breaks[0] || fails[0]) && (breaks[1] || fails[1]) -> attacks_left = 0
        :: else
        fi;
#endif
        run live(0);
        run live(1);
        run attack(0);
        run attack(1)
    }
}
