/* SPDX-License-Identifier: MIT */
/* adieu on libuv: a loop for each side, so that a turn of it is that side's. */
#include "figures.h"

#include <stdlib.h>

#include "adieu_uv.h"
#include "configs.h"

enum { PENDING = 4 };

struct end {
    struct adieu_uv *uv;
    uv_loop_t *loop;
    struct adieu_uv_request handshake, close, writes[PENDING];
    unsigned asked; /* writes, ever */
    bool shaking, shaken, closing, closed, echoes;
    size_t heard, said;
};

struct side {
    uv_loop_t loop;
    struct adieu_uv_loop *shared;
};

static struct side client_side, server_side;
static char room[READ_SIZE];

static void check(int code)
{
    if (code)
        give_up(uv_strerror(code));
}

/* ------------------------------------------------ loops */

static void side_begin(struct side *side)
{
    check(uv_loop_init(&side->loop));
    side->shared = adieu_uv_loop_new(&side->loop);
    if (!side->shared)
        give_up("memory");
}

static void side_end(struct side *side)
{
    adieu_uv_loop_free(side->shared);
    uv_run(&side->loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&side->loop));
}

void subject_begin(const char *cert, const char *key)
{
    configs_begin(cert, key);
    side_begin(&client_side);
    side_begin(&server_side);
}

void subject_end(void)
{
    side_end(&client_side);
    side_end(&server_side);
    configs_end();
}

/* ------------------------------------------------ callbacks */

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    (void)uv, (void)suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void write_done(struct adieu_uv_request *request, int status)
{
    struct end *end = adieu_uv_data(request->uv);
    check(status);
    end->said += request->sent;
}

static void begin_write(struct end *end, const char *bytes, size_t size)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)size);
    check(adieu_uv_write(&end->writes[end->asked++ % PENDING], end->uv, &buf, 1, write_done));
}

static void was_read(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct end *end = adieu_uv_data(uv);
    if (nread < 0 && nread != UV_EOF)
        check((int)nread);
    if (nread <= 0)
        return;
    end->heard += (size_t)nread;
    if (end->echoes)
        begin_write(end, buf->base, (size_t)nread);
}

static void handshake_done(struct adieu_uv_request *request, int status)
{
    struct end *end = adieu_uv_data(request->uv);
    check(status);
    end->shaken = true;
    check(adieu_uv_read_start(end->uv, give_room, was_read));
}

static void was_closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct end *end = adieu_uv_data(request->uv);
    check(status);
    if (adieu_ending_exit(ending) != ADIEU_EXIT_DELIVERED)
        give_up("a graceful end");
    end->closed = true;
}

/* ------------------------------------------------ ends */

const size_t end_size = sizeof(struct end);

void end_begin(struct end *end, bool server, bool resumes, int descriptor)
{
    struct side *side = server ? &server_side : &client_side;
    end->loop = &side->loop;
    end->uv = server ? adieu_uv_server(side->shared, server_config)
                     : adieu_uv_client(side->shared, resumes ? resuming_config : client_config, "localhost");
    if (!end->uv)
        give_up("memory");
    adieu_uv_set_data(end->uv, end);
    check(adieu_uv_open(end->uv, descriptor));
}

void end_end(struct end *end)
{
    adieu_uv_free(end->uv);
    uv_run(end->loop, UV_RUN_NOWAIT);
}

bool end_handshake(struct end *end)
{
    if (!end->shaking)
        check(adieu_uv_handshake(&end->handshake, end->uv, handshake_done));
    end->shaking = true;
    uv_run(end->loop, UV_RUN_NOWAIT);
    return end->shaken;
}

bool end_resumed(const struct end *end)
{
    return adieu_resumed(adieu_uv_stream(end->uv));
}

size_t end_write(struct end *end, const char *bytes, size_t size)
{
    if (adieu_uv_write_queue_size(end->uv) == 0)
        begin_write(end, bytes, size);
    end->said = 0;
    uv_run(end->loop, UV_RUN_NOWAIT);
    return end->said;
}

static size_t hear(struct end *end, bool echoes)
{
    end->echoes = echoes;
    end->heard = 0;
    uv_run(end->loop, UV_RUN_NOWAIT);
    return end->heard;
}

size_t end_read(struct end *end)
{
    return hear(end, false);
}

size_t end_echo(struct end *end)
{
    return hear(end, true);
}

void end_rest(struct end *end)
{
    int left = MOST_RESTS;
    for (int wait; (wait = uv_backend_timeout(end->loop)) >= 0; uv_run(end->loop, UV_RUN_NOWAIT)) {
        if (left-- == 0)
            give_up("it has no rest");
        time_passes(wait);
        uv_update_time(end->loop);
    }
}

bool end_close(struct end *end)
{
    struct adieu_uv_patience patience = ADIEU_UV_PATIENCE;
    if (!end->closing)
        check(adieu_uv_close(&end->close, end->uv, patience, was_closed));
    end->closing = true;
    uv_run(end->loop, UV_RUN_NOWAIT);
    return end->closed;
}
