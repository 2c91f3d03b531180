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

static void on_child(int number)
{
    int error = errno;
    (void)number;
    (void)!write(ends[1], "", 1);
    errno = error;
}

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

bool signals_prepare(bool children)
{
    struct sigaction child = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
    if (!prepare_pipe())
        return false;
    for (unsigned i = 0; i < NUMBERS; i++) {
        struct sigaction before, now = {.sa_handler = on_signal};
        sigemptyset(&now.sa_mask);
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &now, NULL);
    }
    sigemptyset(&child.sa_mask);
    if (children && sigaction(SIGCHLD, &child, NULL) != 0)
        return false;
    /* What these would say is said by the call that failed: EPIPE, EFBIG. */
    return signal(SIGPIPE, SIG_IGN) != SIG_ERR && signal(SIGXFSZ, SIG_IGN) != SIG_ERR;
}

int signals_descriptor(void)
{
    return ends[0];
}

void signals_drain(void)
{
    char bytes[64];
    while (read(ends[0], bytes, sizeof bytes) > 0)
        continue;
}

/* What was ignored when we were called stays so; SIGPIPE was ignored by us. */
void signals_default(void)
{
    struct sigaction before;
    for (unsigned i = 0; i < NUMBERS; i++) {
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            signal(numbers[i], SIG_DFL);
    }
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
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
