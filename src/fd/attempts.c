/* SPDX-License-Identifier: MIT */
/*
 * Happy eyeballs (RFC 8305): the addresses of a name are tried a little after one another, while the earlier attempts go on;
 * the first that connects wins. So an address that swallows everything costs 250 ms, not a time-out.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#include "fd.h"

#include <errno.h>
#include <unistd.h>

static bool in_flight(const struct attempts *attempts, size_t index)
{
    return attempts->each[index].socket >= 0 && !attempts->targets.each[index].error;
}

/* ------------------------------------------------ one attempt */

/* The next one need not wait then. The socket stays until that one's is there: see attempts_step. */
static void fail(struct attempts *attempts, size_t index, int error)
{
    attempts->targets.each[index].error = error;
    attempts->next_at = ADIEU_FD_NOW;
}

static void call_connect(struct attempts *attempts, size_t index)
{
    struct attempt *attempt = &attempts->each[index];
    const struct addrinfo *address = attempts->targets.each[index].address;
    int failed = connect(attempt->socket, address->ai_addr, address->ai_addrlen);
    attempt->try_again = failed && errno == EAGAIN && address->ai_family == AF_UNIX;
    if (failed && errno != EINPROGRESS && errno != EINTR && !attempt->try_again)
        fail(attempts, index, errno);
}

static void begin(struct attempts *attempts)
{
    const size_t index = attempts->begun++;
    struct target *target = &attempts->targets.each[index];
    const struct addrinfo *local = attempts->targets.local;
    int descriptor = socket(target->address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    attempts->each[index] = (struct attempt){.socket = descriptor};
    attempts->next_at = adieu_fd_in(ATTEMPT_DELAY_MS);
    target->local = local && descriptor >= 0 && bind(descriptor, local->ai_addr, local->ai_addrlen) < 0;
    if (descriptor < 0 || target->local)
        fail(attempts, index, errno);
    else
        call_connect(attempts, index);
}

static bool is_connected(struct attempts *attempts, size_t index)
{
    int error = 0;
    socklen_t size = sizeof error;
    struct attempt *attempt = &attempts->each[index];
    struct pollfd ready = {.fd = attempt->socket, .events = POLLOUT};
    if (attempt->try_again)
        call_connect(attempts, index);
    if (!in_flight(attempts, index) || attempt->try_again || poll(&ready, 1, 0) != 1)
        return false;
    if (getsockopt(attempt->socket, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    /* Whoever refuses us says ECONNREFUSED: this one took the connection, and may have said why it reset it. */
    if (error == ECONNRESET)
        attempts->reset = error;
    else if (error)
        fail(attempts, index, error);
    return !error || attempts->reset;
}

/* ------------------------------------------------ all of them */

static int take_connected(struct attempts *attempts)
{
    for (size_t i = 0; i < attempts->begun; i++) {
        if (!in_flight(attempts, i) || !is_connected(attempts, i))
            continue;
        int descriptor = attempts->each[i].socket;
        attempts->each[i].socket = -1;
        return descriptor;
    }
    return -1;
}

static size_t count_in_flight(const struct attempts *attempts)
{
    size_t count = 0;
    for (size_t i = 0; i < attempts->begun; i++)
        count += in_flight(attempts, i);
    return count;
}

/* From that one on. */
static void close_decided(struct attempts *attempts, size_t from)
{
    for (size_t i = from; i < attempts->begun; i++) {
        if (attempts->each[i].socket < 0 || in_flight(attempts, i))
            continue;
        (void)close(attempts->each[i].socket);
        attempts->each[i].socket = -1;
    }
}

void attempts_stop(struct attempts *attempts)
{
    for (size_t i = 0; i < attempts->begun; i++)
        if (attempts->each[i].socket >= 0)
            (void)close(attempts->each[i].socket);
    *attempts = (struct attempts){.begun = 0};
}

static enum adieu_status none_did(const struct attempts *attempts, struct adieu_error *error)
{
    *error = (struct adieu_error){.code = ADIEU_ERR_CONNECT};
    error->os_error = targets_explain(&attempts->targets, error->text, sizeof error->text);
    return ADIEU_FAIL;
}

/* ------------------------------------------------ the race */

/*
 * What adieu_fd_interest() has named is closed later than the next one's socket was opened: of two in a row none may have the
 * number of the other, or an epoll set would not notice that it is another. What began in this step it has not named.
 */
enum adieu_status attempts_step(struct attempts *attempts, int *descriptor, struct adieu_error *error)
{
    const size_t unnamed = attempts->begun;
    int winner = take_connected(attempts);
    while (winner < 0 && attempts->begun < attempts->targets.count && adieu_fd_now() >= attempts->next_at) {
        begin(attempts);
        winner = take_connected(attempts);
        close_decided(attempts, unnamed);
    }
    close_decided(attempts, 0);
    *descriptor = winner;
    if (winner >= 0)
        return ADIEU_OK;
    return count_in_flight(attempts) > 0 ? ADIEU_WAIT : none_did(attempts, error);
}

/* The newest attempt's socket. The others are looked at, since there is one descriptor to poll. */
struct pollfd attempts_need(const struct attempts *attempts, int64_t *until)
{
    struct pollfd what = {.fd = -1};
    bool looks = count_in_flight(attempts) > 1;
    *until = attempts->begun < attempts->targets.count ? attempts->next_at : ADIEU_FD_FOREVER;
    for (size_t i = 0; i < attempts->begun; i++) {
        const struct attempt *attempt = &attempts->each[i];
        if (in_flight(attempts, i) && !attempt->try_again)
            what = (struct pollfd){.fd = attempt->socket, .events = POLLOUT};
        looks |= attempt->try_again;
    }
    int64_t look_at = adieu_fd_in(LOOK_MS);
    if (looks && look_at < *until)
        *until = look_at;
    return what;
}
