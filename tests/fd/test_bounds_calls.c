/* SPDX-License-Identifier: MIT */
/*
 * How many system calls a megabyte costs: the linker sends those of the transport through here. 64 records leave in 8 batches,
 * and a receive takes up to a batch: 8 of each where the socket takes a batch in one piece. A Unix socket of the usual size does
 * not (a piece goes, the next call says that it is full), TCP hands over what has come so far, and threads meet as they do:
 * so the bounds are some calls a batch, and none grows with the number of records or of read()s.
 */
#include "support.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* ------------------------------------------------ counting */

static struct {
    atomic_uint sends, recvs, polls, others;
} made;

ssize_t __real_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __real_recv(int fd, void *bytes, size_t size, int flags);
int __real_poll(struct pollfd *set, nfds_t count, int timeout);
int __real_eventfd_write(int fd, eventfd_t value);
int __real_eventfd_read(int fd, eventfd_t *value);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags);
int __wrap_poll(struct pollfd *set, nfds_t count, int timeout);
int __wrap_eventfd_write(int fd, eventfd_t value);
int __wrap_eventfd_read(int fd, eventfd_t *value);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size);

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
    made.sends++;
    return __real_send(fd, bytes, size, flags);
}

ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
    made.recvs++;
    return __real_recv(fd, bytes, size, flags);
}

int __wrap_poll(struct pollfd *set, nfds_t count, int timeout)
{
    made.polls++;
    return __real_poll(set, count, timeout);
}

int __wrap_eventfd_write(int fd, eventfd_t value)
{
    made.others++;
    return __real_eventfd_write(fd, value);
}

int __wrap_eventfd_read(int fd, eventfd_t *value)
{
    made.others++;
    return __real_eventfd_read(fd, value);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    made.others++;
    return __real_getsockopt(fd, level, name, value, size);
}

static void forget_calls(void)
{
    made.sends = made.recvs = made.polls = made.others = 0;
}

enum { MEGABYTE = 1 << 20, BATCHES = 8 };

/* At most so many a batch. */
static void check_calls(unsigned sends, unsigned recvs, unsigned polls)
{
    if (getenv("ADIEU_TEST_VERBOSE"))
        fprintf(stderr, "%u send, %u recv, %u poll, %u others\n", made.sends, made.recvs, made.polls, made.others);
    assert_in_range(made.sends, BATCHES, BATCHES * sends);
    assert_in_range(made.recvs, BATCHES, BATCHES * recvs);
    assert_in_range(made.polls, 0, BATCHES * polls);
    assert_int_equal(made.others, 0);
}

/* ------------------------------------------------ polled */

static void one_way(struct adieu_fd *from, struct adieu_fd *to)
{
    static char bytes[MEGABYTE], piece[MEGABYTE];
    size_t said = 0, heard = 0, n;
    while (heard < sizeof bytes) {
        if (said < sizeof bytes &&
            adieu_fd_write(from, bytes + said, sizeof bytes - said, &n, ADIEU_FD_NOW) == ADIEU_OK)
            said += n;
        else if (said == sizeof bytes)
            assert_status(adieu_fd_read(from, piece, 1, &n, ADIEU_FD_NOW), ADIEU_WAIT);
        while (adieu_fd_read(to, piece, sizeof piece, &n, ADIEU_FD_NOW) == ADIEU_OK)
            heard += n;
    }
}

static void polled_story(struct pair *pair)
{
    adieu_fd_set_polled(pair->client);
    adieu_fd_set_polled(pair->server);
    for (int way = 0; way < 4; way++) {
        forget_calls();
        one_way(way % 2 ? pair->server : pair->client, way % 2 ? pair->client : pair->server);
        check_calls(4, 4, 0);
    }
}

static void a_polled_megabyte_costs_few_calls(void **state)
{
    (void)state;
    each_pair(polled_story);
}

/* ------------------------------------------------ blocking */

static void *write_all(void *context)
{
    return (void *)(intptr_t)write_pattern(context, MEGABYTE);
}

static void blocking_story(struct pair *pair)
{
    for (int way = 0; way < 4; way++) {
        pthread_t writer;
        uint8_t piece[65536];
        size_t n;
        void *status;
        forget_calls();
        assert_int_equal(pthread_create(&writer, NULL, write_all, way % 2 ? pair->server : pair->client), 0);
        for (size_t heard = 0; heard < MEGABYTE; heard += n)
            assert_status(adieu_fd_read(way % 2 ? pair->client : pair->server, piece, sizeof piece, &n, soon()),
                          ADIEU_OK);
        assert_int_equal(pthread_join(writer, &status), 0);
        check_calls(8, 16, 8);
    }
}

static void a_blocking_megabyte_costs_few_calls(void **state)
{
    (void)state;
    each_pair(blocking_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_polled_megabyte_costs_few_calls),
        cmocka_unit_test(a_blocking_megabyte_costs_few_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
