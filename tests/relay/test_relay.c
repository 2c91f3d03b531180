/* SPDX-License-Identifier: MIT */
/* The instrument itself: what is late, what is lost, and that a reset is a packet like others. */
#include "field.h"
#include "flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BOUND_MS 20000
/* What a busy machine may add. */
#define SLACK_MS 2000

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ------------------------------------------------ a TCP connection across */

struct tcp {
    int client, server; /* on sides A and B */
    int64_t connect_ms;
};

static int listen_at(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, ADDRESS_B, &address->sin_addr), 1);
    assert_int_equal(bind(listener, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)address, &length), 0);
    return listener;
}

static struct tcp tcp_open(const struct field *field)
{
    struct sockaddr_in address;
    struct tcp tcp;
    field_enter(field, SIDE_B);
    int listener = listen_at(&address);
    field_enter(field, SIDE_A);
    tcp.client = socket(AF_INET, SOCK_STREAM, 0);
    int64_t before = now_ms();
    assert_int_equal(connect(tcp.client, (struct sockaddr *)&address, sizeof address), 0);
    tcp.connect_ms = now_ms() - before;
    tcp.server = accept(listener, NULL, NULL);
    assert_true(tcp.server >= 0);
    (void)close(listener);
    return tcp;
}

static void tcp_close(struct tcp tcp)
{
    (void)close(tcp.client);
    (void)close(tcp.server);
}

static void reset(int descriptor)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    (void)close(descriptor);
}

static bool wait_for(int descriptor, short events, int milliseconds)
{
    struct pollfd set = {.fd = descriptor, .events = events};
    return poll(&set, 1, milliseconds) == 1;
}

/* recv() once there is something; a negative errno instead of -1. */
static ssize_t receive(int descriptor, void *buf, size_t size)
{
    assert_true(wait_for(descriptor, POLLIN, BOUND_MS));
    ssize_t n = recv(descriptor, buf, size, 0);
    return n < 0 ? -errno : n;
}

/* ------------------------------------------------ delay */

static void a_round_trip_takes_forty_milliseconds(void **state)
{
    const struct field *field = field_of(state);
    struct tcp tcp = tcp_open(field);
    assert_in_range(tcp.connect_ms, 2 * DELAY_MS, 2 * DELAY_MS + SLACK_MS);
    char c = 'x';
    int64_t before = now_ms();
    assert_int_equal(send(tcp.client, &c, 1, 0), 1);
    assert_int_equal(receive(tcp.server, &c, 1), 1);
    assert_in_range(now_ms() - before, DELAY_MS, DELAY_MS + SLACK_MS);
    tcp_close(tcp);
}

static void the_delay_can_be_changed(void **state)
{
    const struct field *field = field_of(state);
    relay_delay(field->relay, 75);
    struct tcp tcp = tcp_open(field);
    assert_in_range(tcp.connect_ms, 150, 150 + SLACK_MS);
    tcp_close(tcp);
}

static void loopback_is_up_on_both_sides_and_not_delayed(void **state)
{
    const struct field *field = field_of(state);
    for (int side = 0; side < SIDES; side++) {
        field_enter(field, (enum side)side);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof address;
        int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
        assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
        (void)close(client);
        (void)close(listener);
    }
    assert_int_equal(relay_counts(field->relay, SIDE_A).packets, 0);
}

/* ------------------------------------------------ resets */

static void a_reset_comes_as_a_reset_as_late_as_data_and_behind_it(void **state)
{
    const struct field *field = field_of(state);
    struct tcp tcp = tcp_open(field);
    char buf[16];
    int64_t before = now_ms();
    assert_int_equal(send(tcp.client, "last", 4, 0), 4);
    reset(tcp.client);
    assert_int_equal(receive(tcp.server, buf, 4), 4);
    assert_memory_equal(buf, "last", 4);
    assert_int_equal(receive(tcp.server, buf, sizeof buf), -ECONNRESET);
    assert_in_range(now_ms() - before, DELAY_MS, DELAY_MS + SLACK_MS);
    assert_int_equal(relay_counts(field->relay, SIDE_A).resets, 1);
    (void)close(tcp.server);
}

/* FINs both ways, of which the last acknowledgement may be missing; then what the first says again. */
static bool is_over(bool acknowledged)
{
    static struct flow flows[FLOWS];
    const struct packet packets[] = {
        {.from = 1, .to = 2, .sequence = 10, .payload = 5, .flags = PACKET_FIN | PACKET_ACK, .acknowledges = 30},
        {.from = 2, .to = 1, .sequence = 30, .flags = PACKET_FIN | PACKET_ACK, .acknowledges = 16},
        {.from = 1, .to = 2, .sequence = 16, .flags = PACKET_ACK, .acknowledges = acknowledged ? 31 : 30},
        {.from = 1, .to = 2, .sequence = 15, .flags = PACKET_FIN | PACKET_ACK, .acknowledges = 30},
    };
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++)
        flow_see(flow_of(flows, i == 1 ? SIDE_B : SIDE_A, &packets[i]), i == 1 ? SIDE_B : SIDE_A, &packets[i]);
    const struct packet reset = {.from = 2, .to = 1, .sequence = 31, .flags = PACKET_RST};
    bool over = flow_is_over(flow_of(flows, SIDE_B, &reset));
    const struct packet anew = {.from = 1, .to = 2, .sequence = 90, .flags = PACKET_SYN};
    assert_false(flow_is_over(flow_of(flows, SIDE_A, &anew)));
    return over;
}

static void a_reset_is_harmless_once_both_ends_are_acknowledged(void **state)
{
    (void)state;
    assert_true(is_over(true));
    assert_false(is_over(false));
}

/* What makes a goodbye hard: with its unread data the socket throws away what it had still to send. */
static void closing_with_unread_data_resets_and_destroys(void **state)
{
    const struct field *field = field_of(state);
    struct tcp tcp = tcp_open(field);
    char c = 'x', *much = calloc(1, 1 << 20);
    assert_non_null(much);
    assert_int_equal(send(tcp.server, &c, 1, 0), 1);
    assert_true(wait_for(tcp.client, POLLIN, BOUND_MS)); /* and not read */
    ssize_t said = send(tcp.client, much, 1 << 20, MSG_DONTWAIT), heard = 0, n;
    assert_true(said > 0);
    (void)close(tcp.client);
    while ((n = receive(tcp.server, much, 1 << 20)) > 0)
        heard += n;
    assert_int_equal(n, -ECONNRESET);
    assert_in_range(heard, 0, said - 1);
    free(much);
    (void)close(tcp.server);
}

/* ------------------------------------------------ losses */

static void send_all(struct tcp tcp, size_t size)
{
    char *bytes = calloc(1, size);
    assert_non_null(bytes);
    size_t said = 0, heard = 0;
    while (heard < size) {
        ssize_t n = said < size ? send(tcp.client, bytes + said, size - said, MSG_DONTWAIT) : 0;
        said += n > 0 ? (size_t)n : 0;
        assert_true(wait_for(tcp.server, POLLIN, BOUND_MS));
        n = recv(tcp.server, bytes, size, MSG_DONTWAIT);
        assert_true(n > 0);
        heard += (size_t)n;
    }
    free(bytes);
}

static void what_is_lost_is_counted_and_tcp_sends_it_again(void **state)
{
    const struct field *field = field_of(state);
    struct tcp tcp = tcp_open(field);
    relay_loss(field->relay, 5);
    send_all(tcp, 1000000);
    struct counts counts = relay_counts(field->relay, SIDE_A);
    assert_in_range(counts.lost, counts.packets / 50, counts.packets / 10);
    assert_int_equal(counts.overflowed, 0);
    tcp_close(tcp);
}

static void without_loss_nothing_is_lost(void **state)
{
    const struct field *field = field_of(state);
    struct tcp tcp = tcp_open(field);
    send_all(tcp, 8000000);
    struct counts up = relay_counts(field->relay, SIDE_A), down = relay_counts(field->relay, SIDE_B);
    assert_int_equal(up.lost + up.swallowed + up.overflowed + down.lost + down.swallowed + down.overflowed, 0);
    tcp_close(tcp);
}

static void a_hole_swallows_everything_until_it_is_closed(void **state)
{
    const struct field *field = field_of(state);
    struct tcp tcp = tcp_open(field);
    char c = 'x';
    relay_hole(field->relay, HOLE_NOW, 0);
    assert_int_equal(send(tcp.client, &c, 1, 0), 1);
    assert_false(wait_for(tcp.server, POLLIN, 10 * DELAY_MS));
    assert_true(relay_counts(field->relay, SIDE_A).swallowed > 0);
    relay_hole(field->relay, HOLE_NONE, 0);
    assert_int_equal(receive(tcp.server, &c, 1), 1); /* sent again by TCP */
    tcp_close(tcp);
}

static void a_hole_can_begin_at_a_fin_or_after_some_bytes(void **state)
{
    const struct field *field = field_of(state);
    struct tcp tcp = tcp_open(field);
    char buf[16];
    relay_hole(field->relay, HOLE_BYTES, 6);
    assert_int_equal(send(tcp.client, "six bt", 6, 0), 6);
    assert_int_equal(receive(tcp.server, buf, sizeof buf), 6);
    assert_int_equal(send(tcp.client, "7", 1, 0), 1);
    assert_false(wait_for(tcp.server, POLLIN, 5 * DELAY_MS));
    relay_hole(field->relay, HOLE_FIN, 0);
    assert_int_equal(receive(tcp.server, buf, sizeof buf), 1);
    assert_int_equal(shutdown(tcp.client, SHUT_WR), 0);
    assert_false(wait_for(tcp.server, POLLIN, 5 * DELAY_MS));
    tcp_close(tcp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        relay_test(a_round_trip_takes_forty_milliseconds),
        relay_test(the_delay_can_be_changed),
        relay_test(loopback_is_up_on_both_sides_and_not_delayed),
        relay_test(a_reset_comes_as_a_reset_as_late_as_data_and_behind_it),
        cmocka_unit_test(a_reset_is_harmless_once_both_ends_are_acknowledged),
        relay_test(closing_with_unread_data_resets_and_destroys),
        relay_test(what_is_lost_is_counted_and_tcp_sends_it_again),
        relay_test(without_loss_nothing_is_lost),
        relay_test(a_hole_swallows_everything_until_it_is_closed),
        relay_test(a_hole_can_begin_at_a_fin_or_after_some_bytes),
    };
    return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
