/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ------------------------------------------------ configs */

static struct adieu_config *configs[2][2]; /* of TLS 1.2 and 1.3, the client's and the server's */
static uint8_t *big;                       /* the pattern, longer than BIG */

int setup_talks(void **state)
{
    make_configs(ADIEU_TLS_1_2, &configs[0][0], &configs[0][1]);
    make_configs(ADIEU_TLS_1_3, &configs[1][0], &configs[1][1]);
    big = pattern_new(8 * BIG);
    return setup_uv(state);
}

int teardown_talks(void **state)
{
    for (int i = 0; i < 4; i++)
        adieu_config_free(configs[i / 2][i % 2]);
    free(big);
    return teardown_configs(state);
}

/* ------------------------------------------------ connections */

enum { SMALL = 32768 };

static void make_small(int descriptor)
{
    const int size = SMALL;
    assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

void connected_sockets(enum carrier carrier, int sockets[2])
{
    if (carrier == CARRIER_TCP) {
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        char port[8];
        int listener = raw_listener(port, 5);
        make_small(listener);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
        sockets[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        make_small(sockets[0]);
        assert_int_equal(connect(sockets[0], (struct sockaddr *)&address, size), 0);
        sockets[1] = accept(listener, NULL, NULL);
        (void)close(listener);
    } else {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
        make_small(sockets[0]);
    }
    assert_true(sockets[1] >= 0);
    make_small(sockets[1]);
}

void talk_make(struct talk *talk)
{
    struct adieu_config **both = configs[talk->version == ADIEU_TLS_1_3];
    struct adieu_uv *client = adieu_uv_client(the_loop, both[0], "localhost");
    struct adieu_uv *server = adieu_uv_server(the_loop, both[1]);
    assert_true(client && server);
    talk->us = talk->we_serve ? server : client;
    talk->peer = talk->we_serve ? client : server;
}

void talk_open(struct talk *talk)
{
    int sockets[2];
    talk_make(talk);
    connected_sockets(talk->carrier, sockets);
    assert_code(adieu_uv_open(talk->us, sockets[0]), 0);
    assert_code(adieu_uv_open(talk->peer, sockets[1]), 0);
}

void talk_shake(struct talk *talk)
{
    shake_both(talk->us, talk->peer);
}

void talk_free(struct talk *talk)
{
    adieu_uv_free(talk->us);
    adieu_uv_free(talk->peer);
    talk->us = talk->peer = NULL;
}

static void one_talk(struct talk talk, bool early, void (*story)(struct talk *talk))
{
    void *state = NULL;
    (void)open_loop(&state);
    talk_open(&talk);
    if (!early)
        talk_shake(&talk);
    story(&talk);
    talk_free(&talk);
    (void)close_loop(&state);
}

static struct talk kind(int i)
{
    return (struct talk){.carrier = i & 1 ? CARRIER_TCP : CARRIER_SOCKETPAIR,
                         .version = i & 2 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3,
                         .we_serve = i & 4};
}

void each_talk(void (*story)(struct talk *talk))
{
    for (int i = 0; i < 8; i++)
        one_talk(kind(i), false, story);
}

void each_early_talk(void (*story)(struct talk *talk))
{
    for (int i = 0; i < 8; i++)
        one_talk(kind(i), true, story);
}

void early_talk(int which, void (*story)(struct talk *talk))
{
    one_talk(kind(which % 8), true, story);
}

/* A client of TLS 1.3 over TCP, and a server of TLS 1.2 over a socket pair. */
void some_talks(void (*story)(struct talk *talk))
{
    one_talk(kind(1), false, story);
    one_talk(kind(6), false, story);
}

void some_early_talks(void (*story)(struct talk *talk))
{
    one_talk(kind(1), true, story);
    one_talk(kind(6), true, story);
}

/* ------------------------------------------------ hearing */

void ear_alloc(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct ear *ear = adieu_uv_data(uv);
    assert_int_equal(suggested, 65536);
    *buf = uv_buf_init(ear->room, sizeof ear->room);
}

void ear_read(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct ear *ear = adieu_uv_data(uv);
    ear->calls++;
    assert_int_not_equal(nread, 0);
    if (nread < 0) {
        assert_int_equal(buf->len, 0);
        ear->end = (int)nread;
        ear->ends++;
        ear->ended = true;
        return;
    }
    assert_false(ear->ended);
    for (ssize_t i = 0; i < nread; i++)
        ear->intact &= (uint8_t)buf->base[i] == big[ear->got + (size_t)i];
    ear->got += (size_t)nread;
}

void hear(struct adieu_uv *uv, struct ear *ear)
{
    *ear = (struct ear){.intact = true};
    adieu_uv_set_data(uv, ear);
    assert_code(adieu_uv_read_start(uv, ear_alloc, ear_read), 0);
}

/* ------------------------------------------------ saying */

uv_buf_t pattern_buf(size_t from, size_t size)
{
    return uv_buf_init((char *)big + from, (unsigned)size);
}

void say(struct waiter *waiter, struct adieu_uv *uv, size_t from, size_t size)
{
    const uv_buf_t buf = pattern_buf(from, size);
    waiter->done = false;
    waiter->calls = 0;
    assert_code(adieu_uv_write(&waiter->request, uv, &buf, 1, waiter_done), 0);
    assert_false(waiter->done);
}

void say_too_much(struct waiter *waiter, struct adieu_uv *uv)
{
    uint64_t before;
    say(waiter, uv, 0, BIG);
    do {
        before = adieu_uv_ending(uv).taken;
        run_ms(2);
    } while (adieu_uv_ending(uv).taken != before);
    assert_in_range(before, 1, BIG - 1);
    assert_false(waiter->done);
}

void part(struct waiter *waiter, struct adieu_uv *uv)
{
    const struct adieu_uv_patience patience = {.quiet_ms = 5000, .total_ms = 10000};
    waiter->done = false;
    waiter->calls = 0;
    assert_code(adieu_uv_close(&waiter->request, uv, patience, waiter_closed), 0);
    assert_false(waiter->done);
}

/* ------------------------------------------------ breaking */

void cut(struct adieu_uv *uv)
{
    assert_int_equal(shutdown(descriptor_of(adieu_uv_transport(uv)), SHUT_WR), 0);
}

void reset_it(struct adieu_uv **uv)
{
    int descriptor = descriptor_of(adieu_uv_transport(*uv));
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    adieu_uv_free(*uv);
    *uv = NULL;
}

void say_nonsense(struct adieu_uv *uv)
{
    static const uint8_t record[5 + 32] = {0x17, 3, 3, 0, 32};
    assert_int_equal(write(descriptor_of(adieu_uv_transport(uv)), record, sizeof record), sizeof record);
}
