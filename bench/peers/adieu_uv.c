/* SPDX-License-Identifier: MIT */
/*
 * adieu on libuv: a server of many connections, and its client.
 *
 * As with libuv itself: a request a write, which is freed in its callback; how many of them wait is bounded by what
 * waits in all; one buffer to read to, because what was read is dealt with at once.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <adieu_uv.h>

#include "adieu_peer.h"
#include "links.h"
#include "peer.h"

/* What may wait to be sent, a connection. */
enum { AHEAD = 131072 };

struct peer {
    struct link open; /* among the open ones; the first */
    struct adieu_uv *uv;
    struct adieu_uv_request request; /* the handshake and, at the end, the goodbye */
    struct talk talk;
    unsigned writes; /* that are pending */
    bool is_open, leaves, broadcasts, told_to_close;
};

struct piece {
    struct adieu_uv_request write;
    bool echo;    /* reading goes on when it has left */
    char bytes[]; /* an echo's */
};

static const struct arguments *arguments;
static struct adieu_uv_loop *loop;
static struct adieu_config *config;

static struct server {
    uv_poll_t orders;
    uv_stream_t *listener;
    struct link open;
    size_t open_count;
    struct orders_work broadcast, closing;
} server;

static struct client {
    unsigned long requests; /* still to be begun */
    bool done, ended;
} client;

/* ------------------------------------------------ what is done of an order */

static void broadcast_done(struct peer *peer)
{
    if (peer->broadcasts)
        orders_done(&server.broadcast);
    peer->broadcasts = false;
}

/* ------------------------------------------------ leaving */

/* The last callback of a handle. */
static void gone(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct peer *peer = request->data;
    (void)status; /* nobody cancels here */
    client.ended = ending->receiving == ADIEU_RECEIVING_CLOSED;
    if (peer->told_to_close)
        orders_done(&server.closing);
    adieu_uv_free(peer->uv);
    free(peer);
}

static void open_remove(struct peer *peer)
{
    broadcast_done(peer);
    links_remove(&peer->open);
    server.open_count--;
    peer->is_open = false;
}

/* Once; after the peer's end it answers, after a failure it explains. */
static void leave(struct peer *peer)
{
    struct adieu_uv_patience patience = ADIEU_UV_PATIENCE;
    if (arguments->serves)
        patience = (struct adieu_uv_patience){.quiet_ms = -1, .total_ms = arguments->deadline_ms};
    if (peer->leaves)
        return;
    peer->leaves = true;
    if (peer->is_open)
        open_remove(peer);
    (void)adieu_uv_read_stop(peer->uv); /* nobody wants what still comes */
    (void)adieu_uv_close(&peer->request, peer->uv, patience, gone);
}

/* ------------------------------------------------ saying */

static void written(struct adieu_uv_request *request, int status);

/* Asked for: its callback will come. */
static bool write_piece(struct peer *peer, struct piece *piece, const uv_buf_t *buf)
{
    piece->write.data = peer;
    if (adieu_uv_write(&piece->write, peer->uv, buf, 1, written) < 0) {
        free(piece);
        return false;
    }
    peer->writes++;
    return true;
}

static bool say(struct peer *peer)
{
    const uint8_t *at;
    size_t size;
    while (adieu_uv_write_queue_size(peer->uv) < AHEAD && (size = talk_next(&peer->talk, &at))) {
        struct piece *piece = calloc(1, sizeof *piece);
        const uv_buf_t buf = uv_buf_init((char *)(uintptr_t)at, (unsigned)size); /* only read */
        if (!piece || !write_piece(peer, piece, &buf))
            return false;
        talk_said(&peer->talk, size);
    }
    if (!peer->writes && !peer->talk.to_say)
        broadcast_done(peer);
    return true;
}

/* A client whose exchange is done begins the next. False: there is nothing more to do. */
static bool go_on(struct peer *peer)
{
    if (!arguments->serves && !peer->talk.to_say && !peer->talk.to_hear) {
        client.done = client.requests == 0;
        if (client.done)
            return false;
        client.requests--;
        talk_ask(&peer->talk, arguments);
    }
    return say(peer);
}

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    const struct peer *peer = adieu_uv_data(uv);
    (void)suggested;
    *buf = uv_buf_init((char *)incoming, peer->talk.write);
}

static void heard(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf);

static void written(struct adieu_uv_request *request, int status)
{
    struct peer *peer = request->data;
    struct piece *piece = (struct piece *)(void *)request; /* which begins with it */
    bool echo = piece->echo;
    free(piece);
    peer->writes--;
    if (peer->leaves)
        return;
    if (echo && status == 0)
        status = adieu_uv_read_start(peer->uv, give_room, heard);
    if (status < 0 || !go_on(peer))
        leave(peer);
}

/* ------------------------------------------------ hearing */

/* Back at once; what does not leave is kept, and nothing more is read until it has left. */
static bool echo(struct peer *peer, const uint8_t *bytes, size_t size)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)size); /* only read */
    int n = adieu_uv_try_write(peer->uv, &buf, 1);
    size_t went = n > 0 ? (size_t)n : 0;
    if (went == size)
        return true;
    struct piece *piece = calloc(1, sizeof *piece + size - went);
    if (!piece)
        return false;
    piece->echo = true;
    memcpy(piece->bytes, bytes + went, size - went);
    buf = uv_buf_init(piece->bytes, (unsigned)(size - went));
    return adieu_uv_read_stop(peer->uv) == 0 && write_piece(peer, piece, &buf);
}

static bool take_in(struct peer *peer, size_t n)
{
    if (!arguments->serves) {
        bool expected = n <= peer->talk.to_hear;
        peer->talk.to_hear -= expected ? n : 0;
        return expected;
    }
    size_t taken = talk_hear(&peer->talk, incoming, n);
    return taken == n || echo(peer, incoming + taken, n - taken);
}

static void heard(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct peer *peer = adieu_uv_data(uv);
    (void)buf;
    if (nread < 0 || !take_in(peer, (size_t)nread) || !go_on(peer))
        leave(peer);
}

/* ------------------------------------------------ beginning */

static void met(struct adieu_uv_request *request, int status)
{
    struct peer *peer = request->data;
    if (status == 0) {
        links_add(&server.open, &peer->open);
        server.open_count++;
        peer->is_open = true;
        status = adieu_uv_read_start(peer->uv, give_room, heard);
    }
    if (status < 0 || !go_on(peer))
        leave(peer);
}

static struct peer *peer_new(struct adieu_uv *uv)
{
    struct peer *peer = uv ? calloc(1, sizeof *peer) : NULL;
    if (!peer) {
        adieu_uv_free(uv);
        return NULL;
    }
    peer->uv = uv;
    peer->request.data = peer;
    adieu_uv_set_data(uv, peer);
    talk_init(&peer->talk);
    return peer;
}

static void welcome(uv_stream_t *listener, int status)
{
    struct peer *peer = status < 0 ? NULL : peer_new(adieu_uv_server(loop, config));
    if (!peer)
        return;
    if (adieu_uv_accept(peer->uv, listener) == 0 && adieu_uv_handshake(&peer->request, peer->uv, met) == 0)
        return;
    adieu_uv_free(peer->uv);
    free(peer);
}

/* ------------------------------------------------ orders */

static void broadcast(void)
{
    orders_begin(&server.broadcast, "broadcast", server.open_count);
    struct link *next = server.open.next;
    for (struct link *link = next; link != &server.open; link = next) {
        struct peer *peer = (struct peer *)(void *)link;
        next = link->next;
        peer->broadcasts = true;
        peer->talk.to_say += BROADCAST;
        if (!say(peer))
            leave(peer);
    }
}

static void close_all(void)
{
    struct link *link;
    orders_begin(&server.closing, "closed", server.open_count);
    while ((link = links_first(&server.open))) {
        struct peer *peer = (struct peer *)(void *)link;
        peer->told_to_close = true;
        leave(peer);
    }
}

static const struct orders orders = {.open = &server.open_count, .broadcast = broadcast, .close_all = close_all};

static void order_came(uv_poll_t *poll, int status, int events)
{
    (void)events;
    if (status < 0 || !orders_read(&orders))
        uv_stop(poll->loop);
}

/* ------------------------------------------------ the two sides */

static int serve(void)
{
    const struct adieu_uv_address address = {.host = "127.0.0.1", .port = "0"};
    uv_os_fd_t descriptor;
    peer_raise_limit();
    links_init(&server.open);
    int code = adieu_uv_listen(uv_default_loop(), &address, SOMAXCONN, welcome, NULL, &server.listener);
    if (code == 0)
        code = uv_fileno((uv_handle_t *)server.listener, &descriptor);
    if (code == 0)
        code = uv_poll_init(uv_default_loop(), &server.orders, STDIN_FILENO);
    if (code == 0)
        code = uv_poll_start(&server.orders, UV_READABLE, order_came);
    if (code < 0)
        peer_failed(uv_strerror(code));
    peer_print_port(descriptor);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return 0;
}

static int ask(void)
{
    char port[8];
    (void)snprintf(port, sizeof port, "%u", arguments->port);
    const struct adieu_uv_address address = {.host = "127.0.0.1", .port = port};
    struct peer *peer = peer_new(adieu_uv_client(loop, config, "localhost"));
    struct adieu_uv_request connect;
    if (!peer)
        peer_failed("no memory");
    client.requests = arguments->requests;
    links_init(&server.open);
    if (adieu_uv_connect(&connect, peer->uv, &address, NULL) < 0 ||
        adieu_uv_handshake(&peer->request, peer->uv, met) < 0)
        peer_failed(adieu_uv_error(peer->uv)->text);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    if (!client.done || !client.ended)
        peer_failed("the server ended before all was said and heard");
    return 0;
}

int main(int argc, char **argv)
{
    const struct arguments words = arguments_read(argc, argv);
    arguments = &words;
    config = adieu_peer_config(arguments);
    loop = adieu_uv_loop_new(uv_default_loop());
    if (!loop)
        peer_failed("no memory");
    int status = words.serves ? serve() : ask();
    adieu_uv_loop_free(loop);
    adieu_config_free(config);
    return status;
}
