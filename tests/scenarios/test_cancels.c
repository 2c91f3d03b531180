/* SPDX-License-Identifier: MIT */
/* S29 to S31, S50, S52, S61: what is cancelled while it waits has ended nothing. */
#include "waits.h"

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

int main(void)
{
    static const struct scenario scenarios[] = {
        /* in memory and on libuv's loop nothing waits: see test_pending.c */
        SCENARIO(s29_a_cancel_that_came_first_ends_the_wait_before_it_begins, WITH_THREADS),
        SCENARIO(s29_a_cancel_that_came_first_ends_the_wait_of_a_write, WITH_THREADS),
        SCENARIO(s30_a_cancelled_read_ends_nothing_and_the_next_one_loses_nothing, WITH_THREADS),
        SCENARIO(s52_cancel_the_reads_shut_down_close, WITH_THREADS),
        SCENARIO(s31_a_cancelled_handshake_goes_on_where_it_was, WITH_THREADS),
        SCENARIO(s50_a_cancelled_goodbye_ends_nothing_and_can_be_taken_up_again, WITH_THREADS),
        SCENARIO(s61_a_cancelled_write_says_what_was_taken_and_just_that_arrives, WITH_THREADS),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
