/* SPDX-License-Identifier: MIT */
/* What holds of every ending, and from one ending to the next. */
#include "ending.h"

#include <string.h>

static bool sending_ended(enum adieu_sending sending)
{
    return sending != ADIEU_SENDING_OPEN && sending != ADIEU_SENDING_CLOSING;
}

/* ------------------------------------------------ one */

static void check_words(const struct adieu_ending *ending)
{
    char text[160];
    memset(text, '#', sizeof text);
    claim(adieu_ending_text(ending, text, sizeof text) == text, "an ending's text is where it was wanted");
    claim(memchr(text, '\0', sizeof text) != NULL && text[0] != '\0', "an ending has a text that fits");
    claim(strlen(text) < sizeof text - 1, "an ending's text is not cut: %s", text);
}

static void check_worth(const struct adieu_ending *ending)
{
    enum adieu_exit worth = adieu_ending_exit(ending);
    bool closed = ending->sending == ADIEU_SENDING_CLOSED && ending->receiving == ADIEU_RECEIVING_CLOSED;
    claim(worth >= ADIEU_EXIT_DELIVERED && worth <= ADIEU_EXIT_LOCAL_IO && worth != 2, "%d is an exit status", worth);
    claim(worth != ADIEU_EXIT_DELIVERED || closed, "what is not closed both ways is not delivered");
    claim(worth != ADIEU_EXIT_UNREACHED || ending->phase == ADIEU_PHASE_NONE, "whoever spoke was reached");
}

void ending_check(const struct adieu_ending *ending)
{
    static const uint8_t zero[sizeof ending->unused];
    bool closed = ending->receiving == ADIEU_RECEIVING_CLOSED;
    bool decided = sending_ended(ending->sending) && ending->receiving != ADIEU_RECEIVING_OPEN;
    claim(ending->decided == decided, "decided is that both have ended");
    claim(ending->sent <= ending->taken, "no more is sent than was taken");
    claim(ending->acknowledged == ADIEU_UNKNOWN || ending->acknowledged <= ending->sent,
          "no more is acknowledged than was sent");
    claim(!ending->inside_record || ending->receiving == ADIEU_RECEIVING_TRUNCATED, "only a truncation is inside");
    claim(!closed || !ending->alert_received.seen, "an orderly close_notify is no alert that ended anything");
    claim(!closed || ending->phase >= ADIEU_PHASE_ESTABLISHED, "nothing closes before the handshake is done");
    claim(ending->sending != ADIEU_SENDING_CLOSED || ending->sent == ending->taken, "closed: all of it was sent");
    claim(ending->sending != ADIEU_SENDING_CLOSED || ending->phase >= ADIEU_PHASE_ESTABLISHED,
          "closed after the hello");
    claim(ending->alert_received.seen || (!ending->alert_received.level && !ending->alert_received.number),
          "an alert that was not seen is 0");
    claim(memcmp(ending->unused, zero, sizeof zero) == 0, "what is unused is 0");
    check_words(ending);
    check_worth(ending);
}

/* ------------------------------------------------ two */

static bool same_alert(const struct adieu_alert *a, const struct adieu_alert *b)
{
    return a->seen == b->seen && a->level == b->level && a->number == b->number;
}

void ending_follows(const struct adieu_ending *was, const struct adieu_ending *is)
{
    claim(!sending_ended(was->sending) || is->sending == was->sending, "sending was %s, and became %s",
          adieu_sending_name(was->sending), adieu_sending_name(is->sending));
    claim(was->sending != ADIEU_SENDING_CLOSING || is->sending != ADIEU_SENDING_OPEN, "a shutdown was taken back");
    claim(was->receiving == ADIEU_RECEIVING_OPEN || is->receiving == was->receiving, "receiving was %s, and became %s",
          adieu_receiving_name(was->receiving), adieu_receiving_name(is->receiving));
    claim(is->phase >= was->phase, "the phase was %s, and became %s", adieu_phase_name(was->phase),
          adieu_phase_name(is->phase));
    claim(was->first == ADIEU_FIRST_NOBODY || is->first == was->first, "who was first has changed");
    claim(is->after >= was->after, "what came after has gone");
    claim(was->reason == ADIEU_REASON_NONE || is->reason == was->reason, "the reason has changed");
    claim(!was->alert_received.seen || same_alert(&was->alert_received, &is->alert_received), "the alert has changed");
    claim(!was->alert_sent.seen || same_alert(&was->alert_sent, &is->alert_sent), "our alert has changed");
    claim(is->user_canceled >= was->user_canceled, "user_canceled has been forgotten");
    claim(is->taken >= was->taken && is->sent >= was->sent, "what went out has shrunk");
    claim(is->received >= was->received && is->discarded >= was->discarded, "what came has shrunk");
}
