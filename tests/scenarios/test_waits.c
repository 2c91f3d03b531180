/* SPDX-License-Identifier: MIT */
/*
 * S22, S29 to S32, S50, S52, S58 to S61, S76, S80 where verbs wait: A's are in threads, and B is moved by the test's own.
 * In memory and on libuv's loop nothing waits: see test_pending.c.
 */
#include "scene.h"

#include "../fd/threads.h"

enum { SHORT = 40, LONG = 20000, AT_ONCE = 5000, MUCH = 4000000 };

/* One write of much, and what became of it. */
static void *write_once(void *context)
{
    struct task *task = context;
    uint8_t *bytes = pattern_new(MUCH);
    task->status = adieu_fd_write(task->fd, bytes, MUCH, &task->moved, soon());
    task->why = adieu_fd_why(task->fd);
    free(bytes);
    return NULL;
}

/* One read, and what became of it. */
static void *read_once(void *context)
{
    struct task *task = context;
    uint8_t buf[16384];
    task->status = adieu_fd_read(task->fd, buf, sizeof buf, &task->moved, soon());
    task->why = adieu_fd_why(task->fd);
    return NULL;
}

/* One try, and what became of it. */
static void *shake_once(void *context)
{
    struct task *task = context;
    task->status = adieu_fd_handshake(task->fd, soon());
    task->why = adieu_fd_why(task->fd);
    return NULL;
}

static void open_waiting(struct scene *s)
{
    s->waits = true;
    scene_prepare(s);
    scene_open(s);
}

static void until_established(struct scene *s)
{
    while (!s->b.established || adieu_fd_ending(s->fd).phase < ADIEU_PHASE_ESTABLISHED)
        turn(s);
}

static void meet_waiting(struct scene *s)
{
    open_waiting(s);
    struct task shaker = {.fd = s->fd};
    task_start(&shaker, task_handshake);
    until_established(s);
    task_join(&shaker);
    check_status(shaker.status, ADIEU_OK);
    turn(s);
}

static void write_blocks(struct scene *s, struct task *writer)
{
    s->narrow = true;
    meet_waiting(s);
    s->b.deaf = true;
    *writer = (struct task){.fd = s->fd};
    task_start(writer, write_once);
    until_stuck(s->fd);
}

/* B moves until the goodbye of a task has got so far. */
static void until_sending(struct scene *s, enum adieu_sending sending)
{
    while (adieu_fd_ending(s->fd).sending != sending)
        turn(s);
}

/* ------------------------------------------------ S22, S29, S30, S52 */

static void s22_breaking_off_brings_a_waiting_read_back_at_once(struct scene *s)
{
    meet_waiting(s);
    struct task reader = {.fd = s->fd};
    task_start(&reader, read_once);
    until_reading(s->fd);
    int64_t before = adieu_fd_now();
    adieu_fd_abort(s->fd, ADIEU_REASON_REQUEST);
    task_join(&reader);
    assert_in_range(adieu_fd_now() - before, 0, AT_ONCE);
    check_status(reader.status, ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_ABORTED);
}

static void check_cancelled(struct scene *s, enum adieu_status status, int64_t since)
{
    check_status(status, ADIEU_WAIT);
    CHECK_NAMED(adieu_fd_why_name, adieu_fd_why(s->fd), ADIEU_FD_WHY_CANCELLED);
    assert_in_range(adieu_fd_now() - since, 0, AT_ONCE);
}

static void s29_a_cancel_that_came_first_ends_the_wait_before_it_begins(struct scene *s)
{
    char byte;
    size_t n;
    open_waiting(s);
    int64_t before = adieu_fd_now();
    adieu_fd_cancel(s->fd);
    check_cancelled(s, adieu_fd_handshake(s->fd, soon()), before);
    struct task shaker = {.fd = s->fd};
    task_start(&shaker, task_handshake);
    until_established(s);
    task_join(&shaker);
    before = adieu_fd_now();
    adieu_fd_cancel(s->fd);
    check_cancelled(s, adieu_fd_read(s->fd, &byte, 1, &n, soon()), before);
    check_a_ends(s, "open", "open");
    check_a_error(s, ADIEU_ERR_NONE);
}

static void s29_a_cancel_that_came_first_ends_the_wait_of_a_write(struct scene *s)
{
    static const char much[100000];
    size_t took = 0;
    s->narrow = true;
    meet_waiting(s);
    s->b.deaf = true;
    while (adieu_fd_write(s->fd, much, sizeof much, &took, adieu_fd_in(10)) == ADIEU_OK)
        took = 0;
    int64_t before = adieu_fd_now();
    adieu_fd_cancel(s->fd);
    check_cancelled(s, adieu_fd_write(s->fd, much, sizeof much, &took, soon()), before);
    assert_int_equal(took, 0);
    check_a_ends(s, "open", "open");
}

static void s30_a_cancelled_read_ends_nothing_and_the_next_one_loses_nothing(struct scene *s)
{
    meet_waiting(s);
    struct task reader = {.fd = s->fd}, next = {.fd = s->fd};
    task_start(&reader, read_once);
    until_reading(s->fd);
    s->b.mute = true;
    b_says(s, 3000);
    s->b.mute = false;
    s->b.piece = 1000; /* part of a record */
    (void)b_moves(s);
    s->b.mute = true;
    s->b.piece = 0;
    adieu_fd_cancel(s->fd);
    task_join(&reader);
    check_status(reader.status, ADIEU_WAIT);
    assert_int_equal(reader.why, ADIEU_FD_WHY_CANCELLED);
    s->b.mute = false;
    b_ends(s);
    task_start(&next, task_read);
    while (adieu_fd_ending(s->fd).receiving == ADIEU_RECEIVING_OPEN)
        turn(s);
    task_join(&next);
    check_status(next.status, ADIEU_END);
    assert_int_equal(next.moved, s->b.said);
    assert_true(next.intact);
}

static void s52_cancel_the_reads_shut_down_close(struct scene *s)
{
    meet_waiting(s);
    struct task reader = {.fd = s->fd}, closer = {.fd = s->fd, .patience_ms = LONG};
    task_start(&reader, read_once);
    until_reading(s->fd);
    adieu_fd_cancel(s->fd);
    task_join(&reader);
    check_status(reader.status, ADIEU_WAIT);
    assert_int_equal(reader.why, ADIEU_FD_WHY_CANCELLED);
    task_start(&closer, task_close);
    b_gets_to_see(s, B_SEES_CLEAN);
    b_ends(s);
    b_fin(s);
    task_join(&closer);
    check_status(closer.status, ADIEU_OK);
    assert_ends(closer.ending, "closed", "closed");
    assert_int_equal(adieu_ending_exit(&closer.ending), ADIEU_EXIT_DELIVERED);
}

/* ------------------------------------------------ S31, S32 */

static void s31_a_cancelled_handshake_goes_on_where_it_was(struct scene *s)
{
    open_waiting(s);
    s->b.mute = true;
    struct task shaker = {.fd = s->fd};
    task_start(&shaker, shake_once);
    until_shaking(s->fd);
    turn(s);
    adieu_fd_cancel(s->fd);
    task_join(&shaker);
    check_status(shaker.status, ADIEU_WAIT);
    assert_int_equal(shaker.why, ADIEU_FD_WHY_CANCELLED);
    check_a_ends(s, "open", "open");
    s->b.mute = false;
    task_start(&shaker, task_handshake);
    until_established(s);
    task_join(&shaker);
    check_status(shaker.status, ADIEU_OK);
}

static void s32_a_second_handshake_is_misuse_and_the_first_goes_on(struct scene *s)
{
    open_waiting(s);
    s->b.mute = true;
    struct task shaker = {.fd = s->fd};
    task_start(&shaker, task_handshake);
    until_shaking(s->fd); /* it is misuse */
    s->b.mute = false;
    until_established(s);
    task_join(&shaker);
    check_status(shaker.status, ADIEU_OK);
}

static void s32_a_second_read_or_write_is_misuse_and_the_first_goes_on(struct scene *s)
{
    char byte;
    size_t n = 4711;
    struct task writer, reader;
    write_blocks(s, &writer);
    reader = (struct task){.fd = s->fd};
    task_start(&reader, read_once);
    until_reading(s->fd);
    check_status(adieu_fd_read(s->fd, &byte, 1, &n, soon()), ADIEU_MISUSE);
    check_status(adieu_fd_write(s->fd, "x", 1, &n, soon()), ADIEU_MISUSE);
    assert_int_equal(n, 4711);
    check_a_error(s, ADIEU_ERR_NONE);
    b_says(s, 10);
    task_join(&reader);
    check_status(reader.status, ADIEU_OK);
    assert_int_equal(reader.moved, 10);
    s->b.deaf = false;
    b_hears(s, MUCH);
    task_join(&writer);
    check_status(writer.status, ADIEU_OK);
    assert_int_equal(writer.moved, MUCH);
}

/* ------------------------------------------------ S50, S58 to S61 */

static void s50_a_cancelled_goodbye_ends_nothing_and_can_be_taken_up_again(struct scene *s)
{
    meet_waiting(s);
    struct task closer = {.fd = s->fd, .patience_ms = LONG};
    task_start(&closer, task_close);
    b_gets_to_see(s, B_SEES_CLEAN);
    adieu_fd_cancel(s->fd);
    task_join(&closer);
    check_status(closer.status, ADIEU_WAIT);
    assert_int_equal(closer.why, ADIEU_FD_WHY_CANCELLED);
    check_a_ends(s, "closed", "open");
    b_ends(s);
    b_fin(s);
    assert_ends(close_of(s->fd, LONG), "closed", "closed");
    assert_int_equal(s->b.alerts, 1);
}

static void s58_a_read_that_waits_gets_the_end_and_the_goodbye_its_success(struct scene *s)
{
    meet_waiting(s);
    struct task reader = {.fd = s->fd}, closer = {.fd = s->fd, .patience_ms = LONG};
    task_start(&reader, task_read);
    until_reading(s->fd);
    task_start(&closer, task_close);
    b_gets_to_see(s, B_SEES_CLEAN);
    b_says(s, 5);
    b_ends(s);
    b_fin(s);
    task_join(&reader);
    task_join(&closer);
    check_status(reader.status, ADIEU_END);
    assert_int_equal(reader.moved, 5);
    check_status(closer.status, ADIEU_OK);
    assert_ends(closer.ending, "closed", "closed");
    assert_int_equal(closer.ending.discarded, 0);
}

/* The write comes back with what was taken; all of that is sent before close_notify. */
static void s59_a_goodbye_beside_a_write_that_waits_keeps_the_order(struct scene *s)
{
    struct task writer, closer;
    write_blocks(s, &writer);
    closer = (struct task){.fd = s->fd, .patience_ms = LONG};
    task_start(&closer, task_close);
    until_sending(s, ADIEU_SENDING_CLOSING);
    task_join(&writer);
    s->b.deaf = false;
    b_gets_to_see(s, B_SEES_CLEAN);
    check_status(writer.status, ADIEU_OK);
    assert_int_equal(s->b.heard, writer.moved);
    b_ends(s);
    b_fin(s);
    task_join(&closer);
    assert_ends(closer.ending, "closed", "closed");
    assert_int_equal(closer.ending.taken, writer.moved);
    assert_int_equal(closer.ending.sent, writer.moved);
}

static void s59_at_its_deadline_both_come_back_and_the_peer_sees_no_end(struct scene *s)
{
    struct task writer, closer;
    write_blocks(s, &writer);
    closer = (struct task){.fd = s->fd, .patience_ms = SHORT};
    task_start(&closer, task_close);
    task_join(&writer);
    task_join(&closer);
    assert_in_range(closer.took_ms + 1, SHORT, SHORT + AT_ONCE);
    assert_ends(closer.ending, "aborted", "abandoned");
    assert_int_equal(closer.ending.reason, ADIEU_REASON_DEADLINE);
    s->b.deaf = false;
    (void)b_finds_the_line_ended(s);
    assert_int_equal(s->b.alerts, 0);
}

static void s60_breaking_off_brings_a_waiting_write_back_at_once_and_counts(struct scene *s)
{
    struct task writer;
    write_blocks(s, &writer);
    int64_t before = adieu_fd_now();
    adieu_fd_abort(s->fd, ADIEU_REASON_REQUEST);
    task_join(&writer);
    assert_in_range(adieu_fd_now() - before, 0, AT_ONCE);
    check_status(writer.status, ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_ABORTED);
    struct adieu_ending ending = a_ending(s);
    assert_true(ending.sent < ending.taken);
    s->b.deaf = false;
    (void)b_finds_the_line_ended(s);
    assert_int_equal(s->b.alerts, 0);
    assert_true(s->b.heard <= ending.sent);
}

static void s61_a_cancelled_write_says_what_was_taken_and_just_that_arrives(struct scene *s)
{
    struct task writer;
    write_blocks(s, &writer);
    adieu_fd_cancel(s->fd);
    task_join(&writer);
    check_status(writer.status, ADIEU_OK);
    assert_in_range(writer.moved, 1, MUCH - 1);
    check_a_ends(s, "open", "open");
    assert_int_equal(a_ending(s).taken, writer.moved);
    assert_true(a_ending(s).sent < writer.moved);
    struct task closer = {.fd = s->fd, .patience_ms = LONG};
    task_start(&closer, task_close);
    s->b.deaf = false;
    b_gets_to_see(s, B_SEES_CLEAN);
    assert_int_equal(s->b.heard, writer.moved);
    b_ends(s);
    b_fin(s);
    task_join(&closer);
    assert_int_equal(closer.ending.sent, writer.moved);
}

/* ------------------------------------------------ S76, S80 */

static void s76_breaking_off_brings_a_waiting_goodbye_back_at_once(struct scene *s)
{
    meet_waiting(s);
    struct task closer = {.fd = s->fd, .patience_ms = LONG};
    task_start(&closer, task_close);
    b_gets_to_see(s, B_SEES_CLEAN);
    int64_t before = adieu_fd_now();
    adieu_fd_abort(s->fd, ADIEU_REASON_REQUEST);
    task_join(&closer);
    assert_in_range(adieu_fd_now() - before, 0, AT_ONCE);
    check_status(closer.status, ADIEU_OK);
    assert_ends(closer.ending, "closed", "abandoned");
    assert_int_equal(closer.ending.reason, ADIEU_REASON_REQUEST);
}

/* The second is told so, and need do nothing: the goodbye is under way. */
static void s76_a_second_goodbye_beside_a_waiting_one_is_misuse_and_harms_nothing(struct scene *s)
{
    struct adieu_ending ending;
    meet_waiting(s);
    struct task closer = {.fd = s->fd, .patience_ms = LONG};
    task_start(&closer, task_close);
    b_gets_to_see(s, B_SEES_CLEAN);
    check_status(adieu_fd_close(s->fd, patience_ms(0), &ending), ADIEU_MISUSE);
    b_ends(s);
    b_fin(s);
    task_join(&closer);
    check_status(closer.status, ADIEU_OK);
    assert_ends(closer.ending, "closed", "closed");
    assert_int_equal(s->b.alerts, 1);
    check_status(adieu_fd_close(s->fd, patience_ms(0), &ending), ADIEU_OK);
    assert_memory_equal(&ending, &closer.ending, sizeof ending);
}

/* Here a deadline is a wait's and ends nothing (policy): whoever has had enough says so. */
static void s80_a_handshake_comes_back_at_its_deadline_and_may_go_on_or_be_broken_off(struct scene *s)
{
    open_waiting(s);
    s->b.mute = true;
    for (int i = 0; i < 2; i++) {
        int64_t before = adieu_fd_now();
        check_status(adieu_fd_handshake(s->fd, adieu_fd_in(SHORT)), ADIEU_WAIT);
        CHECK_NAMED(adieu_fd_why_name, adieu_fd_why(s->fd), ADIEU_FD_WHY_DEADLINE);
        assert_in_range(adieu_fd_now() - before + 1, SHORT, SHORT + AT_ONCE);
        (void)b_moves(s);
    }
    adieu_fd_abort(s->fd, ADIEU_REASON_DEADLINE);
    struct adieu_ending ending = a_ending(s);
    assert_ends(ending, "aborted", "abandoned");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    assert_true(b_finds_the_line_ended(s) || s->driver->where == OVER_UNIX);
}

int main(void)
{
    enum { WITH_THREADS = EVERYWHERE & ~IN_MEMORY & ~OVER_UV };
    static const struct scenario scenarios[] = {
        SCENARIO(s22_breaking_off_brings_a_waiting_read_back_at_once, WITH_THREADS),
        SCENARIO(s29_a_cancel_that_came_first_ends_the_wait_before_it_begins, WITH_THREADS),
        SCENARIO(s29_a_cancel_that_came_first_ends_the_wait_of_a_write, WITH_THREADS),
        SCENARIO(s30_a_cancelled_read_ends_nothing_and_the_next_one_loses_nothing, WITH_THREADS),
        SCENARIO(s31_a_cancelled_handshake_goes_on_where_it_was, WITH_THREADS),
        SCENARIO(s32_a_second_handshake_is_misuse_and_the_first_goes_on, WITH_THREADS),
        SCENARIO(s32_a_second_read_or_write_is_misuse_and_the_first_goes_on, WITH_THREADS),
        SCENARIO(s50_a_cancelled_goodbye_ends_nothing_and_can_be_taken_up_again, WITH_THREADS),
        SCENARIO(s52_cancel_the_reads_shut_down_close, WITH_THREADS),
        SCENARIO(s58_a_read_that_waits_gets_the_end_and_the_goodbye_its_success, WITH_THREADS),
        SCENARIO(s59_a_goodbye_beside_a_write_that_waits_keeps_the_order, WITH_THREADS),
        SCENARIO(s59_at_its_deadline_both_come_back_and_the_peer_sees_no_end, WITH_THREADS),
        SCENARIO(s60_breaking_off_brings_a_waiting_write_back_at_once_and_counts, WITH_THREADS),
        SCENARIO(s61_a_cancelled_write_says_what_was_taken_and_just_that_arrives, WITH_THREADS),
        SCENARIO(s76_breaking_off_brings_a_waiting_goodbye_back_at_once, WITH_THREADS),
        SCENARIO(s76_a_second_goodbye_beside_a_waiting_one_is_misuse_and_harms_nothing, WITH_THREADS),
        SCENARIO(s80_a_handshake_comes_back_at_its_deadline_and_may_go_on_or_be_broken_off, WITH_THREADS),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
