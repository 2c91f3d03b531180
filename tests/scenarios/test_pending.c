/* SPDX-License-Identifier: MIT */
/* S22, S23, S30, S33, S52, S56 to S61, S76, S79: several things asked for at once. Waits in threads are in test_waits.c. */
#include "scene.h"

enum { SHORT = 40, LONG = 20000, AT_ONCE = 5000, MEGABYTE = 1000000 };

static const struct adieu_fd_patience patience = {.quiet_ms = LONG, .deadline = ADIEU_FD_FOREVER};

/* ------------------------------------------------ S22, S23 */

static void s22_breaking_off_with_a_read_pending_ends_it_at_once_as_ours(struct scene *s)
{
    meet(s);
    check_status(a_reads_all(s), ADIEU_WAIT);
    s->driver->abort(s, ADIEU_REASON_REQUEST);
    check_status(a_reads_all(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_ABORTED);
    check_a_ends(s, "aborted", "abandoned");
    assert_int_equal(a_ending(s).first, ADIEU_FIRST_SELF);
    s->driver->abort(s, ADIEU_REASON_LOCAL_IO); /* twice is once */
    check_a_ends(s, "aborted", "abandoned");
    check_status(a_reads_all(s), ADIEU_FAIL);
}

/* Freed with a read pending and bytes on their way, too: whether it harms is for the sanitizers to say. */
static void s22_a_handle_may_be_freed_with_a_read_pending(struct scene *s)
{
    meet(s);
    check_status(a_reads_all(s), ADIEU_WAIT);
    b_says(s, 1000);
    s->driver->free(s);
    s->stream = NULL;
    for (int i = 0; i < 3; i++)
        (void)b_moves(s);
    assert_int_equal(s->b.alerts, 0);
    assert_int_not_equal(s->b.sees, B_SEES_CLEAN);
}

static void s23_breaking_off_with_plaintext_unread_gives_none_of_it(struct scene *s)
{
    meet(s);
    b_says(s, 8);
    a_hears(s, 4);
    s->driver->abort(s, ADIEU_REASON_REQUEST);
    check_status(a_reads_all(s), ADIEU_FAIL);
    assert_int_equal(s->heard, 4);
    assert_int_equal(a_ending(s).received, 4);
    check_a_error(s, ADIEU_ERR_ABORTED);
}

/* ------------------------------------------------ S30, S33, S52 */

/* Half a record has come when the program loses patience. */
static void s30_a_read_that_was_given_up_loses_nothing(struct scene *s)
{
    meet(s);
    check_status(a_reads_all(s), ADIEU_WAIT);
    s->b.mute = true;
    b_says(s, 30000);
    s->b.mute = false;
    s->b.piece = 1000;
    for (int i = 0; i < 10; i++) {
        (void)b_moves(s);
        (void)a_reads_all(s);
    }
    assert_in_range(s->heard, 1, 29999);
    turns(s, 3);
    s->b.piece = 0;
    a_hears(s, 30000);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
}

static void s33_a_pending_read_does_not_hold_up_a_write_nor_a_blocked_write_a_read(struct scene *s)
{
    s->narrow = true;
    meet(s);
    for (size_t ping = 1; ping <= 200; ping++) { /* ping-pong */
        check_status(a_reads_all(s), ADIEU_WAIT);
        a_says(s, 100);
        b_hears(s, ping * 100);
        b_says(s, 100);
        a_hears(s, ping * 100);
    }
    s->b.deaf = true;
    a_fills(s);
    b_says(s, 1000);
    a_hears(s, 21000);
    s->b.deaf = false;
    b_hears(s, s->said);
}

/* The seed's "cancel the reads, then shut down, then close", as its author wanted it. */
static void s52_a_goodbye_after_a_read_was_given_up_is_success(struct scene *s)
{
    meet(s);
    check_status(a_reads_all(s), ADIEU_WAIT);
    b_ends(s);
    b_fin(s);
    struct adieu_ending ending = a_closes(s, LONG);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
}

/* ------------------------------------------------ S56 to S58 */

static void s56_after_a_half_close_a_megabyte_comes_and_then_the_end(struct scene *s)
{
    meet(s);
    a_says(s, 1000);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    b_hears(s, 1000);
    b_says(s, MEGABYTE);
    b_ends(s);
    a_hears(s, MEGABYTE);
    check_status(a_reads_to_end(s), ADIEU_END);
    check_a_ends(s, "closed", "closed");
    check_a_error(s, ADIEU_ERR_NONE);
    b_fin(s);
    struct adieu_ending ending = a_closes(s, LONG);
    assert_int_equal(ending.received, MEGABYTE);
    assert_int_equal(ending.discarded, 0);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
}

static void s57_a_goodbye_discards_what_is_in_flight_counts_it_and_finds_the_clean_end(struct scene *s)
{
    meet(s);
    b_says(s, 300000);
    a_hears(s, 5);
    b_ends(s);
    b_fin(s);
    struct adieu_ending ending = a_closes(s, LONG);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.received, 5);
    assert_int_equal(ending.discarded, 300000 - 5);
    check_a_error(s, ADIEU_ERR_NONE);
    b_gets_to_see(s, B_SEES_CLEAN);
}

/* Reads and the goodbye are called by turns; both must come out. How the goodbye's last call went is returned. */
static enum adieu_status reads_while_it_closes(struct scene *s, enum adieu_status *read, struct adieu_ending *ending)
{
    enum adieu_status closed = ADIEU_WAIT;
    *read = ADIEU_WAIT;
    while (*read == ADIEU_WAIT || closed == ADIEU_WAIT) {
        if (closed == ADIEU_WAIT)
            closed = s->driver->close(s, patience, ending);
        *read = a_reads_all(s);
        if (*read == ADIEU_WAIT || closed == ADIEU_WAIT)
            turn(s);
    }
    return closed;
}

static void s57_what_is_in_flight_during_a_goodbye_is_a_readers_if_there_is_one(struct scene *s)
{
    struct adieu_ending ending;
    enum adieu_status read;
    meet(s);
    check_status(a_reads_all(s), ADIEU_WAIT);
    check_status(s->driver->close(s, patience, &ending), ADIEU_WAIT);
    check_status(a_reads_all(s), ADIEU_WAIT);
    b_says(s, 300000);
    b_ends(s);
    b_fin(s);
    check_status(reads_while_it_closes(s, &read, &ending), ADIEU_OK);
    check_status(read, ADIEU_END);
    assert_int_equal(s->heard, 300000);
    assert_int_equal(ending.received, 300000);
    assert_int_equal(ending.discarded, 0);
    assert_ends(ending, "closed", "closed");
}

static void s58_a_read_that_is_pending_at_a_goodbye_gets_the_end_and_the_goodbye_its_success(struct scene *s)
{
    struct adieu_ending ending;
    enum adieu_status read;
    meet(s);
    check_status(a_reads_all(s), ADIEU_WAIT);
    check_status(s->driver->close(s, patience, &ending), ADIEU_WAIT);
    check_status(a_reads_all(s), ADIEU_WAIT);
    b_gets_to_see(s, B_SEES_CLEAN);
    b_says(s, 5);
    b_ends(s);
    b_fin(s);
    check_status(reads_while_it_closes(s, &read, &ending), ADIEU_OK);
    check_status(read, ADIEU_END);
    assert_int_equal(s->heard, 5);
    assert_int_equal(ending.reason, ADIEU_REASON_NONE);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
}

/* ------------------------------------------------ S59 to S61 */

static void blocks(struct scene *s)
{
    s->narrow = true;
    meet(s);
    a_says(s, 1000);
    b_hears(s, 1000);
    s->b.deaf = true;
    a_fills(s);
}

static void s59_a_goodbye_with_a_write_blocked_keeps_the_order(struct scene *s)
{
    struct adieu_ending ending;
    enum adieu_status status = ADIEU_WAIT;
    blocks(s);
    for (int i = 0; i < 5; i++) {
        check_status(s->driver->close(s, patience, &ending), ADIEU_WAIT);
        turn(s);
    }
    check_a_ends(s, "closing", "open");
    s->b.deaf = false;
    for (; status == ADIEU_WAIT; turn(s)) {
        status = s->driver->close(s, patience, &ending);
        if (s->b.sees == B_SEES_CLEAN && !s->b.line.b_ended) {
            assert_int_equal(s->b.heard, s->said);
            b_ends(s);
            b_fin(s);
        }
    }
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.taken, s->said);
    assert_int_equal(ending.sent, s->said);
    assert_false(s->b.garbled);
}

static void s59_at_the_deadline_both_end_and_the_peer_never_sees_a_clean_end(struct scene *s)
{
    size_t took;
    blocks(s);
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = a_closes(s, SHORT);
    assert_in_range(adieu_fd_now() - before + 1, SHORT, SHORT + AT_ONCE);
    assert_ends(ending, "aborted", "abandoned");
    assert_int_equal(ending.reason, ADIEU_REASON_DEADLINE);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    assert_true(ending.sent < ending.taken);
    assert_int_not_equal(s->driver->write(s, "more", 4, &took), ADIEU_OK);
    s->b.deaf = false;
    (void)b_finds_the_line_ended(s);
    assert_int_not_equal(s->b.sees, B_SEES_CLEAN);
    assert_int_equal(s->b.alerts, 0);
    assert_false(s->b.garbled);
}

/* The count is of plaintext in records that the transport took whole: in memory, where nothing is lost, B has just that. */
static void s60_breaking_off_with_a_write_blocked_is_at_once_counted_and_no_end(struct scene *s)
{
    size_t took;
    blocks(s);
    int64_t before = adieu_fd_now();
    s->driver->abort(s, ADIEU_REASON_REQUEST);
    assert_in_range(adieu_fd_now() - before, 0, AT_ONCE);
    check_status(s->driver->write(s, "more", 4, &took), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_ABORTED);
    struct adieu_ending ending = a_ending(s);
    assert_ends(ending, "aborted", "abandoned");
    assert_int_equal(ending.taken, s->said);
    assert_in_range(ending.sent, 1, s->said - 1);
    s->b.deaf = false;
    assert_true(b_finds_the_line_ended(s) || s->driver->where == OVER_UNIX);
    assert_int_not_equal(s->b.sees, B_SEES_CLEAN);
    assert_int_equal(s->b.alerts, 0);
    assert_false(s->b.garbled);
    assert_true(s->b.heard <= ending.sent);
    if (s->driver->where == IN_MEMORY)
        assert_int_equal(s->b.heard, ending.sent);
}

/* Policy: it leaves the stream as it was. What was taken leaves, what was not never was; the count says which. */
static void s61_a_blocked_write_that_is_given_up_leaves_the_stream_as_it_was(struct scene *s)
{
    static const char never_taken[16384];
    size_t took = 4711;
    blocks(s);
    check_status(s->driver->write(s, never_taken, sizeof never_taken, &took), ADIEU_WAIT);
    assert_int_equal(took, 4711);
    assert_int_equal(a_ending(s).taken, s->said);
    assert_true(a_ending(s).sent < s->said);
    check_a_ends(s, "open", "open");
    b_says(s, 100);
    a_hears(s, 100);
    s->b.deaf = false;
    a_says(s, 1000);
    b_hears(s, s->said);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    assert_int_equal(a_ending(s).sent, s->said);
}

/* ------------------------------------------------ S76 */

static void s76_breaking_off_ends_a_goodbye_that_waits(struct scene *s)
{
    struct adieu_ending ending;
    blocks(s);
    check_status(s->driver->close(s, patience, &ending), ADIEU_WAIT);
    s->driver->abort(s, ADIEU_REASON_REQUEST);
    ending = a_closes(s, LONG);
    assert_ends(ending, "aborted", "abandoned");
    assert_int_equal(ending.reason, ADIEU_REASON_REQUEST);
    s->b.deaf = false;
    (void)b_finds_the_line_ended(s);
    assert_int_not_equal(s->b.sees, B_SEES_CLEAN);
    assert_int_equal(s->b.alerts, 0);
}

static void s76_breaking_off_a_goodbye_whose_end_has_left_changes_only_what_lives(struct scene *s)
{
    struct adieu_ending ending;
    meet(s);
    do {
        check_status(s->driver->close(s, patience, &ending), ADIEU_WAIT);
        turn(s);
    } while (s->b.sees == B_SEES_NOTHING);
    s->driver->abort(s, ADIEU_REASON_REQUEST);
    ending = a_closes(s, LONG);
    assert_ends(ending, "closed", "abandoned");
    check_b_sees(s, B_SEES_CLEAN);
}

static void s76_a_goodbye_after_breaking_off_is_done_and_says_nothing(struct scene *s)
{
    meet(s);
    s->driver->abort(s, ADIEU_REASON_REQUEST);
    struct adieu_ending ending = a_closes(s, LONG);
    assert_ends(ending, "aborted", "abandoned");
    (void)b_finds_the_line_ended(s);
    assert_int_equal(s->b.alerts, 0);
}

static void s76_two_goodbyes_are_one(struct scene *s)
{
    struct adieu_ending ending, again;
    meet(s);
    check_status(s->driver->close(s, patience, &ending), ADIEU_WAIT);
    check_status(s->driver->close(s, patience, &ending), ADIEU_WAIT);
    b_gets_to_see(s, B_SEES_CLEAN);
    b_ends(s);
    b_fin(s);
    ending = a_closes(s, LONG);
    again = a_closes(s, 0);
    assert_memory_equal(&ending, &again, sizeof ending);
    assert_int_equal(s->b.alerts, 1);
}

/* ------------------------------------------------ S79 */

static void s79_after_a_goodbye_every_byte_is_accounted_for(struct scene *s)
{
    meet(s);
    a_says(s, 12345);
    b_says(s, 20000);
    a_hears(s, 777);
    b_hears(s, 12345);
    b_ends(s);
    b_fin(s);
    struct adieu_ending ending = a_closes(s, LONG);
    assert_int_equal(ending.taken, 12345);
    assert_int_equal(ending.sent, 12345);
    assert_int_equal(ending.received, 777);
    assert_int_equal(ending.discarded, 20000 - 777);
    bool tcp = s->driver->where == OVER_TCP || s->driver->where == OVER_UV;
    assert_int_equal(ending.acknowledged, tcp ? 12345 : ADIEU_UNKNOWN);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        SCENARIO(s22_breaking_off_with_a_read_pending_ends_it_at_once_as_ours, EVERYWHERE),
        SCENARIO(s22_a_handle_may_be_freed_with_a_read_pending, EVERYWHERE),
        SCENARIO(s23_breaking_off_with_plaintext_unread_gives_none_of_it, EVERYWHERE),
        SCENARIO(s30_a_read_that_was_given_up_loses_nothing, EVERYWHERE),
        SCENARIO(s33_a_pending_read_does_not_hold_up_a_write_nor_a_blocked_write_a_read, EVERYWHERE),
        SCENARIO(s52_a_goodbye_after_a_read_was_given_up_is_success, EVERYWHERE),
        SCENARIO(s56_after_a_half_close_a_megabyte_comes_and_then_the_end, EVERYWHERE),
        SCENARIO(s57_a_goodbye_discards_what_is_in_flight_counts_it_and_finds_the_clean_end, EVERYWHERE),
        SCENARIO(s57_what_is_in_flight_during_a_goodbye_is_a_readers_if_there_is_one, EVERYWHERE),
        SCENARIO(s58_a_read_that_is_pending_at_a_goodbye_gets_the_end_and_the_goodbye_its_success, EVERYWHERE),
        SCENARIO(s59_a_goodbye_with_a_write_blocked_keeps_the_order, EVERYWHERE),
        SCENARIO(s59_at_the_deadline_both_end_and_the_peer_never_sees_a_clean_end, EVERYWHERE),
        SCENARIO(s60_breaking_off_with_a_write_blocked_is_at_once_counted_and_no_end, EVERYWHERE),
        SCENARIO(s61_a_blocked_write_that_is_given_up_leaves_the_stream_as_it_was, EVERYWHERE),
        SCENARIO(s76_breaking_off_ends_a_goodbye_that_waits, EVERYWHERE),
        SCENARIO(s76_breaking_off_a_goodbye_whose_end_has_left_changes_only_what_lives, EVERYWHERE),
        SCENARIO(s76_a_goodbye_after_breaking_off_is_done_and_says_nothing, EVERYWHERE),
        SCENARIO(s76_two_goodbyes_are_one, EVERYWHERE),
        SCENARIO(s79_after_a_goodbye_every_byte_is_accounted_for, EVERYWHERE),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
