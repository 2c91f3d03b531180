/* SPDX-License-Identifier: MIT */
/* Watches a stream: what it is told must agree with how the stream stands, and no verb may be called inside. */
#include <string.h>

#include "stream.h"

#include "world.h"

static void wrong(struct side *s, const char *what)
{
    if (!s->seen.wrong)
        s->seen.wrong = what;
}

/* "may ask, may call neither of them": verbs are MISUSE, and nothing changes. */
static void call_verbs(struct side *s, const struct adieu_stream *stream)
{
    struct adieu_stream *own = s->s;
    uint8_t byte = 0;
    size_t n = 0;
    struct adieu_ending before = adieu_ending(stream);
    bool misuse = adieu_handshake(own) == ADIEU_MISUSE && adieu_read(own, &byte, 1, &n) == ADIEU_MISUSE &&
                  adieu_read(own, NULL, 0, &n) == ADIEU_MISUSE && adieu_write(own, &byte, 1, &n) == ADIEU_MISUSE &&
                  adieu_shutdown(own) == ADIEU_MISUSE && adieu_key_update(own, false) == ADIEU_MISUSE &&
                  adieu_ask_certificate(own) == ADIEU_MISUSE && adieu_decide(own, ADIEU_ACCEPT) == ADIEU_MISUSE;
    adieu_abort(own, ADIEU_REASON_REQUEST);
    struct adieu_ending after = adieu_ending(stream);
    if (!misuse || memcmp(&before, &after, sizeof before) != 0)
        wrong(s, "a verb inside the observer was no MISUSE");
}

static void saw_sealed(struct side *s, const struct adieu_alert *alert)
{
    if (alert->number == 0) {
        s->seen.closes_sealed++;
        s->close_put = s->s->output.put;
    } else if (alert->level == 2) {
        s->seen.alerts_sealed++;
        s->seen.alert_sealed = *alert;
        s->alert_put = s->s->output.put;
    }
}

static void saw_received(struct side *s, const struct adieu_alert *alert)
{
    if (adieu_receiving(s->s) != ADIEU_RECEIVING_OPEN)
        wrong(s, "an alert was received after the end");
    if (alert->number == 0)
        s->seen.close_received = true;
    else
        s->seen.alert_received = *alert;
}

static void saw(void *context, const struct adieu_stream *stream, enum adieu_news news, const struct adieu_alert *alert)
{
    struct side *s = context;
    struct adieu_ending ending = adieu_ending(stream);
    if ((alert != NULL) != (news == ADIEU_NEWS_ALERT_RECEIVED || news == ADIEU_NEWS_ALERT_SEALED))
        wrong(s, "news with an alert that has none, or without one that has");
    switch (news) {
    case ADIEU_NEWS_ESTABLISHED:
        s->seen.established++;
        break;
    case ADIEU_NEWS_ALERT_RECEIVED:
        saw_received(s, alert);
        break;
    case ADIEU_NEWS_ALERT_SEALED:
        saw_sealed(s, alert);
        break;
    case ADIEU_NEWS_SENDING:
        if (s->seen.sending == ending.sending)
            wrong(s, "sending was told to have changed, and has not");
        s->seen.sending = ending.sending;
        break;
    case ADIEU_NEWS_RECEIVING:
        if (s->seen.receiving == ending.receiving)
            wrong(s, "receiving was told to have changed, and has not");
        s->seen.receiving = ending.receiving;
        break;
    case ADIEU_NEWS_AWAITED:
        if (adieu_awaited(stream) == ADIEU_AWAITED_NOTHING)
            wrong(s, "something is awaited, and nothing is");
        break;
    case ADIEU_NEWS_CERTIFICATE:
        break;
    }
    if (s->verbs_in_observer)
        call_verbs(s, stream);
}

void observer_set(struct side *s, bool calls_verbs)
{
    s->verbs_in_observer = calls_verbs;
    adieu_watch(s->s, saw, s);
}
