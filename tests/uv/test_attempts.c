/* SPDX-License-Identifier: MIT */
/* A connection that stood, and was reset before anybody looked. In this program connect() is its own. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "support.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int the_listener;
static size_t last_words;                               /* of this */
static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 40}; /* handshake_failure */

static int really_connect(int descriptor, const struct sockaddr *address, socklen_t size)
{
    int (*real)(int, const struct sockaddr *, socklen_t);
    void *symbol = dlsym(RTLD_NEXT, "connect");
    memcpy(&real, &symbol, sizeof real);
    return real(descriptor, address, size);
}

/* The peer takes the connection, says its last words and resets it, before connect() returns. */
int connect(int descriptor, const struct sockaddr *address, socklen_t size)
{
    const struct linger linger = {.l_onoff = 1};
    struct pollfd gone = {.fd = descriptor};
    int result = really_connect(descriptor, address, size);
    struct pollfd there = {.fd = the_listener, .events = POLLIN};
    assert_int_equal(poll(&there, 1, 5000), 1);
    int theirs = accept(the_listener, NULL, NULL);
    assert_true(theirs >= 0);
    assert_int_equal(send(theirs, alert, last_words, 0), last_words);
    assert_int_equal(setsockopt(theirs, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    (void)close(theirs);
    assert_int_equal(poll(&gone, 1, 5000), 1); /* for POLLHUP, which needs not be asked for */
    return result;
}

/* Connects, and shakes hands with what is there. */
static void is_connected_and_then(size_t words, int status)
{
    char port[8];
    struct waiter connected = {.done = false}, shaken = {.done = false};
    struct adieu_uv *uv = new_uv_client();
    the_listener = raw_listener(port, 1);
    last_words = words;
    const struct adieu_uv_address where = {.host = "127.0.0.1", .port = port};
    assert_code(adieu_uv_connect(&connected.request, uv, &where, waiter_done), 0);
    assert_code(adieu_uv_handshake(&shaken.request, uv, waiter_done), 0);
    ends_with(&connected, 0);
    ends_with(&shaken, status);
    adieu_uv_free(uv);
    (void)close(the_listener);
}

static void taken_and_then_reset_is_connected_and_the_end_is_a_reset(void **state)
{
    (void)state;
    is_connected_and_then(0, UV_ECONNRESET);
}

static void the_last_words_of_who_reset_it_are_read(void **state)
{
    (void)state;
    is_connected_and_then(sizeof alert, UV_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(taken_and_then_reset_is_connected_and_the_end_is_a_reset),
        uv_unit_test(the_last_words_of_who_reset_it_are_read),
    };
    return cmocka_run_group_tests_name("uv attempts", tests, setup_uv, teardown_configs);
}
