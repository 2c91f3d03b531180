/* SPDX-License-Identifier: MIT */
/*
 * A request, a half-close, and the whole reply: uv_half_close HOST PORT PIN REQUEST > REPLY. Our end tells the server
 * that the request is whole; it may answer as long as it likes; its end tells us that the reply is. Neither side needs
 * a length, and neither end can be forged.
 *
 * "asio::ssl::stream" cannot do it: its shutdown waits for the peer's end, and fails if data comes before.
 */
#include <stdio.h>
#include <string.h>

#include <adieu_uv.h>

#include "throwaway.h"

struct exchange {
    struct adieu_uv_request connect, hello, say, end, bye;
    uv_buf_t request;
    char reply[65536];
    int exit;
};

static void gone(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct exchange *exchange = adieu_uv_data(request->uv);
    (void)status; /* nobody cancels here */
    exchange->exit = (int)adieu_ending_exit(ending);
    fprintf(stderr, "uv_half_close: %s\n", adieu_ending_text(ending, (char[160]){0}, 160));
    adieu_uv_free(request->uv);
}

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct exchange *exchange = adieu_uv_data(uv);
    (void)suggested;
    *buf = uv_buf_init(exchange->reply, sizeof exchange->reply);
}

/* UV_EOF is the server's authentic end and nothing else: a connection that just stops is UV_ECONNABORTED. */
static void heard(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct exchange *exchange = adieu_uv_data(uv);
    if (nread > 0)
        fwrite(buf->base, 1, (size_t)nread, stdout);
    if (nread >= 0)
        return;
    if (nread != UV_EOF)
        fprintf(stderr, "uv_half_close: %s\n", adieu_uv_error(uv)->text);
    (void)adieu_uv_close(&exchange->bye, uv, (struct adieu_uv_patience)ADIEU_UV_PATIENCE, gone);
}

/* All in one breath; each waits for what it needs. Where one of them fails, reading fails, too, and tells why. */
static int begin(struct adieu_uv *uv, struct exchange *exchange, const struct adieu_uv_address *address)
{
    int code = adieu_uv_connect(&exchange->connect, uv, address, NULL);
    if (code == 0)
        code = adieu_uv_handshake(&exchange->hello, uv, NULL);
    if (code == 0)
        code = adieu_uv_write(&exchange->say, uv, &exchange->request, 1, NULL);
    if (code == 0)
        code = adieu_uv_shutdown(&exchange->end, uv, NULL);
    return code < 0 ? code : adieu_uv_read_start(uv, give_room, heard);
}

int main(int argc, char **argv)
{
    static struct exchange exchange;
    if (argc != 5) {
        fputs("usage: uv_half_close HOST PORT PIN REQUEST > REPLY\n", stderr);
        return ADIEU_EXIT_USAGE;
    }
    const struct adieu_uv_address address = {.host = argv[1], .port = argv[2]};
    struct adieu_config *config = throwaway_client(argv[3]);
    struct adieu_uv_loop *loop = adieu_uv_loop_new(uv_default_loop());
    struct adieu_uv *uv = config && loop ? adieu_uv_client(loop, config, argv[1]) : NULL;
    adieu_config_free(config); /* the handle holds its own references */
    adieu_uv_loop_free(loop);
    exchange.request = uv_buf_init(argv[4], (unsigned)strlen(argv[4]));
    exchange.exit = ADIEU_EXIT_OTHER;
    if (uv)
        adieu_uv_set_data(uv, &exchange);
    if (!uv || begin(uv, &exchange, &address) < 0)
        adieu_uv_free(uv);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_loop_close(uv_default_loop());
    return exchange.exit;
}
