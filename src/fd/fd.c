/* SPDX-License-Identifier: MIT */
/* The handle: its life, its descriptor, its clock, and what can be asked of it. */
#include "fd.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------ time */

int64_t adieu_fd_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t adieu_fd_in(int64_t milliseconds)
{
    return time_later(adieu_fd_now(), milliseconds < 0 ? 0 : milliseconds);
}

/* ------------------------------------------------ life */

/* The mutex tells a thread that has it already, which a callback of the stream would otherwise wait for for ever. */
static bool lock_init(struct adieu_fd *fd)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0)
        return false;
    bool made = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK) == 0 &&
                pthread_mutex_init(&fd->lock, &attributes) == 0;
    (void)pthread_mutexattr_destroy(&attributes);
    if (made && pthread_cond_init(&fd->no_polls, NULL) == 0)
        return true;
    if (made)
        (void)pthread_mutex_destroy(&fd->lock);
    return false;
}

static struct adieu_fd *fd_around(struct adieu_stream *stream)
{
    struct adieu_fd *fd = stream ? calloc(1, sizeof *fd) : NULL;
    struct opening *opening = fd ? calloc(1, sizeof *opening) : NULL;
    if (!opening || !lock_init(fd)) {
        free(opening);
        free(fd);
        adieu_free(stream);
        return NULL;
    }
    fd->stream = stream;
    adieu_wire_keep(stream);
    socket_init(&fd->socket, stream);
    adieu_wire_direct(stream, socket_send_directly, &fd->socket);
    fd->process = getpid();
    fd->opening = opening;
    opening->listener = -1;
    for (int i = 0; i < SLOT_COUNT; i++)
        fd->slots[i].wake = -1;
    return fd;
}

struct adieu_fd *adieu_fd_client(struct adieu_config *config, const char *server_name)
{
    return fd_around(adieu_client(config, server_name));
}

struct adieu_fd *adieu_fd_server(struct adieu_config *config)
{
    return fd_around(adieu_server(config));
}

static void leave_connection(struct adieu_fd *fd)
{
    bool locked = fd_lock(fd);
    if (!fd->released)
        fd_break_off(fd, ADIEU_REASON_RELEASED);
    fd_unlock(fd, locked);
    (void)pthread_cond_destroy(&fd->no_polls);
    (void)pthread_mutex_destroy(&fd->lock);
}

/* Polled, and released: then it is all the same whose the handle is, since it has neither a connection nor a lock. */
static bool has_left(const struct adieu_fd *fd)
{
    return fd->polled && fd->released;
}

void adieu_fd_free(struct adieu_fd *fd)
{
    if (!fd)
        return;
    if (has_left(fd) || fd->process == getpid())
        leave_connection(fd);
    else
        fd_forget(fd);
    for (int i = 0; i < SLOT_COUNT; i++)
        if (fd->slots[i].wake >= 0)
            (void)close(fd->slots[i].wake);
    adieu_free(fd->stream);
    free(fd->opening);
    free(fd);
}

void adieu_fd_set_polled(struct adieu_fd *fd)
{
    fd->polled = true;
}

/* ------------------------------------------------ the descriptor */

void fd_begin(struct adieu_fd *fd, int descriptor, bool borrowed)
{
    socklen_t size = sizeof fd->peer;
    connect_stop(fd->opening);
    free(fd->opening);
    fd->opening = NULL;
    socket_begin(&fd->socket, descriptor, borrowed);
    if (getpeername(descriptor, &fd->peer.any, &size) < 0)
        fd->peer.any.sa_family = AF_UNSPEC;
}

static enum adieu_status adopt(struct adieu_fd *fd, int descriptor, bool borrowed)
{
    int type = 0, listening = 0;
    socklen_t size = sizeof type;
    if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
        return fd_fail(&fd->opening->error, ADIEU_ERR_SOCKET, errno, "adopt descriptor %d: %s", descriptor,
                       strerror(errno));
    size = sizeof listening;
    (void)getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
    if (type == SOCK_STREAM && !listening) {
        fd_begin(fd, descriptor, borrowed);
        return ADIEU_OK;
    }
    return fd_fail(&fd->opening->error, ADIEU_ERR_SOCKET, EPROTOTYPE, "adopt descriptor %d: %s", descriptor,
                   listening ? "it listens; a connected socket is needed" : "it is no stream socket");
}

enum adieu_status adieu_fd_adopt(struct adieu_fd *fd, int descriptor, enum adieu_fd_owner owner)
{
    if (!fd_enter(fd, SLOT_OPEN))
        return ADIEU_MISUSE;
    enum adieu_status status = ADIEU_MISUSE;
    if (fd->opening && !fd->released && !fd->opening->connects) {
        status = adopt(fd, descriptor, owner == ADIEU_FD_BORROWED);
        if (status == ADIEU_FAIL && owner == ADIEU_FD_OWNED && descriptor >= 0)
            (void)close(descriptor);
    }
    fd_leave(fd, SLOT_OPEN);
    return status;
}

/* ------------------------------------------------ errors */

enum adieu_status fd_fail(struct adieu_error *error, enum adieu_error_code code, int os_error, const char *format, ...)
{
    va_list arguments;
    *error = (struct adieu_error){.code = code, .os_error = os_error};
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return ADIEU_FAIL;
}

/* ------------------------------------------------ asking */

enum adieu_fd_why adieu_fd_why(const struct adieu_fd *fd)
{
    bool locked = fd_lock(fd);
    enum adieu_fd_why why = fd->why;
    fd_unlock(fd, locked);
    return why;
}

const char *adieu_fd_why_name(enum adieu_fd_why value)
{
    switch (value) {
    case ADIEU_FD_WHY_NOTHING:
        return "nothing";
    case ADIEU_FD_WHY_DEADLINE:
        return "deadline";
    case ADIEU_FD_WHY_CANCELLED:
        return "cancelled";
    case ADIEU_FD_WHY_CLOSING:
        return "closing";
    case ADIEU_FD_WHY_POLL:
        return "poll";
    case ADIEU_FD_WHY_DECISION:
        return "decision";
    }
    return "?";
}

/* What the verb in progress needs; *until: when to look again at the latest, for who comes back then. */
static struct pollfd need(struct adieu_fd *fd, bool comes_back, int64_t *until)
{
    *until = ADIEU_FD_FOREVER;
    if (fd->released)
        return (struct pollfd){.fd = -1};
    if (fd->opening && fd->opening->connects)
        return connect_need(fd->opening, until);
    if (fd->opening)
        return (struct pollfd){.fd = fd->opening->listener, .events = POLLIN};
    if (fd->goodbye.begun) {
        if (!comes_back || fd->goodbye.looked) /* most are over by then, and need not rest */
            (void)fd_rest(fd, false);
        return close_need(fd, until);
    }
    *until = fd->heard ? ADIEU_FD_NOW : fd_rest(fd, comes_back);
    return fd_need(fd);
}

struct pollfd adieu_fd_interest(struct adieu_fd *fd, int *timeout_ms)
{
    int64_t until;
    bool locked = fd_lock(fd);
    struct pollfd what = need(fd, timeout_ms != NULL, &until);
    fd->heard_told = fd->heard;
    fd->had_all = false; /* the poll that follows tells of what comes */
    fd_unlock(fd, locked);
    if (!what.events)
        what.fd = -1;
    if (what.fd < 0)
        what.events = 0;
    if (timeout_ms)
        *timeout_ms = fd_milliseconds_until(until);
    return what;
}

struct adieu_stream *adieu_fd_stream(struct adieu_fd *fd)
{
    return fd->stream;
}

int adieu_fd_descriptor(const struct adieu_fd *fd)
{
    bool locked = fd_lock(fd);
    int descriptor = fd->socket.descriptor;
    fd_unlock(fd, locked);
    return descriptor;
}

struct adieu_ending adieu_fd_ending(struct adieu_fd *fd)
{
    bool locked = fd_lock(fd);
    socket_tell(&fd->socket);
    struct adieu_ending ending = adieu_ending(fd->stream);
    fd_unlock(fd, locked);
    return ending;
}

uint64_t adieu_fd_progress(struct adieu_fd *fd)
{
    bool locked = fd_lock(fd);
    uint64_t taken;
    (void)socket_look(&fd->socket, &taken);
    fd_unlock(fd, locked);
    return taken;
}

struct adieu_error adieu_fd_error(struct adieu_fd *fd)
{
    bool locked = fd_lock(fd);
    const struct adieu_error *own = fd->opening ? &fd->opening->error : NULL;
    struct adieu_error error = own && own->code != ADIEU_ERR_NONE ? *own : *adieu_error(fd->stream);
    fd_unlock(fd, locked);
    return error;
}

char *adieu_fd_peer(const struct adieu_fd *fd, char *text, size_t size)
{
    bool locked = fd_lock(fd);
    if (size > 0)
        (void)address_text(&fd->peer.any, sizeof fd->peer, text, size);
    fd_unlock(fd, locked);
    return text;
}
