/* SPDX-License-Identifier: MIT */
/* Opening: connect, resolve, listen, accept, adopt. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_here(char port[8], int backlog)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    const struct adieu_fd_address where = {.host = "127.0.0.1", .port = "0"};
    int listener = adieu_fd_listen(&where, backlog, ADIEU_FD_FOREVER, NULL);
    assert_true(listener >= 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(port, 8, "%u", (unsigned)ntohs(address.sin_port));
    return listener;
}

/* A port that is taken, and not listened on. */
static int refused_port(char port[8])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int taken = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(taken, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(port, 8, "%u", (unsigned)ntohs(address.sin_port));
    return taken;
}

static void fails(const struct adieu_fd_address *where, enum adieu_error_code code, const char *part)
{
    int before = open_descriptors();
    struct adieu_fd *fd = new_client();
    assert_status(adieu_fd_connect(fd, where, soon()), ADIEU_FAIL);
    assert_status(adieu_fd_connect(fd, NULL, soon()), ADIEU_FAIL);
    struct adieu_error error = adieu_fd_error(fd);
    assert_string_equal(adieu_error_code_name(error.code), adieu_error_code_name(code));
    if (!strstr(error.text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, error.text);
    adieu_fd_free(fd);
    assert_int_equal(open_descriptors(), before);
}

/* ------------------------------------------------ failing */

static void a_refused_connection_says_who_refused(void **state)
{
    char port[8], text[64];
    int taken = refused_port(port);
    (void)state;
    (void)snprintf(text, sizeof text, "connect to 127.0.0.1:%s: Connection refused", port);
    fails(&(struct adieu_fd_address){.host = "127.0.0.1", .port = port}, ADIEU_ERR_CONNECT, text);
    (void)snprintf(text, sizeof text, "127.0.0.1:%s: Connection refused", port); /* and ::1, where there is one */
    fails(&(struct adieu_fd_address){.host = "localhost", .port = port}, ADIEU_ERR_CONNECT, text);
    fails(&(struct adieu_fd_address){.port = port}, ADIEU_ERR_CONNECT, text);
    (void)close(taken);
    fails(&(struct adieu_fd_address){.path = "/nonexistent/socket"}, ADIEU_ERR_CONNECT,
          "connect to /nonexistent/socket: No such file");
}

static void what_cannot_be_resolved_says_what(void **state)
{
    (void)state;
    fails(&(struct adieu_fd_address){.host = "adieu.invalid", .port = "443"}, ADIEU_ERR_RESOLVE, "adieu.invalid");
    fails(&(struct adieu_fd_address){.host = "127.0.0.1", .port = "no-such-service"}, ADIEU_ERR_RESOLVE,
          "no-such-service");
    fails(&(struct adieu_fd_address){.host = "127.0.0.1", .port = "65536"}, ADIEU_ERR_RESOLVE, "65536");
    fails(&(struct adieu_fd_address){.host = "127.0.0.1", .port = ""}, ADIEU_ERR_RESOLVE, "port");
    fails(&(struct adieu_fd_address){.host = "127.0.0.1"}, ADIEU_ERR_RESOLVE, "port");
    fails(&(struct adieu_fd_address){.host = "::1", .port = "443", .family = AF_INET}, ADIEU_ERR_RESOLVE, "::1");
}

static void a_local_address_that_is_not_ours_is_named(void **state)
{
    char port[8];
    int listener = listen_here(port, 5);
    (void)state;
    fails(&(struct adieu_fd_address){.host = "127.0.0.1", .port = port, .bind_host = "192.0.2.1"}, ADIEU_ERR_CONNECT,
          "from 192.0.2.1");
    (void)close(listener);
}

static void a_name_that_nobody_waits_for_is_left_behind(void **state)
{
    const struct adieu_fd_address where = {.host = "adieu.invalid", .port = "443"};
    int before = open_descriptors();
    struct adieu_fd *fd = new_client();
    (void)state;
    enum adieu_status status = adieu_fd_connect(fd, &where, ADIEU_FD_NOW);
    assert_true(status == ADIEU_WAIT || status == ADIEU_FAIL);
    adieu_fd_free(fd);
    for (int64_t deadline = soon(); open_descriptors() != before; rest_ms(1)) /* the thread ends by itself */
        assert_true(adieu_fd_now() < deadline);
}

/* ------------------------------------------------ waiting */

static void full_queue(int listener, const struct adieu_fd_address *where)
{
    struct queue full;
    queue_fill(&full, listener);
    struct adieu_fd *fd = new_client();
    int64_t before = adieu_fd_now();
    assert_status(adieu_fd_connect(fd, where, adieu_fd_in(120)), ADIEU_WAIT);
    assert_in_range(adieu_fd_now() - before, 119, 3000);
    assert_int_equal(adieu_fd_why(fd), ADIEU_FD_WHY_DEADLINE);
    assert_status(adieu_fd_connect(fd, &(struct adieu_fd_address){.host = "other"}, ADIEU_FD_NOW), ADIEU_MISUSE);
    adieu_fd_cancel(fd);
    assert_status(adieu_fd_connect(fd, NULL, soon()), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(fd), ADIEU_FD_WHY_CANCELLED);
    queue_empty(&full, listener);
    assert_status(adieu_fd_connect(fd, NULL, soon()), ADIEU_OK);
    adieu_fd_free(fd);
}

static void a_listener_that_takes_nobody_holds_nobody(void **state)
{
    char port[8], path[] = "/tmp/adieu-test-XXXXXX";
    int listener = listen_here(port, 0);
    (void)state;
    full_queue(listener, &(struct adieu_fd_address){.host = "127.0.0.1", .port = port});
    (void)close(listener);
    assert_non_null(mkdtemp(path));
    assert_int_equal(chdir(path), 0);
    const struct adieu_fd_address where = {.path = "socket"};
    listener = adieu_fd_listen(&where, 0, ADIEU_FD_FOREVER, NULL);
    assert_true(listener >= 0);
    full_queue(listener, &where);
    (void)close(listener);
    (void)unlink("socket");
    assert_int_equal(chdir("/"), 0);
    (void)rmdir(path);
}

/* ------------------------------------------------ listening */

static void *accept_one(void *context)
{
    int listener = *(int *)context;
    struct adieu_fd *fd = adieu_fd_server(the_server_config);
    enum adieu_status status = adieu_fd_accept(fd, listener, soon());
    if (status == ADIEU_OK && adieu_fd_handshake(fd, soon()) == ADIEU_OK)
        status = adieu_fd_close(fd, patience_ms(5000), NULL);
    adieu_fd_free(fd);
    return (void *)(intptr_t)status;
}

static void meet(int listener, const struct adieu_fd_address *where, const char *peer)
{
    pthread_t thread;
    char text[64];
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, accept_one, &listener), 0);
    struct adieu_fd *fd = new_client();
    assert_status(adieu_fd_connect(fd, where, soon()), ADIEU_OK);
    assert_status(adieu_fd_connect(fd, where, soon()), ADIEU_MISUSE);
    assert_int_equal(fcntl(adieu_fd_descriptor(fd), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_status(adieu_fd_handshake(fd, soon()), ADIEU_OK);
    assert_status(adieu_fd_close(fd, patience_ms(5000), NULL), ADIEU_OK);
    assert_string_equal(adieu_fd_peer(fd, text, sizeof text), peer);
    adieu_fd_free(fd);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, ADIEU_OK);
}

static void a_listener_is_met_by_name_and_address(void **state)
{
    char port[8], peer[32];
    int before = open_descriptors();
    int listener = listen_here(port, 5);
    (void)state;
    (void)snprintf(peer, sizeof peer, "127.0.0.1:%s", port);
    meet(listener, &(struct adieu_fd_address){.host = "127.0.0.1", .port = port}, peer);
    meet(listener, &(struct adieu_fd_address){.host = "localhost", .port = port}, peer);
    meet(listener, &(struct adieu_fd_address){.port = port, .bind_host = "127.0.0.1", .family = AF_INET}, peer);
    (void)close(listener);
    assert_int_equal(open_descriptors(), before);
}

static void without_a_host_both_families_are_heard(void **state)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char port[8], peer[32];
    int listener = adieu_fd_listen(&(struct adieu_fd_address){.port = "0"}, 5, ADIEU_FD_FOREVER, NULL);
    (void)state;
    assert_true(listener >= 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    bool six = address.ss_family == AF_INET6;
    (void)snprintf(port, sizeof port, "%u",
                   (unsigned)ntohs(six ? ((struct sockaddr_in6 *)&address)->sin6_port
                                       : ((struct sockaddr_in *)&address)->sin_port));
    (void)snprintf(peer, sizeof peer, "127.0.0.1:%s", port);
    meet(listener, &(struct adieu_fd_address){.host = "127.0.0.1", .port = port}, peer);
    (void)snprintf(peer, sizeof peer, "[::1]:%s", port);
    if (six)
        meet(listener, &(struct adieu_fd_address){.host = "::1", .port = port}, peer);
    (void)close(listener);
}

static void what_cannot_be_listened_on_says_why(void **state)
{
    char port[8];
    struct adieu_error error;
    int taken = listen_here(port, 5), before = open_descriptors();
    (void)state;
    assert_int_equal(
        adieu_fd_listen(&(struct adieu_fd_address){.host = "127.0.0.1", .port = port}, 5, ADIEU_FD_FOREVER, &error),
        -1);
    assert_int_equal(error.code, ADIEU_ERR_SOCKET);
    assert_int_equal(error.os_error, EADDRINUSE);
    assert_non_null(strstr(error.text, "listen on 127.0.0.1:"));
    assert_int_equal(adieu_fd_listen(&(struct adieu_fd_address){.port = port}, 5, ADIEU_FD_FOREVER, &error), -1);
    assert_int_equal(
        adieu_fd_listen(&(struct adieu_fd_address){.host = "adieu.invalid", .port = port}, 5, ADIEU_FD_FOREVER, &error),
        -1);
    assert_int_equal(error.code, ADIEU_ERR_RESOLVE);
    assert_int_equal(
        adieu_fd_listen(&(struct adieu_fd_address){.path = "/nonexistent/socket"}, 5, ADIEU_FD_FOREVER, NULL), -1);
    assert_int_equal(open_descriptors(), before);
    (void)close(taken);
}

static void an_accept_waits_until_its_deadline_also_on_a_blocking_listener(void **state)
{
    char port[8];
    int listener = listen_here(port, 5);
    struct adieu_fd *fd = adieu_fd_server(the_server_config);
    (void)state;
    assert_status(adieu_fd_accept(fd, listener, adieu_fd_in(30)), ADIEU_WAIT);
    assert_int_equal(fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK), 0);
    assert_status(adieu_fd_accept(fd, listener, adieu_fd_in(30)), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(fd), ADIEU_FD_WHY_DEADLINE);
    assert_status(adieu_fd_accept(fd, -1, soon()), ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(fd).code, ADIEU_ERR_SOCKET);
    struct adieu_fd *client = new_client(); /* the failure was about the listener: another one may do */
    assert_status(adieu_fd_connect(client, &(struct adieu_fd_address){.host = "127.0.0.1", .port = port}, soon()),
                  ADIEU_OK);
    assert_status(adieu_fd_accept(fd, listener, soon()), ADIEU_OK);
    assert_int_equal(adieu_fd_error(fd).code, ADIEU_ERR_NONE);
    adieu_fd_free(client);
    adieu_fd_free(fd);
    (void)close(listener);
}

/* ------------------------------------------------ adopting */

static void what_is_no_stream_socket_is_not_adopted(void **state)
{
    int before = open_descriptors(), pipes[2], both[2];
    char port[8];
    struct adieu_fd *fd = new_client();
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_status(adieu_fd_adopt(fd, pipes[0], ADIEU_FD_OWNED), ADIEU_FAIL); /* and closed: it was the handle's */
    assert_int_equal(adieu_fd_error(fd).code, ADIEU_ERR_SOCKET);
    assert_status(adieu_fd_adopt(fd, pipes[1], ADIEU_FD_BORROWED), ADIEU_FAIL);
    assert_int_equal(close(pipes[1]), 0);
    assert_status(adieu_fd_adopt(fd, listen_here(port, 1), ADIEU_FD_OWNED), ADIEU_FAIL);
    assert_status(adieu_fd_adopt(fd, socket(AF_INET, SOCK_DGRAM, 0), ADIEU_FD_OWNED), ADIEU_FAIL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
    assert_status(adieu_fd_adopt(fd, both[0], ADIEU_FD_OWNED), ADIEU_OK);
    assert_status(adieu_fd_adopt(fd, both[1], ADIEU_FD_OWNED), ADIEU_MISUSE); /* and stays the caller's */
    assert_int_equal(close(both[1]), 0);
    adieu_fd_free(fd);
    assert_int_equal(open_descriptors(), before);
}

/* Whoever could not adopt may connect: polled, by as many calls as it takes. */
static void what_could_not_be_adopted_does_not_fail_the_connecting_that_follows(void **state)
{
    char port[8];
    int listener = listen_here(port, 0);
    struct queue full;
    struct adieu_fd *fd = new_client();
    (void)state;
    queue_fill(&full, listener);
    adieu_fd_set_polled(fd);
    assert_status(adieu_fd_adopt(fd, -1, ADIEU_FD_OWNED), ADIEU_FAIL);
    const struct adieu_fd_address where = {.host = "127.0.0.1", .port = port};
    assert_status(adieu_fd_connect(fd, &where, ADIEU_FD_NOW), ADIEU_WAIT);
    assert_status(adieu_fd_connect(fd, NULL, ADIEU_FD_NOW), ADIEU_WAIT);
    const struct adieu_fd_address other = {.host = "127.0.0.2", .port = port};
    assert_status(adieu_fd_connect(fd, &other, ADIEU_FD_NOW), ADIEU_MISUSE);
    assert_status(adieu_fd_connect(fd, &where, ADIEU_FD_NOW), ADIEU_WAIT);
    assert_int_equal(adieu_fd_error(fd).code, ADIEU_ERR_NONE);
    queue_empty(&full, listener);
    adieu_fd_free(fd);
    (void)close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_connection_says_who_refused),
        cmocka_unit_test(what_cannot_be_resolved_says_what),
        cmocka_unit_test(a_local_address_that_is_not_ours_is_named),
        cmocka_unit_test(a_name_that_nobody_waits_for_is_left_behind),
        cmocka_unit_test(a_listener_that_takes_nobody_holds_nobody),
        cmocka_unit_test(a_listener_is_met_by_name_and_address),
        cmocka_unit_test(without_a_host_both_families_are_heard),
        cmocka_unit_test(what_cannot_be_listened_on_says_why),
        cmocka_unit_test(an_accept_waits_until_its_deadline_also_on_a_blocking_listener),
        cmocka_unit_test(what_is_no_stream_socket_is_not_adopted),
        cmocka_unit_test(what_could_not_be_adopted_does_not_fail_the_connecting_that_follows),
    };
    return cmocka_run_group_tests(tests, setup_configs, teardown_configs);
}
