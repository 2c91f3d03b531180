/* SPDX-License-Identifier: MIT */
/* Connecting: what was asked for becomes addresses, which attempts.c tries. */
#include "fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static bool same_address(const struct opening *one, const struct adieu_fd_address *other)
{
    return same(one->host, other->host) && same(one->port, other->port) && same(one->path, other->path) &&
           same(one->bind_host, other->bind_host) && one->family == other->family;
}

static enum adieu_status unix_path(struct opening *opening)
{
    if (!unix_target(&opening->unix_target, opening->path))
        return fd_fail(&opening->error, ADIEU_ERR_CONNECT, ENAMETOOLONG,
                       "connect to %.100s…: the path is longer than %zu bytes", opening->path,
                       sizeof opening->unix_target.address.sun_path - 1);
    (void)targets_line_up(&opening->attempts.targets, &opening->unix_target.info, NULL);
    return ADIEU_OK;
}

/* The addresses are there. */
static enum adieu_status line_up(struct opening *opening)
{
    if (targets_line_up(&opening->attempts.targets, opening->list, opening->local))
        return ADIEU_OK;
    return fd_fail(&opening->error, ADIEU_ERR_CONNECT, EAFNOSUPPORT,
                   "connect to %.100s: it has no address that %.60s can reach",
                   opening->host ? opening->host : "this machine", opening->bind_host);
}

static enum adieu_status local_address(struct opening *opening)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
    if (!opening->bind_host || getaddrinfo(opening->bind_host, NULL, &hints, &opening->local) == 0)
        return ADIEU_OK;
    return fd_fail(&opening->error, ADIEU_ERR_CONNECT, EADDRNOTAVAIL, "connect from %.100s: no numeric address",
                   opening->bind_host);
}

/* The first call's part: the strings are copied and the resolver is begun. OK: the addresses are there. */
static enum adieu_status begin(struct opening *opening, const struct adieu_fd_address *address)
{
    opening->connects = true;
    opening->error = (struct adieu_error){.code = ADIEU_ERR_NONE}; /* an adopt that failed before, perhaps */
    opening->family = address->family;
    if (!copy(&opening->host, address->host) || !copy(&opening->port, address->port) ||
        !copy(&opening->path, address->path) || !copy(&opening->bind_host, address->bind_host))
        return fd_fail(&opening->error, ADIEU_ERR_CONNECT, ENOMEM, "connect: %s", strerror(ENOMEM));
    if (address->path)
        return unix_path(opening);
    enum adieu_status status = local_address(opening);
    if (status == ADIEU_OK)
        status = resolve_begin(address->host, address->port, address->family, 0, &opening->resolve, &opening->list,
                               &opening->error);
    return status == ADIEU_OK ? line_up(opening) : status;
}

/* ------------------------------------------------ the whole */

static enum adieu_status resolved(struct opening *opening)
{
    if (!opening->resolve || opening->list)
        return ADIEU_OK;
    enum adieu_status status = resolve_step(opening->resolve, &opening->list, &opening->error);
    return status == ADIEU_OK ? line_up(opening) : status;
}

static enum adieu_status step(struct adieu_fd *fd)
{
    struct opening *opening = fd->opening;
    int descriptor = -1;
    enum adieu_status status = resolved(opening);
    if (status == ADIEU_OK)
        status = attempts_step(&opening->attempts, &descriptor, &opening->error);
    if (opening->list) { /* its descriptor may go now: those of the attempts have other numbers, see attempts_step */
        resolve_leave(opening->resolve);
        opening->resolve = NULL;
    }
    if (status == ADIEU_OK) {
        fd->socket.reset_error = opening->attempts.reset;
        fd_begin(fd, descriptor, false);
    }
    return status;
}

struct pollfd connect_need(const struct opening *opening, int64_t *until)
{
    if (opening->resolve)
        return (struct pollfd){.fd = resolve_descriptor(opening->resolve), .events = POLLIN};
    return attempts_need(&opening->attempts, until);
}

static void forget(char **text)
{
    free(*text);
    *text = NULL;
}

void connect_stop(struct opening *opening)
{
    attempts_stop(&opening->attempts);
    resolve_leave(opening->resolve);
    opening->resolve = NULL;
    if (opening->list)
        freeaddrinfo(opening->list);
    if (opening->local)
        freeaddrinfo(opening->local);
    opening->list = opening->local = NULL;
    forget(&opening->host);
    forget(&opening->port);
    forget(&opening->path);
    forget(&opening->bind_host);
}

static enum adieu_status connect_or_wait(struct adieu_fd *fd, const struct adieu_fd_address *address, int64_t deadline)
{
    enum adieu_status status = ADIEU_WAIT;
    if (!fd->opening->connects && !address)
        return ADIEU_MISUSE;
    if (!fd->opening->connects)
        status = begin(fd->opening, address);
    else if (address && !same_address(fd->opening, address))
        return ADIEU_MISUSE;
    while (status != ADIEU_FAIL) {
        int64_t until = ADIEU_FD_FOREVER;
        status = fd->released ? ADIEU_FAIL : step(fd); /* released: somebody aborted, or closed */
        if (status != ADIEU_WAIT)
            break;
        struct pollfd what = connect_need(fd->opening, &until);
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
    if (fd->opening && fd->opening->connects && fd->opening->error.code != ADIEU_ERR_NONE)
        status = ADIEU_FAIL; /* for ever */
    else if (fd->opening && !fd->released)
        status = connect_or_wait(fd, address, deadline);
    if (status == ADIEU_FAIL)
        connect_stop(fd->opening);
    fd_leave(fd, SLOT_OPEN);
    return status;
}
