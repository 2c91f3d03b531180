/* SPDX-License-Identifier: MIT */
/* What --verbose tells. */
#ifndef ADIEU_CLI_EVENTS_H
#define ADIEU_CLI_EVENTS_H

#include "connection.h"

/* One line of --verbose about this connection. */
void events_say(const struct connection *connection, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The peer is reached, TLS not yet begun. */
void events_reached(const struct connection *connection);
/* For adieu_watch(); context is the connection. */
void events_on_news(void *context, const struct adieu_stream *stream, enum adieu_news news,
                    const struct adieu_alert *alert);

#endif
