/* SPDX-License-Identifier: MIT */
/*
 * adieu on descriptors: a server of many connections in one thread, over epoll and the polled form of adieu_fd.
 *
 * The verbs are called until they say WAIT; then adieu_fd_interest() says what to wait for: a descriptor for the set, and
 * perhaps a time. A connection that could go on but has had its turn stands in a line, because what lies in a stream
 * already wakes no poll.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "adieu_fd_peer.h"
#include "due.h"
#include "links.h"

enum { EVENTS = 256 };

enum phase { SHAKING, TALKING, LEAVING };

struct peer {
    struct link open; /* among the open ones */
    struct link line; /* in the line of those that could go on at once */
    struct due due;
    struct adieu_fd *fd;
    struct pollfd watched; /* as it is in the set; fd -1: it is not */
    enum phase phase;
    bool broadcasts, told_to_close;
    int64_t leave_by;
    struct talk talk;
    uint8_t *echo; /* what could not go back at once */
    size_t echo_size;
};

static struct server {
    struct adieu_config *config;
    struct adieu_fd *spare; /* a handle for who comes next */
    int set, listener;
    int deadline_ms;
    struct link open, line;
    size_t open_count;
    struct dues dues;
    struct orders_work broadcast, closing;
} server;

/* The peer that a place in it belongs to. */
static struct peer *peer_around(void *place, size_t offset)
{
    return place ? (struct peer *)((char *)place - offset) : NULL;
}

/* ------------------------------------------------ orders */

static void broadcast_done(struct peer *peer)
{
    if (peer->broadcasts)
        orders_done(&server.broadcast);
    peer->broadcasts = false;
}

/* ------------------------------------------------ talking */

/* What the stream does not take is kept, and nothing more is read until it has. */
static enum adieu_status echo(struct peer *peer, const uint8_t *bytes, size_t size)
{
    size_t n = 0;
    enum adieu_status status = adieu_fd_write(peer->fd, bytes, size, &n, ADIEU_FD_NOW);
    if ((status != ADIEU_OK && status != ADIEU_WAIT) || n == size)
        return status;
    peer->echo = malloc(size - n);
    if (!peer->echo)
        return ADIEU_FAIL;
    peer->echo_size = size - n;
    memcpy(peer->echo, bytes + n, peer->echo_size);
    return ADIEU_WAIT;
}

/* OK: it could go on, and it is another's turn. */
static enum adieu_status hear(struct peer *peer)
{
    enum adieu_status status = ADIEU_OK;
    size_t n;
    for (size_t heard = 0; status == ADIEU_OK && heard < TURN; heard += n) {
        status = adieu_fd_read(peer->fd, incoming, peer->talk.write, &n, ADIEU_FD_NOW);
        if (status != ADIEU_OK)
            return status;
        size_t taken = talk_hear(&peer->talk, incoming, n);
        if (taken < n)
            status = echo(peer, incoming + taken, n - taken);
    }
    return status;
}

static enum adieu_status say_echo(struct peer *peer)
{
    size_t n;
    enum adieu_status status = adieu_fd_write(peer->fd, peer->echo, peer->echo_size, &n, ADIEU_FD_NOW);
    if (status != ADIEU_OK)
        return status;
    peer->echo_size -= n;
    memmove(peer->echo, peer->echo + n, peer->echo_size);
    if (peer->echo_size)
        return ADIEU_WAIT;
    free(peer->echo);
    peer->echo = NULL;
    return ADIEU_OK;
}

/* A write is OK when the stream has it; whether the kernel has, too, is in the ending. */
static void look_at_broadcast(struct peer *peer)
{
    if (!peer->broadcasts || peer->talk.to_say || peer->echo)
        return;
    const struct adieu_ending ending = adieu_ending(adieu_fd_stream(peer->fd));
    if (ending.sent == ending.taken)
        broadcast_done(peer);
}

static enum adieu_status talk(struct peer *peer)
{
    enum adieu_status status = peer->echo ? say_echo(peer) : ADIEU_OK;
    if (status != ADIEU_OK)
        return status;
    enum adieu_status heard = hear(peer);
    if (heard != ADIEU_OK && heard != ADIEU_WAIT)
        return heard;
    enum adieu_status said = peer->echo ? ADIEU_WAIT : adieu_peer_say(peer->fd, &peer->talk);
    look_at_broadcast(peer);
    return said == ADIEU_WAIT ? heard : said;
}

/* ------------------------------------------------ one connection */

/* While it talks it is not put off at each turn: to come too early, now and then, costs less. */
static void watch_clock(struct peer *peer, int64_t when)
{
    bool early = peer->due.index && peer->due.at <= when;
    if (peer->phase == TALKING && early)
        return;
    if (!due_set(&server.dues, &peer->due, when))
        peer_failed("no memory");
}

/* What to wait for changes with every verb: so this follows each. */
static void watch(struct peer *peer)
{
    int timeout;
    struct pollfd wanted = adieu_fd_interest(peer->fd, &timeout);
    struct epoll_event event = {.data.ptr = peer};
    event.events = (wanted.events & POLLIN ? EPOLLIN : 0u) | (wanted.events & POLLOUT ? EPOLLOUT : 0u);
    if (wanted.fd < 0 && peer->watched.fd >= 0)
        (void)epoll_ctl(server.set, EPOLL_CTL_DEL, peer->watched.fd, NULL);
    else if (wanted.fd >= 0 && (wanted.fd != peer->watched.fd || wanted.events != peer->watched.events))
        (void)epoll_ctl(server.set, peer->watched.fd < 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, wanted.fd, &event);
    peer->watched = wanted;
    if (timeout == 0 && !links_has(&peer->line))
        links_add(&server.line, &peer->line);
    watch_clock(peer, timeout > 0 ? adieu_fd_in(timeout) : ADIEU_FD_FOREVER);
}

static void begin_leaving(struct peer *peer)
{
    if (peer->phase == TALKING) {
        broadcast_done(peer);
        links_remove(&peer->open);
        server.open_count--;
    }
    peer->phase = LEAVING;
    peer->leave_by = adieu_fd_in(server.deadline_ms);
}

static void let_go(struct peer *peer)
{
    if (peer->told_to_close)
        orders_done(&server.closing);
    links_remove(&peer->line);
    (void)due_set(&server.dues, &peer->due, ADIEU_FD_FOREVER);
    adieu_fd_free(peer->fd); /* its socket is closed already, and with that out of the set */
    free(peer->echo);
    free(peer);
}

static enum adieu_status shake(struct peer *peer)
{
    enum adieu_status status = adieu_fd_handshake(peer->fd, ADIEU_FD_NOW);
    if (status == ADIEU_OK) {
        peer->phase = TALKING;
        links_add(&server.open, &peer->open);
        server.open_count++;
    }
    return status;
}

/* OK: it could go on, and it is another's turn. Whatever else a verb says but WAIT is followed by the goodbye. */
static enum adieu_status step(struct peer *peer)
{
    enum adieu_status status = ADIEU_OK;
    if (peer->phase == SHAKING)
        status = shake(peer);
    if (peer->phase == TALKING)
        status = talk(peer);
    if (peer->phase != LEAVING && status != ADIEU_OK && status != ADIEU_WAIT)
        begin_leaving(peer);
    return status;
}

static void go_on(struct peer *peer)
{
    struct adieu_fd_patience patience = {.quiet_ms = -1};
    enum adieu_status status = step(peer);
    if (status == ADIEU_OK && peer->phase == TALKING && !links_has(&peer->line))
        links_add(&server.line, &peer->line);
    patience.deadline = peer->leave_by;
    if (peer->phase == LEAVING && adieu_fd_close(peer->fd, patience, NULL) == ADIEU_OK)
        let_go(peer);
    else
        watch(peer);
}

/* ------------------------------------------------ the listener */

static struct peer *peer_new(struct adieu_fd *fd)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->fd = fd;
    peer->watched.fd = -1;
    talk_init(&peer->talk);
    return peer;
}

/* Everybody who is there. A handle is needed before it is known that somebody is: it is kept for the next. */
static void welcome(void)
{
    for (;;) {
        struct peer *peer;
        if (!server.spare && (server.spare = adieu_fd_server(server.config)))
            adieu_fd_set_polled(server.spare);
        if (!server.spare || adieu_fd_accept(server.spare, server.listener, ADIEU_FD_NOW) != ADIEU_OK)
            return;
        peer = peer_new(server.spare);
        if (!peer)
            adieu_fd_free(server.spare);
        server.spare = NULL;
        if (peer)
            go_on(peer);
    }
}

/* ------------------------------------------------ orders */

static void broadcast(void)
{
    orders_begin(&server.broadcast, "broadcast", server.open_count);
    struct link *next = server.open.next;
    for (struct link *link = next; link != &server.open; link = next) {
        struct peer *peer = peer_around(link, offsetof(struct peer, open));
        next = link->next;
        peer->broadcasts = true;
        peer->talk.to_say += BROADCAST;
        go_on(peer);
    }
}

static void close_all(void)
{
    struct link *link;
    orders_begin(&server.closing, "closed", server.open_count);
    while ((link = links_first(&server.open))) {
        struct peer *peer = peer_around(link, offsetof(struct peer, open));
        peer->told_to_close = true;
        begin_leaving(peer);
        go_on(peer);
    }
}

static const struct orders orders = {.open = &server.open_count, .broadcast = broadcast, .close_all = close_all};

/* ------------------------------------------------ the loop */

static int until_next_due(void)
{
    const struct due *first = due_first(&server.dues);
    if (links_first(&server.line))
        return 0;
    if (!first)
        return -1;
    int64_t left = first->at - adieu_fd_now();
    return left < 0 ? 0 : (int)left;
}

static void serve_due(void)
{
    struct due *due = due_first(&server.dues);
    int64_t now = due ? adieu_fd_now() : 0;
    while (due && due->at <= now) {
        (void)due_set(&server.dues, due, ADIEU_FD_FOREVER);
        go_on(peer_around(due, offsetof(struct peer, due)));
        due = due_first(&server.dues);
    }
}

/* Each once: who stands in line again meanwhile is behind the end of it. */
static void serve_line(void)
{
    struct link *last = server.line.before, *link = NULL;
    while (link != last && (link = links_first(&server.line))) {
        links_remove(link);
        go_on(peer_around(link, offsetof(struct peer, line)));
    }
}

/* Whoever goes may still have an event behind in the same batch: so what ends others comes last. */
static bool turn(void)
{
    struct epoll_event events[EVENTS];
    bool ordered = false, more = true;
    int count = epoll_wait(server.set, events, EVENTS, until_next_due());
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == &server)
            ordered = true;
        else if (events[i].data.ptr)
            go_on(events[i].data.ptr);
        else
            welcome();
    }
    serve_line();
    serve_due();
    if (ordered)
        more = orders_read(&orders);
    return more;
}

int adieu_peer_serve(const struct arguments *arguments, struct adieu_config *config)
{
    links_init(&server.open);
    links_init(&server.line);
    server.config = config;
    server.deadline_ms = arguments->deadline_ms;
    server.listener = peer_listen();
    server.set = peer_epoll(server.listener, &server);
    peer_print_port(server.listener);
    while (turn())
        continue;
    return 0;
}
