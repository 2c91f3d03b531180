/* SPDX-License-Identifier: MIT */
#include "ends.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PIPE_BUF
#define PIPE_BUF 512 /* what POSIX promises everywhere */
#endif
/* A terminal that can be written takes at least a few letters without waiting; nobody says how many. */
#define TERMINAL_CHUNK 256

static bool missing[3];
/* Where standard input stood before anybody read it. */
static int64_t begin;
/* Standard input is a file. */
static bool input_is_file;
/* What standard output is, once somebody has asked. */
static enum output_kind output_kind;
/* What is written to in its place, or -1. */
static int way_in = -1;

static bool is_null(const struct stat *status)
{
    struct stat null;
    return stat("/dev/null", &null) == 0 && S_ISCHR(status->st_mode) && status->st_rdev == null.st_rdev;
}

static bool is_file(const struct stat *status)
{
    return S_ISREG(status->st_mode) || is_null(status);
}

void ends_prepare(void)
{
    struct stat status;
    for (int i = 0; i < 3; i++) {
        if (fcntl(i, F_GETFD) >= 0 || errno != EBADF)
            continue;
        missing[i] = true;
        (void)!open("/dev/null", O_RDWR); /* the lowest number is free, so it is i */
    }
    input_is_file = !missing[STDIN_FILENO] && fstat(STDIN_FILENO, &status) == 0 && is_file(&status);
}

int ends_claim(int descriptor)
{
    bool absent = descriptor <= STDERR_FILENO && missing[descriptor];
    int copy = absent ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy >= 0 && descriptor > STDERR_FILENO)
        (void)fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    return copy >= 0 ? copy : absent ? -EBADF : -errno;
}

static enum io failed(int error, int *os_error)
{
    if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR)
        return IO_WAIT;
    *os_error = error;
    return IO_FAILED;
}

void ends_standard(struct ends *ends, bool shared)
{
    *ends = (struct ends){.shared = shared, .input = STDIN_FILENO, .output = STDOUT_FILENO};
}

void ends_own(struct ends *ends, int input, int output)
{
    *ends = (struct ends){.input = input, .output = output, .kind = OUTPUT_OWN};
}

bool ends_can_be_shared(void)
{
    struct stat status;
    if (missing[STDIN_FILENO] || fstat(STDIN_FILENO, &status) != 0)
        return false;
    if (!S_ISREG(status.st_mode))
        return is_null(&status);
    begin = lseek(STDIN_FILENO, 0, SEEK_CUR);
    return begin >= 0;
}

/* A standard descriptor that was closed when we were called. */
static bool is_missing(int descriptor)
{
    return descriptor >= 0 && descriptor <= STDERR_FILENO && missing[descriptor];
}

enum io ends_read(struct ends *ends, void *buf, size_t size, size_t *got, int *os_error)
{
    if (is_missing(ends->input))
        return failed(EBADF, os_error);
    ssize_t n =
        ends->shared ? pread(ends->input, buf, size, (off_t)(begin + ends->position)) : read(ends->input, buf, size);
    if (n < 0)
        return failed(errno, os_error);
    *got = (size_t)n;
    ends->position += n;
    return n == 0 ? IO_END : IO_DONE;
}

bool ends_input_never_waits(const struct ends *ends)
{
    return ends->input == STDIN_FILENO && input_is_file;
}

/* ---------------------------------------------------------------- output */

/*
 * The pipe that is standard output, opened once more: O_NONBLOCK is then ours alone, and one write can fill it, where
 * through standard output itself PIPE_BUF bytes at a time are safe. It cannot be had without /proc, or if the pipe is
 * another user's.
 */
static bool find_way_in(void)
{
    int mode = fcntl(STDOUT_FILENO, F_GETFL);
    if (mode >= 0 && (mode & O_ACCMODE) != O_RDONLY)
        way_in = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return way_in >= 0;
}

static enum output_kind kind_of_standard_output(void)
{
    struct stat status;
    if (fstat(STDOUT_FILENO, &status) != 0)
        return OUTPUT_DEVICE;
    if (S_ISFIFO(status.st_mode))
        return find_way_in() ? OUTPUT_OWN : OUTPUT_PIPE;
    if (S_ISSOCK(status.st_mode))
        return OUTPUT_SOCKET;
    if (isatty(STDOUT_FILENO))
        return OUTPUT_TERMINAL;
    return is_file(&status) ? OUTPUT_FILE : OUTPUT_DEVICE;
}

static void find_kind(struct ends *ends)
{
    if (ends->kind != OUTPUT_UNKNOWN)
        return;
    if (output_kind == OUTPUT_UNKNOWN)
        output_kind = kind_of_standard_output();
    ends->kind = output_kind;
}

bool ends_output_never_waits(struct ends *ends)
{
    find_kind(ends);
    if (ends->output < 0)
        return false; /* there is no command (any more) */
    return ends->kind == OUTPUT_FILE || ends->kind == OUTPUT_SOCKET || ends->kind == OUTPUT_OWN;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A file never makes us wait for somebody else; a pipe that can be written takes PIPE_BUF bytes without waiting. */
static ssize_t write_some(const struct ends *ends, const void *buf, size_t size)
{
    bool standard = ends->output == STDOUT_FILENO;
    switch (ends->kind) {
    case OUTPUT_SOCKET:
        return send(ends->output, buf, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case OUTPUT_PIPE:
        return write(ends->output, buf, least(size, PIPE_BUF));
    case OUTPUT_TERMINAL:
        return write(ends->output, buf, least(size, TERMINAL_CHUNK));
    case OUTPUT_OWN:
        return write(standard ? way_in : ends->output, buf, size);
    case OUTPUT_FILE:
    case OUTPUT_DEVICE:
    case OUTPUT_UNKNOWN:
        break;
    }
    return write(ends->output, buf, size);
}

enum io ends_write(struct ends *ends, const void *buf, size_t size, size_t *took, int *os_error)
{
    if (is_missing(ends->output))
        return failed(EBADF, os_error);
    if (ends->shared && !ends_output_never_waits(ends) && !ends_output_ready(ends))
        return IO_WAIT; /* somebody else has written since poll() was asked */
    find_kind(ends);
    ssize_t n = write_some(ends, buf, size);
    if (n < 0)
        return failed(errno, os_error);
    *took = (size_t)n;
    return IO_DONE;
}

bool ends_output_ready(const struct ends *ends)
{
    struct pollfd output = {.fd = ends->output, .events = POLLOUT};
    return poll(&output, 1, 0) == 1;
}

static int close_own(int *descriptor)
{
    int error = *descriptor < 0 || close(*descriptor) == 0 || errno == EINTR ? 0 : errno;
    *descriptor = -1;
    return error;
}

void ends_close_input(struct ends *ends)
{
    (void)close_own(&ends->input);
}

/* The number is kept taken, so that nothing else is ever written there by mistake. */
static int close_standard_output(void)
{
    (void)close_own(&way_in);
    int error = close(STDOUT_FILENO) == 0 || errno == EINTR ? 0 : errno;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0 && null != STDOUT_FILENO) {
        (void)dup2(null, STDOUT_FILENO);
        close(null);
    }
    missing[STDOUT_FILENO] = true;
    return error;
}

enum io ends_close_output(struct ends *ends, int *os_error)
{
    if (ends->shared || is_missing(ends->output))
        return IO_DONE;
    int error = ends->output == STDOUT_FILENO ? close_standard_output() : close_own(&ends->output);
    return error == 0 ? IO_DONE : failed(error, os_error);
}
