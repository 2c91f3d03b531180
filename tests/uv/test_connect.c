/* SPDX-License-Identifier: MIT */
/* Connecting: what it answers at once, what from the loop, and how it is given up. */
#include "support.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *error_text(const struct adieu_uv *uv)
{
    return adieu_uv_error(uv)->text;
}

static void says(const struct adieu_uv *uv, enum adieu_error_code code, const char *part)
{
    assert_string_equal(adieu_error_code_name(adieu_uv_error(uv)->code), adieu_error_code_name(code));
    if (!strstr(error_text(uv), part))
        fail_msg("\"%s\" is not in \"%s\"", part, error_text(uv));
}

/* From the loop. */
static void fails(const struct adieu_uv_address *where, int status, enum adieu_error_code code, const char *part)
{
    struct adieu_uv *uv = new_uv_client();
    struct waiter waiter = {.done = false};
    assert_code(adieu_uv_connect(&waiter.request, uv, where, waiter_done), 0);
    assert_false(waiter.done);
    run_until(&waiter.done);
    if (status)
        assert_code(waiter.status, status);
    assert_true(waiter.status < 0);
    assert_null(adieu_uv_transport(uv));
    says(uv, code, part);
    adieu_uv_free(uv);
}

static void fails_at_once(const struct adieu_uv_address *where, int status, enum adieu_error_code code,
                          const char *part)
{
    struct adieu_uv *uv = new_uv_client();
    struct waiter waiter = {.done = false};
    assert_code(adieu_uv_connect(&waiter.request, uv, where, waiter_done), status);
    says(uv, code, part);
    run_ms(1);
    assert_false(waiter.done);
    adieu_uv_free(uv);
}

/* ------------------------------------------------ failing */

static void a_refused_connection_says_who_refused(void **state)
{
    char port[8], text[64];
    int taken = refused_port(port);
    (void)state;
    (void)snprintf(text, sizeof text, "connect to 127.0.0.1:%s: Connection refused", port);
    fails(&(struct adieu_uv_address){.host = "127.0.0.1", .port = port}, UV_ECONNREFUSED, ADIEU_ERR_CONNECT, text);
    (void)snprintf(text, sizeof text, "127.0.0.1:%s: Connection refused", port); /* and ::1, where there is one */
    fails(&(struct adieu_uv_address){.host = "localhost", .port = port}, 0, ADIEU_ERR_CONNECT, text);
    fails(&(struct adieu_uv_address){.port = port}, 0, ADIEU_ERR_CONNECT, text);
    (void)close(taken);
    fails(&(struct adieu_uv_address){.path = "/nonexistent/socket"}, UV_ENOENT, ADIEU_ERR_CONNECT,
          "connect to /nonexistent/socket: No such file");
}

static void a_name_that_leads_nowhere_is_named(void **state)
{
    (void)state;
    fails(&(struct adieu_uv_address){.host = "adieu.invalid", .port = "443"}, 0, ADIEU_ERR_RESOLVE,
          "resolve adieu.invalid: ");
}

static void what_cannot_be_resolved_is_told_at_once(void **state)
{
    struct adieu_uv_address where = {.host = "127.0.0.1"};
    (void)state;
    fails_at_once(&where, UV_EAI_SERVICE, ADIEU_ERR_RESOLVE, "port (none)");
    where.port = "";
    fails_at_once(&where, UV_EAI_SERVICE, ADIEU_ERR_RESOLVE, "port ");
    where.port = "65536";
    fails_at_once(&where, UV_EAI_SERVICE, ADIEU_ERR_RESOLVE, "port 65536");
    where.port = "no-such-service";
    fails_at_once(&where, UV_EAI_SERVICE, ADIEU_ERR_RESOLVE, "port no-such-service");
    where = (struct adieu_uv_address){.host = "::1", .port = "443", .family = AF_INET};
    fails_at_once(&where, UV_EAI_ADDRFAMILY, ADIEU_ERR_RESOLVE, "resolve ::1");
}

static void a_path_that_is_too_long_is_told_at_once(void **state)
{
    char path[200];
    (void)state;
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    fails_at_once(&(struct adieu_uv_address){.path = path}, UV_ENAMETOOLONG, ADIEU_ERR_CONNECT,
                  "the path is longer than 107 bytes");
}

static void a_local_address_that_is_not_ours_is_named(void **state)
{
    char port[8];
    int listener = raw_listener(port, 5);
    struct adieu_uv_address where = {.host = "127.0.0.1", .port = port, .bind_host = "192.0.2.1"};
    (void)state;
    fails(&where, UV_EADDRNOTAVAIL, ADIEU_ERR_CONNECT, ": from 192.0.2.1: Cannot assign requested address");
    where.bind_host = "localhost";
    fails_at_once(&where, UV_EADDRNOTAVAIL, ADIEU_ERR_CONNECT, "connect from localhost: no numeric address");
    where.bind_host = "::1";
    fails_at_once(&where, UV_EAFNOSUPPORT, ADIEU_ERR_CONNECT, "it has no address that ::1 can reach");
    (void)close(listener);
}

/* ------------------------------------------------ again */

static void connects(struct adieu_uv *uv, const struct adieu_uv_address *where)
{
    struct waiter waiter = {.done = false};
    assert_code(adieu_uv_connect(&waiter.request, uv, where, waiter_done), 0);
    assert_null(adieu_uv_transport(uv));
    ends_with(&waiter, 0);
    assert_non_null(adieu_uv_transport(uv));
    assert_int_equal(adieu_uv_error(uv)->code, ADIEU_ERR_NONE);
}

static void after_a_failure_and_after_a_cancel_it_may_be_asked_for_again(void **state)
{
    char port[8], other[8];
    int listener = raw_listener(port, 5), taken = refused_port(other);
    const struct adieu_uv_address good = {.host = "127.0.0.1", .port = port},
                                  bad = {.host = "127.0.0.1", .port = other};
    struct adieu_uv *uv = new_uv_client();
    struct waiter waiter = {.done = false}, second = {.done = false};
    (void)state;
    assert_code(adieu_uv_connect(&waiter.request, uv, &bad, waiter_done), 0);
    assert_code(adieu_uv_connect(&second.request, uv, &good, waiter_done), UV_EALREADY);
    ends_with(&waiter, UV_ECONNREFUSED);
    waiter = (struct waiter){.done = false};
    assert_code(adieu_uv_connect(&waiter.request, uv, &good, waiter_done), 0);
    assert_code(adieu_uv_cancel(&waiter.request), 0);
    assert_false(waiter.done);
    ends_with(&waiter, UV_ECANCELED);
    connects(uv, &good);
    assert_code(adieu_uv_connect(&second.request, uv, &good, waiter_done), UV_EALREADY);
    run_ms(1);
    assert_false(second.done);
    adieu_uv_free(uv);
    (void)close(taken);
    (void)close(listener);
}

struct again {
    struct waiter waiter;
    const struct adieu_uv_address *where;
};

static void connect_again(struct adieu_uv_request *request, int status)
{
    struct again *again = request->data;
    assert_code(status, UV_ECONNREFUSED);
    assert_code(adieu_uv_connect(request, request->uv, again->where, waiter_done), 0);
}

static void in_the_callback_of_a_failure_it_may_be_asked_for_again(void **state)
{
    char port[8], other[8];
    int listener = raw_listener(port, 5), taken = refused_port(other);
    const struct adieu_uv_address good = {.host = "127.0.0.1", .port = port},
                                  bad = {.host = "127.0.0.1", .port = other};
    struct again again = {.where = &good};
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    again.waiter.request.data = &again;
    assert_code(adieu_uv_connect(&again.waiter.request, uv, &bad, connect_again), 0);
    ends_with(&again.waiter, 0);
    adieu_uv_free(uv);
    (void)close(taken);
    (void)close(listener);
}

/* ------------------------------------------------ succeeding */

static void meet(const struct adieu_uv_address *where, int listener)
{
    struct adieu_uv *client = new_uv_client(), *server = new_uv_server();
    connects(client, where);
    assert_code(adieu_uv_open(server, accept(listener, NULL, NULL)), 0);
    shake_both(client, server);
    close_both(client, server);
    adieu_uv_free(client);
    adieu_uv_free(server);
}

static void a_listener_is_met_by_name_and_address(void **state)
{
    char port[8];
    int listener = raw_listener(port, 5);
    (void)state;
    meet(&(struct adieu_uv_address){.host = "127.0.0.1", .port = port}, listener);
    meet(&(struct adieu_uv_address){.host = "localhost", .port = port}, listener);
    meet(&(struct adieu_uv_address){.port = port, .family = AF_INET}, listener);
    (void)close(listener);
}

static void who_comes_from_an_address_is_seen_to(void **state)
{
    char port[8];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int listener = raw_listener(port, 5);
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    connects(uv, &(struct adieu_uv_address){.host = "127.0.0.1", .port = port, .bind_host = "127.0.0.9"});
    int theirs = accept(listener, (struct sockaddr *)&address, &size);
    assert_int_equal(ntohl(address.sin_addr.s_addr), 0x7f000009);
    adieu_uv_free(uv);
    (void)close(theirs);
    (void)close(listener);
}

static void the_strings_are_copied(void **state)
{
    char port[8], host[] = "localhost", from[] = "127.0.0.1";
    int listener = raw_listener(port, 5);
    struct adieu_uv_address where = {.host = host, .port = port, .bind_host = from};
    struct adieu_uv *uv = new_uv_client();
    struct waiter waiter = {.done = false};
    (void)state;
    assert_code(adieu_uv_connect(&waiter.request, uv, &where, waiter_done), 0);
    memset(host, 'x', sizeof host - 1);
    memset(from, 'x', sizeof from - 1);
    memset(port, 'x', 2);
    where = (struct adieu_uv_address){.host = NULL};
    ends_with(&waiter, 0);
    adieu_uv_free(uv);
    (void)close(listener);
}

/* ------------------------------------------------ a Unix path */

static void make_path(char *folder, char *path, size_t size)
{
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, size, "%s/socket", folder);
}

static void forget_path(const char *folder, const char *path)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

static void a_path_whose_queue_is_full_is_waited_for(void **state)
{
    char folder[] = "/tmp/adieu-test-XXXXXX", path[64];
    struct queue full;
    struct waiter waiter = {.done = false};
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    make_path(folder, path, sizeof path);
    int listener = adieu_fd_listen(&(struct adieu_fd_address){.path = path}, 0, ADIEU_FD_FOREVER, NULL);
    assert_true(listener >= 0);
    queue_fill(&full, listener);
    assert_code(adieu_uv_connect(&waiter.request, uv, &(struct adieu_uv_address){.path = path}, waiter_done), 0);
    run_ms(100);
    assert_false(waiter.done);
    queue_empty(&full, listener);
    ends_with(&waiter, 0);
    adieu_uv_free(uv);
    (void)close(listener);
    forget_path(folder, path);
}

static void a_path_is_met(void **state)
{
    char folder[] = "/tmp/adieu-test-XXXXXX", path[64];
    (void)state;
    make_path(folder, path, sizeof path);
    const struct adieu_uv_address where = {.path = path, .host = "ignored", .port = "ignored"};
    int listener = adieu_fd_listen(&(struct adieu_fd_address){.path = path}, 5, ADIEU_FD_FOREVER, NULL);
    assert_true(listener >= 0);
    meet(&where, listener);
    (void)close(listener);
    forget_path(folder, path);
}

/* ------------------------------------------------ giving up, in each state */

/* A listener that swallows. */
struct hole {
    char port[8];
    int listener;
    struct queue full;
    struct adieu_uv_address where;
};

static void hole_open(struct hole *hole)
{
    hole->listener = raw_listener(hole->port, 0);
    hole->where = (struct adieu_uv_address){.host = "127.0.0.1", .port = hole->port};
    queue_fill(&hole->full, hole->listener);
}

static void hole_close(struct hole *hole)
{
    queue_empty(&hole->full, hole->listener);
    (void)close(hole->listener);
}

static void by_cancel(struct adieu_uv *uv, struct waiter *waiter)
{
    assert_code(adieu_uv_cancel(&waiter->request), 0);
    ends_with(waiter, UV_ECANCELED);
    assert_code(adieu_uv_cancel(&waiter->request), UV_EALREADY);
    adieu_uv_free(uv);
}

static void by_abort(struct adieu_uv *uv, struct waiter *waiter)
{
    adieu_uv_abort(uv, ADIEU_REASON_REQUEST);
    assert_false(waiter->done);
    ends_with(waiter, UV_ECANCELED);
    adieu_uv_free(uv);
}

static void by_free(struct adieu_uv *uv, struct waiter *waiter)
{
    adieu_uv_free(uv);
    run_ms(5);
    assert_false(waiter->done);
}

static void by_close(struct adieu_uv *uv, struct waiter *waiter)
{
    struct waiter close = {.done = false};
    assert_code(adieu_uv_close(&close.request, uv, (struct adieu_uv_patience)ADIEU_UV_PATIENCE, waiter_closed), 0);
    ends_with(&close, 0);
    assert_true(waiter->done);
    assert_code(waiter->status, UV_ECANCELED);
    adieu_uv_free(uv);
}

static void (*const ways[])(struct adieu_uv *uv, struct waiter *waiter) = {by_cancel, by_abort, by_free, by_close};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* In each way, after the loop has run for so long. */
static void give_up_after(const struct adieu_uv_address *where, uint64_t milliseconds)
{
    for (int way = 0; way < WAYS; way++) {
        struct adieu_uv *uv = new_uv_client();
        struct waiter waiter = {.done = false};
        assert_code(adieu_uv_connect(&waiter.request, uv, where, waiter_done), 0);
        if (milliseconds)
            run_ms(milliseconds);
        assert_false(waiter.done);
        ways[way](uv, &waiter);
    }
}

static void it_can_be_given_up_while_it_is_tried(void **state)
{
    struct hole hole;
    (void)state;
    hole_open(&hole);
    give_up_after(&hole.where, 20);
    hole_close(&hole);
}

static void it_can_be_given_up_before_the_loop_runs(void **state)
{
    struct hole hole;
    (void)state;
    hole_open(&hole);
    give_up_after(&hole.where, 0);
    hole_close(&hole);
}

static void it_can_be_given_up_while_the_name_is_resolved(void **state)
{
    (void)state;
    give_up_after(&(struct adieu_uv_address){.host = "adieu.invalid", .port = "443"}, 0);
}

/* libuv's threads, kept busy from another loop. */
struct busy {
    uv_loop_t loop;
    uv_work_t works[16];
    uv_sem_t end;
};

static void work(uv_work_t *request)
{
    struct busy *busy = request->data;
    uv_sem_wait(&busy->end);
}

static void worked(uv_work_t *request, int status)
{
    (void)request;
    assert_int_equal(status, 0);
}

static void a_name_that_nobody_waits_for_any_more_is_not_resolved(void **state)
{
    struct busy busy;
    struct waiter waiter = {.done = false};
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    assert_int_equal(uv_loop_init(&busy.loop), 0);
    assert_int_equal(uv_sem_init(&busy.end, 0), 0);
    for (int i = 0; i < 16; i++) {
        busy.works[i].data = &busy;
        assert_int_equal(uv_queue_work(&busy.loop, &busy.works[i], work, worked), 0);
    }
    const struct adieu_uv_address where = {.host = "adieu.invalid", .port = "443"};
    assert_code(adieu_uv_connect(&waiter.request, uv, &where, waiter_done), 0);
    adieu_uv_free(uv);
    run_ms(5);
    assert_false(uv_loop_alive(&the_uv_loop));
    for (int i = 0; i < 16; i++)
        uv_sem_post(&busy.end);
    assert_int_equal(uv_run(&busy.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&busy.loop), 0);
    uv_sem_destroy(&busy.end);
}

/* ------------------------------------------------ deadlines */

static void the_handshakes_deadline_is_over_connecting_too(void **state)
{
    struct hole hole;
    struct waiter connect = {.done = false}, handshake = {.done = false};
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    hole_open(&hole);
    adieu_uv_handshake_timeout(uv, 100);
    uint64_t begun = uv_now(&the_uv_loop);
    assert_code(adieu_uv_connect(&connect.request, uv, &hole.where, waiter_done), 0);
    assert_code(adieu_uv_handshake(&handshake.request, uv, waiter_done), 0);
    ends_with(&connect, UV_ETIMEDOUT);
    assert_in_range(uv_now(&the_uv_loop) - begun, 100, 3000);
    ends_with(&handshake, UV_ETIMEDOUT);
    assert_string_equal(adieu_error_code_name(adieu_uv_error(uv)->code), "deadline");
    adieu_uv_free(uv);
    hole_close(&hole);
}

static void what_waits_for_a_connection_fails_with_it(void **state)
{
    char port[8];
    int taken = refused_port(port);
    struct waiter connect = {.done = false}, handshake = {.done = false}, write = {.done = false};
    struct adieu_uv *uv = new_uv_client();
    const uv_buf_t buf = uv_buf_init((char[]){"hello"}, 5);
    (void)state;
    const struct adieu_uv_address where = {.host = "127.0.0.1", .port = port};
    assert_code(adieu_uv_connect(&connect.request, uv, &where, waiter_done), 0);
    assert_code(adieu_uv_handshake(&handshake.request, uv, waiter_done), 0);
    assert_code(adieu_uv_write(&write.request, uv, &buf, 1, waiter_done), 0);
    ends_with(&connect, UV_ECONNREFUSED);
    ends_with(&handshake, UV_ECONNREFUSED);
    ends_with(&write, UV_ECONNREFUSED);
    assert_int_equal(write.request.taken, 0);
    adieu_uv_free(uv);
    (void)close(taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(a_refused_connection_says_who_refused),
        uv_unit_test(a_name_that_leads_nowhere_is_named),
        uv_unit_test(what_cannot_be_resolved_is_told_at_once),
        uv_unit_test(a_path_that_is_too_long_is_told_at_once),
        uv_unit_test(a_local_address_that_is_not_ours_is_named),
        uv_unit_test(after_a_failure_and_after_a_cancel_it_may_be_asked_for_again),
        uv_unit_test(in_the_callback_of_a_failure_it_may_be_asked_for_again),
        uv_unit_test(a_listener_is_met_by_name_and_address),
        uv_unit_test(who_comes_from_an_address_is_seen_to),
        uv_unit_test(the_strings_are_copied),
        uv_unit_test(a_path_whose_queue_is_full_is_waited_for),
        uv_unit_test(a_path_is_met),
        uv_unit_test(it_can_be_given_up_while_it_is_tried),
        uv_unit_test(it_can_be_given_up_before_the_loop_runs),
        uv_unit_test(it_can_be_given_up_while_the_name_is_resolved),
        uv_unit_test(a_name_that_nobody_waits_for_any_more_is_not_resolved),
        uv_unit_test(the_handshakes_deadline_is_over_connecting_too),
        uv_unit_test(what_waits_for_a_connection_fails_with_it),
    };
    return cmocka_run_group_tests_name("uv connect", tests, setup_uv, teardown_configs);
}
