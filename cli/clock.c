/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include "bad_end.h"
#include "pipe.h"

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
static bool silence_counts(const struct run *run)
{
    const struct pipe *pipe = &run->pipe;
    if (run->phase != PHASE_TALKING || run_plays(run, END_STALL) || run_plays(run, END_MUTE))
        return false;
    return (pipe->input_over || run->at.blocked != 0) && (pipe->peer_over || pipe_wants_peer(run));
}

/* 0 means not to wait for the peer's answer; that it takes what we say has to be waited for. */
static int64_t silence_allowed(const struct run *run)
{
    int64_t allowed = run->options->timeout_close;
    return allowed == 0 && !pipe_sending_over(run) && !run_plays(run, END_CUT) ? FLUSH_MS : allowed;
}

static struct alarm silence(const struct run *run)
{
    int64_t allowed = silence_counts(run) ? silence_allowed(run) : NEVER;
    bool ended = run->pipe.input_over;
    int64_t from = later(run->at.peer, ended ? run->at.input : run->at.blocked);
    struct alarm alarm = alarm_in(from, allowed, "--timeout-close", "the peer neither said nor took anything for");
    alarm.after = ended ? " after our input had ended" : " though bytes of ours wait for it";
    alarm.silence = true;
    return alarm;
}

/* A reset of ours waits for acknowledgements alone. */
static bool waits_to_reset(const struct run *run)
{
    return run->phase == PHASE_TALKING && run->options->end == END_RESET && run->at.flushed != 0 && !run->pipe.said;
}

static int64_t sample_interval(const struct run *run)
{
    int64_t eighth = silence_allowed(run) / 8;
    if (waits_to_reset(run) || eighth < SAMPLE_MS)
        return SAMPLE_MS;
    return eighth > SAMPLE_MOST_MS ? SAMPLE_MOST_MS : eighth;
}

static int64_t next_sample(const struct run *run)
{
    bool counts = silence_counts(run) && silence_allowed(run) != NEVER;
    return counts || waits_to_reset(run) ? run->at.sampled + sample_interval(run) : INT64_MAX;
}

/* Any byte of the peer's, and any of ours that its side has taken, is a sign of life. */
static void note_peer(struct run *run, int64_t now)
{
    if (run->phase != PHASE_TALKING)
        return;
    if (now < next_sample(run))
        return;
    uint64_t received = run_ending(run).received, progress = adieu_fd_progress(run->fd);
    run->at.sampled = now;
    if (received == run->peer_received && progress == run->peer_progress)
        return;
    run->peer_received = received;
    run->peer_progress = progress;
    run->at.peer = now;
}

/* ---------------------------------------------------------------- the others */

static void note_moved(struct run *run, int64_t now)
{
    struct adieu_ending ending = run_ending(run);
    uint64_t bytes = ending.taken + ending.sent + ending.received + ending.discarded + run->pipe.written;
    if (bytes == run->moved_bytes)
        return;
    run->moved_bytes = bytes;
    run->at.moved = now;
}

static struct alarm of_phase(const struct run *run)
{
    const struct options *options = run->options;
    switch (run->phase) {
    case PHASE_REACHING:
        return alarm_in(run->at.started, options->timeout_connect, "--timeout-connect",
                        options->command == COMMAND_CONNECT ? "no connection within" : "nobody connected within");
    case PHASE_HANDSHAKING:
        return alarm_in(run->at.reached, options->timeout_handshake, "--timeout-handshake",
                        "the handshake was not done within");
    case PHASE_TALKING:
        return earlier(silence(run),
                       alarm_in(run->at.moved, options->timeout_idle, "--timeout-idle", "nothing moved for"));
    case PHASE_CLOSING:
    case PHASE_OVER:
        break;
    }
    return alarm_in(0, NEVER, "", "");
}

/* The goodbye keeps the total deadline itself; afterwards only standard output can still be waited for. */
static struct alarm total(const struct run *run)
{
    bool watched = run->phase == PHASE_CLOSING && !run->closed;
    return alarm_in(run->at.started, watched ? NEVER : run->options->timeout_total, "--timeout-total",
                    "it was not over within");
}

static void late(struct run *run, const struct alarm *alarm)
{
    run->late = alarm->option;
    run_error(run, ADIEU_ERR_DEADLINE, 0, "%s %.6g s%s (%s)", alarm->what, (double)alarm->length / 1000.0,
              alarm->after ? alarm->after : "", alarm->option);
}

/*
 * Sending may be closed already: then what the kernel holds is still delivered, and a goodbye without patience sees to
 * it. But no goodbye while input is left over: its close_notify would say that this was all.
 */
static void give_up(struct run *run, bool silence)
{
    if (silence && run_plays(run, END_CUT))
        bad_end_release(run);
    else if (silence && pipe_sending_over(run))
        run_close(run, (struct adieu_fd_patience){0, ADIEU_FD_NOW});
    else if (run->closed)
        run->phase = PHASE_OVER;
    else
        run_abort(run, ADIEU_REASON_DEADLINE);
}

/* ---------------------------------------------------------------- */

int64_t clock_next(const struct run *run)
{
    int64_t at = earlier(of_phase(run), total(run)).at, sample = next_sample(run);
    return at < sample ? at : sample;
}

void clock_check(struct run *run)
{
    int64_t now = adieu_fd_now();
    if (run->phase == PHASE_OVER)
        return;
    note_moved(run, now);
    note_peer(run, now);
    struct alarm alarm = earlier(of_phase(run), total(run));
    if (now < alarm.at)
        return;
    late(run, &alarm);
    give_up(run, alarm.silence);
}

struct adieu_fd_patience clock_patience(const struct run *run)
{
    int64_t all = run->options->timeout_total;
    return (struct adieu_fd_patience){
        .quiet_ms = run->options->timeout_close,
        .deadline = all == NEVER ? ADIEU_FD_FOREVER : run->at.started + all,
    };
}
