/* SPDX-License-Identifier: MIT */
/* The system calls that move bytes or wait for them, and some others: each is counted, and made. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "counts_calls.h"

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* The function of that name behind ours goes to *real, once. */
static void note(enum call call, void *real, const char *name)
{
    counts_call(call);
    void *found = NULL;
    memcpy(&found, real, sizeof found);
    if (found)
        return;
    found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    memcpy(real, &found, sizeof found); /* ISO C converts no object pointer to one of a function */
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    static ssize_t (*real)(int fd, const void *bytes, size_t size, int flags);
    note(CALL_SEND, &real, "send");
    return real(fd, bytes, size, flags);
}

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    static ssize_t (*real)(int fd, void *bytes, size_t size, int flags);
    note(CALL_RECV, &real, "recv");
    return real(fd, bytes, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    static ssize_t (*real)(int fd, const struct msghdr *message, int flags);
    note(CALL_SEND, &real, "sendmsg");
    return real(fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    static ssize_t (*real)(int fd, struct msghdr *message, int flags);
    note(CALL_RECV, &real, "recvmsg");
    return real(fd, message, flags);
}

ssize_t read(int fd, void *bytes, size_t size)
{
    static ssize_t (*real)(int fd, void *bytes, size_t size);
    note(CALL_READ, &real, "read");
    return real(fd, bytes, size);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    static ssize_t (*real)(int fd, const void *bytes, size_t size);
    note(CALL_WRITE, &real, "write");
    return real(fd, bytes, size);
}

ssize_t readv(int fd, const struct iovec *pieces, int count)
{
    static ssize_t (*real)(int fd, const struct iovec *pieces, int count);
    note(CALL_READ, &real, "readv");
    return real(fd, pieces, count);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    static ssize_t (*real)(int fd, const struct iovec *pieces, int count);
    note(CALL_WRITE, &real, "writev");
    return real(fd, pieces, count);
}

int poll(struct pollfd *set, nfds_t count, int timeout)
{
    static int (*real)(struct pollfd * set, nfds_t count, int timeout);
    note(CALL_POLL, &real, "poll");
    return real(set, count, timeout);
}

int epoll_wait(int set, struct epoll_event *events, int count, int timeout)
{
    static int (*real)(int set, struct epoll_event *events, int count, int timeout);
    note(CALL_EPOLL_WAIT, &real, "epoll_wait");
    return real(set, events, count, timeout);
}

int epoll_pwait(int set, struct epoll_event *events, int count, int timeout, const sigset_t *mask)
{
    static int (*real)(int set, struct epoll_event *events, int count, int timeout, const sigset_t *mask);
    note(CALL_EPOLL_WAIT, &real, "epoll_pwait");
    return real(set, events, count, timeout, mask);
}

int epoll_ctl(int set, int what, int fd, struct epoll_event *event)
{
    static int (*real)(int set, int what, int fd, struct epoll_event *event);
    note(CALL_EPOLL_CTL, &real, "epoll_ctl");
    return real(set, what, fd, event);
}

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict size)
{
    static int (*real)(int fd, int level, int name, void *restrict value, socklen_t *restrict size);
    note(CALL_OTHER, &real, "getsockopt");
    return real(fd, level, name, value, size);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    static int (*real)(int fd, int level, int name, const void *value, socklen_t size);
    note(CALL_OTHER, &real, "setsockopt");
    return real(fd, level, name, value, size);
}

int shutdown(int fd, int how)
{
    static int (*real)(int fd, int how);
    note(CALL_OTHER, &real, "shutdown");
    return real(fd, how);
}

int close(int fd)
{
    static int (*real)(int fd);
    note(CALL_OTHER, &real, "close");
    return real(fd);
}

int eventfd_read(int fd, eventfd_t *value)
{
    static int (*real)(int fd, eventfd_t *value);
    note(CALL_OTHER, &real, "eventfd_read");
    return real(fd, value);
}

int eventfd_write(int fd, eventfd_t value)
{
    static int (*real)(int fd, eventfd_t value);
    note(CALL_OTHER, &real, "eventfd_write");
    return real(fd, value);
}

/* The kernel, too, is told a third argument whether there is one or not. */
int ioctl(int fd, unsigned long request, ...)
{
    static int (*real)(int fd, unsigned long request, void *argument);
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    note(CALL_OTHER, &real, "ioctl");
    return real(fd, request, argument);
}
