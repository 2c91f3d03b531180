/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "polled.h"

struct connection *connection_new(int descriptor)
{
    struct connection *connection = calloc(1, sizeof *connection);
    void *tls = connection ? tls_new(descriptor) : NULL;
    if (!tls) {
        free(connection);
        return NULL;
    }
    connection->tls = tls;
    connection->descriptor = descriptor;
    talk_init(&connection->talk);
    return connection;
}

void connection_free(struct connection *connection)
{
    tls_free(connection->tls);
    (void)close(connection->descriptor);
    free(connection->echo);
    free(connection);
}

/* Notes what the call wants; whether it wants anything. */
static bool waits(struct connection *connection, ssize_t answer)
{
    connection->wants_write |= answer == WANTS_WRITE;
    return answer == WANTS_READ || answer == WANTS_WRITE;
}

enum step connection_shake(struct connection *connection)
{
    connection->wants_write = false;
    ssize_t answer = tls_handshake(connection->tls);
    if (answer == 0)
        connection->phase = TALKING;
    else if (!waits(connection, answer))
        return IS_OVER;
    return GOES_ON;
}

/* ------------------------------------------------ hearing */

/* Back at once; what does not leave is kept, and nothing more is read until it has left. */
static enum step echo(struct connection *connection, const uint8_t *bytes, size_t size)
{
    ssize_t n = tls_write(connection->tls, bytes, size);
    if (n < 0 && !waits(connection, n))
        return IS_OVER;
    connection->half_said = n < 0;
    size_t left = size - (size_t)(n < 0 ? 0 : n);
    if (!left)
        return GOES_ON;
    connection->echo = malloc(left);
    if (!connection->echo)
        return IS_OVER;
    memcpy(connection->echo, bytes + size - left, left);
    connection->echo_size = left;
    return GOES_ON;
}

enum step connection_hear(struct connection *connection)
{
    size_t heard = 0;
    connection->wants_write = false;
    while (!connection->echo && (heard < TURN || tls_holds(connection->tls))) {
        ssize_t n = tls_read(connection->tls, incoming, connection->talk.write);
        if (n < 0)
            return waits(connection, n) ? GOES_ON : IS_OVER;
        size_t taken = talk_hear(&connection->talk, incoming, (size_t)n);
        if (taken < (size_t)n && echo(connection, incoming + taken, (size_t)n - taken) == IS_OVER)
            return IS_OVER;
        heard += (size_t)n;
    }
    return GOES_ON;
}

/* ------------------------------------------------ saying */

static enum step say_echo(struct connection *connection)
{
    ssize_t n = tls_write(connection->tls, connection->echo, connection->echo_size);
    connection->half_said = n < 0;
    if (n < 0)
        return waits(connection, n) ? GOES_ON : IS_OVER;
    connection->echo_size -= (size_t)n;
    memmove(connection->echo, connection->echo + n, connection->echo_size);
    if (connection->echo_size)
        return GOES_ON;
    free(connection->echo);
    connection->echo = NULL;
    return GOES_ON;
}

enum step connection_say(struct connection *connection)
{
    const uint8_t *at;
    size_t said = 0, size;
    if (connection->echo && say_echo(connection) == IS_OVER)
        return IS_OVER;
    while (!connection->echo && said < TURN && (size = talk_next(&connection->talk, &at))) {
        ssize_t n = tls_write(connection->tls, at, size);
        connection->half_said = n < 0;
        if (n < 0)
            return waits(connection, n) ? GOES_ON : IS_OVER;
        talk_said(&connection->talk, (size_t)n);
        said += (size_t)n;
    }
    return GOES_ON;
}

/* ------------------------------------------------ leaving */

/* A write that was begun is the one thing that comes before close_notify. */
static ssize_t finish_write(struct connection *connection)
{
    const uint8_t *at = connection->echo;
    size_t size = connection->echo ? connection->echo_size : talk_next(&connection->talk, &at);
    ssize_t n = tls_write(connection->tls, at, size);
    connection->half_said = n < 0;
    return n;
}

static ssize_t say_goodbye(struct connection *connection)
{
    ssize_t answer = connection->half_said ? finish_write(connection) : 0;
    if (answer >= 0)
        answer = tls_goodbye(connection->tls);
    if (answer < 0)
        return answer;
    connection->goodbye_said = true;
    (void)shutdown(connection->descriptor, SHUT_WR);
    return WANTS_READ;
}

/* First to the peer's close_notify, then to its FIN. */
static ssize_t drain(struct connection *connection)
{
    ssize_t n = 1;
    size_t heard = 0;
    while (n > 0 && !connection->peer_ended && (heard < TURN || tls_holds(connection->tls))) {
        n = tls_read(connection->tls, incoming, connection->talk.write);
        connection->peer_ended = n == ENDED;
        heard += n > 0 ? (size_t)n : 0;
    }
    if (!connection->peer_ended)
        return n > 0 ? WANTS_READ : n;
    do
        n = recv(connection->descriptor, incoming, 16384, 0);
    while (n > 0 && (heard += (size_t)n) < TURN);
    return n > 0 || (n < 0 && errno == EAGAIN) ? WANTS_READ : ENDED;
}

enum step connection_leave(struct connection *connection)
{
    connection->wants_write = false;
    ssize_t answer = connection->goodbye_said ? drain(connection) : say_goodbye(connection);
    return waits(connection, answer) ? GOES_ON : IS_OVER;
}

/* ------------------------------------------------ polling */

uint32_t connection_events(const struct connection *connection)
{
    bool says = connection->wants_write;
    if (connection->phase == TALKING)
        says |= connection->talk.to_say > 0 || connection->echo;
    return (connection->echo && connection->phase == TALKING ? 0u : (uint32_t)EPOLLIN) |
           (says ? (uint32_t)EPOLLOUT : 0u);
}
