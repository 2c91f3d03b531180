/* SPDX-License-Identifier: MIT */
/* Several threads at a handle whose conversation breaks: in the handshake, by a violation, by an abort; and too many of them. */
#include "threads.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Of a side in a handshake; more do not change anything. */
enum { STEPS = 3 };

/* ------------------------------------------------ a goodbye during a handshake */

/*
 * What left on the wire before any key was agreed: records in plaintext. None may be an alert (21): a goodbye that
 * anybody can forge is none. Returns how many bytes there were.
 */
static size_t check_no_word(int raw)
{
    uint8_t bytes[20000];
    size_t size = 0;
    struct pollfd what = {.fd = raw, .events = POLLIN};
    for (ssize_t n = 1; n > 0; size += n > 0 ? (size_t)n : 0) {
        assert_int_equal(poll(&what, 1, 20000), 1);
        n = recv(raw, bytes + size, sizeof bytes - size, 0);
    }
    for (size_t at = 0; at + 5 <= size; at += 5 + (size_t)(bytes[at + 3] << 8 | bytes[at + 4]))
        assert_int_not_equal(bytes[at], 21);
    return size;
}

static void close_while_shaking(struct adieu_fd *me, int raw, bool speaks_first)
{
    struct task shaker = {.fd = me}, closer = {.fd = me, .patience_ms = 10000};
    task_start(&shaker, task_handshake);
    until_shaking(me);
    task_start(&closer, task_close);
    task_join(&shaker);
    task_join(&closer);
    assert_true(shaker.status == ADIEU_WAIT || shaker.status == ADIEU_FAIL);
    if (shaker.status == ADIEU_WAIT)
        assert_int_equal(shaker.why, ADIEU_FD_WHY_CLOSING);
    assert_status(closer.status, ADIEU_OK);
    assert_true(closer.took_ms < 10000);
    assert_ends(closer.ending, "aborted", "abandoned");
    assert_status(adieu_fd_handshake(me, soon()), ADIEU_FAIL);
    assert_true((check_no_word(raw) > 0) == speaks_first);
}

static void a_goodbye_during_a_handshake_ends_it_without_a_word(void **state)
{
    (void)state;
    for (int carrier = 0; carrier < CARRIERS; carrier++) {
        for (int server = 0; server < 2; server++) {
            struct pair pair;
            pair_open(&pair, (enum carrier)carrier, server ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3, 0);
            int raw = server ? adieu_fd_descriptor(pair.client) : pair.server_raw;
            close_while_shaking(server ? pair.server : pair.client, raw, !server);
            pair_free(&pair);
        }
    }
}

/* The peer goes so many steps, and then we close. A goodbye of ours that the peer hears was said with keys. */
static void close_after_steps(struct adieu_fd *me, struct adieu_fd *peer, int steps)
{
    struct task shaker = {.fd = me}, closer = {.fd = me, .patience_ms = 10000};
    struct reader other = {.fd = peer, .answer = true};
    task_start(&shaker, task_handshake);
    for (int i = 0; i < steps; i++, rest_ms(5))
        (void)!adieu_fd_handshake(peer, ADIEU_FD_NOW);
    task_start(&closer, task_close);
    task_join(&shaker);
    (void)!adieu_fd_handshake(peer, soon());
    reader_start(&other);
    reader_join(&other);
    task_join(&closer);
    assert_status(closer.status, ADIEU_OK);
    if (shaker.status == ADIEU_OK) {
        assert_ends(closer.ending, "closed", "closed");
        assert_ends(other.ending, "closed", "closed");
    } else {
        assert_ends(closer.ending, "aborted", "abandoned");
        assert_status(other.last, ADIEU_FAIL);
    }
    assert_true(steps > 0 || shaker.status != ADIEU_OK);
}

static void a_goodbye_after_any_step_of_a_handshake_is_either_one_or_none(void **state)
{
    (void)state;
    for (int carrier = 0; carrier < CARRIERS; carrier++) {
        for (int i = 0; i < 4 * (STEPS + 1); i++) {
            struct pair pair;
            pair_open(&pair, (enum carrier)carrier, i & 2 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3, 0);
            if (i & 1)
                close_after_steps(pair.server, pair.client, i / 4);
            else
                close_after_steps(pair.client, pair.server, i / 4);
            pair_free(&pair);
        }
    }
}

/* Both shake hands, and one closes, at any moment of it. Whatever comes of it is an ending, and the same for both. */
static void close_at_a_moment(struct pair *pair, bool server, int moment)
{
    struct adieu_fd *me = server ? pair->server : pair->client, *peer = server ? pair->client : pair->server;
    pthread_barrier_t together;
    assert_int_equal(pthread_barrier_init(&together, NULL, 3), 0);
    struct task mine = {.fd = me, .together = &together}, theirs = {.fd = peer, .together = &together};
    struct task closer = {.fd = me, .patience_ms = 10000};
    struct reader other = {.fd = peer, .answer = true};
    task_start(&mine, task_handshake);
    task_start(&theirs, task_handshake);
    (void)pthread_barrier_wait(&together);
    const struct timespec pause = {.tv_nsec = moment * 15000L};
    (void)nanosleep(&pause, NULL);
    task_start(&closer, task_close);
    task_join(&mine);
    task_join(&theirs);
    reader_start(&other);
    task_join(&closer);
    reader_join(&other);
    (void)pthread_barrier_destroy(&together);
    assert_status(closer.status, ADIEU_OK);
    assert_true(closer.ending.decided && other.ending.decided);
    if (mine.status == ADIEU_OK && closer.ending.sending == ADIEU_SENDING_CLOSED)
        assert_ends(other.ending, "closed", "closed");
    else
        assert_int_not_equal(other.ending.receiving, ADIEU_RECEIVING_CLOSED);
    if (mine.status != ADIEU_OK)
        assert_ends(closer.ending, "aborted", "abandoned");
}

static void a_goodbye_at_any_moment_of_a_handshake_is_either_one_or_none(void **state)
{
    (void)state;
    for (int moment = 0; moment < 24; moment++) {
        for (int server = 0; server < 2; server++) {
            struct pair pair;
            enum adieu_version version = moment % 2 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3;
            pair_open(&pair, moment % 3 ? CARRIER_TCP : CARRIER_SOCKETPAIR, version, 0);
            close_at_a_moment(&pair, server, moment);
            pair_free(&pair);
        }
    }
}

/* ------------------------------------------------ a violation while another writes */

/* Runs under the lock. */
static void count_alerts(void *context, const struct adieu_stream *stream, enum adieu_news news,
                         const struct adieu_alert *alert)
{
    (void)stream, (void)alert;
    unsigned *count = context;
    *count += news == ADIEU_NEWS_ALERT_SEALED;
}

/* A record that nobody with the keys has made. */
static void forge(struct adieu_fd *fd)
{
    static const uint8_t record[5 + 64] = {23, 3, 3, 0, 64};
    assert_int_equal(send(adieu_fd_descriptor(fd), record, sizeof record, MSG_NOSIGNAL), sizeof record);
}

/* The alert waits behind what was written, and leaves with the goodbye as soon as the peer reads. */
static void violation_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    unsigned alerts = 0;
    struct task reader = {.fd = me}, writer = {.fd = me, .size = SIZE_MAX};
    struct task closer = {.fd = me, .patience_ms = 10000}, other = {.fd = peer};
    narrow(me);
    narrow(peer);
    adieu_watch(adieu_fd_stream(me), count_alerts, &alerts);
    task_start(&reader, task_read);
    task_start(&writer, task_write);
    until_stuck(me);
    forge(peer);
    task_join(&reader);
    task_join(&writer);
    assert_status(reader.status, ADIEU_FAIL);
    assert_status(writer.status, ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(me).code, ADIEU_ERR_VIOLATION);
    task_start(&other, task_read);
    task_start(&closer, task_close);
    task_join(&other);
    assert_status(adieu_fd_close(peer, patience_ms(0), NULL), ADIEU_OK);
    task_join(&closer);
    assert_int_equal(alerts, 1);
    assert_ends(closer.ending, "aborted", "rejected");
    assert_int_equal(closer.ending.alert_sent.number, 20); /* bad_record_mac */
    assert_status(other.status, ADIEU_FAIL);
    assert_true(other.intact);
    assert_int_equal(other.moved, closer.ending.taken);
    assert_int_equal(adieu_fd_error(peer).code, ADIEU_ERR_ALERTED);
}

static void a_violation_that_a_read_finds_ends_the_write_and_is_told_once(void **state)
{
    (void)state;
    each_side(violation_story);
}

/* Nobody reads: the writer hears the violation itself, because it waits. */
static void heard_by_the_writer_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    struct task writer = {.fd = me, .size = SIZE_MAX};
    stuck_writer(&writer, peer);
    forge(peer);
    task_join(&writer);
    assert_status(writer.status, ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(me).code, ADIEU_ERR_VIOLATION);
    adieu_fd_abort(me, ADIEU_REASON_REQUEST);
    assert_string_equal(adieu_receiving_name(adieu_fd_ending(me).receiving), "rejected");
}

static void a_violation_that_nobody_reads_ends_the_write(void **state)
{
    (void)state;
    each_side(heard_by_the_writer_story);
}

/* Waits until the socket has that much to deliver, and no more comes. */
static void until_arrived(int descriptor, int size)
{
    enum { QUIET_MS = 20 };
    int64_t deadline = soon();
    for (int before = -1, now = 0; now < size || now != before; rest_ms(QUIET_MS)) {
        before = now;
        assert_int_equal(ioctl(descriptor, FIONREAD, &now), 0);
        assert_true(adieu_fd_now() < deadline);
    }
}

/* What is found lay in the stream already: no poll tells the writer of it. */
static void found_later_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    char byte = 0;
    size_t n;
    struct task writer = {.fd = me, .size = SIZE_MAX};
    assert_status(adieu_fd_write(peer, "!", 1, &n, soon()), ADIEU_OK);
    forge(peer);
    until_arrived(adieu_fd_descriptor(me), 90);
    assert_status(adieu_fd_read(me, &byte, 1, &n, soon()), ADIEU_OK);
    assert_int_equal(byte, '!');
    stuck_writer(&writer, peer);
    assert_status(adieu_fd_read(me, &byte, 1, &n, soon()), ADIEU_FAIL);
    task_join(&writer);
    assert_status(writer.status, ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(me).code, ADIEU_ERR_VIOLATION);
}

static void a_violation_that_no_poll_tells_of_wakes_the_writer(void **state)
{
    (void)state;
    each_side(found_later_story);
}

/* ------------------------------------------------ breaking off */

static void *abort_now(void *context)
{
    struct task *task = context;
    (void)pthread_barrier_wait(task->together);
    adieu_fd_abort(task->fd, ADIEU_REASON_LOCAL_IO);
    return NULL;
}

/* Two break off while one reads, one writes and one closes: all come back, and nobody takes it for an end. */
static void abort_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    enum { ABORTS = 2 };
    pthread_barrier_t together;
    assert_int_equal(pthread_barrier_init(&together, NULL, ABORTS), 0);
    struct task reader = {.fd = me}, writer = {.fd = me, .size = SIZE_MAX}, closer = {.fd = me, .patience_ms = 20000};
    struct task other_reader = {.fd = peer}, other_writer = {.fd = peer, .size = SIZE_MAX}, aborts[ABORTS];
    narrow(me);
    task_start(&reader, task_read);
    until_reading(me);
    task_start(&writer, task_write);
    task_start(&other_writer, task_write);
    until_received(me, 100000);
    task_start(&closer, task_close); /* it waits: the peer does not read, and has more to say */
    for (int i = 0; i < ABORTS; i++) {
        aborts[i] = (struct task){.fd = me, .together = &together};
        task_start(&aborts[i], abort_now);
    }
    for (int i = 0; i < ABORTS; i++)
        task_join(&aborts[i]);
    task_join(&reader);
    task_join(&writer);
    task_join(&closer);
    if (me == pair->server) /* it was borrowed: the reset is its owner's close */
        server_vanishes(pair, true);
    task_start(&other_reader, task_read);
    task_join(&other_reader);
    task_join(&other_writer);
    (void)pthread_barrier_destroy(&together);
    assert_status(reader.status, ADIEU_FAIL);
    assert_true(writer.status != ADIEU_OK);
    assert_status(closer.status, ADIEU_OK);
    assert_int_equal(closer.ending.reason, ADIEU_REASON_LOCAL_IO);
    assert_string_equal(adieu_receiving_name(closer.ending.receiving), "abandoned");
    assert_int_equal(adieu_fd_descriptor(me), -1);
    assert_status(other_writer.status, ADIEU_FAIL);
    if (closer.ending.sending != ADIEU_SENDING_CLOSED)
        assert_status(other_reader.status, ADIEU_FAIL);
}

static void an_abort_amid_everything_brings_all_back(void **state)
{
    (void)state;
    each_side(abort_story);
}

/* ------------------------------------------------ exclusive use */

/* What is written is no part of the handshake: that it waits is nothing to wait for. */
static void done_handshake_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    struct task writer = {.fd = me, .size = SIZE_MAX};
    stuck_writer(&writer, peer);
    int64_t begun = adieu_fd_now();
    assert_status(adieu_fd_handshake(me, soon()), ADIEU_OK);
    assert_true(adieu_fd_now() - begun < 10000);
    adieu_fd_abort(me, ADIEU_REASON_REQUEST);
    task_join(&writer);
}

static void a_handshake_that_is_done_waits_for_nothing(void **state)
{
    (void)state;
    each_side(done_handshake_story);
}

static void too_many_story(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair)
{
    (void)pair;
    char byte;
    size_t n = 5;
    struct task reader = {.fd = me}, writer = {.fd = me, .size = 600000}, shutter = {.fd = me};
    struct task other = {.fd = peer}, closer = {.fd = me, .patience_ms = 10000};
    narrow(me);
    narrow(peer);
    task_start(&reader, task_read);
    until_reading(me);
    task_start(&writer, task_write);
    until_stuck(me);
    assert_status(adieu_fd_read(me, &byte, 1, &n, soon()), ADIEU_MISUSE);
    assert_status(adieu_fd_write(me, "x", 1, &n, soon()), ADIEU_MISUSE);
    assert_int_equal(n, 5);
    assert_int_equal(adieu_fd_error(me).code, ADIEU_ERR_NONE);
    task_start(&other, task_read);
    task_join(&writer);
    task_start(&shutter, task_shutdown);
    task_join(&shutter);
    task_start(&closer, task_close);
    task_join(&other);
    assert_status(adieu_fd_close(peer, patience_ms(0), NULL), ADIEU_OK);
    task_join(&closer);
    task_join(&reader);
    assert_status(writer.status, ADIEU_OK);
    assert_status(shutter.status, ADIEU_OK);
    assert_status(reader.status, ADIEU_END);
    assert_status(other.status, ADIEU_END);
    assert_true(other.intact);
    assert_int_equal(other.moved, 600000);
    assert_ends(closer.ending, "closed", "closed");
}

static void a_second_thread_in_a_verb_is_refused_and_harms_nothing(void **state)
{
    (void)state;
    each_side(too_many_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_goodbye_during_a_handshake_ends_it_without_a_word),
        cmocka_unit_test(a_goodbye_after_any_step_of_a_handshake_is_either_one_or_none),
        cmocka_unit_test(a_goodbye_at_any_moment_of_a_handshake_is_either_one_or_none),
        cmocka_unit_test(a_violation_that_a_read_finds_ends_the_write_and_is_told_once),
        cmocka_unit_test(a_violation_that_nobody_reads_ends_the_write),
        cmocka_unit_test(a_violation_that_no_poll_tells_of_wakes_the_writer),
        cmocka_unit_test(an_abort_amid_everything_brings_all_back),
        cmocka_unit_test(a_handshake_that_is_done_waits_for_nothing),
        cmocka_unit_test(a_second_thread_in_a_verb_is_refused_and_harms_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
