/* SPDX-License-Identifier: MIT */
/* Adieu's account of a conversation against what was truly said; and its end. */
#include <string.h>

#include "talk.h"

static bool established(const struct talk *talk)
{
    return talk->adieu.final[VERB_HANDSHAKE] && talk->adieu.said[VERB_HANDSHAKE] == ADIEU_OK;
}

/* ------------------------------------------------ what came */

static void check_surplus(const struct talk *talk)
{
    const uint8_t *at = NULL;
    const struct bytes *raw = &talk->given.raw;
    size_t n = adieu_wire_surplus(talk->adieu.stream, &at);
    claim(n == raw->size, "%zu bytes came behind the end, and %zu are told", raw->size, n);
    claim(n == 0 || memcmp(at, raw->at, n) == 0, "what came behind the end is as it came");
}

static void check_received(const struct talk *talk)
{
    const struct truth *given = &talk->given;
    const struct adieu_ending *ending = &talk->adieu.last;
    uint64_t came = ending->received + ending->discarded;
    bool cut = ending->receiving == ADIEU_RECEIVING_TRUNCATED || ending->receiving == ADIEU_RECEIVING_RESET;
    claim(came <= given->data.size, "more came than was said");
    if (ending->receiving == ADIEU_RECEIVING_CLOSED) {
        claim(given->closed, "FALSE END: closed without a close_notify");
        claim(came == given->data.size, "closed, and %ju of %zu bytes delivered", (uintmax_t)came, given->data.size);
        check_surplus(talk);
    }
    if (cut && established(talk)) {
        claim(!given->closed || given->broken, "cut, though close_notify came");
        claim(came == given->data.size, "cut, and %ju of %zu bytes delivered", (uintmax_t)came, given->data.size);
    }
    claim(!ending->inside_record || given->raw.size > 0, "inside a record that has not begun");
    bool whole = ending->receiving == ADIEU_RECEIVING_TRUNCATED && !ending->inside_record;
    claim(!whole || given->broken || given->raw.size == 0, "cut inside a record, and not told");
    claim(ending->phase != ADIEU_PHASE_HEARD || given->records > 0, "heard, though nothing was said");
}

/* ------------------------------------------------ what was said */

static void check_alerts(const struct talk *talk)
{
    const struct adieu_ending *ending = &talk->adieu.last;
    const uint8_t *alerts = talk->heard.alerts;
    claim(!ending->alert_sent.seen || alerts[ending->alert_sent.number], "alert %d is told and was not sent",
          ending->alert_sent.number);
    for (unsigned i = 1; i < 256; i++)
        claim(alerts[i] != 2 || (ending->alert_sent.seen && ending->alert_sent.number == i),
              "alert %u was sent and is not told", i);
}

static void check_data(const struct talk *talk)
{
    const struct bytes *data = &talk->heard.data;
    for (size_t i = 0; i < data->size; i++)
        claim(data->at[i] == pattern(i), "byte %zu is sent as it was taken", i);
}

static void check_sent(const struct talk *talk)
{
    const struct truth *heard = &talk->heard;
    const struct adieu_ending *ending = &talk->adieu.last;
    bool agreed = established(talk) && talk->tls.done;
    claim(!agreed || !heard->broken, "what adieu seals can be opened");
    if (heard->broken)
        return;
    claim(heard->data.size <= ending->taken, "more is sent than was taken");
    claim(ending->sent <= heard->data.size, "%ju are told as sent, and %zu were", (uintmax_t)ending->sent,
          heard->data.size);
    claim(!heard->closed || talk->adieu.shut, "close_notify was sent, and nobody wanted it");
    claim(!heard->closed || heard->raw.size == 0, "something follows close_notify");
    bool closed = ending->sending == ADIEU_SENDING_CLOSED;
    claim(!closed || !agreed || (heard->closed && heard->data.size == ending->taken),
          "closed, and the peer has not got it all");
    check_alerts(talk);
    check_data(talk);
}

void talk_look(struct talk *talk)
{
    watched_look(&talk->adieu);
    check_received(talk);
    check_sent(talk);
}

/* ------------------------------------------------ the end */

/* All that the peer has said is given, and read. */
static void give_all(struct talk *talk)
{
    size_t before;
    do {
        before = talk->flight.count;
        talk_give(talk, SIZE_MAX, false);
        talk_take(talk, SIZE_MAX);
        talk_step(talk);
        while (established(talk) && talk->adieu.said[VERB_READ] == ADIEU_OK)
            talk_read(talk, SIZE_MAX);
        talk_look(talk);
    } while (talk->flight.count < before);
}

static void decide(struct talk *talk)
{
    if (adieu_awaited(talk->adieu.stream) == ADIEU_AWAITED_VERIFY)
        claim(adieu_decide(talk->adieu.stream, ADIEU_REFUSE_EXPIRED) == ADIEU_OK, "what is awaited can be given");
    give_all(talk);
}

/* Whatever the input has done: with the transport's end and a shutdown, or else an abort, both directions end. */
static void end(struct talk *talk)
{
    if (!talk->adieu.told)
        watched_eof(&talk->adieu);
    give_all(talk);
    decide(talk);
    claim(adieu_receiving(talk->adieu.stream) != ADIEU_RECEIVING_OPEN, "the transport has ended, and receiving not");
    bool said = watched_shutdown(&talk->adieu) == ADIEU_OK;
    talk_take(talk, SIZE_MAX);
    talk_look(talk);
    if (!said || talk->fed_up)
        adieu_abort(talk->adieu.stream, ADIEU_REASON_REQUEST);
    talk_look(talk);
    claim(talk->adieu.last.decided, "it ends: %s, %s", adieu_sending_name(talk->adieu.last.sending),
          adieu_receiving_name(talk->adieu.last.receiving));
}

/* An end never changes, whatever is called behind it. */
static void again(struct talk *talk)
{
    struct adieu_ending ended = talk->adieu.last;
    size_t n;
    for (int i = 0; i < 2; i++) {
        watched_handshake(&talk->adieu);
        watched_read(&talk->adieu, NULL, 0, &n);
        watched_write(&talk->adieu, "x", 1, &n);
        watched_shutdown(&talk->adieu);
        adieu_abort(talk->adieu.stream, ADIEU_REASON_REQUEST);
        watched_reset(&talk->adieu);
        watched_eof(&talk->adieu);
        talk_take(talk, SIZE_MAX);
    }
    talk_look(talk);
    const struct adieu_ending *now = &talk->adieu.last;
    claim(now->received == ended.received && now->taken == ended.taken, "an end is behind everything");
}

void talk_end(struct talk *talk)
{
    give_all(talk);
    decide(talk);
    end(talk);
    again(talk);
    watched_end(&talk->adieu);
    handshake_end(&talk->tls);
    flight_free(&talk->flight);
    truth_free(&talk->given);
    truth_free(&talk->heard);
}
