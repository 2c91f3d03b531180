/* SPDX-License-Identifier: MIT */
/* The way between the two, and who sits on it. A way is that from a side to its peer. */

mtype = { CALM, CUT, HOLE, CORRUPT }
mtype way[2] = CALM;
bit attacked;
bit reset_sent[2]; /* to this side: by its peer's system, or forged */
bit forged[2];     /* it was forged */
bit refuses[2];    /* this side's system takes nothing more */

/* The far end is no more: what is still sent there is answered with a reset. */
#define DEAD(s) (side[s].released || side[s].gone)
/* Whoever cut a way swallows what is still sent there. */
#define SWALLOWED(s) (way[s] == CUT && side[PEER(s)].in_over)

/* ------------------------------------------------ what a transport may meet */

#define WIRE_TAKES(s) (len(wire[s]) < WIRE || DEAD(PEER(s)) && way[s] != HOLE || SWALLOWED(s))
#define SEND_FAILS(s) (refuses[s] || reset_sent[s])
/* Something of the peer's has arrived. */
#define COMES(s) (way[PEER(s)] != HOLE && len(wire[PEER(s)]) > 0)
/* FIN comes behind everything; who cuts puts it where he likes. */
#define FIN_COMES(s) \
    (way[PEER(s)] == CUT || way[PEER(s)] != HOLE && side[PEER(s)].write_ended && len(wire[PEER(s)]) == 0)
/* What arrived before a reset may be read before it, or be lost with it. */
#define RESET_COMES(s) (reset_sent[s])

/* A reset, unless it falls into a hole. */
inline send_reset(s)
{
    if
    :: way[s] != HOLE && !side[PEER(s)].released -> reset_sent[PEER(s)] = true
    :: else
    fi
}

/* To a system, not to what is on its way. */
#define ATTACKED(s) (refuses[s] || forged[s])

/* ------------------------------------------------ what is done to it */

/* The two sides are alike, so the first attack may be taken to be on A, or on the way from A. */
#define MAY_ATTACK(s) \
    (attacks_left > 0 && (attacked || s == 0) && (!side[0].released || !side[1].released))
#define UNTOUCHED(s) (way[s] == CALM && !side[PEER(s)].in_over)

inline on_way(s, how)
{
    attacks_left--;
    attacked = true;
    way[s] = how;
    printf("the network, behind %c: %e\n", NAME(s), how)
}

inline forge_reset(s)
{
    attacks_left--;
    attacked = true;
    reset_sent[s] = true;
    forged[s] = true;
    printf("the network resets %c\n", NAME(s))
}

inline refuse(s)
{
    attacks_left--;
    attacked = true;
    refuses[s] = true;
    printf("the system of %c takes nothing more\n", NAME(s))
}

proctype attack(bit s)
{
end:
    do
    :: d_step { MAY_ATTACK(s) && UNTOUCHED(s) -> on_way(s, CUT) }
    :: d_step { MAY_ATTACK(s) && UNTOUCHED(s) && !patient -> on_way(s, HOLE) }
    :: d_step { MAY_ATTACK(s) && UNTOUCHED(s) -> on_way(s, CORRUPT) }
    :: d_step { MAY_ATTACK(s) && OPEN(s) && !patient && !reset_sent[s] -> forge_reset(s) }
    :: d_step { MAY_ATTACK(s) && OPEN(s) && !patient && !refuses[s] -> refuse(s) }
    od
}
