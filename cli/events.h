/* SPDX-License-Identifier: MIT */
/* What --verbose tells. */
#ifndef ADIEU_CLI_EVENTS_H
#define ADIEU_CLI_EVENTS_H

#include "run.h"

/* The peer is reached, TLS not yet begun. */
void events_reached(const struct run *run);
/* For adieu_watch(); context is the run. */
void events_on_news(void *context, const struct adieu_stream *stream, enum adieu_news news,
                    const struct adieu_alert *alert);

#endif
