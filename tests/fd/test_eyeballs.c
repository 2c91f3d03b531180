/* SPDX-License-Identifier: MIT */
/* Names with several addresses: happy eyeballs (RFC 8305). */
#include "many.h"

#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connects to the name at that port; takes how long it took, and holds the winner's host against what is expected. */
static int64_t reaches(const char *port, const char *winner)
{
    char expected[64], peer[64];
    const int before = open_descriptors();
    struct adieu_fd *fd = new_client();
    int64_t begun = adieu_fd_now();
    assert_status(adieu_fd_connect(fd, &(struct adieu_fd_address){.host = MANY, .port = port}, soon()), ADIEU_OK);
    int64_t took = adieu_fd_now() - begun;
    (void)snprintf(expected, sizeof expected, strchr(winner, ':') ? "[%s]:%s" : "%s:%s", winner, port);
    assert_string_equal(adieu_fd_peer(fd, peer, sizeof peer), expected);
    for (int64_t deadline = soon(); open_descriptors() > before + 2;
         rest_ms(1)) /* the resolver's thread may still end */
        assert_true(adieu_fd_now() < deadline);
    adieu_fd_free(fd);
    return took;
}

static void fails_with(const struct adieu_fd_address *where, const char *text)
{
    struct adieu_fd *fd = new_client();
    called.count = 0;
    assert_status(adieu_fd_connect(fd, where, soon()), ADIEU_FAIL);
    assert_status(adieu_fd_connect(fd, NULL, soon()), ADIEU_FAIL);
    struct adieu_error error = adieu_fd_error(fd);
    assert_string_equal(adieu_error_code_name(error.code), "connect");
    assert_string_equal(error.text, text);
    adieu_fd_free(fd);
}

/* ------------------------------------------------ the order */

static const struct adieu_fd_address many = {.host = MANY, .port = "443"};

static void the_families_take_turns_and_each_keeps_its_order(void **state)
{
    (void)state;
    nobody_listens = true;
    many_addresses = LIST("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2");
    fails_with(&many, "connect to [2001:db8::1]:443, 192.0.2.1:443, [2001:db8::2]:443, 192.0.2.2:443, "
                      "[2001:db8::3]:443: Connection refused");
    assert_called(LIST("2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"));
    many_addresses = LIST("192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.3");
    fails_with(&many, "connect to 192.0.2.1:443, [2001:db8::1]:443, 192.0.2.2:443, 192.0.2.3:443: Connection refused");
    assert_called(LIST("192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"));
    nobody_listens = false;
}

static void at_most_sixteen_are_tried_and_the_text_counts_the_others(void **state)
{
    static char names[20][16];
    const char *list[21] = {NULL};
    (void)state;
    for (int i = 0; i < 20; i++) {
        (void)snprintf(names[i], sizeof names[i], "192.0.2.%d", 100 + i);
        list[i] = names[i];
    }
    many_addresses = list;
    nobody_listens = true;
    fails_with(&many, "connect to 192.0.2.100:443, 192.0.2.101:443, 192.0.2.102:443, 192.0.2.103:443, 192.0.2.104:443, "
                      "192.0.2.105:443, 192.0.2.106:443, 192.0.2.107:443, 192.0.2.108:443 and 7 more: "
                      "Connection refused; 4 more were not tried");
    assert_int_equal(called.count, 16);
    nobody_listens = false;
}

static void a_numeric_address_is_one_attempt(void **state)
{
    (void)state;
    nobody_listens = true;
    fails_with(&(struct adieu_fd_address){.host = "192.0.2.1", .port = "443"},
               "connect to 192.0.2.1:443: Connection refused");
    assert_called(LIST("192.0.2.1"));
    nobody_listens = false;
}

static void who_comes_from_an_address_tries_those_of_its_family(void **state)
{
    struct adieu_fd_address where = {.host = MANY, .port = "443", .bind_host = "127.0.0.1"};
    (void)state;
    nobody_listens = true;
    many_addresses = LIST("2001:db8::1", "127.0.0.2", "2001:db8::2", "127.0.0.3");
    fails_with(&where, "connect to 127.0.0.2:443, 127.0.0.3:443: Connection refused");
    many_addresses = LIST("2001:db8::1", "2001:db8::2");
    fails_with(&where, "connect to many.example: it has no address that 127.0.0.1 can reach");
    assert_int_equal(called.count, 0);
    where.bind_host = "192.0.2.77";
    many_addresses = LIST("127.0.0.2", "127.0.0.3");
    fails_with(&where, "connect to 127.0.0.2:443, 127.0.0.3:443: from 192.0.2.77: Cannot assign requested address");
    assert_int_equal(called.count, 0);
    fails_with(&(struct adieu_fd_address){.port = "443", .bind_host = "127.0.0.1", .family = AF_INET6},
               "connect to this machine: it has no address that 127.0.0.1 can reach");
    where.bind_host = "localhost";
    fails_with(&where, "connect from localhost: no numeric address");
    nobody_listens = false;
}

/* ------------------------------------------------ the race */

static void an_address_that_swallows_everything_costs_a_quarter_of_a_second(void **state)
{
    char port[8];
    struct place places[] = {{.host = "127.0.0.1"}, {.host = "127.0.0.2", .swallows = true}};
    (void)state;
    places_open(places, 2, port);
    many_addresses = LIST("127.0.0.2", "127.0.0.1");
    assert_in_range(reaches(port, "127.0.0.1"), 249, 2000);
    assert_called(LIST("127.0.0.2", "127.0.0.1"));
    places_close(places, 2);
}

static void the_other_family_is_the_second_to_be_tried(void **state)
{
    char port[8];
    struct place places[] = {
        {.host = "127.0.0.1"}, {.host = "::1", .swallows = true}, {.host = "127.0.0.2", .swallows = true}};
    (void)state;
    if (!place_exists("::1"))
        skip();
    places_open(places, 3, port);
    many_addresses = LIST("::1", "::1", "::1", "127.0.0.1", "127.0.0.2");
    assert_in_range(reaches(port, "127.0.0.1"), 249, 2000);
    assert_called(LIST("::1", "127.0.0.1"));
    places_close(places, 3);
}

static void who_is_refused_tries_the_next_at_once(void **state)
{
    char port[8];
    struct place places[] = {{.host = "127.0.0.1"}};
    (void)state;
    places_open(places, 1, port);
    many_addresses = LIST("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8",
                          "127.0.0.9", "127.0.0.10", "127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.1");
    assert_in_range(reaches(port, "127.0.0.1"), 0, 2000); /* twelve pauses would be 3000 */
    places_close(places, 1);
}

/* Room for the resolver's descriptor, the last attempt's and the next one's. */
static void a_row_of_refusals_needs_no_row_of_descriptors(void **state)
{
    char port[8];
    struct rlimit before, few;
    struct place places[] = {{.host = "127.0.0.1"}};
    (void)state;
    places_open(places, 1, port);
    many_addresses = LIST("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.1");
    struct adieu_fd *fd = new_client();
    int lowest = dup(places[0].listener);
    assert_true(lowest >= 0);
    (void)close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = (rlim_t)lowest + 4; /* and what a waiting thread is woken by */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    enum adieu_status status = adieu_fd_connect(fd, &(struct adieu_fd_address){.host = MANY, .port = port}, soon());
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    if (status != ADIEU_OK)
        fail_msg("%s", adieu_fd_error(fd).text);
    adieu_fd_free(fd);
    places_close(places, 1);
}

static void who_was_refused_is_closed_while_others_are_tried(void **state)
{
    char port[8];
    struct place places[] = {{.host = "127.0.0.1", .swallows = true}};
    (void)state;
    places_open(places, 1, port);
    many_addresses = LIST("127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4", "127.0.0.5");
    const struct adieu_fd_address where = {.host = MANY, .port = port};
    const int before = open_descriptors();
    struct adieu_fd *fd = new_client();
    adieu_fd_set_polled(fd);
    for (int64_t deadline = soon(); called.count < 5; rest_ms(10)) {
        assert_status(adieu_fd_connect(fd, &where, ADIEU_FD_NOW), ADIEU_WAIT);
        assert_true(adieu_fd_now() < deadline);
    }
    for (int i = 0; i < 3; i++, rest_ms(10)) /* the last refusal is there at the latest with the next look */
        assert_status(adieu_fd_connect(fd, NULL, ADIEU_FD_NOW), ADIEU_WAIT);
    assert_int_equal(open_descriptors(), before + 1);
    adieu_fd_free(fd);
    places_close(places, 1);
}

static void the_first_may_still_win_when_it_is_late(void **state)
{
    char port[8];
    struct place places[] = {{.host = "127.0.0.1", .swallows = true}, {.host = "127.0.0.2", .swallows = true}};
    struct adieu_fd *fd = new_client();
    char peer[64];
    (void)state;
    places_open(places, 2, port);
    many_addresses = LIST("127.0.0.1", "127.0.0.2");
    const struct adieu_fd_address where = {.host = MANY, .port = port};
    for (int64_t deadline = soon(); called.count < 2; assert_true(adieu_fd_now() < deadline))
        assert_status(adieu_fd_connect(fd, &where, adieu_fd_in(50)), ADIEU_WAIT);
    queue_empty(&places[0].full, places[0].listener); /* it is taken with its retransmission */
    assert_status(adieu_fd_connect(fd, NULL, soon()), ADIEU_OK);
    assert_int_equal(strncmp(adieu_fd_peer(fd, peer, sizeof peer), "127.0.0.1:", 10), 0);
    adieu_fd_free(fd);
    places_close(places, 2);
}

/* ------------------------------------------------ giving up */

static void a_deadline_is_over_all_of_them(void **state)
{
    char port[8];
    struct place places[] = {{.host = "127.0.0.1", .swallows = true}, {.host = "127.0.0.2", .swallows = true}};
    (void)state;
    places_open(places, 2, port);
    many_addresses = LIST("127.0.0.1", "127.0.0.2");
    const struct adieu_fd_address where = {.host = MANY, .port = port};
    const int before = open_descriptors();
    struct adieu_fd *fd = new_client();
    int64_t begun = adieu_fd_now();
    assert_status(adieu_fd_connect(fd, &where, adieu_fd_in(800)), ADIEU_WAIT);
    assert_in_range(adieu_fd_now() - begun, 799, 4000);
    assert_int_equal(adieu_fd_why(fd), ADIEU_FD_WHY_DEADLINE);
    assert_int_equal(called.count, 2);
    adieu_fd_cancel(fd);
    assert_status(adieu_fd_connect(fd, &where, soon()), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(fd), ADIEU_FD_WHY_CANCELLED);
    assert_int_equal(called.count, 2); /* they went on, and none was begun anew */
    adieu_fd_free(fd);
    assert_int_equal(open_descriptors(), before);
    places_close(places, 2);
}

static void *abort_when_two_are_called(void *context)
{
    for (int64_t deadline = soon(); called.count < 2 && adieu_fd_now() < deadline;)
        rest_ms(1);
    adieu_fd_abort(context, ADIEU_REASON_REQUEST);
    return NULL;
}

static void an_abort_closes_all_of_them(void **state)
{
    char port[8];
    pthread_t thread;
    struct place places[] = {{.host = "127.0.0.1", .swallows = true}, {.host = "127.0.0.2", .swallows = true}};
    (void)state;
    places_open(places, 2, port);
    many_addresses = LIST("127.0.0.1", "127.0.0.2");
    const int before = open_descriptors();
    struct adieu_fd *fd = new_client();
    assert_int_equal(pthread_create(&thread, NULL, abort_when_two_are_called, fd), 0);
    assert_status(adieu_fd_connect(fd, &(struct adieu_fd_address){.host = MANY, .port = port}, soon()), ADIEU_FAIL);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(adieu_error_code_name(adieu_fd_error(fd).code), "aborted");
    assert_true(open_descriptors() <= before + 1); /* what the waiting thread was woken by */
    adieu_fd_free(fd);
    assert_int_equal(open_descriptors(), before);
    places_close(places, 2);
}

/* ------------------------------------------------ polled */

/* A loop that goes by the interest alone. Returns its turns. */
static int loop_until_connected(struct adieu_fd *fd, const struct adieu_fd_address *where)
{
    int turns = 0, timeout, resolver = -1;
    enum adieu_status status;
    for (int64_t deadline = soon(); (status = adieu_fd_connect(fd, where, ADIEU_FD_NOW)) == ADIEU_WAIT; turns++) {
        struct pollfd interest = adieu_fd_interest(fd, &timeout);
        assert_true(adieu_fd_now() < deadline && interest.fd >= 0);
        if (called.count == 1)
            assert_in_range(timeout, 0, 250);
        if (called.count > 1)
            assert_in_range(timeout, 0, 20);
        if (called.count == 0)
            resolver = interest.fd;
        if (called.count == 1)
            assert_int_not_equal(interest.fd, resolver); /* an epoll set would not notice that it is another */
        assert_true(poll(&interest, 1, timeout) >= 0);
    }
    assert_status(status, ADIEU_OK);
    return turns;
}

static void a_polled_loop_sees_each_of_them_and_does_not_spin(void **state)
{
    char port[8], peer[64];
    struct place places[] = {
        {.host = "127.0.0.1"}, {.host = "127.0.0.2", .swallows = true}, {.host = "127.0.0.3", .swallows = true}};
    (void)state;
    places_open(places, 3, port);
    many_addresses = LIST("127.0.0.2", "127.0.0.3", "127.0.0.1");
    struct adieu_fd *fd = new_client();
    adieu_fd_set_polled(fd);
    int64_t begun = adieu_fd_now();
    int turns = loop_until_connected(fd, &(struct adieu_fd_address){.host = MANY, .port = port});
    assert_in_range(adieu_fd_now() - begun, 499, 3000);
    assert_in_range(turns, 3, 60);
    assert_called(LIST("127.0.0.2", "127.0.0.3", "127.0.0.1"));
    assert_int_equal(strncmp(adieu_fd_peer(fd, peer, sizeof peer), "127.0.0.1:", 10), 0);
    adieu_fd_free(fd);
    places_close(places, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_families_take_turns_and_each_keeps_its_order),
        cmocka_unit_test(at_most_sixteen_are_tried_and_the_text_counts_the_others),
        cmocka_unit_test(a_numeric_address_is_one_attempt),
        cmocka_unit_test(who_comes_from_an_address_tries_those_of_its_family),
        cmocka_unit_test(an_address_that_swallows_everything_costs_a_quarter_of_a_second),
        cmocka_unit_test(the_other_family_is_the_second_to_be_tried),
        cmocka_unit_test(who_is_refused_tries_the_next_at_once),
        cmocka_unit_test(a_row_of_refusals_needs_no_row_of_descriptors),
        cmocka_unit_test(who_was_refused_is_closed_while_others_are_tried),
        cmocka_unit_test(the_first_may_still_win_when_it_is_late),
        cmocka_unit_test(a_deadline_is_over_all_of_them),
        cmocka_unit_test(an_abort_closes_all_of_them),
        cmocka_unit_test(a_polled_loop_sees_each_of_them_and_does_not_spin),
    };
    return cmocka_run_group_tests(tests, setup_configs, teardown_configs);
}
