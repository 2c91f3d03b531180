/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdio.h>

#include "say.h"

#define PAUSE_MS 250

static int64_t due;

/* What is over within a moment needs no line; nor do many connections, each with an amount of its own. */
int64_t progress_next(const struct run *run)
{
    const struct connection *connection = run->options->keep ? NULL : run->connections;
    if (!connection || connection->phase < PHASE_TALKING || connection->phase == PHASE_OVER || !say_progress_wanted())
        return INT64_MAX;
    return due ? due : connection->at.established + 2 * PAUSE_MS;
}

static void amount(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    unsigned unit = 0;
    for (; value >= 1000 && unit < 4; unit++)
        value /= 1000;
    snprintf(text, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static const char *state(const struct connection *connection)
{
    if (connection->phase == PHASE_CLOSING)
        return connection->closed ? ", writing what came" : ", saying goodbye";
    return connection->pipe.input_over && !connection->pipe.peer_over ? ", waiting for the peer's end" : "";
}

void progress_turn(const struct run *run)
{
    char sent[32], received[32], rate[32], text[160];
    const struct connection *connection = run->connections;
    int64_t now = adieu_fd_now();
    if (now < progress_next(run))
        return;
    int64_t elapsed = now - connection->at.established;
    struct adieu_ending ending = connection_ending(connection);
    uint64_t all = ending.sent + ending.received;
    amount(ending.sent, sent, sizeof sent);
    amount(ending.received, received, sizeof received);
    amount(elapsed > 0 ? all * 1000 / (uint64_t)elapsed : 0, rate, sizeof rate);
    snprintf(text, sizeof text, "sent %s, received %s, %s/s%s", sent, received, rate, state(connection));
    say_progress(text);
    due = now + PAUSE_MS;
}

void progress_end(void)
{
    say_progress(NULL);
}
