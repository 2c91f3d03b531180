/* SPDX-License-Identifier: MIT */
/* Each allocation of ours fails once while a connection is made: that is a code, never a crash, and nothing is lost. */
#include "support.h"

#include <stdio.h>
#include <unistd.h>

#include "counting.h"

/* The C library's would ask its own malloc(). */
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

static void no_memory_or(int code, int other)
{
    if (code != UV_ENOMEM)
        assert_code(code, other);
}

static void connect_and_leave(struct adieu_uv *uv, const struct adieu_uv_address *where)
{
    struct waiter waiter = {.done = false};
    int code = adieu_uv_connect(&waiter.request, uv, where, waiter_done);
    no_memory_or(code, 0);
    if (code == 0) {
        run_until(&waiter.done);
        no_memory_or(waiter.status, 0);
        code = waiter.status;
    }
    if (code)
        assert_string_equal(adieu_error_code_name(adieu_uv_error(uv)->code), "connect");
    assert_true((code == 0) == (adieu_uv_transport(uv) != NULL));
}

static void nobody(uv_stream_t *server, int status)
{
    (void)server, (void)status;
}

/* Listens, and connects to that. */
static void meet(const struct adieu_uv_address *place, bool by_name)
{
    uv_stream_t *server;
    char port[8];
    struct adieu_uv *uv = adieu_uv_client(the_loop, the_client_config, "localhost");
    int code = adieu_uv_listen(&the_uv_loop, place, 5, nobody, NULL, &server);
    no_memory_or(code, 0);
    if (code == 0) {
        struct adieu_uv_address where = *place;
        if (!place->path) {
            port_of(descriptor_of(server), port);
            where = (struct adieu_uv_address){.port = port, .host = by_name ? "localhost" : place->host};
            where.bind_host = by_name ? NULL : "127.0.0.1";
        }
        if (uv)
            connect_and_leave(uv, &where);
        adieu_uv_unlisten(server);
    }
    adieu_uv_free(uv);
    run_ms(1);
}

static void each_allocation_fails_once(const struct adieu_uv_address *place, bool by_name)
{
    size_t nth = 0;
    meet(place, by_name); /* what is kept for later is made */
    const size_t blocks = counting_blocks();
    do {
        counting_fail(nth++, false);
        meet(place, by_name);
        counting_relent();
        assert_int_equal(counting_blocks(), blocks);
    } while (counting_failed());
    assert_true(nth > 4); /* handle, stream, opening, server, attempt */
}

static void a_numeric_address(void **state)
{
    (void)state;
    each_allocation_fails_once(&(struct adieu_uv_address){.host = "127.0.0.1", .port = "0"}, false);
}

static void a_name(void **state)
{
    (void)state;
    each_allocation_fails_once(&(struct adieu_uv_address){.host = "127.0.0.1", .port = "0"}, true);
}

static void a_path(void **state)
{
    char folder[] = "/tmp/adieu-test-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    each_allocation_fails_once(&(struct adieu_uv_address){.path = path}, false);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(a_numeric_address),
        uv_unit_test(a_name),
        uv_unit_test(a_path),
    };
    return cmocka_run_group_tests_name("uv memory: each allocation fails once on the way to", tests, setup_uv,
                                       teardown_configs);
}
