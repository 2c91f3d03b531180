/* SPDX-License-Identifier: MIT */
#include "looped.h"

#include <stdlib.h>
#include <string.h>

/* A request that nothing but its outcome is known of. */
struct asking {
    struct adieu_uv_request request;
    bool pending, over;
    int status;
};

/* What is written has to stay until its callback, which may come when nobody asks for it any more. */
struct writing {
    struct asking asking;
    struct writing *next;
    size_t told; /* of what was taken */
    size_t size;
    uint8_t bytes[];
};

struct looped {
    uv_loop_t loop;
    struct adieu_uv_loop *shared;
    struct adieu_uv *uv;
    struct asking handshake, shutdown, close;
    struct writing *writings; /* all that there were: freed at the end, since adieu_uv_free() leaves them */
    struct writing *writing;  /* that is not wholly taken */
    void *buf;                /* of the read in progress */
    size_t size;
    ssize_t nread; /* 0: nothing yet */
    bool reading;
    struct adieu_ending last; /* that the goodbye told */
    const char *complaint;
};

static void complain(struct looped *looped, const char *text)
{
    if (!looped->complaint)
        looped->complaint = text;
}

/* ------------------------------------------------ the loop */

static bool has_something(const uv_loop_t *loop)
{
    struct pollfd ready = {.fd = uv_backend_fd(loop), .events = POLLIN};
    return uv_loop_alive(loop) && (uv_backend_timeout(loop) == 0 || poll(&ready, 1, 0) > 0);
}

/* Once more after it had nothing to do: what was asked for last is known to the kernel then. */
static void turn(struct looped *looped)
{
    enum { TURNS = 20000 };
    int turns = 0;
    for (int idle = 0; idle < 2 && turns < TURNS; turns++) {
        uv_run(&looped->loop, UV_RUN_NOWAIT);
        idle = has_something(&looped->loop) ? 0 : idle + 1;
    }
    if (turns == TURNS)
        complain(looped, "the loop spins");
}

struct pollfd looped_interest(const struct looped *looped, int *timeout_ms)
{
    bool alive = uv_loop_alive(&looped->loop);
    *timeout_ms = alive ? uv_backend_timeout(&looped->loop) : -1;
    return (struct pollfd){.fd = alive ? uv_backend_fd(&looped->loop) : -1, .events = POLLIN};
}

/* ------------------------------------------------ life */

void looped_warm_up(void)
{
    uv_loop_t loop;
    if (uv_loop_init(&loop) == 0)
        (void)uv_loop_close(&loop);
}

struct looped *looped_new(struct adieu_config *config, bool server, const char *name)
{
    struct looped *looped = calloc(1, sizeof *looped);
    if (!looped || uv_loop_init(&looped->loop) != 0) {
        free(looped);
        return NULL;
    }
    looped->shared = adieu_uv_loop_new(&looped->loop);
    if (looped->shared)
        looped->uv = server ? adieu_uv_server(looped->shared, config) : adieu_uv_client(looped->shared, config, name);
    if (looped->uv) {
        adieu_uv_set_data(looped->uv, looped);
        return looped;
    }
    looped_free(looped);
    return NULL;
}

struct adieu_uv *looped_uv(const struct looped *looped)
{
    return looped->uv;
}

/* What the goodbye told is how it stands; only the peer's TCP goes on. */
static void check_ending(struct looped *looped)
{
    struct adieu_ending now = adieu_uv_ending(looped->uv);
    now.acknowledged = looped->last.acknowledged;
    if (memcmp(&now, &looped->last, sizeof now) != 0)
        complain(looped, "the ending is another than the goodbye told");
}

void looped_release(struct looped *looped)
{
    if (looped->uv && looped->close.over)
        check_ending(looped);
    adieu_uv_free(looped->uv);
    looped->uv = NULL;
    turn(looped);
}

const char *looped_free(struct looped *looped)
{
    if (!looped)
        return NULL;
    looped_release(looped);
    adieu_uv_loop_free(looped->shared);
    turn(looped);
    if (uv_loop_close(&looped->loop) != 0)
        complain(looped, "a handle of libuv is left open");
    for (struct writing *next; looped->writings; looped->writings = next) {
        next = looped->writings->next;
        free(looped->writings);
    }
    const char *complaint = looped->complaint;
    free(looped);
    return complaint;
}

/* ------------------------------------------------ asking */

static void answered(struct adieu_uv_request *request, int status)
{
    struct asking *asking = request->data;
    if (asking->over)
        complain(adieu_uv_data(request->uv), "a callback came twice");
    asking->over = true;
    asking->status = status;
}

static void stop_reading(struct looped *looped)
{
    if (looped->reading)
        adieu_uv_read_stop(looped->uv);
    looped->reading = false;
}

/* False: it is under way already. */
static bool to_be_asked(struct looped *looped, struct asking *asking)
{
    stop_reading(looped);
    if (asking->pending)
        return false;
    *asking = (struct asking){.request.data = asking, .pending = true};
    return true;
}

/* What the call that asked has answered. */
static enum adieu_status refused(int asked)
{
    return asked == UV_EPIPE || asked == UV_EALREADY ? ADIEU_MISUSE : ADIEU_FAIL;
}

/* What has become of it; asked is 0 if it was asked before. */
static enum adieu_status outcome(struct looped *looped, struct asking *asking, int asked)
{
    asking->pending = asked == 0;
    if (asked < 0)
        return refused(asked);
    turn(looped);
    if (!asking->over)
        return ADIEU_WAIT;
    asking->pending = false;
    return asking->status == 0 ? ADIEU_OK : ADIEU_FAIL;
}

static bool too_early(const struct looped *looped)
{
    return !adieu_version(adieu_uv_stream(looped->uv));
}

static enum adieu_status withdraw(struct looped *looped, struct asking *asking)
{
    if (adieu_uv_cancel(&asking->request) != 0 || asking->over)
        complain(looped, "what waits for the handshake cannot be withdrawn");
    turn(looped);
    if (asking->status != UV_ECANCELED || asking->request.taken)
        complain(looped, "what was withdrawn before the handshake was not");
    asking->pending = false;
    return ADIEU_MISUSE;
}

enum adieu_status looped_handshake(struct looped *looped)
{
    struct asking *asking = &looped->handshake;
    int asked = to_be_asked(looped, asking) ? adieu_uv_handshake(&asking->request, looped->uv, answered) : 0;
    return outcome(looped, asking, asked);
}

enum adieu_status looped_shutdown(struct looped *looped)
{
    struct asking *asking = &looped->shutdown;
    int asked = to_be_asked(looped, asking) ? adieu_uv_shutdown(&asking->request, looped->uv, answered) : 0;
    enum adieu_status status = outcome(looped, asking, asked);
    return status == ADIEU_WAIT && too_early(looped) ? withdraw(looped, asking) : status;
}

static void closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct looped *looped = adieu_uv_data(request->uv);
    answered(request, status);
    looped->last = *ending;
}

enum adieu_status looped_close(struct looped *looped, int64_t quiet_ms)
{
    struct asking *asking = &looped->close;
    const struct adieu_uv_patience patience = {.quiet_ms = quiet_ms, .total_ms = -1};
    int asked = to_be_asked(looped, asking) ? adieu_uv_close(&asking->request, looped->uv, patience, closed) : 0;
    return outcome(looped, asking, asked);
}

void looped_abort(struct looped *looped)
{
    adieu_uv_abort(looped->uv, ADIEU_REASON_REQUEST);
    turn(looped);
}

/* ------------------------------------------------ reading */

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    const struct looped *looped = adieu_uv_data(uv);
    (void)suggested;
    *buf = uv_buf_init(looped->buf, (unsigned)looped->size);
}

/* One piece, or the end, is enough for one verb. */
static void was_read(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct looped *looped = adieu_uv_data(uv);
    (void)buf;
    if (!looped->reading)
        complain(looped, "read was called though nobody reads");
    looped->nread = nread;
    looped->reading = nread == 0;
    if (nread > 0)
        adieu_uv_read_stop(uv);
}

enum adieu_status looped_read(struct looped *looped, void *buf, size_t size, size_t *got)
{
    looped->buf = buf;
    looped->size = size;
    looped->nread = 0;
    if (!looped->reading)
        (void)adieu_uv_read_start(looped->uv, give_room, was_read);
    looped->reading = true;
    turn(looped);
    if (looped->nread > 0) {
        *got = (size_t)looped->nread;
        return ADIEU_OK;
    }
    if (looped->nread < 0)
        return looped->nread == UV_EOF ? ADIEU_END : ADIEU_FAIL;
    if (!too_early(looped))
        return ADIEU_WAIT;
    stop_reading(looped);
    return ADIEU_MISUSE;
}

/* ------------------------------------------------ writing */

static int begin_write(struct looped *looped, const void *buf, size_t size)
{
    struct writing *writing = calloc(1, sizeof *writing + size);
    if (!writing)
        return UV_ENOMEM;
    writing->asking.request.data = &writing->asking;
    writing->next = looped->writings;
    looped->writings = writing;
    writing->size = size;
    memcpy(writing->bytes, buf, size);
    const uv_buf_t whole = uv_buf_init((char *)writing->bytes, (unsigned)size);
    int asked = adieu_uv_write(&writing->asking.request, looped->uv, &whole, 1, answered);
    if (asked == 0)
        looped->writing = writing;
    return asked;
}

static enum adieu_status progress(struct looped *looped, size_t *took)
{
    struct writing *writing = looped->writing;
    bool failed = writing->asking.over && writing->asking.status != 0;
    *took = writing->asking.request.taken - writing->told;
    writing->told += *took;
    if (failed || writing->told == writing->size) /* what was taken leaves by itself */
        looped->writing = NULL;
    return failed ? ADIEU_FAIL : *took ? ADIEU_OK : ADIEU_WAIT;
}

static bool last_failed(const struct looped *looped)
{
    const struct writing *last = looped->writings;
    return last && last->asking.over && last->asking.status != 0;
}

enum adieu_status looped_write(struct looped *looped, const void *buf, size_t size, size_t *took)
{
    stop_reading(looped);
    int asked = size > 0 && !looped->writing ? begin_write(looped, buf, size) : 0;
    if (asked < 0)
        return refused(asked);
    turn(looped);
    struct writing *writing = looped->writing;
    if (!writing)
        return last_failed(looped) ? ADIEU_FAIL : ADIEU_OK;
    if (writing->asking.over || !too_early(looped))
        return progress(looped, took);
    looped->writing = NULL;
    return withdraw(looped, &writing->asking);
}
