/* SPDX-License-Identifier: MIT */
/*
 * A is an adieu_uv in a loop of its own, over TCP. Its requests are asked for when a verb is first called, and the verb says WAIT
 * until the callback came. A read that waits goes on reading, as a reader does here: what comes meanwhile is its own.
 */
#include "scene.h"

#include <poll.h>
#include <sys/socket.h>

#include "adieu_uv.h"

enum { GOODBYES = 8 };

/* A request, and what its callback said. */
struct asked {
    struct adieu_uv_request request;
    bool asked, done;
    int status;
};

struct on_uv {
    uv_loop_t loop;
    struct adieu_uv_loop *shared;
    struct adieu_uv *uv;
    struct asked handshake, shutdown;
    /* goodbyes: one more for each patience */
    struct adieu_uv_request goodbyes[GOODBYES];
    unsigned asked;
    struct adieu_fd_patience patience;
    bool closed;
    struct adieu_ending ending;
    /* a read */
    char buf[16384];
    size_t wanted;
    bool reading;
    BIO *came;       /* and not asked for yet */
    int read_status; /* what came behind it; 0: nothing yet */
    uv_stream_t *given_back;
};

static struct on_uv *on(struct scene *s)
{
    return s->own;
}

static void run(struct scene *s)
{
    if (on(s)->uv)
        adieu_uv_wake(on(s)->uv);
    for (int i = 0; i < 3; i++)
        (void)uv_run(&on(s)->loop, UV_RUN_NOWAIT);
}

static void uv_begin(struct scene *s)
{
    struct on_uv *uv = on(s);
    uv->uv = s->server ? adieu_uv_server(uv->shared, s->config) : adieu_uv_client(uv->shared, s->config, s->name);
    assert_non_null(uv->uv);
    adieu_uv_set_data(uv->uv, uv);
    s->stream = adieu_uv_stream(uv->uv);
}

static void on_uv_open(struct scene *s)
{
    int ends[2];
    struct on_uv *uv = s->own = calloc(1, sizeof(struct on_uv));
    assert_int_equal(uv_loop_init(&uv->loop), 0);
    uv->shared = adieu_uv_loop_new(&uv->loop);
    uv->came = BIO_new(BIO_s_mem());
    uv_begin(s);
    join_by_tcp(s, ends);
    s->b.line.descriptor = ends[1];
    assert_int_equal(adieu_uv_open(uv->uv, ends[0]), 0);
}

/* ------------------------------------------------ requests */

static void on_done(struct adieu_uv_request *request, int status)
{
    struct asked *asked = request->data;
    assert_false(asked->done);
    asked->done = true;
    asked->status = status;
}

static enum adieu_status answer(const struct asked *asked)
{
    if (!asked->done)
        return ADIEU_WAIT;
    return asked->status == 0 ? ADIEU_OK : ADIEU_FAIL;
}

static void ask(struct scene *s, struct asked *asked,
                int (*call)(struct adieu_uv_request *request, struct adieu_uv *uv,
                            void (*done)(struct adieu_uv_request *request, int status)))
{
    if (!asked->asked) {
        *asked = (struct asked){.asked = true, .request.data = asked};
        asked->status = call(&asked->request, on(s)->uv, on_done);
        asked->done = asked->status < 0;
    }
    run(s);
}

static enum adieu_status on_uv_handshake(struct scene *s, int64_t deadline)
{
    struct on_uv *uv = on(s);
    uv_update_time(&uv->loop); /* which counts from the time that it last looked */
    if (!uv->handshake.asked)
        adieu_uv_handshake_timeout(uv->uv, deadline == ADIEU_FD_FOREVER ? 0 : (uint64_t)(deadline - adieu_fd_now()));
    ask(s, &uv->handshake, adieu_uv_handshake);
    return answer(&uv->handshake);
}

/* Each call that comes behind an answer asks anew. */
static enum adieu_status on_uv_shutdown(struct scene *s)
{
    struct asked *asked = &on(s)->shutdown;
    ask(s, asked, adieu_uv_shutdown);
    asked->asked = !asked->done;
    return answer(asked);
}

/* ------------------------------------------------ reading and writing */

static void on_alloc(struct adieu_uv *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct on_uv *uv = adieu_uv_data(handle);
    *buf = uv_buf_init(uv->buf, (unsigned)uv->wanted);
}

/* Who wants all there is goes on reading; who wants so much has it. */
static void on_read(struct adieu_uv *handle, ssize_t nread, const uv_buf_t *buf)
{
    struct on_uv *uv = adieu_uv_data(handle);
    if (nread > 0)
        assert_int_equal(BIO_write(uv->came, buf->base, (int)nread), nread);
    if (nread < 0)
        uv->read_status = (int)nread;
    if (nread == 0 || (nread > 0 && uv->wanted == sizeof uv->buf))
        return;
    uv->reading = false;
    assert_int_equal(adieu_uv_read_stop(handle), 0);
}

static void start_reading(struct on_uv *uv, size_t size)
{
    uv->wanted = size < sizeof uv->buf ? size : sizeof uv->buf;
    if (uv->reading || uv->read_status < 0 || BIO_ctrl_pending(uv->came) > 0)
        return;
    uv->read_status = adieu_uv_read_start(uv->uv, on_alloc, on_read);
    uv->reading = uv->read_status == 0;
}

static enum adieu_status on_uv_read(struct scene *s, void *buf, size_t size, size_t *got)
{
    struct on_uv *uv = on(s);
    start_reading(uv, size);
    run(s);
    int n = BIO_read(uv->came, buf, (int)(size < sizeof uv->buf ? size : sizeof uv->buf));
    if (n > 0) {
        *got = (size_t)n;
        return ADIEU_OK;
    }
    int status = uv->read_status;
    uv->read_status = 0; /* asked again, it is to be told again */
    return status == 0 ? ADIEU_WAIT : status == UV_EOF ? ADIEU_END : ADIEU_FAIL;
}

static enum adieu_status on_uv_write(struct scene *s, const void *buf, size_t size, size_t *took)
{
    const uv_buf_t bufs = {.base = (char *)(uintptr_t)buf, .len = size};
    run(s);
    int n = adieu_uv_try_write(on(s)->uv, &bufs, 1);
    if (n >= 0)
        *took = (size_t)n;
    if (n >= 0 || n == UV_EAGAIN)
        return n >= 0 ? ADIEU_OK : ADIEU_WAIT;
    enum adieu_sending sending = adieu_ending(s->stream).sending;
    bool said = sending == ADIEU_SENDING_CLOSING || sending == ADIEU_SENDING_CLOSED;
    return said && n == UV_EPIPE ? ADIEU_MISUSE : ADIEU_FAIL;
}

/* ------------------------------------------------ ends */

static void on_closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct on_uv *uv = request->data;
    assert_int_equal(status, 0);
    uv->closed = true;
    uv->ending = *ending;
}

static enum adieu_status on_uv_close(struct scene *s, struct adieu_fd_patience patience, struct adieu_ending *ending)
{
    struct on_uv *uv = on(s);
    bool same = uv->asked > 0 && uv->patience.quiet_ms == patience.quiet_ms;
    if (!uv->closed && !same) {
        struct adieu_uv_request *request = &uv->goodbyes[uv->asked++];
        assert_true(uv->asked <= GOODBYES);
        request->data = uv;
        uv->patience = patience;
        assert_int_equal(adieu_uv_close(request, uv->uv, (struct adieu_uv_patience){patience.quiet_ms, -1}, on_closed),
                         0);
    }
    run(s);
    if (uv->closed)
        *ending = uv->ending;
    return uv->closed ? ADIEU_OK : ADIEU_WAIT;
}

static void on_uv_abort(struct scene *s, enum adieu_reason reason)
{
    adieu_uv_abort(on(s)->uv, reason);
    run(s);
}

/* ------------------------------------------------ the rest */

static void on_uv_tick(struct scene *s)
{
    if (on(s))
        run(s);
}

static void on_uv_idle(struct scene *s)
{
    uv_loop_t *loop = &on(s)->loop;
    const struct raw *b = &s->b;
    bool hears = !b->deaf && !b->line.a_ended && !b->line.a_reset;
    bool speaks = !b->mute && !b->line.b_ended && BIO_ctrl_pending(b->out) > 0;
    short wishes = (short)((hears ? POLLIN : 0) | (speaks ? POLLOUT : 0));
    struct pollfd set[2] = {{uv_backend_fd(loop), POLLIN, 0}, {wishes ? b->line.descriptor : -1, wishes, 0}};
    int timeout = uv_backend_timeout(loop);
    (void)poll(set, 2, timeout < 0 || timeout > 5 ? 5 : timeout);
    run(s);
}

static void on_uv_cut(struct scene *s, int how)
{
    uv_os_fd_t descriptor;
    assert_int_equal(uv_fileno((uv_handle_t *)adieu_uv_transport(on(s)->uv), &descriptor), 0);
    assert_int_equal(shutdown(descriptor, how), 0);
}

static bool on_uv_released(struct scene *s)
{
    return !adieu_uv_transport(on(s)->uv);
}

static struct adieu_ending on_uv_ending(struct scene *s)
{
    return adieu_uv_ending(on(s)->uv);
}

static struct adieu_error on_uv_error(struct scene *s)
{
    return *adieu_uv_error(on(s)->uv);
}

static void free_stream(uv_handle_t *stream)
{
    free(stream);
}

/* The loop must come out empty. */
static void on_uv_free(struct scene *s)
{
    struct on_uv *uv = on(s);
    adieu_uv_free(uv->uv);
    adieu_uv_loop_free(uv->shared);
    if (uv->given_back)
        uv_close((uv_handle_t *)uv->given_back, free_stream);
    (void)uv_run(&uv->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&uv->loop), 0);
    BIO_free(uv->came);
    free(uv);
    s->own = NULL;
}

/* ------------------------------------------------ given back */

static void on_uv_give_back(struct scene *s)
{
    const uint8_t *at;
    size_t n;
    struct on_uv *uv = on(s);
    run(s);
    assert_int_equal(adieu_uv_detach(uv->uv, &uv->given_back, &at, &n), 0);
    s->surplus = BIO_new(BIO_s_mem());
    BIO_write(s->surplus, at, (int)n);
    uv_os_fd_t descriptor;
    assert_int_equal(uv_fileno((uv_handle_t *)uv->given_back, &descriptor), 0);
    s->given_back = descriptor;
}

static size_t on_uv_plain_read(struct scene *s, void *buf, size_t size)
{
    int n = BIO_read(s->surplus, buf, (int)size);
    if (n > 0)
        return (size_t)n;
    ssize_t came = recv(s->given_back, buf, size, MSG_DONTWAIT);
    return came > 0 ? (size_t)came : 0;
}

static void on_uv_plain_say(struct scene *s, const void *bytes, size_t size)
{
    assert_int_equal(send(s->given_back, bytes, size, MSG_NOSIGNAL), size);
}

/* The handle of the first session is gone, but not the transport. */
static void on_uv_restart(struct scene *s)
{
    uint8_t buf[16384];
    struct on_uv *uv = on(s);
    adieu_uv_free(uv->uv);
    uv->handshake = uv->shutdown = (struct asked){0};
    uv_begin(s);
    assert_int_equal(adieu_uv_adopt(uv->uv, uv->given_back), 0);
    for (int n; (n = BIO_read(s->surplus, buf, sizeof buf)) > 0;)
        assert_int_equal(adieu_uv_put_back(uv->uv, buf, (size_t)n), 0);
}

/* From its first loop on libuv keeps descriptors of its own. */
static void warm_up(void)
{
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static const struct driver driver = {
    .name = "libuv",
    .where = OVER_UV,
    .warm_up = warm_up,
    .open = on_uv_open,
    .handshake = on_uv_handshake,
    .read = on_uv_read,
    .write = on_uv_write,
    .shutdown = on_uv_shutdown,
    .close = on_uv_close,
    .abort = on_uv_abort,
    .tick = on_uv_tick,
    .idle = on_uv_idle,
    .cut = on_uv_cut,
    .released = on_uv_released,
    .ending = on_uv_ending,
    .error = on_uv_error,
    .free = on_uv_free,
    .give_back = on_uv_give_back,
    .plain_read = on_uv_plain_read,
    .plain_say = on_uv_plain_say,
    .restart = on_uv_restart,
};
const struct driver *const over_uv = &driver;
