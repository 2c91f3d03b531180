/* SPDX-License-Identifier: MIT */
/* The decisions of a goodbye, with a clock that is held by hand: every millisecond counts. */
#include "goodbye.h"
#include "joined.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Our side says goodbye over a Unix socket, whose kernel tells what was read; the other end is the test's. */
struct farewell {
    struct joined joined;
    struct socket socket;
    struct goodbye goodbye;
    int theirs;
};

static struct farewell farewell_begin(struct patience patience, int64_t now)
{
    struct farewell farewell = {.joined = joined_by(ADIEU_TLS_1_3)};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    socket_init(&farewell.socket, farewell.joined.client);
    socket_begin(&farewell.socket, pair[0], false);
    socket_speak(&farewell.socket);
    farewell.theirs = pair[1];
    goodbye_begin(&farewell.goodbye, patience, now);
    assert_true(goodbye_say(&farewell.socket));
    return farewell;
}

static enum goodbye_step step_at(struct farewell *farewell, int64_t now)
{
    goodbye_exchange(&farewell->socket, INCOMING_NOBODYS);
    return goodbye_step(&farewell->goodbye, &farewell->socket, now);
}

static void they_read(const struct farewell *farewell)
{
    char bytes[4096];
    assert_true(recv(farewell->theirs, bytes, sizeof bytes, 0) > 0);
}

static void they_answer(const struct farewell *farewell)
{
    const uint8_t *at;
    struct adieu_stream *server = farewell->joined.server;
    assert_int_equal(adieu_shutdown(server), ADIEU_OK);
    size_t size = adieu_wire_out(server, &at);
    assert_int_equal(send(farewell->theirs, at, size, MSG_NOSIGNAL), size);
}

static void farewell_end(struct farewell *farewell)
{
    if (farewell->socket.descriptor >= 0)
        (void)close(socket_release(&farewell->socket, false));
    (void)close(farewell->theirs);
    part(&farewell->joined);
}

/* ------------------------------------------------ claims */

static void patience_runs_from_the_last_progress(void **state)
{
    struct farewell farewell = farewell_begin((struct patience){100, INT64_MAX}, 1000);
    (void)state;
    assert_int_equal(step_at(&farewell, 1000), GOODBYE_GO_ON);
    assert_int_equal(step_at(&farewell, 1010), GOODBYE_GO_ON); /* the first look: what was taken by then is progress */
    assert_int_equal(step_at(&farewell, 1109), GOODBYE_GO_ON);
    they_read(&farewell);
    assert_int_equal(step_at(&farewell, 1110), GOODBYE_GO_ON); /* it looks before it gives up */
    assert_int_equal(step_at(&farewell, 1209), GOODBYE_GO_ON);
    assert_int_equal(step_at(&farewell, 1210), GOODBYE_RELEASE);
    assert_int_equal(adieu_ending(farewell.socket.stream).reason, ADIEU_REASON_DEADLINE);
    farewell_end(&farewell);
}

static void a_deadline_bounds_it_though_there_is_progress(void **state)
{
    struct farewell farewell = farewell_begin((struct patience){-1, 1050}, 1000);
    (void)state;
    assert_int_equal(step_at(&farewell, 1000), GOODBYE_GO_ON);
    they_read(&farewell);
    assert_int_equal(step_at(&farewell, 1049), GOODBYE_GO_ON);
    assert_int_equal(goodbye_until(&farewell.goodbye), 1050);
    assert_int_equal(step_at(&farewell, 1050), GOODBYE_RELEASE);
    farewell_end(&farewell);
}

static void no_patience_is_over_at_once(void **state)
{
    struct farewell farewell = farewell_begin((struct patience){0, INT64_MAX}, 1000);
    (void)state;
    assert_int_equal(step_at(&farewell, 1000), GOODBYE_RELEASE);
    assert_false(adieu_ending(farewell.socket.stream).receiving == ADIEU_RECEIVING_OPEN);
    farewell_end(&farewell);
}

/* What was taken raises no event. */
static void it_looks_after_10_ms_and_then_each_20(void **state)
{
    static const int64_t looks[] = {10, 30, 50, 70, 90};
    struct farewell farewell = farewell_begin((struct patience){-1, INT64_MAX}, 1000);
    int64_t now = 1000;
    (void)state;
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        assert_int_equal(step_at(&farewell, now), GOODBYE_GO_ON);
        now = goodbye_until(&farewell.goodbye);
        assert_int_equal(now, 1000 + looks[i]);
    }
    farewell_end(&farewell);
}

/* A reset that follows the last acknowledgement shows within them. */
static void it_stays_100_ms_after_all_was_taken_and_all_was_said(void **state)
{
    struct farewell farewell = farewell_begin((struct patience){-1, INT64_MAX}, 1000);
    (void)state;
    assert_int_equal(step_at(&farewell, 1000), GOODBYE_GO_ON);
    they_read(&farewell);
    they_answer(&farewell);
    assert_int_equal(step_at(&farewell, 1010), GOODBYE_GO_ON);
    assert_int_equal(goodbye_until(&farewell.goodbye), 1110);
    assert_int_equal(step_at(&farewell, 1109), GOODBYE_GO_ON);
    assert_int_equal(step_at(&farewell, 1110), GOODBYE_RELEASE);
    assert_int_equal(adieu_ending(farewell.socket.stream).receiving, ADIEU_RECEIVING_CLOSED);
    farewell_end(&farewell);
}

static void the_end_of_the_transport_ends_it_at_once(void **state)
{
    struct farewell farewell = farewell_begin((struct patience){-1, INT64_MAX}, 1000);
    (void)state;
    assert_int_equal(step_at(&farewell, 1000), GOODBYE_GO_ON);
    they_read(&farewell);
    they_answer(&farewell);
    assert_int_equal(shutdown(farewell.theirs, SHUT_WR), 0);
    while (step_at(&farewell, 1001) == GOODBYE_GO_ON)
        assert_true(goodbye_events(&farewell.socket) & POLLIN); /* which its FIN fires at once */
    assert_true(farewell.socket.in_over);
    farewell_end(&farewell);
}

static void only_its_first_step_is_fresh(void **state)
{
    struct farewell farewell = farewell_begin((struct patience){-1, 1100}, 1000);
    (void)state;
    assert_true(goodbye_is_fresh(&farewell.goodbye, 1000));
    assert_false(goodbye_is_fresh(&farewell.goodbye, 1000));
    farewell_end(&farewell);
}

static void nor_that_where_patience_ends(void **state)
{
    struct farewell none = farewell_begin((struct patience){-1, 1000}, 1000);
    (void)state;
    assert_false(goodbye_is_fresh(&none.goodbye, 1000));
    farewell_end(&none);
}

/* What is in the stream already wakes no poll. */
static void an_end_that_was_received_is_found_without_the_kernel(void **state)
{
    struct farewell farewell = farewell_begin((struct patience){-1, INT64_MAX}, 1000);
    (void)state;
    they_answer(&farewell);
    assert_true(socket_receive(&farewell.socket));
    goodbye_exchange(&farewell.socket, INCOMING_UNTOLD);
    assert_int_equal(adieu_receiving(farewell.socket.stream), ADIEU_RECEIVING_CLOSED);
    farewell_end(&farewell);
}

static void a_time_beyond_all_is_never(void **state)
{
    (void)state;
    assert_int_equal(time_later(1000, 50), 1050);
    assert_int_equal(time_later(1000, INT64_MAX - 1000), INT64_MAX);
    assert_int_equal(time_later(1000, INT64_MAX - 999), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patience_runs_from_the_last_progress),
        cmocka_unit_test(a_deadline_bounds_it_though_there_is_progress),
        cmocka_unit_test(no_patience_is_over_at_once),
        cmocka_unit_test(it_looks_after_10_ms_and_then_each_20),
        cmocka_unit_test(it_stays_100_ms_after_all_was_taken_and_all_was_said),
        cmocka_unit_test(the_end_of_the_transport_ends_it_at_once),
        cmocka_unit_test(only_its_first_step_is_fresh),
        cmocka_unit_test(nor_that_where_patience_ends),
        cmocka_unit_test(an_end_that_was_received_is_found_without_the_kernel),
        cmocka_unit_test(a_time_beyond_all_is_never),
    };
    return cmocka_run_group_tests_name("socket goodbye", tests, setup_authority, teardown_authority);
}
