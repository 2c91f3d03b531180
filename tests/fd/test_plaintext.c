/* SPDX-License-Identifier: MIT */
/* Before the handshake the socket is the caller's: STARTTLS, a proxy's CONNECT. What is said then is not the stream's. */
#include "support.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool ready(int descriptor, short events)
{
    struct pollfd what = {.fd = descriptor, .events = events};
    return poll(&what, 1, 20000) == 1;
}

/* Says so much in plaintext; the descriptor may be non-blocking. */
static void say(int descriptor, size_t size)
{
    static const char words[4096];
    while (size > 0) {
        assert_true(ready(descriptor, POLLOUT));
        ssize_t n = send(descriptor, words, size < sizeof words ? size : sizeof words, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(n > 0 || errno == EAGAIN);
        size -= n > 0 ? (size_t)n : 0;
    }
}

/* Takes exactly so much: what follows is TLS's. */
static void hear(int descriptor, size_t size)
{
    char words[4096];
    while (size > 0) {
        assert_true(ready(descriptor, POLLIN));
        ssize_t n = recv(descriptor, words, size < sizeof words ? size : sizeof words, MSG_DONTWAIT);
        assert_true(n > 0);
        size -= (size_t)n;
    }
}

static void assert_silence(int descriptor)
{
    char byte;
    assert_int_equal(recv(descriptor, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

static uint64_t tcp_received(int descriptor)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    assert_int_equal(getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_bytes_received;
}

static void each_carrier(void (*story)(struct pair *pair))
{
    for (int i = 0; i < 2 * CARRIERS; i++) {
        struct pair pair;
        pair_open(&pair, (enum carrier)(i / 2), i % 2 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3, 0);
        story(&pair);
        pair_free(&pair);
    }
}

/* ------------------------------------------------ what it counts */

static void dialogue_then_tls(struct pair *pair)
{
    enum { SAID = 30000, SENT = 50000 };
    struct reader reader = {.fd = pair->server, .answer = true};
    int client = adieu_fd_descriptor(pair->client);
    say(client, SAID);
    hear(pair->server_raw, SAID);
    say(pair->server_raw, SAID);
    hear(client, SAID);
    pair_shake(pair);
    struct adieu_ending before = adieu_fd_ending(pair->client);
    assert_int_equal(before.taken, 0);
    reader_start(&reader);
    assert_status(write_pattern(pair->client, SENT), ADIEU_OK);
    struct adieu_ending ending = close_of(pair->client, 5000);
    reader_join(&reader);
    assert_ends(ending, "closed", "closed");
    assert_true(reader.intact && reader.got == SENT);
    assert_int_equal(ending.sent, SENT);
    if (pair->carrier == CARRIER_TCP)
        assert_int_equal(ending.acknowledged, SENT);
}

static void tls_follows_a_plaintext_dialogue_and_counts_from_zero(void **state)
{
    (void)state;
    each_carrier(dialogue_then_tls);
}

/* What is still on its way when the handshake begins is not ours either. */
static void *hear_and_shake(void *context)
{
    struct pair *pair = context;
    rest_ms(50); /* so that it is, in most runs */
    hear(pair->server_raw, 300000);
    return (void *)(intptr_t)adieu_fd_handshake(pair->server, soon());
}

static void never_too_many(enum adieu_version version)
{
    enum { SAID = 300000, SENT = 100000 };
    struct pair pair;
    pthread_t thread;
    void *result;
    pair_open(&pair, CARRIER_TCP, version, 4096);
    const uint64_t start = tcp_received(pair.server_raw);
    assert_int_equal(pthread_create(&thread, NULL, hear_and_shake, &pair), 0);
    say(adieu_fd_descriptor(pair.client), SAID);
    assert_status(adieu_fd_handshake(pair.client, soon()), ADIEU_OK);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_status((enum adieu_status)(intptr_t)result, ADIEU_OK);
    assert_status(write_pattern(pair.client, SENT), ADIEU_OK); /* it lies here: the server does not read */
    struct adieu_ending ending = adieu_fd_ending(pair.client);
    uint64_t there = tcp_received(pair.server_raw) - start - SAID;
    assert_int_equal(ending.sent, SENT);
    assert_true(there < SENT);
    assert_true(ending.acknowledged <= there);
    struct reader reader = {.fd = pair.server, .answer = true};
    reader_start(&reader);
    ending = close_of(pair.client, 5000);
    reader_join(&reader);
    assert_int_equal(ending.acknowledged, SENT);
    pair_free(&pair);
}

static void plaintext_on_its_way_is_not_acknowledged_as_ours(void **state)
{
    (void)state;
    never_too_many(ADIEU_TLS_1_2);
    never_too_many(ADIEU_TLS_1_3);
}

/* ------------------------------------------------ nothing leaves too early */

static void hello_in_memory(struct pair *pair)
{
    char byte;
    size_t n;
    assert_status(adieu_handshake(adieu_fd_stream(pair->client)), ADIEU_WAIT);
    assert_true(adieu_wire_out(adieu_fd_stream(pair->client), NULL) > 0);
    assert_status(adieu_fd_read(pair->client, &byte, 1, &n, adieu_fd_in(50)), ADIEU_MISUSE);
    assert_status(adieu_fd_write(pair->client, "x", 1, &n, adieu_fd_in(50)), ADIEU_MISUSE);
    assert_status(adieu_fd_shutdown(pair->client, adieu_fd_in(50)), ADIEU_MISUSE);
    assert_silence(pair->server_raw);
    say(adieu_fd_descriptor(pair->client), 10);
    hear(pair->server_raw, 10);
    assert_silence(pair->server_raw);
    pair_shake(pair);
}

static void a_hello_that_was_made_early_leaves_with_the_handshake_only(void **state)
{
    (void)state;
    each_carrier(hello_in_memory);
}

static void close_without_tls(struct pair *pair)
{
    char byte;
    struct adieu_ending ending;
    assert_status(adieu_handshake(adieu_fd_stream(pair->client)), ADIEU_WAIT);
    assert_status(adieu_fd_close(pair->client, patience_ms(5000), &ending), ADIEU_OK);
    assert_ends(ending, "aborted", "abandoned");
    assert_true(ready(pair->server_raw, POLLIN));
    assert_true(recv(pair->server_raw, &byte, 1, MSG_DONTWAIT) <= 0); /* gone, and nothing was said */
}

static void a_goodbye_before_the_handshake_says_nothing(void **state)
{
    (void)state;
    each_carrier(close_without_tls);
}

/* A handshake that cannot even begin, and was asked for in memory. */
static void a_handshake_that_failed_in_memory_says_nothing_and_is_let_go_at_once(void **state)
{
    int both[2];
    char byte;
    struct adieu_config *config = adieu_config_new();
    struct adieu_fd *server = adieu_fd_server(config);
    struct adieu_ending ending;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
    assert_status(adieu_fd_adopt(server, both[0], ADIEU_FD_OWNED), ADIEU_OK);
    assert_status(adieu_handshake(adieu_fd_stream(server)), ADIEU_FAIL);
    int64_t begun = adieu_fd_now();
    assert_status(adieu_fd_close(server, patience_ms(15000), &ending), ADIEU_OK);
    assert_in_range(adieu_fd_now() - begun, 0, 5000);
    assert_true(ending.decided);
    assert_true(recv(both[1], &byte, 1, MSG_DONTWAIT) <= 0);
    (void)close(both[1]);
    adieu_fd_free(server);
    adieu_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_follows_a_plaintext_dialogue_and_counts_from_zero),
        cmocka_unit_test(plaintext_on_its_way_is_not_acknowledged_as_ours),
        cmocka_unit_test(a_hello_that_was_made_early_leaves_with_the_handshake_only),
        cmocka_unit_test(a_goodbye_before_the_handshake_says_nothing),
        cmocka_unit_test(a_handshake_that_failed_in_memory_says_nothing_and_is_let_go_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
