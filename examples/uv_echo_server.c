/* SPDX-License-Identifier: MIT */
/*
 * An echo server on libuv: uv_echo_server PORT [CONNECTIONS] sends everybody back what they say, and says goodbye when
 * they do. It makes an identity on the spot and prints the pin by which to trust it; with port 0 it takes any port, and
 * prints that, too. After so many connections it leaves; without a number it never does.
 *
 * Who knows libuv knows this: accept, read_start, write, close. New is that a close gets an ending.
 */
#include <stdio.h>
#include <stdlib.h>

#include <adieu_uv.h>

#include "throwaway.h"

struct server {
    struct adieu_uv_loop *loop;
    struct adieu_config *config;
    uv_stream_t *listener;
    long left; /* connections still to be taken; -1: any number */
};

struct peer {
    struct adieu_uv *uv;
    struct adieu_uv_request hello, write, bye;
    char buf[65536];
};

/* ------------------------------------------------ one connection */

/* The last callback of a handle. */
static void gone(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct peer *peer = request->data;
    (void)status; /* nobody cancels here */
    fprintf(stderr, "%s\n", adieu_ending_text(ending, (char[160]){0}, 160));
    adieu_uv_free(peer->uv);
    free(peer);
}

/* After an end it answers, after a failure it explains. */
static void say_goodbye(struct peer *peer)
{
    (void)adieu_uv_close(&peer->bye, peer->uv, (struct adieu_uv_patience)ADIEU_UV_PATIENCE, gone);
}

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct peer *peer = adieu_uv_data(uv);
    (void)suggested;
    *buf = uv_buf_init(peer->buf, sizeof peer->buf);
}

static void echoed(struct adieu_uv_request *request, int status);

/* Nothing is read while the echo is on its way: a peer that does not listen is not listened to. */
static void heard(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct peer *peer = adieu_uv_data(uv);
    if (nread == 0)
        return;
    adieu_uv_read_stop(uv);
    const uv_buf_t said = uv_buf_init(buf->base, nread > 0 ? (unsigned)nread : 0);
    if (nread < 0 || adieu_uv_write(&peer->write, uv, &said, 1, echoed) < 0)
        say_goodbye(peer);
}

static void echoed(struct adieu_uv_request *request, int status)
{
    struct peer *peer = request->data;
    if (status < 0 || adieu_uv_read_start(peer->uv, give_room, heard) < 0)
        say_goodbye(peer);
}

/* ------------------------------------------------ the listener */

static struct peer *new_peer(struct server *server)
{
    struct peer *peer = calloc(1, sizeof *peer);
    struct adieu_uv *uv = peer ? adieu_uv_server(server->loop, server->config) : NULL;
    if (!uv) {
        free(peer);
        return NULL;
    }
    peer->uv = uv;
    peer->hello.data = peer->write.data = peer->bye.data = peer;
    adieu_uv_set_data(uv, peer);
    return peer;
}

/* The handshake done, it goes on as after an echo; failed, it ends the same way. */
static void welcome(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;
    struct peer *peer = status < 0 ? NULL : new_peer(server);
    if (!peer)
        return;
    if (adieu_uv_accept(peer->uv, listener) < 0 || adieu_uv_handshake(&peer->hello, peer->uv, echoed) < 0) {
        adieu_uv_free(peer->uv);
        free(peer);
        return;
    }
    if (server->left > 0 && --server->left == 0) {
        adieu_uv_unlisten(server->listener);
        adieu_uv_loop_free(server->loop); /* it goes when its last handle has gone, and with that uv_run() returns */
    }
}

/* ------------------------------------------------ beginning */

static int begin(struct server *server, const char *port)
{
    const struct adieu_uv_address address = {.host = "127.0.0.1", .port = port};
    uv_os_fd_t listener;
    server->config = throwaway_server();
    server->loop = adieu_uv_loop_new(uv_default_loop());
    if (!server->config || !server->loop)
        return UV_ENOMEM;
    int code = adieu_uv_listen(uv_default_loop(), &address, 128, welcome, server, &server->listener);
    if (code < 0 || (code = uv_fileno((uv_handle_t *)server->listener, &listener)) < 0)
        return code;
    return throwaway_introduce(server->config, listener) ? 0 : UV_EIO;
}

int main(int argc, char **argv)
{
    struct server server = {.left = argc > 2 ? strtol(argv[2], NULL, 10) : -1};
    if (argc < 2) {
        fputs("usage: uv_echo_server PORT [CONNECTIONS]\n", stderr);
        return 64;
    }
    int code = begin(&server, argv[1]);
    if (code < 0) {
        fprintf(stderr, "uv_echo_server: %s\n", uv_strerror(code));
        return 1;
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    adieu_config_free(server.config);
    return uv_loop_close(uv_default_loop()) == 0 ? 0 : 1;
}
