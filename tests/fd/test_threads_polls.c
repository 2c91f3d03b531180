/* SPDX-License-Identifier: MIT */
/*
 * A descriptor is not closed while another thread polls it: its number could be somebody else's by the time that poll()
 * begins or returns. The linker sends poll() and close() through here; each poll is made to linger.
 */
#include "threads.h"

#include <poll.h>
#include <unistd.h>

enum { MOST = 1024 };
static atomic_int polled[MOST];
static atomic_uint lingered, closed, closed_under_poll;

int __real_poll(struct pollfd *set, nfds_t count, int timeout);
int __real_close(int fd);
int __wrap_poll(struct pollfd *set, nfds_t count, int timeout);
int __wrap_close(int fd);

static void note(const struct pollfd *set, nfds_t count, int by)
{
    for (nfds_t i = 0; i < count; i++)
        if (set[i].fd >= 0 && set[i].fd < MOST)
            atomic_fetch_add(&polled[set[i].fd], by);
}

int __wrap_poll(struct pollfd *set, nfds_t count, int timeout)
{
    note(set, count, 1);
    int ready = __real_poll(set, count, timeout);
    rest_ms(2);
    lingered++;
    note(set, count, -1);
    return ready;
}

int __wrap_close(int fd)
{
    closed++;
    closed_under_poll += fd >= 0 && fd < MOST && atomic_load(&polled[fd]) > 0;
    return __real_close(fd);
}

static void abort_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)peer, (void)pair;
    struct task reader = {.fd = me};
    task_start(&reader, task_read);
    until_reading(me);
    adieu_fd_abort(me, ADIEU_REASON_REQUEST);
    task_join(&reader);
    assert_status(reader.status, ADIEU_FAIL);
}

static void close_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)peer, (void)pair;
    struct task reader = {.fd = me}, writer = {.fd = me, .size = SIZE_MAX}, closer = {.fd = me, .patience_ms = 20};
    task_start(&reader, task_read);
    until_reading(me);
    narrow(me);
    task_start(&writer, task_write);
    task_start(&closer, task_close);
    task_join(&closer);
    task_join(&writer);
    task_join(&reader);
    assert_status(closer.status, ADIEU_OK);
}

static void no_descriptor_is_closed_under_a_poll(void **state)
{
    (void)state;
    each_side(abort_story);
    each_side(close_story);
    assert_true(lingered > 0 && closed > 0); /* or the linker has not sent them here */
    assert_int_equal(closed_under_poll, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_descriptor_is_closed_under_a_poll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
