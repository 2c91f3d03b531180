/* SPDX-License-Identifier: MIT */
/* S22, S32, S58 to S60, S76, S80 where verbs wait: each comes back in its time, and none harms another. */
#include "waits.h"

/* B moves until the goodbye of a task has got so far. */
static void until_sending(struct scene *s, enum adieu_sending sending)
{
    while (adieu_fd_ending(s->fd).sending != sending)
        turn(s);
}

/* ------------------------------------------------ S22, S32 */

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

/* ------------------------------------------------ S58 to S60 */

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
    static const struct scenario scenarios[] = {
        /* in memory and on libuv's loop nothing waits: see test_pending.c */
        SCENARIO(s22_breaking_off_brings_a_waiting_read_back_at_once, WITH_THREADS),
        SCENARIO(s32_a_second_handshake_is_misuse_and_the_first_goes_on, WITH_THREADS),
        SCENARIO(s32_a_second_read_or_write_is_misuse_and_the_first_goes_on, WITH_THREADS),
        SCENARIO(s58_a_read_that_waits_gets_the_end_and_the_goodbye_its_success, WITH_THREADS),
        SCENARIO(s59_a_goodbye_beside_a_write_that_waits_keeps_the_order, WITH_THREADS),
        SCENARIO(s59_at_its_deadline_both_come_back_and_the_peer_sees_no_end, WITH_THREADS),
        SCENARIO(s60_breaking_off_brings_a_waiting_write_back_at_once_and_counts, WITH_THREADS),
        SCENARIO(s76_breaking_off_brings_a_waiting_goodbye_back_at_once, WITH_THREADS),
        SCENARIO(s76_a_second_goodbye_beside_a_waiting_one_is_misuse_and_harms_nothing, WITH_THREADS),
        SCENARIO(s80_a_handshake_comes_back_at_its_deadline_and_may_go_on_or_be_broken_off, WITH_THREADS),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
