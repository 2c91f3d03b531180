/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t received;
static int ends[2] = {-1, -1};

/* The pipe wakes poll() also if the signal came just before it. */
static void on_signal(int number)
{
    int error = errno;
    if (received == 0)
        received = number;
    (void)!write(ends[1], "", 1);
    errno = error;
}

static bool prepare_pipe(void)
{
    if (pipe(ends) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

bool signals_prepare(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    if (!prepare_pipe())
        return false;
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction before, now = {.sa_handler = on_signal};
        sigemptyset(&now.sa_mask);
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &now, NULL);
    }
    /* What these would say is said by the call that failed: EPIPE, EFBIG. */
    return signal(SIGPIPE, SIG_IGN) != SIG_ERR && signal(SIGXFSZ, SIG_IGN) != SIG_ERR;
}

int signals_descriptor(void)
{
    return ends[0];
}

int signals_received(void)
{
    return received;
}

void signals_release(void)
{
    int reading = ends[0], writing = ends[1];
    ends[0] = ends[1] = -1; /* first: a signal must not be written to whatever gets the number next */
    if (reading < 0)
        return;
    close(reading);
    close(writing);
}

void signals_die(int number)
{
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, number);
    signal(number, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    raise(number);
}
