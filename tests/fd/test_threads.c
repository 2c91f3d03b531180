/* SPDX-License-Identifier: MIT */
/*
 * A reader, a writer and a closer at the same handle, on both sides, in both roles and versions (group K of the catalogue):
 * what was taken arrives, one goodbye is said, and every wait ends in its time.
 */
#include "threads.h"

/* What a test allows beyond a patience before it calls it overdrawn: the machine has other things to do. */
enum { SLACK_MS = 8000 };

/* ------------------------------------------------ all at once */

struct side {
    struct task reader, writer, asker;
    atomic_bool stop;
};

/* What comes during a goodbye is a reader's, if there is one by then: so both read before anybody speaks. */
static void sides_start(struct side *mine, struct adieu_fd *me, size_t my_size, struct side *theirs,
                        struct adieu_fd *peer, size_t their_size)
{
    *mine = (struct side){.reader = {.fd = me}, .writer = {.fd = me, .size = my_size}, .asker = {.fd = me}};
    *theirs = (struct side){.reader = {.fd = peer}, .writer = {.fd = peer, .size = their_size}, .asker = {.fd = peer}};
    struct side *both[] = {mine, theirs};
    for (int i = 0; i < 2; i++) {
        both[i]->asker.stop = &both[i]->stop;
        task_start(&both[i]->reader, task_read);
        until_reading(both[i]->reader.fd);
    }
    for (int i = 0; i < 2; i++) {
        task_start(&both[i]->asker, task_ask);
        task_start(&both[i]->writer, task_write);
    }
}

static void side_join(struct side *side)
{
    task_join(&side->writer);
    task_join(&side->reader);
    atomic_store(&side->stop, true);
    task_join(&side->asker);
}

/* All that the one wrote the other has read, to an authentic end, and nobody who asked meanwhile was told nonsense. */
static void check_arrived(const struct side *from, const struct side *to, const struct task *closer)
{
    assert_status(to->reader.status, ADIEU_END);
    assert_true(to->reader.intact);
    assert_int_equal(to->reader.moved, from->writer.moved);
    assert_true(from->asker.intact);
    assert_status(closer->status, ADIEU_OK);
    assert_int_equal(closer->ending.taken, from->writer.moved);
    assert_int_equal(closer->ending.sent, from->writer.moved);
    assert_int_equal(closer->ending.received, from->reader.moved);
    assert_int_equal(closer->ending.discarded, 0);
    assert_ends(closer->ending, "closed", "closed");
}

/* The writer has more to say than anybody waits for: the goodbye of a third thread decides where it stops. */
static void close_amid_all_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    struct side mine, theirs;
    struct task my_closer = {.fd = me, .patience_ms = 10000}, their_closer = {.fd = peer, .patience_ms = 10000};
    sides_start(&mine, me, SIZE_MAX, &theirs, peer, 300000);
    until_received(peer, 200000);
    task_start(&my_closer, task_close);
    task_join(&theirs.writer);
    task_start(&theirs.writer, task_shutdown);
    side_join(&mine);
    task_start(&their_closer, task_close);
    side_join(&theirs);
    task_join(&my_closer);
    task_join(&their_closer);
    check_arrived(&mine, &theirs, &my_closer);
    check_arrived(&theirs, &mine, &their_closer);
    assert_int_equal(theirs.writer.moved, 300000);
}

static void a_goodbye_amid_reads_and_writes_loses_nothing_that_was_taken(void **state)
{
    (void)state;
    each_side(close_amid_all_story);
}

/* Nobody waits for anybody: both sides say goodbye when their writer is done, while they read. */
static void both_close_story(struct pair *pair)
{
    struct side mine, theirs;
    struct task my_closer = {.fd = pair->client, .patience_ms = 10000};
    struct task their_closer = {.fd = pair->server, .patience_ms = 10000};
    sides_start(&mine, pair->client, 400000, &theirs, pair->server, 400000);
    task_join(&mine.writer);
    task_start(&my_closer, task_close);
    task_start(&mine.writer, task_shutdown);
    task_join(&theirs.writer);
    task_start(&their_closer, task_close);
    task_start(&theirs.writer, task_shutdown);
    side_join(&mine);
    side_join(&theirs);
    task_join(&my_closer);
    task_join(&their_closer);
    check_arrived(&mine, &theirs, &my_closer);
    check_arrived(&theirs, &mine, &their_closer);
}

static void two_sides_that_close_while_they_read_both_hear_all(void **state)
{
    (void)state;
    each_pair(both_close_story);
}

/* ------------------------------------------------ a goodbye and one blocked verb */

static void blocked_write_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    struct task writer = {.fd = me, .size = SIZE_MAX}, closer = {.fd = me, .patience_ms = 100};
    stuck_writer(&writer, peer);
    task_start(&closer, task_close);
    task_join(&writer);
    task_join(&closer);
    assert_int_equal(adieu_fd_why(me), ADIEU_FD_WHY_CLOSING);
    assert_true(writer.status == ADIEU_WAIT || writer.status == ADIEU_MISUSE); /* none was taken, or some before */
    assert_status(closer.status, ADIEU_OK);
    assert_in_range(closer.took_ms, 100, 100 + SLACK_MS);
    assert_int_equal(closer.ending.taken, writer.moved);
    assert_true(closer.ending.sent < closer.ending.taken);
    assert_ends(closer.ending, "aborted", "abandoned");
    assert_int_equal(closer.ending.reason, ADIEU_REASON_DEADLINE);
}

static void a_goodbye_to_a_peer_that_does_not_read_takes_its_patience_and_ends_the_write(void **state)
{
    (void)state;
    each_side(blocked_write_story);
}

static void blocked_read_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)peer, (void)pair;
    struct task reader = {.fd = me}, closer = {.fd = me, .patience_ms = 100};
    task_start(&reader, task_read);
    until_reading(me);
    task_start(&closer, task_close);
    task_join(&reader);
    task_join(&closer);
    assert_status(reader.status, ADIEU_FAIL);
    assert_status(closer.status, ADIEU_OK);
    assert_in_range(closer.took_ms, 100, 100 + SLACK_MS);
    assert_ends(closer.ending, "closed", "abandoned");
    assert_int_equal(adieu_fd_error(me).code, ADIEU_ERR_DEADLINE);
}

static void a_goodbye_to_a_silent_peer_ends_the_read_with_its_patience(void **state)
{
    (void)state;
    each_side(blocked_read_story);
}

/* The peer answers as one does: it reads to our end, and closes. */
static void answered_read_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    struct task reader = {.fd = me}, closer = {.fd = me, .patience_ms = 10000};
    struct reader other = {.fd = peer, .answer = true};
    reader_start(&other);
    task_start(&reader, task_read);
    until_reading(me);
    task_start(&closer, task_close);
    task_join(&reader);
    task_join(&closer);
    reader_join(&other);
    assert_status(reader.status, ADIEU_END);
    assert_status(other.last, ADIEU_END);
    assert_true(closer.took_ms < SLACK_MS);
    assert_ends(closer.ending, "closed", "closed");
}

static void a_goodbye_that_is_answered_ends_the_read_at_once(void **state)
{
    (void)state;
    each_side(answered_read_story);
}

/* ------------------------------------------------ many goodbyes */

/* Runs under the lock. */
static void count_goodbyes(void *context, const struct adieu_stream *stream, enum adieu_news news,
                           const struct adieu_alert *alert)
{
    (void)stream;
    unsigned *count = context;
    if (news == ADIEU_NEWS_ALERT_SEALED && alert->number == 0)
        ++*count;
}

/* More than the kernel takes at once: close_notify then waits behind it. Returns how much was taken. */
static size_t write_much(struct adieu_fd *fd)
{
    static const char much[2000000];
    size_t took = 0;
    assert_status(adieu_fd_write(fd, much, sizeof much, &took, adieu_fd_in(50)), ADIEU_OK);
    assert_true(took < sizeof much);
    return took;
}

static void many_closers_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    enum { CLOSERS = 3, ALL };
    unsigned goodbyes = 0, said = 0;
    pthread_barrier_t together;
    struct task tasks[ALL];
    struct reader other = {.fd = peer, .answer = true};
    assert_int_equal(pthread_barrier_init(&together, NULL, ALL), 0);
    adieu_watch(adieu_fd_stream(me), count_goodbyes, &goodbyes);
    narrow(me);
    narrow(peer);
    size_t taken = write_much(me);
    for (int i = 0; i < ALL; i++) {
        tasks[i] = (struct task){.fd = me, .patience_ms = 10000, .together = &together};
        task_start(&tasks[i], i < CLOSERS ? task_close : task_shutdown);
    }
    for (int64_t deadline = soon(); adieu_fd_ending(me).sending == ADIEU_SENDING_OPEN; rest_ms(1))
        assert_true(adieu_fd_now() < deadline);
    rest_ms(5); /* the others come to it, too */
    reader_start(&other);
    for (int i = 0; i < ALL; i++) {
        task_join(&tasks[i]);
        assert_true(tasks[i].status != ADIEU_FAIL);
        said += i < CLOSERS && tasks[i].status == ADIEU_OK;
    }
    reader_join(&other);
    (void)pthread_barrier_destroy(&together);
    assert_true(said > 0);
    assert_int_equal(goodbyes, 1);
    assert_status(other.last, ADIEU_END);
    assert_int_equal(other.got, taken);
    assert_ends(close_of(me, 0), "closed", "closed");
}

static void many_goodbyes_at_once_are_one(void **state)
{
    (void)state;
    each_side(many_closers_story);
}

/* ------------------------------------------------ cancelling */

/* Whoever is told to wait goes on as if nothing had been: then nothing has been. */
static void cancel_storm_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    enum { SIZE = 400000 };
    struct task reader = {.fd = me, .stubborn = true}, writer = {.fd = me, .size = SIZE, .stubborn = true};
    struct task other_reader = {.fd = peer}, other_writer = {.fd = peer, .size = SIZE};
    struct task closer = {.fd = me, .patience_ms = 10000, .stubborn = true}, other = {.fd = peer, .patience_ms = 10000};
    narrow(me);
    narrow(peer);
    task_start(&reader, task_read);
    task_start(&writer, task_write);
    until_reading(me);
    until_stuck(me);
    for (int i = 0; i < 20; i++, rest_ms(1)) /* nobody reads: both are in a wait */
        adieu_fd_cancel(me);
    task_start(&other_reader, task_read);
    until_reading(peer);
    task_start(&other_writer, task_write);
    for (int64_t deadline = soon(); adieu_fd_ending(peer).received < SIZE && adieu_fd_now() < deadline; rest_ms(1))
        adieu_fd_cancel(me);
    task_join(&writer);
    task_join(&other_writer);
    task_start(&other, task_close);
    task_start(&closer, task_close);
    for (int i = 0; i < 20; i++, rest_ms(1))
        adieu_fd_cancel(me);
    task_join(&closer);
    task_join(&other);
    task_join(&reader);
    task_join(&other_reader);
    assert_true(reader.waits > 0);
    assert_true(reader.intact && other_reader.intact);
    assert_int_equal(reader.moved, SIZE);
    assert_int_equal(other_reader.moved, SIZE);
    assert_status(reader.status, ADIEU_END);
    assert_status(other_reader.status, ADIEU_END);
    assert_ends(closer.ending, "closed", "closed");
}

static void a_storm_of_cancels_loses_nothing(void **state)
{
    (void)state;
    each_side(cancel_storm_story);
}

/* All that are in progress, and not the next one. */
static void one_cancel_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    char byte;
    size_t n;
    struct task reader = {.fd = me}, shutter = {.fd = me};
    narrow(me);
    narrow(peer);
    (void)write_much(me);
    task_start(&reader, task_read);
    until_reading(me);
    task_start(&shutter, task_shutdown);
    for (int64_t deadline = soon(); adieu_fd_ending(me).sending != ADIEU_SENDING_CLOSING; rest_ms(1))
        assert_true(adieu_fd_now() < deadline);
    adieu_fd_cancel(me);
    task_join(&reader);
    task_join(&shutter);
    assert_status(reader.status, ADIEU_WAIT);
    assert_status(shutter.status, ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(me), ADIEU_FD_WHY_CANCELLED);
    assert_status(adieu_fd_read(me, &byte, 1, &n, adieu_fd_in(10)), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(me), ADIEU_FD_WHY_DEADLINE);
}

static void a_cancel_ends_all_waits_and_not_the_next(void **state)
{
    (void)state;
    each_side(one_cancel_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_goodbye_amid_reads_and_writes_loses_nothing_that_was_taken),
        cmocka_unit_test(two_sides_that_close_while_they_read_both_hear_all),
        cmocka_unit_test(a_goodbye_to_a_peer_that_does_not_read_takes_its_patience_and_ends_the_write),
        cmocka_unit_test(a_goodbye_to_a_silent_peer_ends_the_read_with_its_patience),
        cmocka_unit_test(a_goodbye_that_is_answered_ends_the_read_at_once),
        cmocka_unit_test(many_goodbyes_at_once_are_one),
        cmocka_unit_test(a_cancel_ends_all_waits_and_not_the_next),
        cmocka_unit_test(a_storm_of_cancels_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
