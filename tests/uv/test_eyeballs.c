/* SPDX-License-Identifier: MIT */
/* Names with several addresses: happy eyeballs (RFC 8305). */
#include "../fd/many.h"
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct adieu_uv_address many = {.host = MANY, .port = "443"};

/* The host at the other end. */
static void assert_peer(const struct adieu_uv *uv, const char *host)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char text[64];
    assert_int_equal(getpeername(descriptor_of(adieu_uv_transport(uv)), (struct sockaddr *)&address, &size), 0);
    assert_int_equal(getnameinfo((struct sockaddr *)&address, size, text, sizeof text, NULL, 0, NI_NUMERICHOST), 0);
    assert_string_equal(text, host);
}

/* Connects to the name at that port; takes how long it took, and holds the winner's host against what is expected. */
static uint64_t reaches(const char *port, const char *winner)
{
    const struct adieu_uv_address where = {.host = MANY, .port = port};
    struct waiter waiter = {.done = false};
    struct adieu_uv *uv = new_uv_client();
    uv_update_time(&the_uv_loop);
    const uint64_t begun = uv_now(&the_uv_loop);
    const int before = open_descriptors();
    assert_code(adieu_uv_connect(&waiter.request, uv, &where, waiter_done), 0);
    ends_with(&waiter, 0);
    uint64_t took = uv_now(&the_uv_loop) - begun;
    assert_peer(uv, winner);
    run_ms(1);
    assert_int_equal(open_descriptors(), before + 1); /* the losers are closed */
    adieu_uv_free(uv);
    return took;
}

static void fails_with(const struct adieu_uv_address *where, int status, const char *text)
{
    struct waiter waiter = {.done = false};
    struct adieu_uv *uv = new_uv_client();
    called.count = 0;
    assert_code(adieu_uv_connect(&waiter.request, uv, where, waiter_done), 0);
    ends_with(&waiter, status);
    assert_string_equal(adieu_error_code_name(adieu_uv_error(uv)->code), "connect");
    assert_string_equal(adieu_uv_error(uv)->text, text);
    adieu_uv_free(uv);
}

/* ------------------------------------------------ the order */

static void the_families_take_turns_and_each_keeps_its_order(void **state)
{
    (void)state;
    nobody_listens = true;
    many_addresses = LIST("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2");
    fails_with(&many, UV_ECONNREFUSED,
               "connect to [2001:db8::1]:443, 192.0.2.1:443, [2001:db8::2]:443, 192.0.2.2:443, "
               "[2001:db8::3]:443: Connection refused");
    assert_called(LIST("2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"));
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
    fails_with(&many, UV_ECONNREFUSED,
               "connect to 192.0.2.100:443, 192.0.2.101:443, 192.0.2.102:443, 192.0.2.103:443, 192.0.2.104:443, "
               "192.0.2.105:443, 192.0.2.106:443, 192.0.2.107:443, 192.0.2.108:443 and 7 more: "
               "Connection refused; 4 more were not tried");
    assert_int_equal(called.count, 16);
    nobody_listens = false;
}

static void who_comes_from_an_address_tries_those_of_its_family(void **state)
{
    struct adieu_uv_address where = {.host = MANY, .port = "443", .bind_host = "127.0.0.1"};
    (void)state;
    nobody_listens = true;
    many_addresses = LIST("2001:db8::1", "127.0.0.2", "2001:db8::2", "127.0.0.3");
    fails_with(&where, UV_ECONNREFUSED, "connect to 127.0.0.2:443, 127.0.0.3:443: Connection refused");
    many_addresses = LIST("2001:db8::1", "2001:db8::2");
    fails_with(&where, UV_EAFNOSUPPORT, "connect to many.example: it has no address that 127.0.0.1 can reach");
    assert_int_equal(called.count, 0);
    where.bind_host = "192.0.2.77";
    many_addresses = LIST("127.0.0.2", "127.0.0.3");
    fails_with(&where, UV_EADDRNOTAVAIL,
               "connect to 127.0.0.2:443, 127.0.0.3:443: from 192.0.2.77: Cannot assign requested address");
    assert_int_equal(called.count, 0);
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

static void who_was_refused_is_closed_while_others_are_tried(void **state)
{
    char port[8];
    struct place places[] = {{.host = "127.0.0.1", .swallows = true}};
    struct waiter waiter = {.done = false};
    (void)state;
    places_open(places, 1, port);
    many_addresses = LIST("127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4", "127.0.0.5");
    const struct adieu_uv_address where = {.host = MANY, .port = port};
    const int before = open_descriptors();
    struct adieu_uv *uv = new_uv_client();
    assert_code(adieu_uv_connect(&waiter.request, uv, &where, waiter_done), 0);
    for (int64_t deadline = soon(); called.count < 5; run_ms(10))
        assert_true(adieu_fd_now() < deadline);
    run_ms(10);
    assert_int_equal(open_descriptors(), before + 1);
    adieu_uv_free(uv);
    places_close(places, 1);
}

static void the_first_may_still_win_when_it_is_late(void **state)
{
    char port[8];
    struct place places[] = {{.host = "127.0.0.1", .swallows = true}, {.host = "127.0.0.2", .swallows = true}};
    struct waiter waiter = {.done = false};
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    places_open(places, 2, port);
    many_addresses = LIST("127.0.0.1", "127.0.0.2");
    const struct adieu_uv_address where = {.host = MANY, .port = port};
    assert_code(adieu_uv_connect(&waiter.request, uv, &where, waiter_done), 0);
    for (int64_t deadline = soon(); called.count < 2; run_ms(50))
        assert_true(adieu_fd_now() < deadline);
    queue_empty(&places[0].full, places[0].listener); /* it is taken with its retransmission */
    ends_with(&waiter, 0);
    assert_peer(uv, "127.0.0.1");
    adieu_uv_free(uv);
    places_close(places, 2);
}

/* ------------------------------------------------ giving up */

static void given_up_all_of_them_are_closed(void **state)
{
    char port[8];
    struct place places[] = {{.host = "127.0.0.1", .swallows = true}, {.host = "127.0.0.2", .swallows = true}};
    (void)state;
    places_open(places, 2, port);
    many_addresses = LIST("127.0.0.1", "127.0.0.2");
    const struct adieu_uv_address where = {.host = MANY, .port = port};
    const int before = open_descriptors();
    for (int way = 0; way < 2; way++) {
        struct waiter waiter = {.done = false};
        struct adieu_uv *uv = new_uv_client();
        called.count = 0;
        assert_code(adieu_uv_connect(&waiter.request, uv, &where, waiter_done), 0);
        for (int64_t deadline = soon(); called.count < 2; run_ms(50))
            assert_true(adieu_fd_now() < deadline);
        assert_int_equal(open_descriptors(), before + 2);
        if (way == 0) {
            assert_code(adieu_uv_cancel(&waiter.request), 0);
            ends_with(&waiter, UV_ECANCELED);
        }
        adieu_uv_free(uv);
        run_ms(1);
        assert_int_equal(open_descriptors(), before);
    }
    places_close(places, 2);
}

static void a_cancel_while_the_name_is_being_resolved_begins_no_attempt(void **state)
{
    struct waiter waiter = {.done = false};
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    nobody_listens = true;
    many_addresses = LIST("127.0.0.2");
    called.count = 0;
    assert_code(adieu_uv_connect(&waiter.request, uv, &many, waiter_done), 0);
    rest_ms(20); /* the resolver is done, and the loop has not seen it */
    assert_code(adieu_uv_cancel(&waiter.request), 0);
    ends_with(&waiter, UV_ECANCELED);
    run_ms(10);
    assert_int_equal(called.count, 0);
    adieu_uv_free(uv);
    nobody_listens = false;
}

static void without_descriptors_it_says_so_and_does_not_wait(void **state)
{
    struct rlimit before, few;
    struct waiter waiter = {.done = false};
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    int lowest = dup(0);
    assert_true(lowest >= 0);
    (void)close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = (rlim_t)lowest;
    many_addresses = LIST("127.0.0.2", "127.0.0.3");
    assert_code(adieu_uv_connect(&waiter.request, uv, &many, waiter_done), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    run_until(&waiter.done);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_code(waiter.status, UV_EMFILE);
    assert_string_equal(adieu_uv_error(uv)->text, "connect to 127.0.0.2:443, 127.0.0.3:443: Too many open files");
    adieu_uv_free(uv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(the_families_take_turns_and_each_keeps_its_order),
        uv_unit_test(at_most_sixteen_are_tried_and_the_text_counts_the_others),
        uv_unit_test(who_comes_from_an_address_tries_those_of_its_family),
        uv_unit_test(an_address_that_swallows_everything_costs_a_quarter_of_a_second),
        uv_unit_test(the_other_family_is_the_second_to_be_tried),
        uv_unit_test(who_is_refused_tries_the_next_at_once),
        uv_unit_test(who_was_refused_is_closed_while_others_are_tried),
        uv_unit_test(the_first_may_still_win_when_it_is_late),
        uv_unit_test(given_up_all_of_them_are_closed),
        uv_unit_test(a_cancel_while_the_name_is_being_resolved_begins_no_attempt),
        uv_unit_test(without_descriptors_it_says_so_and_does_not_wait),
    };
    return cmocka_run_group_tests_name("uv eyeballs", tests, setup_uv, teardown_configs);
}
