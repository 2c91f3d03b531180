/* SPDX-License-Identifier: MIT */
/*
 * The library's calls (bound by the linker, see meson.build) go to the simulated kernel where the descriptor is one of
 * its, and the clock is the virtual one. Each call takes a little time, in which something may come; and now and then
 * the program is held up in it.
 */
#define _GNU_SOURCE /* accept4, SOCK_NONBLOCK */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "actors.h"
#include "calls.h"
#include "kernel.h"

static bool simulating;
static struct random dice;

void calls_simulate(bool on, uint64_t seed)
{
    simulating = on;
    dice = random_from(seed);
}

/* In the middle of a call: before it, or behind it, something happens. */
static void meanwhile(void)
{
    if (actor_running() && dice_hit(&dice, moods.preempts))
        actor_interrupted(1 + dice_below(&dice, moods.preempted_us));
}

static ssize_t answer(ssize_t value)
{
    meanwhile();
    if (value >= 0)
        return value;
    errno = (int)-value;
    return -1;
}

#define WRAP(type, name, parameters, arguments, ours)                                                                  \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return is_simulated(descriptor) ? (type)answer(ours) : __real_##name arguments;                                \
    }

WRAP(ssize_t, send, (int descriptor, const void *bytes, size_t size, int flags), (descriptor, bytes, size, flags),
     kernel_send(descriptor, bytes, size, flags))
WRAP(ssize_t, recv, (int descriptor, void *bytes, size_t size, int flags), (descriptor, bytes, size, flags),
     kernel_receive(descriptor, bytes, size, flags))
WRAP(int, shutdown, (int descriptor, int how), (descriptor, how), kernel_shutdown(descriptor, how))
WRAP(int, connect, (int descriptor, const struct sockaddr *address, socklen_t size), (descriptor, address, size),
     kernel_connect(descriptor, address))
WRAP(int, accept4, (int descriptor, struct sockaddr *address, socklen_t *size, int flags),
     (descriptor, address, size, flags), kernel_accept(descriptor))
WRAP(int, bind, (int descriptor, const struct sockaddr *address, socklen_t size), (descriptor, address, size), 0)
WRAP(int, listen, (int descriptor, int backlog), (descriptor, backlog), kernel_listen(descriptor))
WRAP(int, setsockopt, (int descriptor, int level, int name, const void *value, socklen_t size),
     (descriptor, level, name, value, size), kernel_set_option(descriptor, level, name, value, size))
WRAP(int, getsockopt, (int descriptor, int level, int name, void *value, socklen_t *size),
     (descriptor, level, name, value, size), kernel_option(descriptor, level, name, value, size))
WRAP(int, getsockname, (int descriptor, struct sockaddr *address, socklen_t *size), (descriptor, address, size),
     kernel_address(descriptor, false, address, size))
WRAP(int, getpeername, (int descriptor, struct sockaddr *address, socklen_t *size), (descriptor, address, size),
     kernel_address(descriptor, true, address, size))

/* What the library closes: a borrowed one is not its to close. */
int __real_close(int descriptor);
int __wrap_close(int descriptor);
int __wrap_close(int descriptor)
{
    if (!is_simulated(descriptor))
        return __real_close(descriptor);
    meanwhile();
    const struct descriptor *ours = descriptor_of(descriptor, "close");
    if (ours && ours->borrowed)
        broken("a borrowed descriptor is never closed", "close of %d", descriptor);
    return (int)answer(kernel_close(descriptor));
}

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
    if (!simulating)
        return __real_socket(domain, type, protocol);
    return (int)answer(kernel_socket(!(type & SOCK_NONBLOCK)));
}

int __real_ioctl(int descriptor, unsigned long request, void *argument);
int __wrap_ioctl(int descriptor, unsigned long request, void *argument);
int __wrap_ioctl(int descriptor, unsigned long request, void *argument)
{
    if (!is_simulated(descriptor))
        return __real_ioctl(descriptor, request, argument);
    return (int)answer(kernel_ioctl(descriptor, request, argument));
}

/* The library only asks for flags (of a listener). */
int __real_fcntl64(int descriptor, int command, ...);
int __wrap_fcntl64(int descriptor, int command, ...);
int __wrap_fcntl64(int descriptor, int command, ...)
{
    if (!is_simulated(descriptor))
        return __real_fcntl64(descriptor, command);
    const struct descriptor *ours = descriptor_of(descriptor, "fcntl");
    if (command != F_GETFL)
        broken("the flags of a descriptor are not touched", "fcntl(%d)", command);
    return ours && !ours->blocks ? O_NONBLOCK : 0;
}

/* ------------------------------------------------ events */

int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags)
{
    return simulating ? (int)answer(kernel_event(count)) : __real_eventfd(count, flags);
}

int __real_eventfd_write(int descriptor, eventfd_t value);
int __wrap_eventfd_write(int descriptor, eventfd_t value);
int __wrap_eventfd_write(int descriptor, eventfd_t value)
{
    struct descriptor *ours = is_simulated(descriptor) ? descriptor_of(descriptor, "eventfd_write") : NULL;
    if (!ours)
        return __real_eventfd_write(descriptor, value);
    ours->count += value;
    return 0;
}

int __real_eventfd_read(int descriptor, eventfd_t *value);
int __wrap_eventfd_read(int descriptor, eventfd_t *value);
int __wrap_eventfd_read(int descriptor, eventfd_t *value)
{
    struct descriptor *ours = is_simulated(descriptor) ? descriptor_of(descriptor, "eventfd_read") : NULL;
    if (!ours)
        return __real_eventfd_read(descriptor, value);
    *value = ours->count;
    ours->count = 0;
    return 0;
}

/* ------------------------------------------------ time */

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    if (!simulating)
        return __real_clock_gettime(clock, time);
    int64_t us = now_us();
    *time = (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    return 0;
}

struct set {
    struct pollfd *at;
    nfds_t count;
};

static int look(struct set *set)
{
    int ready = 0;
    for (nfds_t i = 0; i < set->count; i++) {
        struct pollfd *each = &set->at[i];
        each->revents = each->fd < 0 ? 0 : kernel_ready(each->fd, each->events);
        ready += each->revents != 0;
    }
    return ready;
}

static bool is_ready(void *context)
{
    return look(context) > 0;
}

/* A loop that never waits. */
static void count_polls(void)
{
    enum { SPINS = 20000 };
    static int64_t at;
    static int times;
    times = at == now_us() ? times + 1 : 0;
    at = now_us();
    if (times > SPINS)
        broken("no loop spins", "%d polls, and the clock stands still", times);
}

int __real_poll(struct pollfd *set, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *set, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *at, nfds_t count, int timeout)
{
    if (!simulating)
        return __real_poll(at, count, timeout);
    struct set set = {at, count};
    count_polls();
    meanwhile();
    if (timeout && dice_hit(&dice, moods.interrupts))
        return (int)answer(-EINTR);
    int ready = look(&set);
    if (ready || timeout == 0)
        return (int)answer(ready);
    if (dice_hit(&dice, moods.spurious) && at[0].fd >= 0 && at[0].events) {
        at[0].revents = at[0].events;
        return (int)answer(1);
    }
    (void)actor_wait(is_ready, &set, timeout < 0 ? NEVER : now_us() + (int64_t)timeout * 1000);
    return (int)answer(look(&set));
}

/* ------------------------------------------------ threads: an actor is one */

pthread_t __real_pthread_self(void);
pthread_t __wrap_pthread_self(void);
pthread_t __wrap_pthread_self(void)
{
    return simulating ? (pthread_t)actor_running() : __real_pthread_self();
}

static bool at_once(void *context)
{
    (void)context;
    return true;
}

/* Who waits here asks again: it may be woken for nothing. */
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    (void)condition;
    (void)pthread_mutex_unlock(mutex);
    (void)actor_wait(at_once, NULL, NEVER);
    return pthread_mutex_lock(mutex);
}
