/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4 */
#include "calls.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include "branch.h"

static const struct fault *(*ask)(enum call call);
static _Thread_local bool asked; /* a resolver's thread is left alone */
static int (*meanwhile)(void);
static ssize_t (*send_by)(int descriptor, const void *bytes, size_t size);
static unsigned long moved;
static int lag;
static int64_t now_ms = 1000000;

const char *call_name(enum call call)
{
    static const char *const names[CALL_COUNT] = {
        "accept",         "bind",        "close",      "connect",    "eventfd",  "getaddrinfo",
        "getpeername",    "getsockname", "getsockopt", "ioctl",      "listen",   "poll",
        "pthread_create", "recv",        "send",       "setsockopt", "shutdown", "socket"};
    return names[call];
}

void calls_ask(const struct fault *(*question)(enum call call))
{
    ask = question;
    asked = true;
}

void calls_meanwhile(int (*other)(void))
{
    meanwhile = other;
}

void calls_send_by(ssize_t (*sender)(int descriptor, const void *bytes, size_t size))
{
    send_by = sender;
}

unsigned long calls_moved(void)
{
    return moved;
}

void calls_set_lag(int ms)
{
    lag = ms;
}

static const struct fault *fault_of(enum call call)
{
    return ask && asked ? ask(call) : NULL;
}

static int fail_with(const struct fault *fault)
{
    errno = fault->error;
    return -1;
}

/* ------------------------------------------------ moving bytes */

ssize_t __real_send(int descriptor, const void *bytes, size_t size, int flags);
ssize_t __wrap_send(int descriptor, const void *bytes, size_t size, int flags);
ssize_t __real_recv(int descriptor, void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int descriptor, void *bytes, size_t size, int flags);

int __real_shutdown(int descriptor, int how);

static int fail_moving(const struct fault *fault, int descriptor)
{
    if (fault->breaks)
        (void)__real_shutdown(descriptor, SHUT_RDWR);
    moved += fault->breaks;
    return fail_with(fault);
}

ssize_t calls_send(int descriptor, const void *bytes, size_t size)
{
    return __real_send(descriptor, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t __wrap_send(int descriptor, const void *bytes, size_t size, int flags)
{
    const struct fault *fault = fault_of(CALL_SEND);
    if (fault && fault->error)
        return fail_moving(fault, descriptor);
    if (fault)
        size = 1;
    ssize_t n = send_by ? send_by(descriptor, bytes, size) : __real_send(descriptor, bytes, size, flags);
    moved += n > 0;
    return n;
}

ssize_t __wrap_recv(int descriptor, void *bytes, size_t size, int flags)
{
    const struct fault *fault = fault_of(CALL_RECV);
    if (fault && fault->error)
        return fail_moving(fault, descriptor);
    ssize_t n = __real_recv(descriptor, bytes, fault ? 1 : size, flags);
    moved += n > 0;
    return n;
}

/* ------------------------------------------------ waiting, and time */

int __real_poll(struct pollfd *set, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *set, nfds_t count, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    (void)clock;
    *time = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
    return 0;
}

#ifdef WITH_UV
/* libuv asks from outside of this program, where nothing can be wrapped: it is to find this one before the C library's. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    return __wrap_clock_gettime(clock, time);
}
#endif

/*
 * How long to look for what the kernel, or a resolver, may still bring, really: a segment may wait for a delayed
 * acknowledgement where TCP_NODELAY could not be set. It is worth some time before a deadline is jumped to, and much before
 * it is said that nothing ever comes.
 */
static int looks_worth(int ms)
{
    enum { FAR = 5000, VERY_FAR = 20000, SOME_MS = 300, MUCH_MS = 5000 };
    if (!lag)
        return 1;
    return ms < 0 || ms > VERY_FAR ? MUCH_MS / lag : ms > FAR ? SOME_MS / lag : 1;
}

int calls_pass_time(struct pollfd *set, size_t count, int ms)
{
    int ready = 0;
    for (int look = looks_worth(ms); look > 0 && ready == 0; look--)
        ready = __real_poll(set, count, lag);
    if (ready == 0)
        now_ms += ms > 0 ? ms : 1;
    return ready;
}

/* Lets the other side go on. Returns whether anything moved; *again: when it wants to be run again. */
static bool others_moved(int *again)
{
    const struct fault *(*question)(enum call call) = ask;
    unsigned long before = moved;
    ask = NULL;
    *again = meanwhile ? meanwhile() : -1;
    ask = question;
    return moved != before;
}

/* Which comes first: the end of this wait, or another look of the other side's. */
static int sooner(int timeout, int again)
{
    return timeout < 0 || (again >= 0 && again < timeout) ? again : timeout;
}

/* Waits for the set while the other side goes on; 0: nothing came, and *timeout has become less. */
static int wait_a_little(struct pollfd *set, nfds_t count, int *timeout)
{
    int again = -1;
    for (int look = 0;; look++) {
        bool others = others_moved(&again);
        int ready = __real_poll(set, count, others || look == 0 ? 0 : lag);
        if (ready != 0)
            return ready;
        if (others)
            look = 0;
        else if (look >= looks_worth(sooner(*timeout, again)))
            break;
    }
    demand(*timeout > 0 || again >= 0, "it waits for ever");
    int passed = sooner(*timeout, again);
    passed = passed > 0 ? passed : 1;
    now_ms += passed;
    *timeout = *timeout < 0 ? -1 : *timeout > passed ? *timeout - passed : 0;
    return 0;
}

int __wrap_poll(struct pollfd *set, nfds_t count, int timeout)
{
    enum { LOOKS = 100000 };
    const struct fault *fault = fault_of(CALL_POLL);
    int ready = 0;
    if (fault) {
        now_ms++;
        return fail_with(fault);
    }
    if (timeout == 0)
        return __real_poll(set, count, 0);
    for (int look = 0; ready == 0 && timeout != 0; look++) {
        demand(look < LOOKS, "it waits and waits");
        ready = wait_a_little(set, count, &timeout);
    }
    return ready;
}

/* ------------------------------------------------ those that return their error */

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context);

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list)
{
    const struct fault *fault = fault_of(CALL_GETADDRINFO);
    return fault ? fault->error : __real_getaddrinfo(host, port, hints, list);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    const struct fault *fault = fault_of(CALL_PTHREAD_CREATE);
    return fault ? fault->error : __real_pthread_create(thread, attributes, run, context);
}

/* ------------------------------------------------ the others: each as it is, or not at all */

#define WRAP(call, name, parameters, arguments)                                                                        \
    int __real_##name parameters;                                                                                      \
    int __wrap_##name parameters;                                                                                      \
    int __wrap_##name parameters                                                                                       \
    {                                                                                                                  \
        const struct fault *fault = fault_of(call);                                                                    \
        int answer = fault && !fault->after_all ? -1 : __real_##name arguments;                                        \
        if (fault)                                                                                                     \
            return fail_with(fault);                                                                                   \
        moved += call == CALL_SHUTDOWN || call == CALL_CLOSE || (call == CALL_ACCEPT && answer >= 0);                  \
        return answer;                                                                                                 \
    }

WRAP(CALL_ACCEPT, accept4, (int listener, struct sockaddr *address, socklen_t *size, int flags),
     (listener, address, size, flags))
WRAP(CALL_BIND, bind, (int descriptor, const struct sockaddr *address, socklen_t size), (descriptor, address, size))
WRAP(CALL_CLOSE, close, (int descriptor), (descriptor))
WRAP(CALL_CONNECT, connect, (int descriptor, const struct sockaddr *address, socklen_t size),
     (descriptor, address, size))
WRAP(CALL_EVENTFD, eventfd, (unsigned count, int flags), (count, flags))
WRAP(CALL_GETPEERNAME, getpeername, (int descriptor, struct sockaddr *address, socklen_t *size),
     (descriptor, address, size))
WRAP(CALL_GETSOCKNAME, getsockname, (int descriptor, struct sockaddr *address, socklen_t *size),
     (descriptor, address, size))
WRAP(CALL_GETSOCKOPT, getsockopt, (int descriptor, int level, int name, void *value, socklen_t *size),
     (descriptor, level, name, value, size))
WRAP(CALL_IOCTL, ioctl, (int descriptor, unsigned long request, void *argument), (descriptor, request, argument))
WRAP(CALL_LISTEN, listen, (int descriptor, int backlog), (descriptor, backlog))
WRAP(CALL_SETSOCKOPT, setsockopt, (int descriptor, int level, int name, const void *value, socklen_t size),
     (descriptor, level, name, value, size))
WRAP(CALL_SHUTDOWN, shutdown, (int descriptor, int how), (descriptor, how))
WRAP(CALL_SOCKET, socket, (int domain, int type, int protocol), (domain, type, protocol))
