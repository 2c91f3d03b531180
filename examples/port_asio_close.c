/* SPDX-License-Identifier: MIT */
/*
 * Two ways to leave, as asked on Stack Overflow for boost::asio (questions 25587403 and 32046034), on libuv.
 *
 *   port_asio_close cancel     cancel what is pending, shut down, close
 *   port_asio_close farewell   tell me when close_notify has left, then close without waiting
 *
 * A leaves while it reads, and while a write of 4 MB is stuck; B, its peer, hears everything to the end, and answers
 * only then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <adieu_uv.h>

#include "throwaway.h"

enum { SIZE = 4 << 20 };

struct side {
    struct adieu_uv *uv;
    struct adieu_uv_request hello, write, end, bye;
    char buf[65536];
};

static struct side a, b;
static uv_timer_t later;
static char bytes[SIZE]; /* what A has to say */
static size_t heard_by_b, a_said;
static const struct adieu_uv_patience patience = ADIEU_UV_PATIENCE;
static bool cancels, good = true;

static void expect(bool as_told, const char *what)
{
    printf("%s%s\n", as_told ? "" : "NOT AS TOLD: ", what);
    good &= as_told;
}

/* ------------------------------------------------ A: cancel, shut down, close */

static void a_closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    expect(status == 0 && ending->receiving == ADIEU_RECEIVING_CLOSED, "A: closed, and B's end has come, too");
    adieu_uv_free(request->uv);
}

static void a_shut_down(struct adieu_uv_request *request, int status)
{
    expect(status == 0, "A: close_notify has left");
    (void)adieu_uv_close(&a.bye, request->uv, patience, a_closed);
}

/*
 * What was taken of a cancelled write leaves, what was not never will: B can tell no difference from a shorter message.
 */
static void a_wrote(struct adieu_uv_request *request, int status)
{
    a_said = request->taken;
    expect(status == UV_ECANCELED && request->taken < SIZE, "A: the write was cancelled, and knows how far it came");
}

/* asio: lowest_layer().cancel(); async_shutdown(); in its handler lowest_layer().close(). */
static void cancel_shut_down_close(struct adieu_uv *uv)
{
    adieu_uv_read_stop(uv);
    (void)adieu_uv_cancel(&a.write);
    (void)adieu_uv_shutdown(&a.end, uv, a_shut_down);
}

/* ------------------------------------------------ A: farewell */

static void a_has_left(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    (void)request; /* request->uv is not A's any more */
    expect(status == 0 && ending->sending == ADIEU_SENDING_CLOSED,
           "A: close_notify has left, and A forgets the handle");
}

static void a_said_all(struct adieu_uv_request *request, int status)
{
    a_said = request->taken;
    expect(status == 0 && request->sent == SIZE, "A: the write was not cancelled; all of it has left");
}

/* asio: async_shutdown(), and a write behind it that fails when close_notify has left; in its handler close(). */
static void leave_at_once(struct adieu_uv *uv)
{
    (void)adieu_uv_farewell(&a.bye, uv, patience, a_has_left);
}

/* ------------------------------------------------ B, who hears it all */

static void b_closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    expect(status == 0 && adieu_ending_exit(ending) == ADIEU_EXIT_DELIVERED, "B: closed, and nothing is missing");
    adieu_uv_free(request->uv);
}

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct side *side = adieu_uv_data(uv);
    (void)suggested;
    *buf = uv_buf_init(side->buf, sizeof side->buf);
}

static void b_heard(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    if (nread > 0) {
        good &= memcmp(buf->base, bytes + heard_by_b, (size_t)nread) == 0;
        heard_by_b += (size_t)nread;
    }
    if (nread < 0) {
        expect(nread == UV_EOF && heard_by_b == a_said, "B: reads A's authentic end, and before it all that A said");
        (void)adieu_uv_close(&b.bye, uv, patience, b_closed);
    }
}

/* ------------------------------------------------ beginning */

/* A reads for nothing, since B says nothing; B does not read yet, and so A's write is stuck. */
static void a_heard(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    (void)uv, (void)buf;
    expect(nread == 0, "A: hears nothing while it reads");
}

static void leave(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    if (cancels)
        cancel_shut_down_close(a.uv);
    else
        leave_at_once(a.uv);
    (void)adieu_uv_read_start(b.uv, give_room, b_heard);
}

static void met(struct adieu_uv_request *request, int status)
{
    uv_buf_t all = uv_buf_init(bytes, SIZE);
    if (status < 0)
        expect(false, "the handshake");
    if (status < 0 || request->uv != a.uv)
        return;
    (void)adieu_uv_read_start(a.uv, give_room, a_heard);
    (void)adieu_uv_write(&a.write, a.uv, &all, 1, cancels ? a_wrote : a_said_all);
    uv_timer_start(&later, leave, 100, 0);
}

static bool begin(struct side *side, struct adieu_uv *uv, int descriptor)
{
    side->uv = uv;
    if (!uv)
        return false;
    adieu_uv_set_data(uv, side);
    return adieu_uv_open(uv, descriptor) == 0 && adieu_uv_handshake(&side->hello, uv, met) == 0;
}

int main(int argc, char **argv)
{
    struct adieu_config *ours, *theirs;
    struct adieu_uv_loop *loop = adieu_uv_loop_new(uv_default_loop());
    int ends[2];
    cancels = argc == 2 && strcmp(argv[1], "cancel") == 0;
    if (!cancels && (argc != 2 || strcmp(argv[1], "farewell") != 0)) {
        fputs("usage: port_asio_close cancel | farewell\n", stderr);
        return ADIEU_EXIT_USAGE;
    }
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 >> 3);
    if (!loop || !throwaway_pair(&ours, &theirs) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ||
        uv_timer_init(uv_default_loop(), &later) < 0 || !begin(&a, adieu_uv_client(loop, ours, "localhost"), ends[0]) ||
        !begin(&b, adieu_uv_server(loop, theirs), ends[1]))
        return EXIT_FAILURE;
    adieu_config_free(ours); /* the handles hold their own references */
    adieu_config_free(theirs);
    adieu_uv_loop_free(loop);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_loop_close(uv_default_loop());
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
