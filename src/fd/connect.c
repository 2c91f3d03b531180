/* SPDX-License-Identifier: MIT */
/*
 * Connecting: resolve, then each address in turn until one answers. Each has its share of the time that is left, so that a
 * first address that swallows everything does not keep the second from being tried.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#include "fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The share of an address that is not the last, where there is no deadline to share. */
#define SHARE_MS 10000

/* ------------------------------------------------ what to connect to */

static bool copy(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_address(const struct connecting *one, const struct adieu_fd_address *other)
{
    return same(one->host, other->host) && same(one->port, other->port) && same(one->path, other->path) &&
           same(one->bind_host, other->bind_host) && one->family == other->family;
}

static enum adieu_status fail(struct adieu_fd *fd, enum adieu_error_code code, int os_error, const char *what)
{
    return fd_fail(&fd->error, code, os_error, "%s: %s", what, strerror(os_error));
}

/* A Unix socket is a list of one. */
static enum adieu_status unix_target(struct adieu_fd *fd)
{
    struct connecting *connecting = &fd->connecting;
    struct sockaddr_un *address = &connecting->unix_address;
    size_t size = strlen(connecting->path);
    if (size >= sizeof address->sun_path)
        return fd_fail(&fd->error, ADIEU_ERR_CONNECT, ENAMETOOLONG,
                       "connect to %.100s…: the path is longer than %zu bytes", connecting->path,
                       sizeof address->sun_path - 1);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, connecting->path, size + 1);
    connecting->unix_info = (struct addrinfo){.ai_family = AF_UNIX,
                                              .ai_socktype = SOCK_STREAM,
                                              .ai_addr = (struct sockaddr *)address,
                                              .ai_addrlen = sizeof *address};
    connecting->now = &connecting->unix_info;
    return ADIEU_WAIT;
}

/* The first call's part: the strings are copied and the resolver is begun. WAIT: go on. */
static enum adieu_status begin(struct adieu_fd *fd, const struct adieu_fd_address *address)
{
    struct connecting *connecting = &fd->connecting;
    connecting->begun = true;
    connecting->family = address->family;
    if (!copy(&connecting->host, address->host) || !copy(&connecting->port, address->port) ||
        !copy(&connecting->path, address->path) || !copy(&connecting->bind_host, address->bind_host))
        return fail(fd, ADIEU_ERR_CONNECT, ENOMEM, "connect");
    if (address->path)
        return unix_target(fd);
    enum adieu_status status = resolve_begin(address->host, address->port, address->family, 0, &connecting->resolve,
                                             &connecting->list, &fd->error);
    connecting->now = connecting->list;
    return status == ADIEU_OK ? ADIEU_WAIT : status;
}

/* ------------------------------------------------ one attempt */

static char *target_text(const struct connecting *connecting, char *text, size_t room)
{
    if (connecting->path)
        (void)snprintf(text, room, "%s", connecting->path);
    else
        (void)fd_address_text(connecting->now->ai_addr, connecting->now->ai_addrlen, text, room);
    return text;
}

static void close_attempt(struct connecting *connecting)
{
    if (connecting->attempt >= 0)
        (void)close(connecting->attempt);
    connecting->attempt = -1;
    connecting->retry = false;
}

/* Notes why this address did not do, and goes to the next. WAIT: there is one. */
static enum adieu_status next(struct adieu_fd *fd, int os_error, const char *why)
{
    struct connecting *connecting = &fd->connecting;
    char target[128];
    size_t used = strlen(connecting->tried);
    (void)snprintf(connecting->tried + used, sizeof connecting->tried - used, "%s%s: %s", used ? "; " : "connect to ",
                   target_text(connecting, target, sizeof target), why);
    close_attempt(connecting);
    connecting->now = connecting->now->ai_next;
    return connecting->now ? ADIEU_WAIT : fd_fail(&fd->error, ADIEU_ERR_CONNECT, os_error, "%s", connecting->tried);
}

static enum adieu_status next_by_errno(struct adieu_fd *fd, int os_error)
{
    return next(fd, os_error, strerror(os_error));
}

/* Binds the attempt to the local address asked for. Returns 0 or an errno. */
static int bind_attempt(const struct connecting *connecting)
{
    struct addrinfo *local = NULL;
    const struct addrinfo hints = {
        .ai_family = connecting->now->ai_family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
    if (!connecting->bind_host || connecting->path)
        return 0;
    if (getaddrinfo(connecting->bind_host, NULL, &hints, &local) != 0)
        return EADDRNOTAVAIL;
    int error = bind(connecting->attempt, local->ai_addr, local->ai_addrlen) < 0 ? errno : 0;
    freeaddrinfo(local);
    return error;
}

static int64_t share(const struct connecting *connecting, int64_t deadline)
{
    int64_t now = adieu_fd_now();
    int addresses = 0;
    for (const struct addrinfo *each = connecting->now; each; each = each->ai_next)
        addresses++;
    if (addresses == 1)
        return ADIEU_FD_FOREVER; /* all that is left */
    if (deadline == ADIEU_FD_FOREVER || deadline <= now)
        return now + SHARE_MS;
    return now + (deadline - now) / addresses;
}

static enum adieu_status connected(struct adieu_fd *fd)
{
    int descriptor = fd->connecting.attempt;
    fd->connecting.attempt = -1;
    connect_stop(fd);
    fd_begin(fd, descriptor, false);
    return ADIEU_OK;
}

/* connect() itself; also the second one, when a Unix listener's queue was full. */
static enum adieu_status call_connect(struct adieu_fd *fd)
{
    struct connecting *connecting = &fd->connecting;
    connecting->retry = false;
    if (connect(connecting->attempt, connecting->now->ai_addr, connecting->now->ai_addrlen) == 0)
        return connected(fd);
    if (errno == EINPROGRESS || errno == EINTR)
        return ADIEU_WAIT;
    if (errno == EAGAIN && connecting->path) {
        connecting->retry = true;
        return ADIEU_WAIT;
    }
    return next_by_errno(fd, errno);
}

/* WAIT with no attempt: this address did not do, and the next has its turn. */
static enum adieu_status start_attempt(struct adieu_fd *fd, int64_t deadline)
{
    struct connecting *connecting = &fd->connecting;
    connecting->attempt = socket(connecting->now->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connecting->attempt < 0)
        return next_by_errno(fd, errno);
    connecting->give_up_at = share(connecting, deadline);
    int error = bind_attempt(connecting);
    if (error) {
        char why[160];
        (void)snprintf(why, sizeof why, "from %.60s: %s", connecting->bind_host, strerror(error));
        return next(fd, error, why);
    }
    return call_connect(fd);
}

static enum adieu_status look_at_attempt(struct adieu_fd *fd)
{
    struct connecting *connecting = &fd->connecting;
    struct pollfd ready = {.fd = connecting->attempt, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    if (connecting->retry)
        return call_connect(fd);
    if (poll(&ready, 1, 0) == 1) {
        if (getsockopt(connecting->attempt, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
            error = errno;
        return error ? next_by_errno(fd, error) : connected(fd);
    }
    if (adieu_fd_now() >= connecting->give_up_at)
        return next(fd, ETIMEDOUT, "no answer in its share of the time");
    return ADIEU_WAIT;
}

/* ------------------------------------------------ the whole */

static enum adieu_status step(struct adieu_fd *fd, int64_t deadline)
{
    struct connecting *connecting = &fd->connecting;
    enum adieu_status status = ADIEU_WAIT;
    if (connecting->resolve) {
        status = resolve_step(&connecting->resolve, &connecting->list, &fd->error);
        if (status != ADIEU_OK)
            return status;
        connecting->now = connecting->list;
        status = ADIEU_WAIT;
    }
    if (connecting->attempt >= 0)
        status = look_at_attempt(fd);
    while (status == ADIEU_WAIT && connecting->attempt < 0)
        status = start_attempt(fd, deadline);
    return status;
}

struct pollfd connect_need(struct adieu_fd *fd, int64_t *until)
{
    const struct connecting *connecting = &fd->connecting;
    *until = ADIEU_FD_FOREVER;
    if (connecting->resolve)
        return (struct pollfd){.fd = resolve_descriptor(connecting->resolve), .events = POLLIN};
    if (connecting->attempt < 0)
        return (struct pollfd){.fd = -1};
    *until = connecting->retry ? adieu_fd_now() + LOOK_MS : connecting->give_up_at;
    return (struct pollfd){.fd = connecting->retry ? -1 : connecting->attempt, .events = POLLOUT};
}

void connect_stop(struct adieu_fd *fd)
{
    struct connecting *connecting = &fd->connecting;
    close_attempt(connecting);
    resolve_leave(connecting->resolve);
    if (connecting->list)
        freeaddrinfo(connecting->list);
    free(connecting->host);
    free(connecting->port);
    free(connecting->path);
    free(connecting->bind_host);
    connecting->resolve = NULL;
    connecting->list = NULL;
    connecting->now = NULL;
    connecting->host = connecting->port = connecting->path = connecting->bind_host = NULL;
}

static enum adieu_status connect_or_wait(struct adieu_fd *fd, const struct adieu_fd_address *address, int64_t deadline)
{
    enum adieu_status status = ADIEU_WAIT;
    if (!fd->connecting.begun && !address)
        return ADIEU_MISUSE;
    if (!fd->connecting.begun)
        status = begin(fd, address);
    else if (address && !same_address(&fd->connecting, address))
        return ADIEU_MISUSE;
    while (status == ADIEU_WAIT) {
        int64_t until;
        status = fd->released ? ADIEU_FAIL : step(fd, deadline); /* released: somebody aborted, or closed */
        if (status != ADIEU_WAIT)
            break;
        struct pollfd what = connect_need(fd, &until);
        if (!fd_wait(fd, SLOT_OPEN, what, until, deadline))
            break;
    }
    return status;
}

enum adieu_status adieu_fd_connect(struct adieu_fd *fd, const struct adieu_fd_address *address, int64_t deadline)
{
    if (!fd_enter(fd, SLOT_OPEN))
        return ADIEU_MISUSE;
    enum adieu_status status = ADIEU_MISUSE;
    if (fd->connecting.begun && fd->error.code != ADIEU_ERR_NONE)
        status = ADIEU_FAIL; /* for ever */
    else if (fd->descriptor < 0 && !fd->released)
        status = connect_or_wait(fd, address, deadline);
    if (status == ADIEU_FAIL)
        connect_stop(fd);
    fd_leave(fd, SLOT_OPEN);
    return status;
}
