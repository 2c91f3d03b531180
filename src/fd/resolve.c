/* SPDX-License-Identifier: MIT */
/*
 * Names into addresses. getaddrinfo() has no deadline and cannot be cancelled, so a name is given to a detached thread,
 * which shares a small counted state with whoever waits; at the deadline it is left behind, and the last of the two frees.
 * A numeric address, or none, needs no thread.
 */
#include "fd.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct resolve {
    pthread_mutex_t lock;
    int owners; /* the thread, and who waits */
    bool done;
    int result, os_error;
    struct addrinfo *list;
    int event; /* readable when done */
    struct addrinfo hints;
    char *host, *port;
};

/* ------------------------------------------------ the shared state */

static void resolve_free(struct resolve *resolve)
{
    if (!resolve)
        return;
    if (resolve->event >= 0)
        (void)close(resolve->event);
    if (resolve->list)
        freeaddrinfo(resolve->list);
    (void)pthread_mutex_destroy(&resolve->lock);
    free(resolve->host);
    free(resolve->port);
    free(resolve);
}

static struct resolve *resolve_new(const char *host, const char *port, const struct addrinfo *hints)
{
    struct resolve *resolve = calloc(1, sizeof *resolve);
    if (!resolve)
        return NULL;
    (void)pthread_mutex_init(&resolve->lock, NULL); /* default attributes: cannot fail here */
    resolve->owners = 2;
    resolve->hints = *hints;
    resolve->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    resolve->host = strdup(host);
    resolve->port = port ? strdup(port) : NULL;
    if (resolve->event >= 0 && resolve->host && (resolve->port || !port))
        return resolve;
    resolve_free(resolve);
    return NULL;
}

void resolve_leave(struct resolve *resolve)
{
    if (!resolve)
        return;
    (void)pthread_mutex_lock(&resolve->lock);
    bool last = --resolve->owners == 0;
    (void)pthread_mutex_unlock(&resolve->lock);
    if (last)
        resolve_free(resolve);
}

void resolve_forget(struct resolve *resolve)
{
    resolve_free(resolve);
}

int resolve_descriptor(const struct resolve *resolve)
{
    return resolve->event;
}

/* ------------------------------------------------ the thread */

static void *resolve_run(void *context)
{
    struct resolve *resolve = context;
    struct addrinfo *list = NULL;
    int result = getaddrinfo(resolve->host, resolve->port, &resolve->hints, &list);
    int os_error = result == EAI_SYSTEM ? errno : 0;
    (void)pthread_mutex_lock(&resolve->lock);
    resolve->result = result;
    resolve->os_error = os_error;
    resolve->list = result == 0 ? list : NULL;
    resolve->done = true;
    (void)eventfd_write(resolve->event, 1);
    bool last =
        --resolve->owners == 0; /* with done: who then takes the result frees, and nothing is left a moment longer */
    (void)pthread_mutex_unlock(&resolve->lock);
    if (last)
        resolve_free(resolve);
    return NULL;
}

/* The program's signals are for its own threads. Returns 0 or an errno. */
static int start_thread(struct resolve *resolve)
{
    sigset_t all, before;
    pthread_t thread;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, resolve_run, resolve);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        (void)pthread_detach(thread);
    return error;
}

/* ------------------------------------------------ errors */

static enum adieu_status failed(struct adieu_error *error, const char *host, const char *port, int result, int os_error)
{
    const char *why = result == EAI_SYSTEM ? strerror(os_error) : gai_strerror(result);
    bool service = result == EAI_SERVICE;
    return fd_fail(error, ADIEU_ERR_RESOLVE, os_error, "resolve %s%s: %s", service ? "port " : "",
                   service ? port
                   : host  ? host
                           : "this machine",
                   why);
}

/* ------------------------------------------------ both */

static enum adieu_status in_thread(const char *host, const char *port, const struct addrinfo *hints,
                                   struct resolve **resolve, struct adieu_error *error)
{
    errno = ENOMEM;
    struct resolve *made = resolve_new(host, port, hints);
    int os_error = made ? start_thread(made) : errno;
    if (os_error == 0) {
        *resolve = made;
        return ADIEU_WAIT;
    }
    resolve_free(made);
    return fd_fail(error, ADIEU_ERR_RESOLVE, os_error, "resolve %s: %s", host, strerror(os_error));
}

enum adieu_status resolve_begin(const char *host, const char *port, int family, int flags, struct resolve **resolve,
                                struct addrinfo **list, struct adieu_error *error)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICHOST};
    if (!port_possible(port))
        return fd_fail(error, ADIEU_ERR_RESOLVE, 0, "port %s: not a number from 0 to 65535, nor the name of a service",
                       port ? port : "(none)");
    int result = getaddrinfo(host, port, &hints, list);
    int os_error = errno;
    if (result == 0)
        return ADIEU_OK;
    if (result != EAI_NONAME || !host)
        return failed(error, host, port, result, result == EAI_SYSTEM ? os_error : 0);
    hints.ai_flags = flags;
    return in_thread(host, port, &hints, resolve, error);
}

enum adieu_status resolve_step(struct resolve *resolve, struct addrinfo **list, struct adieu_error *error)
{
    (void)pthread_mutex_lock(&resolve->lock);
    bool done = resolve->done;
    (void)pthread_mutex_unlock(&resolve->lock);
    if (!done)
        return ADIEU_WAIT;
    if (resolve->result != 0)
        return failed(error, resolve->host, resolve->port, resolve->result, resolve->os_error);
    *list = resolve->list;
    resolve->list = NULL;
    return ADIEU_OK;
}
