/* SPDX-License-Identifier: MIT */
/*
 * A server that leaves well: uv_drain PORT keeps its connections open until SIGTERM. Then it takes no more, says
 * goodbye to all at once, waits for them within one patience, and tells how many ended how. So a service is restarted
 * without a lie: whoever had its answer whole knows it, and whoever had not knows that.
 *
 * Each connection is a descriptor: raise RLIMIT_NOFILE for many.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <adieu_uv.h>

#include "throwaway.h"

/* A peer whose side takes nothing more for 3 s is waited for no longer; nobody is for more than 20 s. */
static const struct adieu_uv_patience patience = {.quiet_ms = 3000, .total_ms = 20000};

enum { SENDINGS = ADIEU_SENDING_ABORTED + 1, RECEIVINGS = ADIEU_RECEIVING_ABANDONED + 1 };

struct server {
    struct adieu_uv_loop *loop;
    struct adieu_config *config;
    uv_stream_t *listener;
    uv_signal_t signal;
    struct peer *peers;
    unsigned ended[SENDINGS][RECEIVINGS];
};

struct peer {
    struct server *server;
    struct peer *next, **at;
    struct adieu_uv *uv;
    struct adieu_uv_request hello, bye;
    char buf[1024];
};

/* ------------------------------------------------ one connection */

static void gone(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct peer *peer = request->data;
    (void)status; /* nobody cancels here */
    peer->server->ended[ending->sending][ending->receiving]++;
    *peer->at = peer->next;
    if (peer->next)
        peer->next->at = peer->at;
    adieu_uv_free(peer->uv);
    free(peer);
}

/* Once; what the peer still says is then discarded, and counted. */
static void say_goodbye(struct peer *peer)
{
    adieu_uv_read_stop(peer->uv);
    if (!peer->bye.data)
        (void)adieu_uv_close(&peer->bye, peer->uv, patience, gone);
    peer->bye.data = peer;
}

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct peer *peer = adieu_uv_data(uv);
    (void)suggested;
    *buf = uv_buf_init(peer->buf, sizeof peer->buf);
}

/* A real service would do something with it. */
static void heard(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    (void)buf;
    if (nread < 0)
        say_goodbye(adieu_uv_data(uv));
}

static void met(struct adieu_uv_request *request, int status)
{
    struct peer *peer = request->data;
    if (status < 0 || adieu_uv_read_start(peer->uv, give_room, heard) < 0)
        say_goodbye(peer);
}

static void keep(struct server *server, struct peer *peer)
{
    peer->server = server;
    peer->next = server->peers;
    peer->at = &server->peers;
    if (peer->next)
        peer->next->at = &peer->next;
    server->peers = peer;
}

static void welcome(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;
    struct peer *peer = status < 0 ? NULL : calloc(1, sizeof *peer);
    if (!peer)
        return;
    peer->hello.data = peer;
    peer->uv = adieu_uv_server(server->loop, server->config);
    if (peer->uv && adieu_uv_accept(peer->uv, listener) == 0) {
        adieu_uv_set_data(peer->uv, peer);
        if (adieu_uv_handshake(&peer->hello, peer->uv, met) == 0) {
            keep(server, peer);
            return;
        }
    }
    adieu_uv_free(peer->uv);
    free(peer);
}

/* ------------------------------------------------ leaving */

/* Everything that keeps uv_run() from returning ends here, or when the last goodbye has been said. */
static void drain(uv_signal_t *signal, int number)
{
    struct server *server = signal->data;
    (void)number;
    uv_close((uv_handle_t *)signal, NULL);
    adieu_uv_unlisten(server->listener);
    adieu_uv_loop_free(server->loop);
    for (struct peer *peer = server->peers; peer; peer = peer->next)
        say_goodbye(peer); /* no callback runs inside: the list stays as it is */
}

static void tell(const struct server *server)
{
    for (int sending = 0; sending < SENDINGS; sending++)
        for (int receiving = 0; receiving < RECEIVINGS; receiving++)
            if (server->ended[sending][receiving])
                printf("sending %s, receiving %s: %u\n", adieu_sending_name((enum adieu_sending)sending),
                       adieu_receiving_name((enum adieu_receiving)receiving), server->ended[sending][receiving]);
}

/* ------------------------------------------------ beginning */

static int begin(struct server *server, const char *port)
{
    const struct adieu_uv_address address = {.host = "127.0.0.1", .port = port};
    uv_loop_t *loop = uv_default_loop();
    uv_os_fd_t listener;
    server->config = throwaway_server();
    server->loop = adieu_uv_loop_new(loop);
    if (!server->config || !server->loop)
        return UV_ENOMEM;
    int code = adieu_uv_listen(loop, &address, 1024, welcome, server, &server->listener);
    server->signal.data = server;
    if (code < 0 || (code = uv_signal_init(loop, &server->signal)) < 0 ||
        (code = uv_signal_start(&server->signal, drain, SIGTERM)) < 0 ||
        (code = uv_fileno((uv_handle_t *)server->listener, &listener)) < 0)
        return code;
    return throwaway_introduce(server->config, listener) ? 0 : UV_EIO;
}

int main(int argc, char **argv)
{
    static struct server server;
    if (argc != 2) {
        fputs("usage: uv_drain PORT\n", stderr);
        return 64;
    }
    int code = begin(&server, argv[1]);
    if (code < 0) {
        fprintf(stderr, "uv_drain: %s\n", uv_strerror(code));
        return 1;
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    tell(&server);
    adieu_config_free(server.config);
    return uv_loop_close(uv_default_loop()) == 0 ? 0 : 1;
}
