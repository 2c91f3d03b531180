/* SPDX-License-Identifier: MIT */
/* A pool of idle connections: who has ended meanwhile is known before it is used, and whether a request may be said again elsewhere. */
#include "support.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a pool asks before it hands a connection out: WAIT is good. It never waits. */
static enum adieu_status asked(struct adieu_fd *fd)
{
    char byte;
    size_t got;
    return adieu_fd_read(fd, &byte, 1, &got, ADIEU_FD_NOW);
}

/* What the server does has come. */
static void until_it_shows(const struct pair *pair)
{
    struct pollfd idle = {.fd = adieu_fd_descriptor(pair->client), .events = POLLIN};
    assert_int_equal(poll(&idle, 1, 5000), 1);
}

/* Tickets may lie there, which are nothing to a pool. */
static void is_good(struct pair *pair)
{
    assert_status(asked(pair->client), ADIEU_WAIT);
    assert_ends(adieu_fd_ending(pair->client), "open", "open");
}

static void ended_story(struct pair *pair)
{
    is_good(pair);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    until_it_shows(pair);
    assert_status(asked(pair->client), ADIEU_END);
    assert_ends(adieu_fd_ending(pair->client), "open", "closed");
}

static void cut_story(struct pair *pair)
{
    is_good(pair);
    server_vanishes(pair, false);
    until_it_shows(pair);
    assert_status(asked(pair->client), ADIEU_FAIL);
    assert_string_equal(adieu_receiving_name(adieu_fd_ending(pair->client).receiving), "truncated");
}

static void reset_story(struct pair *pair)
{
    is_good(pair);
    server_vanishes(pair, true);
    until_it_shows(pair);
    assert_status(asked(pair->client), ADIEU_FAIL);
    assert_ends(adieu_fd_ending(pair->client), "failed", "reset");
}

static void an_idle_connection_that_has_ended_says_so_before_it_is_used(void **state)
{
    (void)state;
    each_pair(ended_story);
    each_pair(cut_story);
    each_tcp_pair(reset_story);
}

/* The reset is there before the request: not a byte of it has left, and it may be said on another connection. */
static void nothing_sent_story(struct pair *pair)
{
    size_t took;
    is_good(pair);
    server_vanishes(pair, true);
    until_it_shows(pair);
    assert_status(adieu_fd_write(pair->client, "a request", 9, &took, soon()), ADIEU_FAIL);
    struct adieu_ending ending = close_of(pair->client, 1000);
    assert_int_equal(ending.sent, 0);
    assert_int_equal(ending.error, ADIEU_ERR_RESET);
}

static void a_request_that_came_too_late_was_not_sent(void **state)
{
    (void)state;
    each_tcp_pair(nothing_sent_story);
}

/* It was there before the reset: whether the server has acted on it nobody can say, and it must not be said again unasked. */
static void sent_story(struct pair *pair)
{
    size_t took;
    is_good(pair);
    assert_status(adieu_fd_write(pair->client, "a request", 9, &took, soon()), ADIEU_OK);
    server_vanishes(pair, true);
    until_it_shows(pair);
    assert_status(asked(pair->client), ADIEU_FAIL);
    struct adieu_ending ending = close_of(pair->client, 1000);
    assert_int_equal(ending.sent, 9);
    assert_ends(ending, "failed", "reset");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_LOST);
}

static void a_request_that_may_have_been_heard_was_sent(void **state)
{
    (void)state;
    each_tcp_pair(sent_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_that_has_ended_says_so_before_it_is_used),
        cmocka_unit_test(a_request_that_came_too_late_was_not_sent),
        cmocka_unit_test(a_request_that_may_have_been_heard_was_sent),
    };
    return cmocka_run_group_tests_name("fd pool", tests, NULL, NULL);
}
