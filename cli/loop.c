/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <limits.h>
#include <poll.h>

#include "clock.h"
#include "events.h"
#include "pipe.h"
#include "progress.h"
#include "signals.h"

/* ---------------------------------------------------------------- the phases */

/* Nobody was reached: there is no ending, only an error. */
static void unreached(struct run *run)
{
    struct adieu_error error = adieu_fd_error(run->fd);
    run_error(run, error.code, error.os_error, "%s", error.text);
    run->phase = PHASE_OVER;
}

static void step_reaching(struct run *run)
{
    enum adieu_status status = run->options->command == COMMAND_CONNECT ? connect_reach(run) : listen_reach(run);
    if (status == ADIEU_WAIT)
        return;
    if (status != ADIEU_OK) {
        unreached(run);
        return;
    }
    run->at.reached = adieu_fd_now();
    run->phase = PHASE_HANDSHAKING;
    events_reached(run);
}

static void step_handshaking(struct run *run)
{
    enum adieu_status status = adieu_fd_handshake(run->fd, ADIEU_FD_NOW);
    if (status == ADIEU_WAIT)
        return;
    if (status == ADIEU_OK) {
        run->at.established = run->at.moved = adieu_fd_now();
        run->phase = PHASE_TALKING;
    } else {
        run_close(run, clock_patience(run)); /* the alert that explains it should still arrive */
    }
}

/* What is left for standard output may take longer than the goodbye, which waits for nobody here. */
static void step_closing(struct run *run)
{
    if (!run->closed && adieu_fd_close(run->fd, run->patience, &run->ending) != ADIEU_WAIT)
        run->closed = true;
    pipe_write_out(run);
    if (run->closed && pipe_drained(run))
        run->phase = PHASE_OVER;
}

/* Each phase may end within its step, and the next one has something to do at once. */
static void step(struct run *run)
{
    if (run->phase == PHASE_REACHING)
        step_reaching(run);
    if (run->phase == PHASE_HANDSHAKING)
        step_handshaking(run);
    if (run->phase == PHASE_TALKING)
        pipe_turn(run);
    if (run->phase == PHASE_CLOSING)
        step_closing(run);
}

/* ---------------------------------------------------------------- waiting */

enum { SET_SIGNALS, SET_CONNECTION, SET_INPUT, SET_OUTPUT, SET_SIZE };

static int least(int a, int b)
{
    return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

static int milliseconds_until(int64_t moment)
{
    int64_t left = moment - adieu_fd_now();
    if (moment == INT64_MAX)
        return -1;
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* What is not read here is not polled for: a descriptor with an empty mask would still wake us for HUP. */
static struct pollfd connection(const struct run *run, int *timeout)
{
    struct pollfd nothing = {.fd = -1};
    if (run_plays(run, END_STALL) || run->closed)
        return nothing;
    struct pollfd what = adieu_fd_interest(run->fd, timeout);
    if (run->phase == PHASE_TALKING && !pipe_wants_peer(run))
        what.events = (short)(what.events & ~POLLIN);
    return what.events ? what : nothing;
}

static void wait_for_something(struct run *run)
{
    int timeout = -1;
    struct pollfd set[SET_SIZE] = {
        [SET_SIGNALS] = {.fd = run->signal ? -1 : signals_descriptor(), .events = POLLIN},
        [SET_CONNECTION] = connection(run, &timeout),
        [SET_INPUT] = {.fd = pipe_wants_input(run) ? 0 : -1, .events = POLLIN},
        [SET_OUTPUT] = {.fd = pipe_wants_output(run) ? 1 : -1, .events = POLLOUT},
    };
    timeout = least(timeout, milliseconds_until(clock_next(run)));
    timeout = least(timeout, milliseconds_until(progress_next(run)));
    if (pipe_has_more(run))
        timeout = 0;
    if (poll(set, SET_SIZE, timeout) < 0)
        set[SET_INPUT].revents = set[SET_OUTPUT].revents = 0;
    run->ready.input = set[SET_INPUT].revents != 0;
    run->ready.output = set[SET_OUTPUT].revents != 0;
}

static void notice_signal(struct run *run)
{
    if (run->signal || !signals_received())
        return;
    run_signalled(run);
    run_abort(run, ADIEU_REASON_REQUEST);
    run->pipe.down.start = run->pipe.down.end = 0; /* standard output may be what it waits for */
}

void loop(struct run *run)
{
    adieu_watch(adieu_fd_stream(run->fd), events_on_news, run);
    while (run->phase != PHASE_OVER) {
        step(run);
        progress_turn(run);
        if (run->phase == PHASE_OVER)
            break;
        wait_for_something(run);
        notice_signal(run);
        clock_check(run);
    }
    progress_end();
}
