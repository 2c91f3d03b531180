/* SPDX-License-Identifier: MIT */
/* The stream, as src/core does it around the rows: what is put, what an event does, and what the engine makes of a token. */

#define LIVES(s) (SENDING_LIVES(side[s].sending) || RECEIVING_LIVES(side[s].receiving))

/* stream_put: what may not leave any more is swallowed. */
inline put(s, what)
{
    if
    :: side[s].sealed -> skip
    :: else -> out[s]!what
    fi
}

inline drop(queue)
{
    do
    :: len(queue) > 0 -> queue?token
    :: else -> break
    od;
    skip
}

/* stream_raise: every event is shown to both halves, and each decides alone. */
inline raise(s, event)
{
    action = ACTION_AFTER(side[s].sending, event);
    look_before(s);
    before = side[s].sending;
    side[s].sending = SENDING_AFTER(before, event);
    assert(SENDING_LIVES(before) || side[s].sending == before); /* an end never changes */
    look_at_sending(s, before, event);
    if
    :: before != side[s].sending -> printf("%c %e: %e\n", NAME(s), event, side[s].sending)
    :: else
    fi;
    before = side[s].receiving;
    side[s].receiving = RECEIVING_AFTER(before, event);
    assert(RECEIVING_LIVES(before) || side[s].receiving == before);
    if
    :: before != side[s].receiving -> printf("%c %e: %e\n", NAME(s), event, side[s].receiving); drop(in[s])
    :: else
    fi;
    if /* a close_notify that is still due was never sealed: what was sealed leaves, our alert last */
    :: action == ACTION_DROP && side[s].due && (event == EVENT_VIOLATION || event == EVENT_FAULT) -> action = ACTION_LAST_WORD
    :: else
    fi;
    if
    :: action == ACTION_DROP -> drop(out[s]); side[s].sealed = true
    :: action == ACTION_LAST_WORD -> side[s].sealed = true
    :: action == ACTION_SEAL -> side[s].sealed = !side[s].due
    :: else
    fi;
    look(s, event)
}

/* ------------------------------------------------ what the engine says */

/* A fault: memory, or internal_error; the engine may have a word for it. */
inline fault(s, speaks)
{
    printf("%c cannot go on\n", NAME(s));
    if
    :: speaks -> put(s, LAST_ALERT)
    :: else
    fi;
    if
    :: side[s].reason == REASON_NONE -> side[s].reason = REASON_FAULT
    :: else
    fi;
    raise(s, EVENT_FAULT)
}

/* With half of a message come, close_notify waits for the other; if that never comes, the engine is mute for ever. */
inline seal_goodbye(s)
{
    if
    :: side[s].has_half && RECEIVING_LIVES(side[s].receiving) -> side[s].due = true
    :: side[s].has_half && !RECEIVING_LIVES(side[s].receiving) -> fault(s, false)
    :: else -> put(s, CLOSE_NOTIFY); side[s].goodbye = true; side[s].due = false
    fi
}

/* After every step that may have brought the other half, or taken the hope of it. */
inline try_goodbye(s)
{
    if
    :: side[s].due && side[s].sending == SENDING_CLOSING -> 
        seal_goodbye(s);
        side[s].sealed = side[s].sealed || !side[s].due
    :: else
    fi
}

/* ------------------------------------------------ verbs */

inline write(s)
{
    printf("%c writes record %d\n", NAME(s), side[s].written);
    put(s, DATA + side[s].written);
    side[s].written++
}

inline say_halves(s)
{
    printf("%c says a message in two records\n", NAME(s));
    put(s, HALF);
    put(s, REST);
    side[s].halves = true
}

inline shutdown(s)
{
    side[s].shut = true;
    seal_goodbye(s);
    if
    :: side[s].sending == SENDING_OPEN -> raise(s, EVENT_SHUTDOWN)
    :: else
    fi
}

inline half_close(s)
{
    printf("%c shuts down\n", NAME(s));
    shutdown(s)
}

inline abort(s, why)
{
    if
    :: side[s].reason == REASON_NONE -> side[s].reason = why
    :: else
    fi;
    raise(s, EVENT_ABORT)
}

/* One token through the engine: data comes out in the order in which it went in, and an end is an event. */
inline read(s, speaks)
{
    in[s]?token;
    if
    :: token == HALF -> side[s].has_half = true
    :: token == REST -> side[s].has_half = false; put(s, ANSWER)
    :: token == ANSWER
    :: token == CLOSE_NOTIFY -> raise(s, EVENT_CLOSE_NOTIFY)
    :: token == LAST_ALERT -> raise(s, EVENT_ALERT)
    :: token == BAD ->
        if
        :: speaks -> put(s, LAST_ALERT)
        :: else
        fi;
        raise(s, EVENT_VIOLATION)
    :: token >= DATA ->
        printf("%c reads record %d\n", NAME(s), token - DATA);
        assert(token - DATA == side[s].delivered); /* what is delivered is a prefix */
        side[s].delivered++
    fi;
    try_goodbye(s)
}

/* stream_transport_end: the transport's end counts once all that came before it is read. */
#define TRANSPORT_ENDED(s) (RECEIVING_LIVES(side[s].receiving) && len(in[s]) == 0 && (side[s].eof || side[s].gone))

inline transport_end(s)
{
    if
    :: side[s].eof -> raise(s, EVENT_EOF)
    :: else -> raise(s, EVENT_RESET)
    fi;
    try_goodbye(s)
}
