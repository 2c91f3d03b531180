/* SPDX-License-Identifier: MIT */
/* Listening, and taking what comes. */
#include "support.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a listener's callback gives each connection to. */
struct host {
    uv_stream_t *listener;
    struct adieu_uv *server; /* the next one's, or NULL: not taken */
    bool came;
    unsigned count;
    int status;
};

static void on_connection(uv_stream_t *listener, int status)
{
    struct host *host = listener->data;
    host->came = true;
    host->count++;
    host->status = status ? status : host->server ? adieu_uv_accept(host->server, listener) : 0;
}

static void listens(struct host *host, const struct adieu_uv_address *where)
{
    *host = (struct host){.count = 0};
    assert_code(adieu_uv_listen(&the_uv_loop, where, 5, on_connection, host, &host->listener), 0);
    assert_ptr_equal(host->listener->data, host);
}

/* One comes, is taken, and both say hello and goodbye. */
static void meet(struct host *host, const struct adieu_uv_address *where)
{
    struct waiter waiter = {.done = false};
    struct adieu_uv *client = new_uv_client(), *server = host->server = new_uv_server();
    host->came = false;
    assert_code(adieu_uv_connect(&waiter.request, client, where, waiter_done), 0);
    ends_with(&waiter, 0);
    run_until(&host->came);
    assert_code(host->status, 0);
    assert_int_equal(fcntl(descriptor_of(adieu_uv_transport(server)), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    shake_both(client, server);
    close_both(client, server);
    adieu_uv_free(client);
    adieu_uv_free(server);
    host->server = NULL;
}

/* ------------------------------------------------ where */

static bool has_ipv6(void)
{
    const struct adieu_fd_address where = {.host = "::1", .port = "0"};
    int listener = adieu_fd_listen(&where, 1, ADIEU_FD_FOREVER, NULL);
    if (listener >= 0)
        (void)close(listener);
    return listener >= 0;
}

static void without_a_host_both_families_are_heard(void **state)
{
    struct host host;
    char port[8];
    (void)state;
    listens(&host, &(struct adieu_uv_address){.port = "0"});
    port_of(descriptor_of(host.listener), port);
    meet(&host, &(struct adieu_uv_address){.host = "127.0.0.1", .port = port});
    if (has_ipv6())
        meet(&host, &(struct adieu_uv_address){.host = "::1", .port = port});
    adieu_uv_unlisten(host.listener);
}

static void with_a_family_only_that_one_is_heard(void **state)
{
    struct host host;
    struct waiter waiter = {.done = false};
    char port[8];
    (void)state;
    listens(&host, &(struct adieu_uv_address){.port = "0", .family = AF_INET});
    port_of(descriptor_of(host.listener), port);
    meet(&host, &(struct adieu_uv_address){.host = "127.0.0.1", .port = port});
    adieu_uv_unlisten(host.listener);
    if (!has_ipv6())
        return;
    listens(&host, &(struct adieu_uv_address){.port = "0", .family = AF_INET6});
    port_of(descriptor_of(host.listener), port);
    meet(&host, &(struct adieu_uv_address){.host = "::1", .port = port});
    const struct adieu_uv_address where = {.host = "127.0.0.1", .port = port};
    struct adieu_uv *uv = new_uv_client();
    assert_code(adieu_uv_connect(&waiter.request, uv, &where, waiter_done), 0);
    ends_with(&waiter, UV_ECONNREFUSED);
    adieu_uv_free(uv);
    adieu_uv_unlisten(host.listener);
}

static void a_name_is_a_place_to_listen_at(void **state)
{
    struct host host;
    char port[8];
    (void)state;
    listens(&host, &(struct adieu_uv_address){.host = "localhost", .port = "0"});
    port_of(descriptor_of(host.listener), port);
    meet(&host, &(struct adieu_uv_address){.host = "localhost", .port = port});
    adieu_uv_unlisten(host.listener);
}

static void a_path_is_met_and_goes_with_its_listener(void **state)
{
    struct host host;
    char folder[] = "/tmp/adieu-test-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    const struct adieu_uv_address where = {.path = path, .host = "ignored", .port = "ignored"};
    listens(&host, &where);
    meet(&host, &where);
    struct host second = {.count = 0};
    assert_code(adieu_uv_listen(&the_uv_loop, &where, 5, on_connection, NULL, &second.listener), UV_EADDRINUSE);
    run_ms(1);
    assert_int_equal(access(path, F_OK), 0); /* who could not have it does not take it away */
    adieu_uv_unlisten(host.listener);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rmdir(folder), 0);
}

/* ------------------------------------------------ failing */

static void cannot(const struct adieu_uv_address *where, int status)
{
    uv_stream_t *listener = NULL;
    int code = adieu_uv_listen(&the_uv_loop, where, 5, on_connection, NULL, &listener);
    if (status)
        assert_code(code, status);
    assert_true(code < 0);
    assert_null(listener);
}

static void what_cannot_be_listened_on_says_why(void **state)
{
    char port[8], path[200];
    int taken = raw_listener(port, 5), before = open_descriptors();
    (void)state;
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    cannot(&(struct adieu_uv_address){.host = "127.0.0.1", .port = port}, UV_EADDRINUSE);
    cannot(&(struct adieu_uv_address){.port = port}, UV_EADDRINUSE); /* half would be somebody else's */
    cannot(&(struct adieu_uv_address){.host = "192.0.2.1", .port = "0"}, UV_EADDRNOTAVAIL);
    cannot(&(struct adieu_uv_address){.host = "adieu.invalid", .port = port}, 0);
    cannot(&(struct adieu_uv_address){.host = "127.0.0.1", .port = "65536"}, UV_EAI_SERVICE);
    cannot(&(struct adieu_uv_address){.host = "127.0.0.1"}, UV_EAI_SERVICE);
    cannot(&(struct adieu_uv_address){.path = "/nonexistent/socket"}, 0);
    cannot(&(struct adieu_uv_address){.path = path}, UV_ENAMETOOLONG);
    run_ms(1);
    assert_int_equal(open_descriptors(), before);
    (void)close(taken);
}

/* ------------------------------------------------ ending it, and taking nobody */

static void after_unlisten_nobody_is_told_of(void **state)
{
    struct host host;
    char port[8];
    (void)state;
    adieu_uv_unlisten(NULL);
    listens(&host, &(struct adieu_uv_address){.host = "127.0.0.1", .port = "0"});
    port_of(descriptor_of(host.listener), port);
    const struct adieu_fd_address where = {.host = "127.0.0.1", .port = port};
    struct adieu_fd *early = adieu_fd_client(the_client_config, "localhost");
    assert_status(adieu_fd_connect(early, &where, soon()), ADIEU_OK);
    adieu_uv_unlisten(host.listener); /* one waits in its queue */
    run_ms(5);
    assert_int_equal(host.count, 0);
    adieu_fd_free(early);
}

static void what_there_is_not_cannot_be_taken(void **state)
{
    struct host host;
    struct adieu_uv *server = new_uv_server();
    uv_stream_t other = {.type = UV_TTY};
    (void)state;
    listens(&host, &(struct adieu_uv_address){.host = "127.0.0.1", .port = "0"});
    assert_code(adieu_uv_accept(server, host.listener), UV_EAGAIN);
    assert_code(adieu_uv_accept(server, &other), UV_EINVAL);
    assert_null(adieu_uv_transport(server));
    adieu_uv_unlisten(host.listener);
    adieu_uv_free(server);
}

static void who_has_a_connection_takes_no_other_and_it_is_still_there(void **state)
{
    struct host host;
    char port[8];
    struct waiter waiter = {.done = false}, second = {.done = false};
    struct adieu_uv *client = new_uv_client(), *other = new_uv_client(), *server = new_uv_server();
    (void)state;
    listens(&host, &(struct adieu_uv_address){.host = "127.0.0.1", .port = "0"});
    port_of(descriptor_of(host.listener), port);
    const struct adieu_uv_address where = {.host = "127.0.0.1", .port = port};
    host.server = server;
    assert_code(adieu_uv_connect(&waiter.request, client, &where, waiter_done), 0);
    run_until(&host.came);
    assert_code(host.status, 0);
    host.came = false;
    assert_code(adieu_uv_connect(&second.request, other, &where, waiter_done), 0);
    run_until(&host.came);
    assert_code(host.status, UV_EALREADY);
    struct adieu_uv *another = new_uv_server();
    assert_code(adieu_uv_accept(another, host.listener), 0);
    ends_with(&second, 0);
    shake_both(other, another);
    adieu_uv_free(client);
    adieu_uv_free(other);
    adieu_uv_free(server);
    adieu_uv_free(another);
    adieu_uv_unlisten(host.listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(without_a_host_both_families_are_heard),
        uv_unit_test(with_a_family_only_that_one_is_heard),
        uv_unit_test(a_name_is_a_place_to_listen_at),
        uv_unit_test(a_path_is_met_and_goes_with_its_listener),
        uv_unit_test(what_cannot_be_listened_on_says_why),
        uv_unit_test(after_unlisten_nobody_is_told_of),
        uv_unit_test(what_there_is_not_cannot_be_taken),
        uv_unit_test(who_has_a_connection_takes_no_other_and_it_is_still_there),
    };
    return cmocka_run_group_tests_name("uv listen", tests, setup_uv, teardown_configs);
}
