/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include "bad_end.h"
#include "pipe.h"
#include "run.h"
#include "prelude.h"

/* TCP's acknowledgements raise no event: how often to look, at most and at least. */
#define SAMPLE_MS 20
#define SAMPLE_MOST_MS 1000
/* With --timeout-close=0: how long the peer may take nothing of what we still have to say. */
#define FLUSH_MS 10000

struct alarm {
    int64_t at;
    const char *option;
    int64_t length; /* milliseconds, for the message */
    const char *what, *after;
    bool silence; /* the peer's, after our input */
};

static struct alarm alarm_in(int64_t from, int64_t length, const char *option, const char *what)
{
    int64_t at = length == NEVER ? INT64_MAX : from + length;
    return (struct alarm){.at = at, .option = option, .length = length, .what = what};
}

static struct alarm earlier(struct alarm a, struct alarm b)
{
    return a.at <= b.at ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---------------------------------------------------------------- the peer's silence */

/*
 * It counts after our end, and while bytes of ours wait. While standard output holds us up, the peer cannot be blamed for
 * it; nor when silence is what --end wants.
 */
static bool silence_counts(const struct connection *connection)
{
    const struct pipe *pipe = &connection->pipe;
    if (connection->phase != PHASE_TALKING || connection_plays(connection, END_STALL) ||
        connection_plays(connection, END_MUTE))
        return false;
    if (pipe->peer_over && pipe_sending_over(connection))
        return false; /* a command is waited for */
    return (pipe->input_over || connection->at.blocked != 0) && (pipe->peer_over || pipe_wants_peer(connection));
}

/* 0 means not to wait for the peer's answer; that it takes what we say has to be waited for. */
static int64_t silence_allowed(const struct connection *connection)
{
    int64_t allowed = connection->options->timeout_close;
    return allowed == 0 && !pipe_sending_over(connection) && !connection_plays(connection, END_CUT) ? FLUSH_MS
                                                                                                    : allowed;
}

static struct alarm silence(const struct connection *connection)
{
    int64_t allowed = silence_counts(connection) ? silence_allowed(connection) : NEVER;
    bool ended = connection->pipe.input_over;
    int64_t from = later(connection->at.peer, ended ? connection->at.input : connection->at.blocked);
    struct alarm alarm = alarm_in(from, allowed, "--timeout-close", "the peer neither said nor took anything for");
    alarm.after = ended ? " after our input had ended" : " though bytes of ours wait for it";
    alarm.silence = true;
    return alarm;
}

/* A reset of ours waits for acknowledgements alone. */
static bool waits_to_reset(const struct connection *connection)
{
    return connection->phase == PHASE_TALKING && connection->end == END_RESET && connection->pipe.input_over &&
           !connection->pipe.said;
}

static int64_t sample_interval(const struct connection *connection)
{
    int64_t eighth = silence_allowed(connection) / 8;
    if (waits_to_reset(connection) || eighth < SAMPLE_MS)
        return SAMPLE_MS;
    return eighth > SAMPLE_MOST_MS ? SAMPLE_MOST_MS : eighth;
}

/* At moments that are the same for all, so that many idle connections wake us once, and not once each. */
static int64_t next_sample(const struct connection *connection)
{
    bool counts = silence_counts(connection) && silence_allowed(connection) != NEVER;
    int64_t interval = sample_interval(connection);
    return counts || waits_to_reset(connection) ? (connection->at.sampled / interval + 1) * interval : INT64_MAX;
}

/* Any byte of the peer's, and any of ours that its side has taken, is a sign of life. */
static void note_peer(struct connection *connection, int64_t now)
{
    if (connection->phase != PHASE_TALKING)
        return;
    if (now < next_sample(connection))
        return;
    uint64_t received = connection_ending(connection).received, progress = adieu_fd_progress(connection->fd);
    connection->at.sampled = now;
    if (received == connection->peer_received && progress == connection->peer_progress)
        return;
    connection->peer_received = received;
    connection->peer_progress = progress;
    connection->at.peer = now;
}

/* ---------------------------------------------------------------- the others */

static void note_moved(struct connection *connection, int64_t now)
{
    struct adieu_ending ending = connection_ending(connection);
    uint64_t bytes = ending.taken + ending.sent + ending.received + ending.discarded + connection->pipe.written;
    if (bytes == connection->moved_bytes)
        return;
    connection->moved_bytes = bytes;
    connection->at.moved = now;
}

static const char *reached_late(const struct options *options)
{
    if (options->command == COMMAND_LISTEN)
        return "nobody connected within";
    return options->proxy.kind == PROXY_NONE ? "no connection within" : "no connection to the proxy within";
}

static struct alarm of_phase(const struct connection *connection)
{
    const struct options *options = connection->options;
    switch (connection->phase) {
    case PHASE_REACHING:
        if (connection->run->count > 1)
            break; /* --keep: somebody is connected */
        return alarm_in(connection->at.started, options->timeout_connect, "--timeout-connect", reached_late(options));
    case PHASE_PRELUDE:
        return alarm_in(connection->at.started, options->timeout_connect, "--timeout-connect",
                        prelude_late(connection));
    case PHASE_HANDSHAKING:
        return alarm_in(connection->at.reached, options->timeout_handshake, "--timeout-handshake",
                        "the handshake was not done within");
    case PHASE_TALKING:
        return earlier(silence(connection),
                       alarm_in(connection->at.moved, options->timeout_idle, "--timeout-idle", "nothing moved for"));
    case PHASE_CLOSING:
    case PHASE_OVER:
        break;
    }
    return alarm_in(0, NEVER, "", "");
}

/* The goodbye keeps the total deadline itself; afterwards only standard output can still be waited for. */
static struct alarm total(const struct connection *connection)
{
    bool serving = connection->options->keep && connection->phase == PHASE_REACHING;
    bool watched = serving || (connection->phase == PHASE_CLOSING && (!connection->closed || connection->child.pid));
    return alarm_in(connection->at.started, watched ? NEVER : connection->options->timeout_total, "--timeout-total",
                    "it was not over within");
}

static void late(struct connection *connection, const struct alarm *alarm)
{
    connection->late = alarm->option;
    connection_error(connection, ADIEU_ERR_DEADLINE, 0, "%s %.6g s%s (%s)", alarm->what, (double)alarm->length / 1000.0,
                     alarm->after ? alarm->after : "", alarm->option);
}

/*
 * Sending may be closed already: then what the kernel holds is still delivered, and a goodbye without patience sees to
 * it. But no goodbye while input is left over: its close_notify would say that this was all.
 */
static void give_up(struct connection *connection, bool silence)
{
    if (silence && connection_plays(connection, END_CUT))
        bad_end_release(connection);
    else if (silence && pipe_sending_over(connection))
        connection_close(connection, (struct adieu_fd_patience){0, ADIEU_FD_NOW});
    else if (connection->closed)
        connection->phase = PHASE_OVER;
    else
        connection_abort(connection, ADIEU_REASON_DEADLINE);
}

/* ---------------------------------------------------------------- */

int64_t clock_next(const struct connection *connection)
{
    int64_t at = earlier(of_phase(connection), total(connection)).at, sample = next_sample(connection);
    return at < sample ? at : sample;
}

void clock_check(struct connection *connection)
{
    int64_t now = adieu_fd_now();
    if (connection->phase == PHASE_OVER)
        return;
    note_moved(connection, now);
    note_peer(connection, now);
    struct alarm alarm = earlier(of_phase(connection), total(connection));
    if (now < alarm.at)
        return;
    late(connection, &alarm);
    give_up(connection, alarm.silence);
}

struct adieu_fd_patience clock_patience(const struct connection *connection)
{
    int64_t all = connection->options->timeout_total;
    return (struct adieu_fd_patience){
        .quiet_ms = connection->options->timeout_close,
        .deadline = all == NEVER ? ADIEU_FD_FOREVER : connection->at.started + all,
    };
}
