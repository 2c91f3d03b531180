/* SPDX-License-Identifier: MIT */
/*
 * The closure machine: what an event makes of each half. See ending.def for the rows, docs/endings.md for the
 * reasons.
 */
#ifndef ADIEU_CORE_ENDING_H
#define ADIEU_CORE_ENDING_H

#include "adieu.h"

enum ending_event {
#define EVENT(NAME, name, who, meaning) EVENT_##NAME,
#include "ending.def"
    EVENTS
};

enum ending_action {
#define ACTION(NAME, meaning) ACTION_##NAME,
#include "ending.def"
};

/* What the sending half becomes; *action is what the output queue has to do. An end stays what it is. */
enum adieu_sending ending_sending_after(enum adieu_sending state, enum ending_event event, enum ending_action *action);
/* What the receiving half becomes. */
enum adieu_receiving ending_receiving_after(enum adieu_receiving state, enum ending_event event);

bool ending_sending_lives(enum adieu_sending state);
bool ending_receiving_lives(enum adieu_receiving state);
/* Who is to be called the first to end, if this event is the first that ends something. */
enum adieu_first ending_event_first(enum ending_event event);
/* What is left for the transport once the output queue is empty. */
enum adieu_last ending_last(const struct adieu_ending *ending);

#endif
