/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <stdarg.h>
#include <stdio.h>

#include "say.h"
#include "values.h"

/* With --keep there are many, and each line says of whom it speaks. */
void events_say(const struct connection *connection, const char *format, ...)
{
    char text[1024], peer[160];
    va_list values;
    if (!say_events_wanted())
        return;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (connection->options->keep)
        say_event("%s: %s", connection_peer(connection, peer, sizeof peer), text);
    else
        say_event("%s", text);
}

void events_reached(const struct connection *connection)
{
    char peer[128];
    events_say(connection, connection->options->command == COMMAND_CONNECT ? "connected to %s" : "connection from %s",
               connection_peer(connection, peer, sizeof peer));
}

static void tell_pin(const struct connection *connection)
{
    const struct adieu_stream *stream = adieu_fd_stream(connection->fd);
    uint8_t pin[ADIEU_PIN_SIZE];
    char text[PIN_TEXT];
    if (adieu_peer_pin(stream, pin) != ADIEU_OK)
        return;
    events_say(connection, "the peer's key has the pin %s", value_pin_text(pin, text));
}

static void tell_established(const struct connection *connection)
{
    const struct adieu_stream *stream = adieu_fd_stream(connection->fd);
    const char *alpn = adieu_alpn(stream), *name = adieu_server_name(stream);
    events_say(connection, "handshake done: %s, %s, peer verified: %s%s%s%s%s%s", adieu_version(stream),
               adieu_cipher(stream), adieu_verified_name(adieu_verified(stream)),
               adieu_resumed(stream) ? ", resumed" : "", alpn ? ", ALPN " : "", alpn ? alpn : "", name ? ", name " : "",
               name ? name : "");
    tell_pin(connection);
}

static void tell_alert(const struct connection *connection, const char *direction, const struct adieu_alert *alert)
{
    events_say(connection, "alert %s: %s (%d), level %d", direction, adieu_alert_name(alert->number), alert->number,
               alert->level);
}

void events_on_news(void *context, const struct adieu_stream *stream, enum adieu_news news,
                    const struct adieu_alert *alert)
{
    const struct connection *connection = context;
    struct adieu_ending ending = adieu_ending(stream);
    switch (news) {
    case ADIEU_NEWS_ESTABLISHED:
        tell_established(connection);
        break;
    case ADIEU_NEWS_ALERT_RECEIVED:
        tell_alert(connection, "received", alert);
        break;
    case ADIEU_NEWS_ALERT_SEALED:
        tell_alert(connection, "queued", alert);
        break;
    case ADIEU_NEWS_SENDING:
        events_say(connection, "sending is %s (%llu of %llu bytes sent)", adieu_sending_name(ending.sending),
                   (unsigned long long)ending.sent, (unsigned long long)ending.taken);
        break;
    case ADIEU_NEWS_RECEIVING:
        events_say(connection, "receiving is %s (%llu bytes received)", adieu_receiving_name(ending.receiving),
                   (unsigned long long)ending.received);
        break;
    case ADIEU_NEWS_CERTIFICATE: /* the command asks for none, */
    case ADIEU_NEWS_AWAITED:     /* and decides at once */
        break;
    }
}
