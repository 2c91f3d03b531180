/* SPDX-License-Identifier: MIT */
/* The server: one epoll set, level-triggered, and one list of deadlines, which is in order because all wait equally long. */
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "polled.h"

enum { EVENTS = 256 };

static struct server {
    int set, listener;
    int deadline_ms;
    struct link open, leaving;
    size_t open_count;
    struct orders_work broadcast, closing;
} server;

/* A connection begins with its link. */
static struct connection *first_of(const struct link *list)
{
    return (struct connection *)(void *)links_first(list);
}

/* ------------------------------------------------ what is done of an order */

static void broadcast_done(struct connection *connection)
{
    if (connection->broadcasts)
        orders_done(&server.broadcast);
    connection->broadcasts = false;
}

/* ------------------------------------------------ one connection */

static void open_remove(struct connection *connection)
{
    broadcast_done(connection);
    links_remove(&connection->link);
    server.open_count--;
}

static void let_go(struct connection *connection)
{
    if (connection->phase == TALKING)
        open_remove(connection);
    if (connection->phase == LEAVING)
        orders_done(&server.closing);
    links_remove(&connection->link);
    connection_free(connection); /* which takes it out of the set */
}

static void watch(struct connection *connection)
{
    struct epoll_event event = {.events = connection_events(connection), .data.ptr = connection};
    if (event.events == connection->events)
        return;
    (void)epoll_ctl(server.set, connection->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, connection->descriptor, &event);
    connection->events = event.events;
}

static enum step say_on(struct connection *connection)
{
    if (connection_say(connection) == IS_OVER)
        return IS_OVER;
    if (!connection->talk.to_say && !connection->echo)
        broadcast_done(connection);
    return GOES_ON;
}

static enum step talk_on(struct connection *connection)
{
    enum step step = connection_hear(connection);
    if (step == IS_OVER)
        (void)tls_goodbye(connection->tls); /* answers the peer's end; after a failure it says nothing */
    return step == IS_OVER ? IS_OVER : say_on(connection);
}

static enum step shake(struct connection *connection)
{
    enum step step = connection_shake(connection);
    if (connection->phase != TALKING)
        return step;
    links_add(&server.open, &connection->link);
    server.open_count++;
    return talk_on(connection);
}

static void settle(struct connection *connection, enum step step)
{
    if (step == IS_OVER)
        let_go(connection);
    else
        watch(connection);
}

static void go_on(struct connection *connection)
{
    switch (connection->phase) {
    case SHAKING:
        settle(connection, shake(connection));
        break;
    case TALKING:
        settle(connection, talk_on(connection));
        break;
    case LEAVING:
        settle(connection, connection_leave(connection));
    }
}

static void welcome(void)
{
    int descriptor;
    while ((descriptor = peer_accept(server.listener)) >= 0) {
        struct connection *connection = connection_new(descriptor);
        if (!connection) {
            (void)close(descriptor);
            return;
        }
        go_on(connection);
    }
}

/* ------------------------------------------------ orders */

static void broadcast(void)
{
    orders_begin(&server.broadcast, "broadcast", server.open_count);
    struct link *next = server.open.next;
    for (struct link *link = next; link != &server.open; link = next) {
        struct connection *connection = (struct connection *)(void *)link;
        next = link->next;
        connection->broadcasts = true;
        connection->talk.to_say += BROADCAST;
        settle(connection, say_on(connection));
    }
}

static void close_all(void)
{
    struct connection *connection;
    orders_begin(&server.closing, "closed", server.open_count);
    while ((connection = first_of(&server.open))) {
        open_remove(connection);
        links_add(&server.leaving, &connection->link);
        connection->phase = LEAVING;
        connection->due = server.closing.since + server.deadline_ms;
        settle(connection, connection_leave(connection));
    }
}

static const struct orders orders = {.open = &server.open_count, .broadcast = broadcast, .close_all = close_all};

/* ------------------------------------------------ the loop */

static void let_go_who_is_late(void)
{
    struct connection *first;
    double now = links_first(&server.leaving) ? peer_now_ms() : 0;
    while ((first = first_of(&server.leaving)) && first->due <= now)
        let_go(first);
}

static int until_first_is_late(void)
{
    const struct connection *first = first_of(&server.leaving);
    double left = first ? first->due - peer_now_ms() : 0;
    return !first ? -1 : left < 0 ? 0 : (int)left + 1;
}

/* Whoever goes may still have an event behind in the same batch: so what ends others comes last. */
static bool turn(void)
{
    struct epoll_event events[EVENTS];
    bool ordered = false, more = true;
    int count = epoll_wait(server.set, events, EVENTS, until_first_is_late());
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == &server)
            ordered = true;
        else if (events[i].data.ptr)
            go_on(events[i].data.ptr);
        else
            welcome();
    }
    if (ordered)
        more = orders_read(&orders);
    let_go_who_is_late();
    return more;
}

int serve(const struct arguments *arguments)
{
    (void)signal(SIGPIPE, SIG_IGN);
    server.deadline_ms = arguments->deadline_ms;
    links_init(&server.open);
    links_init(&server.leaving);
    server.listener = peer_listen();
    server.set = peer_epoll(server.listener, &server);
    peer_print_port(server.listener);
    while (turn())
        continue;
    return 0;
}
