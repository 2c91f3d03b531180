/* SPDX-License-Identifier: MIT */
/*
 * A server of many connections in one thread: epoll_echo [HOST:]PORT [CONNECTIONS] sends everybody back what they say,
 * and says goodbye when they do. It makes an identity on the spot and prints the pin by which to trust it; with port 0
 * it takes any port, and prints that, too. After so many connections it leaves; without a number it never does.
 *
 * It shows the polled form: verbs until WAIT, then adieu_fd_interest() into the set. A descriptor that waits for
 * nothing is taken out of the set, because even an empty mask wakes for HUP, again and again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <adieu_fd.h>

#include "throwaway.h"

enum { HANDSHAKE_MS = 10000, QUIET_MS = 10000, EVENTS = 64 };

enum phase { SHAKING, ECHOING, CLOSING };

struct peer {
    struct peer *next;
    struct adieu_fd *fd;
    enum phase phase;
    struct pollfd watched; /* as it is in the set; fd -1: it is not */
    int64_t due;           /* when to go on although nothing fired */
    int64_t shaken_by;
    char buf[16384];
    size_t have, echoed; /* of buf */
};

struct server {
    int epoll, listener;
    struct adieu_config *config;
    struct peer *peers;
    long left; /* connections still to be taken; -1: any number */
};

/* ------------------------------------------------ one connection */

/* Reads only when all that was read has been taken: a peer that does not listen is not listened to. */
static enum adieu_status echo(struct peer *peer)
{
    enum adieu_status status = ADIEU_OK;
    size_t n;
    while (status == ADIEU_OK) {
        if (peer->echoed == peer->have) {
            peer->echoed = peer->have = 0;
            status = adieu_fd_read(peer->fd, peer->buf, sizeof peer->buf, &n, ADIEU_FD_NOW);
            if (status == ADIEU_OK)
                peer->have = n;
        } else {
            status = adieu_fd_write(peer->fd, peer->buf + peer->echoed, peer->have - peer->echoed, &n, ADIEU_FD_NOW);
            if (status == ADIEU_OK)
                peer->echoed += n;
        }
    }
    return status;
}

/* Whatever a verb said but WAIT is followed by the goodbye: after an end it answers, after a failure it explains. */
static bool go_on(struct peer *peer)
{
    enum adieu_status status;
    struct adieu_ending ending;
    char text[160];
    if (peer->phase == SHAKING) {
        status = adieu_fd_handshake(peer->fd, ADIEU_FD_NOW);
        if (status == ADIEU_WAIT && adieu_fd_now() >= peer->shaken_by)
            adieu_fd_abort(peer->fd, ADIEU_REASON_DEADLINE);
        else if (status == ADIEU_WAIT)
            return true;
        peer->phase = status == ADIEU_OK ? ECHOING : CLOSING;
    }
    if (peer->phase == ECHOING) {
        if (echo(peer) == ADIEU_WAIT)
            return true;
        peer->phase = CLOSING;
    }
    if (adieu_fd_close(peer->fd, (struct adieu_fd_patience){QUIET_MS, ADIEU_FD_FOREVER}, &ending) == ADIEU_WAIT)
        return true;
    fprintf(stderr, "%s: %s\n", adieu_fd_peer(peer->fd, (char[64]){0}, 64),
            adieu_ending_text(&ending, text, sizeof text));
    return false;
}

/* ------------------------------------------------ the set */

static void watch(const struct server *server, struct peer *peer)
{
    int timeout;
    struct pollfd wanted = adieu_fd_interest(peer->fd, &timeout);
    struct epoll_event event = {.data.ptr = peer};
    event.events = (wanted.events & POLLIN ? EPOLLIN : 0u) | (wanted.events & POLLOUT ? EPOLLOUT : 0u);
    if (wanted.fd < 0 && peer->watched.fd >= 0)
        (void)epoll_ctl(server->epoll, EPOLL_CTL_DEL, peer->watched.fd, NULL);
    else if (wanted.fd >= 0 && (wanted.fd != peer->watched.fd || wanted.events != peer->watched.events))
        (void)epoll_ctl(server->epoll, peer->watched.fd < 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, wanted.fd, &event);
    peer->watched = wanted;
    peer->due = timeout < 0 ? ADIEU_FD_FOREVER : adieu_fd_in(timeout);
    if (peer->phase == SHAKING && peer->shaken_by < peer->due)
        peer->due = peer->shaken_by;
}

static void leave(struct server *server, struct peer *peer)
{
    struct peer **at = &server->peers;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    adieu_fd_free(peer->fd); /* its socket is closed already, and with that out of the set */
    free(peer);
}

static void serve(struct server *server, struct peer *peer)
{
    if (go_on(peer))
        watch(server, peer);
    else
        leave(server, peer);
}

/* The listener is ready: everybody who is there. */
static void welcome(struct server *server)
{
    while (server->left != 0) {
        struct peer *peer = calloc(1, sizeof *peer);
        struct adieu_fd *fd = peer ? adieu_fd_server(server->config) : NULL;
        if (fd)
            adieu_fd_set_polled(fd);
        if (!fd || adieu_fd_accept(fd, server->listener, ADIEU_FD_NOW) != ADIEU_OK) {
            adieu_fd_free(fd);
            free(peer);
            return;
        }
        *peer = (struct peer){.next = server->peers, .fd = fd, .watched.fd = -1};
        peer->shaken_by = adieu_fd_in(HANDSHAKE_MS);
        server->peers = peer;
        server->left -= server->left > 0;
        serve(server, peer);
    }
    (void)epoll_ctl(server->epoll, EPOLL_CTL_DEL, server->listener, NULL);
}

static int until_next_due(const struct server *server)
{
    int64_t due = ADIEU_FD_FOREVER, now = adieu_fd_now();
    for (const struct peer *peer = server->peers; peer; peer = peer->next)
        due = peer->due < due ? peer->due : due;
    return due == ADIEU_FD_FOREVER ? -1 : due <= now ? 0 : (int)(due - now);
}

/* Many thousands of connections would keep their times in a heap. */
static void serve_due(struct server *server)
{
    int64_t now = adieu_fd_now();
    for (struct peer *peer = server->peers, *next; peer; peer = next) {
        next = peer->next;
        if (peer->due <= now)
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

/* "HOST:PORT" or "PORT"; the colon is overwritten. */
static struct adieu_fd_address parse(char *text)
{
    char *colon = strrchr(text, ':');
    if (!colon)
        return (struct adieu_fd_address){.port = text};
    *colon = '\0';
    return (struct adieu_fd_address){.host = text, .port = colon + 1};
}

int main(int argc, char **argv)
{
    struct adieu_error error = {.text = "out of memory"};
    struct server server = {.left = argc > 2 ? strtol(argv[2], NULL, 10) : -1};
    struct epoll_event event = {.events = EPOLLIN}; /* no peer: the listener */
    if (argc < 2) {
        fprintf(stderr, "usage: epoll_echo [HOST:]PORT [CONNECTIONS]\n");
        return 64;
    }
    const struct adieu_fd_address address = parse(argv[1]);
    server.config = throwaway_server();
    server.listener = adieu_fd_listen(&address, 128, adieu_fd_in(10000), &error);
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!server.config || server.listener < 0 || server.epoll < 0 ||
        epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &event) < 0 ||
        !throwaway_introduce(server.config, server.listener)) {
        fprintf(stderr, "epoll_echo: %s\n", error.text);
        return 1;
    }
    run(&server);
    close(server.listener);
    close(server.epoll);
    adieu_config_free(server.config);
    return 0;
}
