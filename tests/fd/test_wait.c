/* SPDX-License-Identifier: MIT */
/* Several threads: who waits, who is woken, and how waits end. */
#include "support.h"

#include <stdio.h>
#include <unistd.h>

/* A verb in a thread. */
struct task {
    struct adieu_fd *fd;
    pthread_t thread;
    size_t size, moved;
    enum adieu_status status;
    enum adieu_fd_why why;
};

static void start(struct task *task, struct adieu_fd *fd, void *(*run)(void *))
{
    task->fd = fd;
    assert_int_equal(pthread_create(&task->thread, NULL, run, task), 0);
}

static void join(struct task *task)
{
    assert_int_equal(pthread_join(task->thread, NULL), 0);
}

static void *read_once(void *context)
{
    struct task *task = context;
    char byte;
    task->status = adieu_fd_read(task->fd, &byte, 1, &task->moved, soon());
    task->why = adieu_fd_why(task->fd);
    return NULL;
}

static void *read_all(void *context)
{
    struct task *task = context;
    uint8_t piece[5000];
    size_t got;
    while ((task->status = adieu_fd_read(task->fd, piece, sizeof piece, &got, soon())) == ADIEU_OK)
        task->moved += got;
    return NULL;
}

static void *write_much(void *context)
{
    struct task *task = context;
    size_t size = task->size;
    uint8_t *bytes = pattern_new(size);
    task->status = adieu_fd_write(task->fd, bytes, size, &task->moved, soon());
    task->why = adieu_fd_why(task->fd);
    free(bytes);
    return NULL;
}

/* Waits until another thread is inside the verb: reading or writing nothing is then misuse. */
static void until_reading(struct adieu_fd *fd)
{
    size_t got;
    for (int64_t deadline = soon(); adieu_fd_read(fd, NULL, 0, &got, ADIEU_FD_NOW) != ADIEU_MISUSE; rest_ms(1))
        assert_true(adieu_fd_now() < deadline);
}

static void until_writing(struct adieu_fd *fd)
{
    size_t took;
    for (int64_t deadline = soon(); adieu_fd_write(fd, "", 0, &took, ADIEU_FD_NOW) != ADIEU_MISUSE; rest_ms(1))
        assert_true(adieu_fd_now() < deadline);
}

static void exchange_a_byte(struct pair *pair)
{
    char byte = 0;
    size_t n;
    assert_status(adieu_fd_write(pair->server, "!", 1, &n, soon()), ADIEU_OK);
    assert_status(adieu_fd_read(pair->client, &byte, 1, &n, soon()), ADIEU_OK);
    assert_int_equal(byte, '!');
}

/* ------------------------------------------------ cancel */

static void cancel_story(struct pair *pair)
{
    struct task reader = {0};
    start(&reader, pair->client, read_once);
    until_reading(pair->client);
    adieu_fd_cancel(pair->client);
    join(&reader);
    assert_status(reader.status, ADIEU_WAIT);
    assert_int_equal(reader.why, ADIEU_FD_WHY_CANCELLED);
    exchange_a_byte(pair);
}

static void a_cancelled_read_leaves_the_stream_usable(void **state)
{
    (void)state;
    each_pair(cancel_story);
}

static void early_cancel_story(struct pair *pair)
{
    char byte;
    size_t got;
    adieu_fd_cancel(pair->client);
    assert_status(adieu_fd_read(pair->client, &byte, 1, &got, soon()), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(pair->client), ADIEU_FD_WHY_CANCELLED);
    exchange_a_byte(pair); /* that one only */
}

static void a_cancel_that_nobody_waits_for_ends_the_next_wait(void **state)
{
    (void)state;
    each_pair(early_cancel_story);
}

static void *close_now(void *context)
{
    struct task *task = context;
    task->status = adieu_fd_close(task->fd, patience_ms(10000), NULL);
    task->why = adieu_fd_why(task->fd);
    return NULL;
}

static void cancelled_close_story(struct pair *pair)
{
    struct task closer = {0};
    size_t n;
    struct adieu_ending ending;
    start(&closer, pair->client, close_now);
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    reader_join(&reader); /* the goodbye has come over */
    adieu_fd_cancel(pair->client);
    join(&closer);
    assert_status(closer.status, ADIEU_WAIT);
    assert_status(adieu_fd_write(pair->server, "!", 1, &n, soon()), ADIEU_OK);
    assert_status(adieu_fd_close(pair->server, patience_ms(0), NULL), ADIEU_OK);
    assert_status(adieu_fd_close(pair->client, patience_ms(5000), &ending), ADIEU_OK);
    assert_string_equal(adieu_sending_name(ending.sending), "closed");
}

static void a_cancelled_goodbye_can_be_taken_up_again(void **state)
{
    (void)state;
    each_pair(cancelled_close_story);
}

/* ------------------------------------------------ two at once */

static void two_readers_story(struct pair *pair)
{
    struct task reader = {0};
    char byte;
    size_t got = 5, took;
    start(&reader, pair->client, read_once);
    until_reading(pair->client);
    assert_status(adieu_fd_read(pair->client, &byte, 1, &got, soon()), ADIEU_MISUSE);
    assert_int_equal(got, 5);
    assert_status(adieu_fd_write(pair->server, "x", 1, &took, soon()), ADIEU_OK);
    join(&reader);
    assert_status(reader.status, ADIEU_OK);
}

static void two_readers_at_once_are_one_too_many(void **state)
{
    (void)state;
    each_pair(two_readers_story);
}

/* ------------------------------------------------ together */

static void *echo_all(void *context)
{
    struct task *task = context;
    uint8_t piece[20000];
    size_t got, took = 0;
    while ((task->status = adieu_fd_read(task->fd, piece, sizeof piece, &got, soon())) == ADIEU_OK)
        for (size_t done = 0; done < got; done += took)
            if (adieu_fd_write(task->fd, piece + done, got - done, &took, soon()) != ADIEU_OK)
                return NULL;
    task->moved = 1;
    (void)!adieu_fd_close(task->fd, patience_ms(5000), NULL);
    return NULL;
}

/* More than all buffers hold: neither side gets on if its reader waits for its writer. */
static void echo_story(struct pair *pair)
{
    struct task echo = {0}, reader = {0}, writer = {.size = 8000000};
    struct adieu_ending ending;
    start(&echo, pair->server, echo_all);
    start(&reader, pair->client, read_all);
    start(&writer, pair->client, write_much);
    join(&writer);
    assert_status(writer.status, ADIEU_OK);
    assert_int_equal(writer.moved, writer.size);
    assert_status(adieu_fd_close(pair->client, patience_ms(5000), &ending),
                  ADIEU_OK); /* while the reader still reads */
    join(&reader);
    join(&echo);
    assert_status(reader.status, ADIEU_END);
    assert_int_equal(reader.moved, writer.size);
    assert_int_equal(ending.discarded, 0);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(echo.moved, 1);
}

static void one_reads_one_writes_one_closes(void **state)
{
    (void)state;
    each_pair(echo_story);
}

static void closed_writer_story(struct pair *pair)
{
    struct task reader = {0}, writer = {.size = 1000000};
    struct adieu_ending ending;
    uint64_t before = fill(pair->client);
    start(&reader, pair->client, read_all);
    start(&writer, pair->client, write_much);
    until_writing(pair->client);
    assert_status(adieu_fd_close(pair->client, patience_ms(200), &ending), ADIEU_OK);
    join(&writer);
    join(&reader);
    assert_int_equal(writer.why, ADIEU_FD_WHY_CLOSING);
    assert_true(writer.status == ADIEU_OK || writer.status == ADIEU_WAIT);
    assert_int_equal(ending.taken, before + writer.moved);
    assert_status(reader.status, ADIEU_FAIL);
    assert_ends(ending, "aborted", "abandoned");
    assert_int_equal(ending.reason, ADIEU_REASON_DEADLINE);
}

static void a_goodbye_ends_a_blocked_write(void **state)
{
    (void)state;
    each_pair(closed_writer_story);
}

/* A wait that begins during a goodbye has no more to wait for than one that was there. */
static void late_wait_story(struct pair *pair)
{
    struct task closer = {0};
    (void)fill(pair->client);
    start(&closer, pair->client, close_now);
    for (int64_t deadline = soon(); adieu_fd_ending(pair->client).sending == ADIEU_SENDING_OPEN; rest_ms(1))
        assert_true(adieu_fd_now() < deadline);
    assert_status(adieu_fd_close(pair->client, patience_ms(0), NULL), ADIEU_MISUSE);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(pair->client), ADIEU_FD_WHY_CLOSING);
    adieu_fd_abort(pair->client, ADIEU_REASON_REQUEST);
    join(&closer);
    assert_status(closer.status, ADIEU_OK);
    assert_status(adieu_fd_close(pair->client, patience_ms(0), NULL), ADIEU_OK);
}

static void no_wait_begins_during_a_goodbye(void **state)
{
    (void)state;
    each_pair(late_wait_story);
}

static void aborted_story(struct pair *pair)
{
    struct task reader = {0}, writer = {.size = 1000000};
    (void)fill(pair->client);
    start(&reader, pair->client, read_all);
    start(&writer, pair->client, write_much);
    until_writing(pair->client);
    adieu_fd_abort(pair->client, ADIEU_REASON_REQUEST);
    assert_int_equal(adieu_fd_descriptor(pair->client), -1);
    join(&writer);
    join(&reader);
    assert_status(writer.status, ADIEU_FAIL);
    assert_status(reader.status, ADIEU_FAIL);
    adieu_fd_abort(pair->client, ADIEU_REASON_DEADLINE);
    assert_int_equal(adieu_fd_ending(pair->client).reason, ADIEU_REASON_REQUEST);
    assert_ends(adieu_fd_ending(pair->client), "aborted", "abandoned");
    struct reader peer = {.fd = pair->server};
    reader_start(&peer);
    reader_join(&peer);
    assert_status(peer.last, ADIEU_FAIL);
}

static void an_abort_ends_every_wait(void **state)
{
    (void)state;
    each_pair(aborted_story);
}

/* What a write leaves in the queue leaves with a read that waits already, and polled for nothing but input. */
static void left_behind_story(struct pair *pair)
{
    struct task reader = {0};
    size_t n = 0, came = 0;
    uint8_t piece[65536];
    start(&reader, pair->client, read_once);
    until_reading(pair->client);
    uint64_t taken = fill(pair->client);
    assert_true(adieu_fd_ending(pair->client).sent < taken); /* some of it in the stream, some in the kernel */
    while (came < taken) {
        assert_status(adieu_fd_read(pair->server, piece, sizeof piece, &n, soon()), ADIEU_OK);
        came += n;
    }
    assert_status(adieu_fd_write(pair->server, "!", 1, &n, soon()), ADIEU_OK);
    join(&reader);
    assert_status(reader.status, ADIEU_OK);
}

static void what_a_write_left_behind_leaves_with_a_waiting_read(void **state)
{
    (void)state;
    each_pair(left_behind_story);
}

/* Takes its time with each piece: between its reads there is nobody in a read. */
static void *read_slowly(void *context)
{
    struct task *task = context;
    uint8_t piece[30000];
    size_t got;
    task->why = ADIEU_FD_WHY_NOTHING;
    while ((task->status = adieu_fd_read(task->fd, piece, sizeof piece, &got, soon())) == ADIEU_OK) {
        for (size_t i = 0; i < got; i++)
            if (piece[i] != pattern(task->moved + i))
                task->why = ADIEU_FD_WHY_CANCELLED; /* a gap */
        task->moved += got;
        rest_ms(5);
    }
    return NULL;
}

static void slow_reader_story(struct pair *pair)
{
    struct task reader = {0}, closer = {0};
    start(&reader, pair->client, read_slowly);
    until_reading(pair->client);
    start(&closer, pair->client, close_now);
    assert_status(write_pattern(pair->server, 300000), ADIEU_OK);
    assert_status(adieu_fd_close(pair->server, patience_ms(5000), NULL), ADIEU_OK);
    join(&reader);
    join(&closer);
    assert_int_equal(reader.moved, 300000);
    assert_int_equal(reader.why, ADIEU_FD_WHY_NOTHING);
    assert_status(reader.status, ADIEU_END);
    assert_int_equal(adieu_fd_ending(pair->client).discarded, 0);
}

static void a_reader_finds_no_gap_while_another_closes(void **state)
{
    (void)state;
    each_pair(slow_reader_story);
}

/* It waits so long that its last read is no sign of life: that it waits is. */
static void a_reader_that_waits_long_gets_what_comes(void **state)
{
    struct pair pair;
    struct task reader = {0}, closer = {0};
    size_t took;
    (void)state;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 0);
    pair_shake(&pair);
    start(&reader, pair.client, read_all);
    until_reading(pair.client);
    start(&closer, pair.client, close_now);
    rest_ms(1200);
    assert_status(adieu_fd_write(pair.server, "late", 4, &took, soon()), ADIEU_OK);
    assert_status(adieu_fd_close(pair.server, patience_ms(5000), NULL), ADIEU_OK);
    join(&reader);
    join(&closer);
    assert_status(reader.status, ADIEU_END);
    assert_int_equal(reader.moved, 4);
    assert_int_equal(adieu_fd_ending(pair.client).discarded, 0);
    pair_free(&pair);
}

static void *handshake(void *context)
{
    struct task *task = context;
    task->status = adieu_fd_handshake(task->fd, soon());
    return NULL;
}

static void a_goodbye_during_a_handshake_ends_it(void **state)
{
    struct pair pair;
    struct task task = {0};
    (void)state;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 0);
    start(&task, pair.client, handshake);
    for (int64_t deadline = soon(); adieu_fd_handshake(pair.client, ADIEU_FD_NOW) != ADIEU_MISUSE; rest_ms(1))
        assert_true(adieu_fd_now() < deadline);
    assert_status(adieu_fd_close(pair.client, patience_ms(1000), NULL), ADIEU_OK);
    join(&task);
    assert_status(task.status, ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(pair.client), ADIEU_FD_WHY_CLOSING);
    assert_status(adieu_fd_handshake(pair.client, soon()), ADIEU_FAIL);
    pair_free(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancelled_read_leaves_the_stream_usable),
        cmocka_unit_test(a_cancel_that_nobody_waits_for_ends_the_next_wait),
        cmocka_unit_test(a_cancelled_goodbye_can_be_taken_up_again),
        cmocka_unit_test(two_readers_at_once_are_one_too_many),
        cmocka_unit_test(one_reads_one_writes_one_closes),
        cmocka_unit_test(a_goodbye_ends_a_blocked_write),
        cmocka_unit_test(no_wait_begins_during_a_goodbye),
        cmocka_unit_test(an_abort_ends_every_wait),
        cmocka_unit_test(what_a_write_left_behind_leaves_with_a_waiting_read),
        cmocka_unit_test(a_reader_finds_no_gap_while_another_closes),
        cmocka_unit_test(a_reader_that_waits_long_gets_what_comes),
        cmocka_unit_test(a_goodbye_during_a_handshake_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
