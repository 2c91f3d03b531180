/* SPDX-License-Identifier: MIT */
/* Before there is a connection, while a handshake waits for a decision, and when it cannot say what it has to. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include "support.h"

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* ------------------------------------------------ too early */

static void connection_verbs_are_misuse(struct adieu_fd *fd)
{
    char byte;
    size_t n = 77;
    assert_status(adieu_fd_read(fd, &byte, 1, &n, adieu_fd_in(100)), ADIEU_MISUSE);
    assert_status(adieu_fd_write(fd, "x", 1, &n, adieu_fd_in(100)), ADIEU_MISUSE);
    assert_status(adieu_fd_shutdown(fd, adieu_fd_in(100)), ADIEU_MISUSE);
    assert_status(adieu_fd_handshake(fd, adieu_fd_in(100)), ADIEU_MISUSE);
    assert_int_equal(n, 77);
    assert_int_equal(adieu_fd_error(fd).code, ADIEU_ERR_NONE);
    assert_ends(adieu_fd_ending(fd), "open", "open");
}

static int listen_at(struct adieu_fd_address *where, char port[8])
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    *where = (struct adieu_fd_address){.host = "127.0.0.1", .port = "0"};
    int listener = adieu_fd_listen(where, 1, ADIEU_FD_FOREVER, NULL);
    assert_true(listener >= 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(port, 8, "%u", (unsigned)ntohs(address.sin_port));
    where->port = port;
    return listener;
}

static void *serve(void *context)
{
    return (void *)(intptr_t)adieu_fd_handshake(context, soon());
}

/* Until it no longer says WAIT: a blocking verb by itself, a polled one by what its interest tells. */
static enum adieu_status insist(struct adieu_fd *fd, enum adieu_status (*verb)(struct adieu_fd *fd))
{
    enum adieu_status status;
    int64_t deadline = soon();
    while ((status = verb(fd)) == ADIEU_WAIT && adieu_fd_why(fd) == ADIEU_FD_WHY_POLL && adieu_fd_now() < deadline) {
        int timeout;
        struct pollfd interest = adieu_fd_interest(fd, &timeout);
        assert_true(poll(&interest, 1, timeout < 0 ? 5000 : timeout) >= 0);
    }
    return status;
}

static enum adieu_status shake_hands(struct adieu_fd *fd)
{
    return adieu_fd_handshake(fd, soon());
}

static enum adieu_status go_on_connecting(struct adieu_fd *fd)
{
    return adieu_fd_connect(fd, NULL, soon());
}

/* begun: its ClientHello waits already, since in the polled form the stream's verbs may be used too. */
static void misuse_changes_nothing(bool polled, bool begun)
{
    char port[8];
    struct adieu_config *client_config, *server_config;
    struct adieu_fd_address where;
    pthread_t thread;
    void *result;
    make_configs(ADIEU_TLS_1_3, &client_config, &server_config);
    int listener = listen_at(&where, port);
    struct adieu_fd *client = adieu_fd_client(client_config, "localhost"), *server = adieu_fd_server(server_config);
    if (polled)
        adieu_fd_set_polled(client);
    if (begun)
        assert_status(adieu_handshake(adieu_fd_stream(client)), ADIEU_WAIT);
    connection_verbs_are_misuse(client);
    enum adieu_status status = adieu_fd_connect(client, &where, soon());
    assert_status(status == ADIEU_WAIT ? insist(client, go_on_connecting) : status, ADIEU_OK);
    assert_status(adieu_fd_accept(server, listener, soon()), ADIEU_OK);
    assert_int_equal(pthread_create(&thread, NULL, serve, server), 0);
    assert_status(insist(client, shake_hands), ADIEU_OK);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_status((enum adieu_status)(intptr_t)result, ADIEU_OK);
    adieu_fd_free(client);
    adieu_fd_free(server);
    (void)close(listener);
    adieu_config_free(client_config);
    adieu_config_free(server_config);
}

static void verbs_without_a_connection_are_misuse_and_change_nothing(void **state)
{
    (void)state;
    misuse_changes_nothing(false, false);
    misuse_changes_nothing(false, true);
    misuse_changes_nothing(true, false);
    misuse_changes_nothing(true, true);
}

/* ------------------------------------------------ decisions */

static enum adieu_decision later(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                 const uint8_t *leaf, size_t leaf_size)
{
    (void)stream, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    ++*(int *)context;
    return ADIEU_LATER;
}

static void decides(enum carrier carrier, enum adieu_version version, bool polled, enum adieu_decision decision)
{
    struct pair pair;
    struct adieu_config *client, *server;
    pthread_t thread;
    int asked = 0;
    make_configs(version, &client, &server);
    assert_status(adieu_config_insecure_on_verify(client, later, &asked), ADIEU_OK);
    pair_open_with(&pair, carrier, client, server, 0);
    if (polled)
        adieu_fd_set_polled(pair.client);
    assert_int_equal(pthread_create(&thread, NULL, serve, pair.server), 0);
    int64_t begun = adieu_fd_now();
    for (int i = 0; i < 2; i++) { /* the second time, too */
        assert_status(insist(pair.client, shake_hands), ADIEU_WAIT);
        assert_int_equal(adieu_fd_why(pair.client), ADIEU_FD_WHY_DECISION);
    }
    assert_in_range(adieu_fd_now() - begun, 0, 10000); /* no deadline was waited for */
    assert_status(adieu_decide(adieu_fd_stream(pair.client), decision), ADIEU_OK);
    assert_status(insist(pair.client, shake_hands), decision == ADIEU_ACCEPT ? ADIEU_OK : ADIEU_FAIL);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(asked, 1);
    if (decision == ADIEU_ACCEPT)
        assert_string_equal(adieu_verified_name(adieu_verified(adieu_fd_stream(pair.client))), "pin");
    pair_free(&pair);
}

static void a_handshake_waits_for_the_decision_and_then_finishes(void **state)
{
    (void)state;
    for (int carrier = 0; carrier < CARRIERS; carrier++)
        for (int polled = 0; polled < 2; polled++) {
            decides((enum carrier)carrier, ADIEU_TLS_1_2, polled, ADIEU_ACCEPT);
            decides((enum carrier)carrier, ADIEU_TLS_1_3, polled, ADIEU_ACCEPT);
        }
}

static void a_later_refusal_fails_the_handshake(void **state)
{
    (void)state;
    decides(CARRIER_TCP, ADIEU_TLS_1_2, false, ADIEU_REFUSE);
    decides(CARRIER_TCP, ADIEU_TLS_1_3, true, ADIEU_REFUSE);
}

/* ------------------------------------------------ nothing leaves */

/* This thread's send() fails, and the connection lives on. */
static _Thread_local bool no_buffers;

ssize_t send(int descriptor, const void *bytes, size_t size, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int);
    void *symbol = dlsym(RTLD_NEXT, "send");
    memcpy(&real, &symbol, sizeof real);
    if (!no_buffers)
        return real(descriptor, bytes, size, flags);
    errno = ENOBUFS;
    return -1;
}

static void cannot_say(bool server, bool polled)
{
    struct pair pair;
    pthread_t thread;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 0);
    struct adieu_fd *fd = server ? pair.server : pair.client;
    if (polled)
        adieu_fd_set_polled(fd);
    if (server)
        assert_int_equal(pthread_create(&thread, NULL, serve, pair.client), 0);
    no_buffers = true;
    int64_t begun = adieu_fd_now();
    assert_status(insist(fd, shake_hands), ADIEU_FAIL);
    assert_in_range(adieu_fd_now() - begun, 0, 10000);
    no_buffers = false;
    struct adieu_ending ending = adieu_fd_ending(fd);
    assert_ends(ending, "failed", "reset");
    assert_int_equal(ending.os_error, ENOBUFS);
    adieu_fd_abort(fd, ADIEU_REASON_REQUEST);
    if (server)
        assert_int_equal(pthread_join(thread, NULL), 0);
    pair_free(&pair);
}

static void a_handshake_whose_words_do_not_leave_waits_for_no_answer(void **state)
{
    (void)state;
    cannot_say(false, false);
    cannot_say(false, true);
    cannot_say(true, false);
    cannot_say(true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verbs_without_a_connection_are_misuse_and_change_nothing),
        cmocka_unit_test(a_handshake_waits_for_the_decision_and_then_finishes),
        cmocka_unit_test(a_later_refusal_fails_the_handshake),
        cmocka_unit_test(a_handshake_whose_words_do_not_leave_waits_for_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
