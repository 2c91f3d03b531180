/* SPDX-License-Identifier: MIT */
/* S34 on a descriptor: a read of nothing waits until a read would say something; a write of nothing moves what was taken before. */
#include "support.h"

static void before_the_handshake(struct pair *pair)
{
    size_t n = 77;
    assert_status(adieu_fd_read(pair->client, NULL, 0, &n, soon()), ADIEU_MISUSE);
    assert_status(adieu_fd_write(pair->client, NULL, 0, &n, soon()), ADIEU_MISUSE);
    assert_int_equal(n, 77);
}

static void before_the_handshake_it_is_misuse(void **state)
{
    (void)state;
    for (int carrier = 0; carrier < CARRIERS; carrier++) {
        struct pair pair;
        pair_open(&pair, (enum carrier)carrier, ADIEU_TLS_1_3, 0);
        before_the_handshake(&pair);
        pair_free(&pair);
    }
}

/* A read of nothing, in a thread. */
static void *wait_for_something(void *context)
{
    size_t got = 77;
    enum adieu_status status = adieu_fd_read(context, NULL, 0, &got, soon());
    assert_int_equal(got, status == ADIEU_OK ? 0 : 77);
    return (void *)(intptr_t)status;
}

static void waits(struct pair *pair)
{
    size_t n = 77;
    char buf[8];
    pthread_t thread;
    void *status;
    int64_t before = adieu_fd_now();
    assert_status(adieu_fd_read(pair->client, NULL, 0, &n, adieu_fd_in(50)), ADIEU_WAIT);
    assert_true(adieu_fd_now() - before >= 50);
    assert_string_equal(adieu_fd_why_name(adieu_fd_why(pair->client)), "deadline");
    assert_int_equal(n, 77);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_something, pair->client), 0);
    assert_status(adieu_fd_write(pair->server, "hello", 5, &n, soon()), ADIEU_OK);
    assert_int_equal(pthread_join(thread, &status), 0);
    assert_status((enum adieu_status)(intptr_t)status, ADIEU_OK);
    for (int i = 0; i < 3; i++)
        assert_status(adieu_fd_read(pair->client, NULL, 0, &n, ADIEU_FD_NOW), ADIEU_OK);
    assert_status(adieu_fd_read(pair->client, buf, sizeof buf, &n, ADIEU_FD_NOW), ADIEU_OK);
    assert_int_equal(n, 5);
    assert_memory_equal(buf, "hello", 5);
    assert_status(adieu_fd_read(pair->client, NULL, 0, &n, ADIEU_FD_NOW), ADIEU_WAIT);
}

static void a_read_of_nothing_waits_and_consumes_nothing(void **state)
{
    (void)state;
    each_pair(waits);
}

static void finds_ends(struct pair *pair)
{
    size_t n = 77;
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    for (int i = 0; i < 3; i++)
        assert_status(adieu_fd_read(pair->client, NULL, 0, &n, soon()), ADIEU_END);
    assert_status(adieu_fd_write(pair->client, NULL, 0, &n, soon()), ADIEU_OK);
    assert_int_equal(n, 0);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_status(adieu_fd_write(pair->client, NULL, 0, &n, soon()), ADIEU_MISUSE);
    server_vanishes(pair, false);
    assert_status(adieu_fd_read(pair->client, NULL, 0, &n, soon()), ADIEU_END);
}

static void finds_a_cut(struct pair *pair)
{
    size_t n = 77;
    server_vanishes(pair, false);
    for (int i = 0; i < 3; i++)
        assert_status(adieu_fd_read(pair->client, NULL, 0, &n, soon()), ADIEU_FAIL);
    adieu_fd_abort(pair->client, ADIEU_REASON_REQUEST);
    assert_status(adieu_fd_write(pair->client, NULL, 0, &n, soon()), ADIEU_FAIL);
    assert_int_equal(n, 77);
}

static void a_read_of_nothing_finds_the_end(void **state)
{
    (void)state;
    each_pair(finds_ends);
    each_pair(finds_a_cut);
}

static void between(struct pair *pair)
{
    size_t n = 77;
    struct reader reader = {.fd = pair->server, .answer = true};
    uint8_t *bytes = pattern_new(3000);
    reader_start(&reader);
    for (size_t at = 0; at < 3000; at += 1000) {
        assert_status(adieu_fd_write(pair->client, NULL, 0, &n, soon()), ADIEU_OK);
        assert_int_equal(n, 0);
        assert_status(adieu_fd_write(pair->client, bytes + at, 1000, &n, soon()), ADIEU_OK);
        assert_status(adieu_fd_write(pair->client, "", 0, &n, ADIEU_FD_NOW), ADIEU_OK);
        assert_int_equal(n, 0);
    }
    free(bytes);
    struct adieu_ending ending = close_of(pair->client, 10000);
    reader_join(&reader);
    assert_true(reader.intact);
    assert_int_equal(reader.got, 3000);
    assert_int_equal(ending.taken, 3000);
    assert_ends(ending, "closed", "closed");
}

static void a_write_of_nothing_between_real_ones_changes_nothing(void **state)
{
    (void)state;
    each_pair(between);
}

/* The peer takes nothing more: OK at the deadline, since nothing was all that was to be taken. */
static void behind_a_full_socket(struct pair *pair)
{
    size_t n = 77;
    uint64_t taken = fill(pair->client);
    int64_t before = adieu_fd_now();
    assert_status(adieu_fd_write(pair->client, NULL, 0, &n, adieu_fd_in(50)), ADIEU_OK);
    assert_int_equal(n, 0);
    assert_in_range(adieu_fd_now() - before, 50, 10000);
    assert_status(adieu_fd_write(pair->client, NULL, 0, &n, ADIEU_FD_NOW), ADIEU_OK);
    assert_true(adieu_fd_ending(pair->client).sent < taken);
    struct reader reader = {.fd = pair->server, .answer = true};
    reader_start(&reader);
    assert_status(adieu_fd_write(pair->client, NULL, 0, &n, soon()), ADIEU_OK);
    assert_int_equal(adieu_fd_ending(pair->client).sent, taken);
    assert_int_equal(adieu_fd_ending(pair->client).taken, taken);
    (void)close_of(pair->client, 10000);
    reader_join(&reader);
    assert_int_equal(reader.got, taken);
}

static void a_write_of_nothing_waits_for_what_was_taken_before(void **state)
{
    (void)state;
    each_pair(behind_a_full_socket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_handshake_it_is_misuse),
        cmocka_unit_test(a_read_of_nothing_waits_and_consumes_nothing),
        cmocka_unit_test(a_read_of_nothing_finds_the_end),
        cmocka_unit_test(a_write_of_nothing_between_real_ones_changes_nothing),
        cmocka_unit_test(a_write_of_nothing_waits_for_what_was_taken_before),
    };
    return cmocka_run_group_tests_name("fd nothing", tests, setup_configs, teardown_configs);
}
