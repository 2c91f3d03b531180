/* SPDX-License-Identifier: MIT */
#include "bad_end.h"

#include <sys/socket.h>
#include <unistd.h>

#include "say.h"

/* How long a reset waits for the peer's TCP to acknowledge: after it nothing on its way would arrive any more. */
#define RESET_PATIENCE_MS 2000

/* The library has no call that ends a direction without close_notify; the socket has. */
static void cut(struct run *run)
{
    run_error(run, ADIEU_ERR_ABORTED, 0, "ended without close_notify, as --end=cut wants it");
    (void)shutdown(adieu_fd_descriptor(run->fd), SHUT_WR);
}

static void reset(struct run *run)
{
    struct adieu_ending ending = adieu_fd_ending(run->fd);
    bool arrived = ending.acknowledged == ADIEU_UNKNOWN || ending.acknowledged >= ending.taken;
    if (!arrived && adieu_fd_now() - run->at.flushed < RESET_PATIENCE_MS)
        return;
    run->pipe.said = true;
    run_error(run, ADIEU_ERR_ABORTED, 0, "reset, as --end=reset wants it");
    run_abort(run, ADIEU_REASON_REQUEST);
}

void bad_end(struct run *run)
{
    struct adieu_ending ending = run_ending(run);
    if (ending.sent < ending.taken)
        return;
    if (run->at.flushed == 0)
        run->at.flushed = adieu_fd_now();
    if (run->options->end == END_RESET) {
        reset(run);
        return;
    }
    run->pipe.said = true;
    if (run->options->end == END_CUT)
        cut(run);
    if (run->options->end != END_CUT)
        say_event("%s from now on, as --end wants it", run_plays(run, END_STALL) ? "stalled" : "mute");
}

/*
 * adieu_fd resets whatever ends otherwise than in order, so that nothing looks like an end. Here that is the aim: a
 * second descriptor keeps the socket from being reset, and then lets it go.
 */
void bad_end_release(struct run *run)
{
    struct linger linger = {0};
    uint8_t scratch[4096];
    int copy = dup(adieu_fd_descriptor(run->fd));
    adieu_fd_abort(run->fd, run->late ? ADIEU_REASON_DEADLINE : ADIEU_REASON_REQUEST);
    if (copy >= 0) {
        (void)setsockopt(copy, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        while (recv(copy, scratch, sizeof scratch, MSG_DONTWAIT) > 0)
            continue; /* what is unread would make the kernel reset it */
        close(copy);
    }
    run_close(run, (struct adieu_fd_patience){0, ADIEU_FD_NOW});
}
