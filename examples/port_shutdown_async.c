/* SPDX-License-Identifier: MIT */
/*
 * The example by which .NET got SslStream.ShutdownAsync (github.com/dotnet/corefx/issues/12213), on libuv: the server
 * shuts down, the client reads 0, the client shuts down, the server reads 0. Here 0 is UV_EOF, and it comes for an
 * authentic end only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <adieu_uv.h>

#include "throwaway.h"

struct side {
    const char *name;
    struct adieu_uv *uv;
    struct adieu_uv_request hello, end, bye;
    char buf[1024];
    bool established, heard_end;
};

static struct side server = {.name = "server"}, client = {.name = "client"};

static void gone(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct side *side = adieu_uv_data(request->uv);
    (void)status; /* nobody cancels here */
    printf("%s: %s\n", side->name, adieu_ending_text(ending, (char[160]){0}, 160));
    adieu_uv_free(side->uv);
}

static void say_goodbye(struct side *side)
{
    (void)adieu_uv_close(&side->bye, side->uv, (struct adieu_uv_patience)ADIEU_UV_PATIENCE, gone);
}

static void shut_down(struct adieu_uv_request *request, int status)
{
    struct side *side = adieu_uv_data(request->uv);
    printf("%s has shut down: %d\n", side->name, status);
}

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct side *side = adieu_uv_data(uv);
    (void)suggested;
    *buf = uv_buf_init(side->buf, sizeof side->buf);
}

/* The client answers the server's end with its own; when that has come, too, both are done. */
static void heard(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct side *side = adieu_uv_data(uv);
    (void)buf;
    if (nread >= 0)
        return;
    printf("%s reads %s\n", side->name, uv_err_name((int)nread));
    side->heard_end = nread == UV_EOF;
    if (side == &client && nread == UV_EOF && adieu_uv_shutdown(&client.end, uv, shut_down) == 0)
        return;
    say_goodbye(&client);
    say_goodbye(&server);
}

static void met(struct adieu_uv_request *request, int status)
{
    struct side *side = adieu_uv_data(request->uv);
    side->established = status == 0;
    if (client.established && server.established)
        (void)adieu_uv_shutdown(&server.end, server.uv, shut_down);
}

/* Reading may be asked for at once; it waits for the handshake, and fails with it. */
static bool begin(struct side *side, struct adieu_uv *uv, int descriptor)
{
    side->uv = uv;
    if (!uv)
        return false;
    adieu_uv_set_data(uv, side);
    return adieu_uv_open(uv, descriptor) == 0 && adieu_uv_handshake(&side->hello, uv, met) == 0 &&
           adieu_uv_read_start(uv, give_room, heard) == 0;
}

int main(void)
{
    struct adieu_config *ours, *theirs;
    struct adieu_uv_loop *loop = adieu_uv_loop_new(uv_default_loop());
    int ends[2];
    if (!loop || !throwaway_pair(&ours, &theirs) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ||
        !begin(&client, adieu_uv_client(loop, ours, "localhost"), ends[0]) ||
        !begin(&server, adieu_uv_server(loop, theirs), ends[1]))
        return EXIT_FAILURE;
    adieu_config_free(ours); /* the handles hold their own references */
    adieu_config_free(theirs);
    adieu_uv_loop_free(loop);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_loop_close(uv_default_loop());
    return client.heard_end && server.heard_end ? EXIT_SUCCESS : EXIT_FAILURE;
}
