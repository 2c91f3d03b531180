/* SPDX-License-Identifier: MIT */
/*
 * The other side of uv_echo_server: uv_echo_client HOST PORT PIN BYTES says so many bytes, ends its side, and holds
 * what comes back against what it said. Connect, handshake, the first writes and reading are asked for in one breath:
 * each waits for what it needs.
 *
 * A few writes are pending at a time. A piece is written anew when it has left: the peer sets the pace, and memory
 * stays as it is.
 */
#include <stdio.h>
#include <stdlib.h>

#include <adieu_uv.h>

#include "throwaway.h"

enum { PIECES = 4, PIECE = 65536 };

struct piece {
    struct adieu_uv_request write;
    char bytes[PIECE];
};

struct client {
    struct adieu_uv *uv;
    struct adieu_uv_request connect, hello, end, bye;
    struct piece pieces[PIECES];
    char buf[PIECE];
    uint64_t to_say, said, heard;
    bool ended, differs;
    int exit;
};

/* The byte that stands there. */
static char byte_at(uint64_t place)
{
    return (char)(place * 31 >> 3);
}

/* ------------------------------------------------ saying */

static void left(struct adieu_uv_request *request, int status);

static void say_next(struct client *client, struct piece *piece)
{
    uint64_t rest = client->to_say - client->said;
    uv_buf_t buf = uv_buf_init(piece->bytes, rest < PIECE ? (unsigned)rest : PIECE);
    for (unsigned i = 0; i < buf.len; i++)
        buf.base[i] = byte_at(client->said + i);
    client->said += buf.len;
    if (buf.len)
        (void)adieu_uv_write(&piece->write, client->uv, &buf, 1, left);
    if (client->said == client->to_say && !client->ended)
        (void)adieu_uv_shutdown(&client->end, client->uv, NULL); /* behind all that was asked before */
    client->ended = client->said == client->to_say;
}

static void left(struct adieu_uv_request *request, int status)
{
    struct client *client = adieu_uv_data(request->uv);
    if (status == 0)
        say_next(client, request->data);
}

/* ------------------------------------------------ hearing */

static void gone(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct client *client = adieu_uv_data(request->uv);
    bool whole = client->heard == client->to_say && !client->differs;
    (void)status; /* nobody cancels here */
    client->exit = whole ? (int)adieu_ending_exit(ending) : ADIEU_EXIT_OTHER;
    printf("%llu of %llu bytes came back%s\n", (unsigned long long)client->heard, (unsigned long long)client->to_say,
           client->differs ? ", changed" : "");
    fprintf(stderr, "uv_echo_client: %s\n", adieu_ending_text(ending, (char[160]){0}, 160));
    adieu_uv_free(request->uv);
}

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct client *client = adieu_uv_data(uv);
    (void)suggested;
    *buf = uv_buf_init(client->buf, sizeof client->buf);
}

static void heard(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct client *client = adieu_uv_data(uv);
    for (ssize_t i = 0; i < nread; i++)
        client->differs |= buf->base[i] != byte_at(client->heard++);
    if (nread >= 0)
        return;
    if (nread != UV_EOF)
        fprintf(stderr, "uv_echo_client: %s\n", adieu_uv_error(uv)->text);
    (void)adieu_uv_close(&client->bye, uv, (struct adieu_uv_patience)ADIEU_UV_PATIENCE, gone);
}

/* ------------------------------------------------ beginning */

/* Nobody is told of connect and handshake: where one of them fails, reading fails, too, and tells why. */
static int begin(struct client *client, const char *host, const char *port)
{
    const struct adieu_uv_address address = {.host = host, .port = port};
    int code = adieu_uv_connect(&client->connect, client->uv, &address, NULL);
    if (code == 0)
        code = adieu_uv_handshake(&client->hello, client->uv, NULL);
    for (int i = 0; code == 0 && i < PIECES; i++) {
        client->pieces[i].write.data = &client->pieces[i];
        say_next(client, &client->pieces[i]);
    }
    return code < 0 ? code : adieu_uv_read_start(client->uv, give_room, heard);
}

static int run(struct client *client, char **words)
{
    struct adieu_config *config = throwaway_client(words[3]);
    struct adieu_uv_loop *loop = adieu_uv_loop_new(uv_default_loop());
    client->uv = config && loop ? adieu_uv_client(loop, config, words[1]) : NULL;
    adieu_config_free(config); /* the handle holds its own references */
    adieu_uv_loop_free(loop);
    if (!client->uv)
        return ADIEU_EXIT_CONFIG;
    adieu_uv_set_data(client->uv, client);
    client->to_say = strtoull(words[4], NULL, 10);
    int code = begin(client, words[1], words[2]);
    if (code < 0) {
        fprintf(stderr, "uv_echo_client: %s\n", uv_strerror(code));
        adieu_uv_free(client->uv);
        client->exit = ADIEU_EXIT_OTHER;
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_loop_close(uv_default_loop());
    return client->exit;
}

int main(int argc, char **argv)
{
    static struct client client;
    if (argc == 5)
        return run(&client, argv);
    fputs("usage: uv_echo_client HOST PORT PIN BYTES\n", stderr);
    return ADIEU_EXIT_USAGE;
}
