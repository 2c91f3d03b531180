/* SPDX-License-Identifier: MIT */
/* Listening, and taking the next connection. */
#define _GNU_SOURCE /* accept4, SOCK_CLOEXEC, SOCK_NONBLOCK */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------ listening */

/* Without a host and a family one IPv6 socket hears both. A failure is errno's. */
static int listen_at(const struct sockaddr *address, socklen_t size, bool both, int backlog)
{
    int descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0)
        return -1;
    const int on = 1, only = !both;
    bool ready = address->sa_family == AF_UNIX || setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    if (address->sa_family == AF_INET6)
        ready = ready && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == 0;
    if (ready && bind(descriptor, address, size) == 0 && listen(descriptor, backlog) == 0)
        return descriptor;
    int error = errno;
    (void)close(descriptor);
    errno = error;
    return -1;
}

static int fail(struct adieu_error *error, int os_error, const char *where)
{
    (void)fd_fail(error, ADIEU_ERR_SOCKET, os_error, "listen on %.120s: %s", where, strerror(os_error));
    return -1;
}

static int listen_path(const char *path, int backlog, struct adieu_error *error)
{
    struct unix_target target;
    if (!unix_target(&target, path))
        return fail(error, ENAMETOOLONG, path);
    int descriptor = listen_at(target.info.ai_addr, target.info.ai_addrlen, false, backlog);
    return descriptor >= 0 ? descriptor : fail(error, errno, path);
}

/* The first address that can be listened on. An IPv6 one first if it is to hear both. */
static int listen_list(const struct addrinfo *list, bool both, int backlog, struct adieu_error *error)
{
    char where[128];
    for (int turn = both ? 0 : 1; turn < 2; turn++) {
        for (const struct addrinfo *each = list; each; each = each->ai_next) {
            if (turn == 0 && each->ai_family != AF_INET6)
                continue;
            int descriptor = listen_at(each->ai_addr, each->ai_addrlen, turn == 0, backlog);
            if (descriptor >= 0)
                return descriptor;
            (void)fail(error, errno, address_text(each->ai_addr, each->ai_addrlen, where, sizeof where));
            if (turn == 0 && error->os_error == EADDRINUSE)
                return -1; /* the other family alone would hear only half */
        }
    }
    return -1;
}

/* Why a name was not waited for any longer; 0: it may be there. */
static int wait_for(const struct resolve *resolve, int64_t deadline)
{
    struct pollfd done = {.fd = resolve_descriptor(resolve), .events = POLLIN};
    int ready = poll(&done, 1, fd_milliseconds_until(deadline));
    return ready < 0 ? errno : ready > 0 ? 0 : ETIMEDOUT;
}

static enum adieu_status resolve_here(const struct adieu_fd_address *address, int64_t deadline, struct addrinfo **list,
                                      struct adieu_error *error)
{
    struct resolve *resolve = NULL;
    enum adieu_status status =
        resolve_begin(address->host, address->port, address->family, AI_PASSIVE, &resolve, list, error);
    int over = 0;
    while (status == ADIEU_WAIT && !over) {
        over = wait_for(resolve, deadline);
        status = resolve_step(resolve, list, error);
    }
    resolve_leave(resolve);
    if (status != ADIEU_WAIT)
        return status;
    return fd_fail(error, over == ETIMEDOUT ? ADIEU_ERR_DEADLINE : ADIEU_ERR_RESOLVE, over, "resolve %.150s: %s",
                   address->host, strerror(over));
}

int adieu_fd_listen(const struct adieu_fd_address *address, int backlog, int64_t deadline, struct adieu_error *error)
{
    struct adieu_error unwanted;
    struct addrinfo *list = NULL;
    error = error ? error : &unwanted;
    if (address->path)
        return listen_path(address->path, backlog, error);
    if (resolve_here(address, deadline, &list, error) != ADIEU_OK)
        return -1;
    int descriptor = listen_list(list, !address->host && address->family == AF_UNSPEC, backlog, error);
    freeaddrinfo(list);
    return descriptor;
}

/* ------------------------------------------------ accepting */

/* accept() on a blocking listener waits, and its flags are the caller's: look first. */
static bool nobody_there(int listener)
{
    int flags = fcntl(listener, F_GETFL);
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    return flags >= 0 && !(flags & O_NONBLOCK) && poll(&ready, 1, 0) == 0;
}

/* accept(2): "network errors already pending on the new socket" are about one that has gone again, not the listener. */
static bool about_one_connection(int error)
{
    static const int transient[] = {EINTR,       ECONNABORTED, ENETDOWN,     EPROTO,
                                    ENOPROTOOPT, EHOSTDOWN,    EHOSTUNREACH, ENETUNREACH,
#ifdef ENONET
                                    ENONET,
#endif
                                    ETIMEDOUT,   EPERM};
    for (size_t i = 0; i < sizeof transient / sizeof transient[0]; i++)
        if (error == transient[i])
            return true;
    return false;
}

static enum adieu_status try_accept(struct adieu_fd *fd, int listener)
{
    for (int turn = 0; turn < TURNS && !nobody_there(listener); turn++) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (descriptor >= 0) {
            fd_begin(fd, descriptor, false);
            return ADIEU_OK;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        if (!about_one_connection(errno))
            return fd_fail(&fd->opening->error, ADIEU_ERR_SOCKET, errno, "accept: %s", strerror(errno));
    }
    return ADIEU_WAIT;
}

enum adieu_status adieu_fd_accept(struct adieu_fd *fd, int listener, int64_t deadline)
{
    if (!fd_enter(fd, SLOT_OPEN))
        return ADIEU_MISUSE;
    enum adieu_status status = ADIEU_MISUSE;
    if (fd->opening && !fd->released && !fd->opening->connects) {
        const struct pollfd what = {.fd = listener, .events = POLLIN};
        fd->opening->listener = listener;
        do
            status = fd->released ? ADIEU_FAIL : try_accept(fd, listener);
        while (status == ADIEU_WAIT && fd_wait(fd, SLOT_OPEN, what, ADIEU_FD_FOREVER, deadline));
    }
    fd_leave(fd, SLOT_OPEN);
    return status;
}
