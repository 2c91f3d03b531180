/* SPDX-License-Identifier: MIT */
/*
 * Somebody else does something to our descriptor: shuts it down, closes it, or puts another in its place. We say that it broke,
 * never that it ended; and what is known not to be ours any more is left alone.
 */
#include "support.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static enum adieu_status read_one(struct adieu_fd *fd)
{
    char byte;
    size_t got;
    return adieu_fd_read(fd, &byte, 1, &got, soon());
}

static enum adieu_status write_one(struct adieu_fd *fd)
{
    size_t took;
    return adieu_fd_write(fd, "x", 1, &took, soon());
}

/* ------------------------------------------------ shut down */

static void shut_story(struct pair *pair)
{
    assert_int_equal(shutdown(adieu_fd_descriptor(pair->client), SHUT_RDWR), 0);
    assert_status(read_one(pair->client), ADIEU_FAIL);
    assert_status(write_one(pair->client), ADIEU_FAIL);
    assert_status(read_one(pair->client), ADIEU_FAIL);
    struct adieu_ending ending = close_of(pair->client, 1000);
    assert_ends(ending, "failed", "truncated");
    assert_int_equal(ending.os_error, EPIPE);
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    reader_join(&reader);
    assert_status(reader.last, ADIEU_FAIL); /* nor does the peer see an end */
}

static void a_socket_that_somebody_shuts_down_is_no_end(void **state)
{
    (void)state;
    each_pair(shut_story);
}

/* ------------------------------------------------ closed */

static void closed_story(struct pair *pair)
{
    assert_int_equal(close(adieu_fd_descriptor(pair->client)), 0);
    assert_status(read_one(pair->client), ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(pair->client).os_error, EBADF);
    assert_status(write_one(pair->client), ADIEU_FAIL);
    struct adieu_ending ending = close_of(pair->client, 1000);
    assert_ends(ending, "failed", "reset");
    assert_int_equal(ending.os_error, EBADF);
}

static void a_socket_that_somebody_closes_has_failed(void **state)
{
    (void)state;
    each_pair(closed_story);
}

/* ------------------------------------------------ another's by now */

/* A pair of sockets of somebody else's, one of them under our number. */
static void taken_by_another(int descriptor, int both[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
    if (both[0] == descriptor)
        return;
    assert_int_equal(dup2(both[0], descriptor), descriptor);
    (void)close(both[0]);
    both[0] = descriptor;
}

static void is_untouched(const int both[2])
{
    char word[6] = "";
    struct linger linger = {0};
    socklen_t size = sizeof linger;
    assert_int_equal(getsockopt(both[0], SOL_SOCKET, SO_LINGER, &linger, &size), 0);
    assert_int_equal(linger.l_onoff, 0);
    assert_int_equal(send(both[0], "hello", 5, MSG_NOSIGNAL), 5);
    assert_int_equal(recv(both[1], word, 5, MSG_DONTWAIT), 5);
    assert_string_equal(word, "hello");
    (void)close(both[0]);
    (void)close(both[1]);
}

static void reused(struct pair *pair, void (*part)(struct pair *pair))
{
    int both[2], descriptor = adieu_fd_descriptor(pair->client);
    assert_int_equal(close(descriptor), 0);
    assert_status(read_one(pair->client), ADIEU_FAIL); /* from here on it is known */
    taken_by_another(descriptor, both);
    part(pair);
    is_untouched(both);
}

static void by_a_goodbye(struct pair *pair)
{
    (void)close_of(pair->client, 1000);
}

static void by_an_abort(struct pair *pair)
{
    adieu_fd_abort(pair->client, ADIEU_REASON_REQUEST);
}

static void by_a_free(struct pair *pair)
{
    adieu_fd_free(pair->client);
    pair->client = NULL;
}

static void reused_story(struct pair *pair)
{
    static void (*const ways[])(struct pair * pair) = {by_a_goodbye, by_an_abort, by_a_free};
    static unsigned turn;
    reused(pair, ways[turn++ % 3]);
}

static void a_number_that_is_known_to_be_anothers_is_left_alone(void **state)
{
    (void)state;
    each_pair(reused_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_that_somebody_shuts_down_is_no_end),
        cmocka_unit_test(a_socket_that_somebody_closes_has_failed),
        cmocka_unit_test(a_number_that_is_known_to_be_anothers_is_left_alone),
    };
    return cmocka_run_group_tests_name("fd pulled away", tests, NULL, NULL);
}
