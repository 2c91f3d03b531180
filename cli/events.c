/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <stdio.h>

#include "say.h"
#include "values.h"

void events_reached(const struct run *run)
{
    char peer[128];
    say_event(run->options->command == COMMAND_CONNECT ? "connected to %s" : "connection from %s",
              run_peer(run, peer, sizeof peer));
}

static void tell_pin(const struct adieu_stream *stream)
{
    uint8_t pin[ADIEU_PIN_SIZE];
    char text[PIN_TEXT];
    if (adieu_peer_pin(stream, pin) != ADIEU_OK)
        return;
    say_event("the peer's key has the pin %s", value_pin_text(pin, text));
}

static void tell_established(const struct adieu_stream *stream)
{
    const char *alpn = adieu_alpn(stream), *name = adieu_server_name(stream);
    say_event("handshake done: %s, %s, peer verified: %s%s%s%s%s%s", adieu_version(stream), adieu_cipher(stream),
              adieu_verified_name(adieu_verified(stream)), adieu_resumed(stream) ? ", resumed" : "",
              alpn ? ", ALPN " : "", alpn ? alpn : "", name ? ", name " : "", name ? name : "");
    tell_pin(stream);
}

static void tell_alert(const char *direction, const struct adieu_alert *alert)
{
    say_event("alert %s: %s (%d), level %d", direction, adieu_alert_name(alert->number), alert->number, alert->level);
}

void events_on_news(void *context, const struct adieu_stream *stream, enum adieu_news news,
                    const struct adieu_alert *alert)
{
    struct adieu_ending ending = adieu_ending(stream);
    (void)context;
    switch (news) {
    case ADIEU_NEWS_ESTABLISHED:
        tell_established(stream);
        break;
    case ADIEU_NEWS_ALERT_RECEIVED:
        tell_alert("received", alert);
        break;
    case ADIEU_NEWS_ALERT_SEALED:
        tell_alert("queued", alert);
        break;
    case ADIEU_NEWS_SENDING:
        say_event("sending is %s (%llu of %llu bytes sent)", adieu_sending_name(ending.sending),
                  (unsigned long long)ending.sent, (unsigned long long)ending.taken);
        break;
    case ADIEU_NEWS_RECEIVING:
        say_event("receiving is %s (%llu bytes received)", adieu_receiving_name(ending.receiving),
                  (unsigned long long)ending.received);
        break;
    }
}
