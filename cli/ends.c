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

void ends_prepare(void)
{
    for (int i = 0; i < 3; i++) {
        if (fcntl(i, F_GETFD) >= 0 || errno != EBADF)
            continue;
        missing[i] = true;
        (void)!open("/dev/null", O_RDWR); /* the lowest number is free, so it is i */
    }
}

int ends_claim(int descriptor)
{
    bool absent = descriptor <= STDERR_FILENO && missing[descriptor];
    int copy = absent ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return copy >= 0 ? copy : absent ? -EBADF : -errno;
}

static enum io failed(int error, int *os_error)
{
    if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR)
        return IO_WAIT;
    *os_error = error;
    return IO_FAILED;
}

enum io ends_read(void *buf, size_t size, size_t *got, int *os_error)
{
    if (missing[STDIN_FILENO])
        return failed(EBADF, os_error);
    ssize_t n = read(STDIN_FILENO, buf, size);
    if (n < 0)
        return failed(errno, os_error);
    *got = (size_t)n;
    return n == 0 ? IO_END : IO_DONE;
}

enum kind { KIND_FILE, KIND_PIPE, KIND_SOCKET, KIND_TERMINAL };

static enum kind output_kind(void)
{
    struct stat status;
    if (fstat(STDOUT_FILENO, &status) != 0 || S_ISFIFO(status.st_mode))
        return KIND_PIPE;
    if (S_ISSOCK(status.st_mode))
        return KIND_SOCKET;
    return isatty(STDOUT_FILENO) ? KIND_TERMINAL : KIND_FILE;
}

/* A file never makes us wait for somebody else; a pipe that can be written takes PIPE_BUF bytes without waiting. */
static ssize_t write_some(enum kind kind, const void *buf, size_t size)
{
    switch (kind) {
    case KIND_SOCKET:
        return send(STDOUT_FILENO, buf, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case KIND_PIPE:
        return write(STDOUT_FILENO, buf, size < PIPE_BUF ? size : PIPE_BUF);
    case KIND_TERMINAL:
        return write(STDOUT_FILENO, buf, size < TERMINAL_CHUNK ? size : TERMINAL_CHUNK);
    case KIND_FILE:
        break;
    }
    return write(STDOUT_FILENO, buf, size);
}

enum io ends_write(const void *buf, size_t size, size_t *took, int *os_error)
{
    static bool known;
    static enum kind kind;
    if (missing[STDOUT_FILENO])
        return failed(EBADF, os_error);
    if (!known) {
        kind = output_kind();
        known = true;
    }
    ssize_t n = write_some(kind, buf, size);
    if (n < 0)
        return failed(errno, os_error);
    *took = (size_t)n;
    return IO_DONE;
}

bool ends_output_ready(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&output, 1, 0) == 1;
}

/* The number is kept taken, so that nothing else is ever written there by mistake. */
enum io ends_close_output(int *os_error)
{
    if (missing[STDOUT_FILENO])
        return IO_DONE;
    int error = close(STDOUT_FILENO) == 0 || errno == EINTR ? 0 : errno;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0 && null != STDOUT_FILENO) {
        (void)dup2(null, STDOUT_FILENO);
        close(null);
    }
    missing[STDOUT_FILENO] = true;
    return error == 0 ? IO_DONE : failed(error, os_error);
}
