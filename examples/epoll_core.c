/* SPDX-License-Identifier: MIT */
/*
 * The echo of epoll_echo.c on the core alone: epoll_core PORT [CONNECTIONS] is server, transport and poll loop in one
 * file, to show that a transport is not much: move bytes, say what happened to the socket, and let go as the stream
 * says.
 *
 * What adieu_fd does beyond it: it measures patience from the peer's last acknowledgement (here a goodbye has one
 * bound), tells acknowledged, need not wait for a peer that never closes, connects, and is safe with threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "throwaway.h"

enum { HANDSHAKE_MS = 10000, GOODBYE_MS = 30000, EVENTS = 64, TURNS = 64 };

struct peer {
    struct peer *next;
    struct adieu_stream *stream;
    int descriptor;
    uint32_t watched; /* as it is in the set; 0: it is not */
    int64_t by;       /* when the handshake, or the goodbye, must be over; INT64_MAX */
    bool in_over, out_over, write_ended, closing;
    int reset_error;
    char buf[16384];
    size_t have, echoed; /* of buf */
};

struct server {
    int epoll, listener;
    struct adieu_config *config;
    struct peer *peers;
    long left; /* connections still to be taken; -1: any number */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ------------------------------------------------ the transport */

static bool later(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Sends what waits. After a failure the peer's last words may still come: only sending is over. */
static bool send_some(struct peer *peer)
{
    const uint8_t *at;
    size_t size;
    bool moved = false;
    while (!peer->out_over && (size = adieu_wire_out(peer->stream, &at)) > 0) {
        ssize_t n = send(peer->descriptor, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && later(errno))
            break;
        if (n < 0) {
            peer->out_over = true;
            peer->reset_error = errno == EPIPE ? 0 : errno; /* recv() will show it as if it were FIN */
            adieu_wire_out_failed(peer->stream, errno);
        } else {
            adieu_wire_out_done(peer->stream, (size_t)n);
        }
        moved = true;
    }
    return moved;
}

/* n is what recv() said. */
static bool received(struct peer *peer, ssize_t n)
{
    if (n > 0)
        return true;
    if (n < 0 && later(errno))
        return false;
    peer->in_over = true;
    if (n < 0 || peer->reset_error) {
        peer->out_over = true;
        adieu_wire_reset(peer->stream, n < 0 ? errno : peer->reset_error);
    } else {
        adieu_wire_eof(peer->stream);
    }
    return true;
}

static bool receive_some(struct peer *peer)
{
    uint8_t *at;
    size_t room = peer->in_over ? 0 : adieu_wire_in(peer->stream, &at);
    if (room == 0)
        return false;
    ssize_t n = recv(peer->descriptor, at, room, MSG_DONTWAIT);
    adieu_wire_in_done(peer->stream, n > 0 ? (size_t)n : 0);
    return received(peer, n);
}

/*
 * What comes behind the peer's end: to leave it unread would make a reset of our close(), and destroy what we have
 * said.
 */
static void drain(struct peer *peer)
{
    bool more = true;
    for (int turn = 0; more && turn < TURNS && !peer->in_over; turn++)
        more = received(peer, recv(peer->descriptor, peer->buf, sizeof peer->buf, MSG_DONTWAIT));
}

static void let_go(struct peer *peer)
{
    const struct linger reset = {.l_onoff = adieu_wire_last(peer->stream) == ADIEU_LAST_RESET};
    if (!reset.l_onoff)
        drain(peer);
    (void)setsockopt(peer->descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(peer->descriptor); /* and with that it is out of the set */
}

/* ------------------------------------------------ one conversation */

/* Reads only when all that was read has been taken: a peer that does not listen is not listened to. */
static enum adieu_status echo(struct peer *peer)
{
    enum adieu_status status = adieu_handshake(peer->stream);
    size_t n;
    while (status == ADIEU_OK) {
        peer->by = INT64_MAX;
        if (peer->echoed == peer->have) {
            peer->echoed = peer->have = 0;
            status = adieu_read(peer->stream, peer->buf, sizeof peer->buf, &n);
            if (status == ADIEU_OK)
                peer->have = n;
        } else {
            status = adieu_write(peer->stream, peer->buf + peer->echoed, peer->have - peer->echoed, &n);
            if (status == ADIEU_OK)
                peer->echoed += n;
        }
    }
    return status;
}

/* It has begun when echo() said anything but WAIT. Where nothing can be said any more the peer must see that. */
static void begin_goodbye(struct peer *peer)
{
    peer->closing = true;
    peer->by = now_ms() + GOODBYE_MS;
    if (adieu_shutdown(peer->stream) != ADIEU_OK && adieu_ending(peer->stream).sending == ADIEU_SENDING_OPEN)
        adieu_abort(peer->stream, ADIEU_REASON_REQUEST);
}

/*
 * One step of it; answers whether it is done: our end is said, the write side ended, and the peer's transport has
 * ended.
 */
static bool goodbye(struct peer *peer)
{
    while (adieu_discard(peer->stream, NULL) == ADIEU_OK)
        continue;
    switch (adieu_wire_last(peer->stream)) {
    case ADIEU_LAST_GO_ON:
        return false;
    case ADIEU_LAST_END_WRITE:
        if (!peer->write_ended)
            (void)shutdown(peer->descriptor, SHUT_WR);
        peer->write_ended = true;
        if (adieu_ending(peer->stream).receiving != ADIEU_RECEIVING_OPEN)
            drain(peer);
        return peer->in_over;
    case ADIEU_LAST_RESET:
        break;
    }
    return true;
}

/* All that can be done now. False: the conversation is over. */
static bool go_on(struct peer *peer)
{
    bool moved = now_ms() < peer->by;
    if (!moved)
        adieu_abort(peer->stream, ADIEU_REASON_DEADLINE);
    while (moved) {
        if (!peer->closing && echo(peer) != ADIEU_WAIT)
            begin_goodbye(peer);
        if (peer->closing && goodbye(peer))
            return false;
        moved = send_some(peer);
        moved |= receive_some(peer);
    }
    return now_ms() < peer->by;
}

/* ------------------------------------------------ the set */

/* Where there is nothing to wait for it is taken out: even an empty mask wakes for a hang-up, again and again. */
static void watch(const struct server *server, struct peer *peer)
{
    struct epoll_event event = {.data.ptr = peer};
    bool drains = peer->closing && adieu_ending(peer->stream).receiving != ADIEU_RECEIVING_OPEN;
    if (!peer->in_over && (drains || adieu_wire_in(peer->stream, NULL) > 0))
        event.events |= EPOLLIN;
    if (!peer->out_over && adieu_wire_out(peer->stream, NULL) > 0)
        event.events |= EPOLLOUT;
    int change = !event.events ? EPOLL_CTL_DEL : peer->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (event.events != peer->watched)
        (void)epoll_ctl(server->epoll, change, peer->descriptor, &event);
    peer->watched = event.events;
}

static void leave(struct server *server, struct peer *peer)
{
    struct peer **at = &server->peers;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    let_go(peer);
    struct adieu_ending ending = adieu_ending(peer->stream);
    fprintf(stderr, "%s\n", adieu_ending_text(&ending, (char[160]){0}, 160));
    adieu_free(peer->stream);
    free(peer);
}

static void serve(struct server *server, struct peer *peer)
{
    if (go_on(peer))
        watch(server, peer);
    else
        leave(server, peer);
}

static struct peer *take(struct server *server)
{
    int descriptor = accept(server->listener, NULL, NULL);
    const int on = 1; /* a small last word must not wait behind Nagle's algorithm, and be purged by a reset */
    struct peer *peer = descriptor < 0 ? NULL : calloc(1, sizeof *peer);
    struct adieu_stream *stream = peer ? adieu_server(server->config) : NULL;
    if (stream) {
        *peer = (struct peer){.next = server->peers, .stream = stream, .descriptor = descriptor};
        peer->by = now_ms() + HANDSHAKE_MS;
        (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return server->peers = peer;
    }
    if (descriptor >= 0)
        close(descriptor);
    free(peer);
    return NULL;
}

/* The listener is ready: everybody who is there. */
static void welcome(struct server *server)
{
    struct peer *peer;
    while (server->left != 0 && (peer = take(server))) {
        server->left -= server->left > 0;
        serve(server, peer);
    }
    if (server->left == 0)
        (void)epoll_ctl(server->epoll, EPOLL_CTL_DEL, server->listener, NULL);
}

/* Many thousands of connections would keep their times in a heap. */
static int until_next_due(const struct server *server)
{
    int64_t by = INT64_MAX, now = now_ms();
    for (const struct peer *peer = server->peers; peer; peer = peer->next)
        by = peer->by < by ? peer->by : by;
    return by == INT64_MAX ? -1 : by <= now ? 0 : (int)(by - now);
}

static void serve_due(struct server *server)
{
    int64_t now = now_ms();
    for (struct peer *peer = server->peers, *next; peer; peer = next) {
        next = peer->next;
        if (peer->by <= now)
            serve(server, peer);
    }
}

static void run(struct server *server)
{
    struct epoll_event events[EVENTS];
    while (server->left != 0 || server->peers) {
        int count = epoll_wait(server->epoll, events, EVENTS, until_next_due(server));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                serve(server, events[i].data.ptr);
            else
                welcome(server);
        }
        serve_due(server);
    }
}

/* ------------------------------------------------ beginning */

/* On this machine only. Non-blocking, since who was there when it woke may have gone. */
static int listen_at(const char *port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((in_port_t)strtoul(port, NULL, 10)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        fcntl(listener, F_SETFL, O_NONBLOCK) < 0 ||
        bind(listener, (const struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 128) < 0)
        return -1;
    return listener;
}

int main(int argc, char **argv)
{
    struct server server = {.left = argc > 2 ? strtol(argv[2], NULL, 10) : -1};
    struct epoll_event event = {.events = EPOLLIN}; /* no peer: the listener */
    if (argc < 2) {
        fputs("usage: epoll_core PORT [CONNECTIONS]\n", stderr);
        return 64;
    }
    server.config = throwaway_server();
    server.listener = listen_at(argv[1]);
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!server.config || server.listener < 0 || server.epoll < 0 ||
        epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &event) < 0 ||
        !throwaway_introduce(server.config, server.listener)) {
        perror("epoll_core");
        return 1;
    }
    run(&server);
    close(server.listener);
    close(server.epoll);
    adieu_config_free(server.config);
    return 0;
}
