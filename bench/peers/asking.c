/* SPDX-License-Identifier: MIT */
/* The client: one connection, one exchange behind the other, and the goodbye. */
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>

#include "polled.h"

static void wait_for(const struct connection *connection)
{
    uint32_t events = connection_events(connection);
    struct pollfd what = {.fd = connection->descriptor};
    what.events = (short)((events & EPOLLIN ? POLLIN : 0) | (events & EPOLLOUT ? POLLOUT : 0));
    (void)poll(&what, 1, -1);
}

static enum step hear_answer(struct connection *connection)
{
    size_t heard = 0;
    connection->wants_write = false;
    while (heard < TURN || tls_holds(connection->tls)) {
        ssize_t n = tls_read(connection->tls, incoming, connection->talk.write);
        if (n == WANTS_READ || n == WANTS_WRITE)
            return GOES_ON;
        if (n < 0 || (uint64_t)n > connection->talk.to_hear)
            return IS_OVER;
        connection->talk.to_hear -= (uint64_t)n;
        heard += (size_t)n;
    }
    return GOES_ON;
}

static void exchange(struct connection *connection, const struct arguments *arguments)
{
    talk_ask(&connection->talk, arguments);
    for (;;) {
        if (hear_answer(connection) == IS_OVER || connection_say(connection) == IS_OVER)
            peer_failed("the server ended before all was said and heard");
        if (!connection->talk.to_say && !connection->talk.to_hear)
            return;
        wait_for(connection);
    }
}

int ask(const struct arguments *arguments)
{
    (void)signal(SIGPIPE, SIG_IGN);
    struct connection *connection = connection_new(peer_connect(arguments));
    if (!connection)
        peer_failed("no session can be made");
    while (connection->phase == SHAKING) {
        if (connection_shake(connection) == IS_OVER)
            peer_failed("the handshake failed");
        if (connection->phase == SHAKING)
            wait_for(connection);
    }
    for (unsigned long i = 0; i < arguments->requests; i++)
        exchange(connection, arguments);
    connection->phase = LEAVING;
    while (connection_leave(connection) == GOES_ON)
        wait_for(connection);
    bool ended = connection->peer_ended;
    connection_free(connection);
    if (!ended)
        peer_failed("the server did not end well");
    return 0;
}
