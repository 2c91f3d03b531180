/* SPDX-License-Identifier: MIT */
/* S14 to S21, S62, S63, S69 to S73: how the peer's side ended, what came before it, and that it stays so. */
#include "scene.h"

#include <errno.h>
#include <sys/socket.h>

#include "adieu_openssl.h"

/* ------------------------------------------------ S14, S15: EOF */

/* So much of what B has to say leaves, and no more. */
static void b_says_only(struct scene *s, size_t bytes)
{
    s->b.piece = bytes;
    (void)b_moves(s);
    s->b.mute = true;
}

static void s14_eof_inside_a_record_is_truncated(struct scene *s)
{
    meet(s);
    s->b.mute = true;
    b_says(s, 100);
    s->b.mute = false;
    b_says_only(s, 10);
    line_fin(&s->b.line);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_TRUNCATED);
    check_a_ends(s, "open", "truncated");
    assert_true(a_ending(s).inside_record);
    assert_int_equal(s->heard, 0);
}

static void s15_eof_at_a_record_boundary_is_truncated(struct scene *s)
{
    meet(s);
    b_says(s, 100);
    a_hears(s, 100);
    line_fin(&s->b.line);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_TRUNCATED);
    check_a_ends(s, "open", "truncated");
    assert_false(a_ending(s).inside_record);
}

static void s15_eof_on_an_idle_connection_is_truncated(struct scene *s)
{
    meet(s);
    line_fin(&s->b.line);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_ends(s, "open", "truncated");
}

/* ------------------------------------------------ S16 */

static void s16_eof_right_after_the_connect_fails_the_handshake_as_truncated(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    s->b.idle = true;
    line_fin(&s->b.line);
    check_status(a_shakes(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_TRUNCATED);
    assert_int_equal(a_ending(s).phase, ADIEU_PHASE_NONE);
}

static void s16_eof_inside_the_handshake_fails_it_as_truncated(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    s->b.mute = true;
    for (int i = 0; i < 3; i++) {
        check_status(s->driver->handshake(s, ADIEU_FD_FOREVER), ADIEU_WAIT);
        turn(s);
    }
    s->b.mute = false;
    b_says_only(s, 50);
    line_fin(&s->b.line);
    check_status(a_shakes(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_TRUNCATED);
    assert_int_equal(a_ending(s).phase, ADIEU_PHASE_HANDSHAKING);
}

/* ------------------------------------------------ S17 */

static void stays(struct scene *s, enum adieu_status status)
{
    struct adieu_ending before = a_ending(s);
    struct adieu_error error = s->driver->error(s);
    char byte;
    size_t got = 4711;
    for (int i = 0; i < 100; i++)
        check_status(s->driver->read(s, &byte, 1, &got), status);
    assert_int_equal(got, 4711);
    struct adieu_ending after = a_ending(s);
    struct adieu_error error_after = s->driver->error(s);
    assert_memory_equal(&before, &after, sizeof before);
    assert_memory_equal(&error, &error_after, sizeof error);
}

/* What may come behind it lies there untouched. */
static void s17_a_clean_end_is_read_again_and_again(struct scene *s)
{
    meet(s);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    b_says_plain(s, "something behind it", 19);
    turns(s, 3);
    stays(s, ADIEU_END);
}

static void s17_a_truncation_is_read_again_and_again(struct scene *s)
{
    meet(s);
    line_fin(&s->b.line);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    stays(s, ADIEU_FAIL);
}

static void s17_a_reset_is_read_again_and_again(struct scene *s)
{
    meet(s);
    line_reset(&s->b.line);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_RESET);
    stays(s, ADIEU_FAIL);
}

static void s17_an_alert_is_read_again_and_again(struct scene *s)
{
    meet(s);
    b_gives_up(s);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    line_fin(&s->b.line);
    stays(s, ADIEU_FAIL);
}

/* ------------------------------------------------ S18, S19 */

static void reads_in_small_pieces(struct scene *s, size_t size)
{
    for (size_t at = 0; at < size; at += 100)
        a_hears(s, at + 100);
}

static void s18_eof_behind_data_is_told_behind_the_data(struct scene *s)
{
    meet(s);
    b_says(s, 40000);
    line_fin(&s->b.line);
    reads_in_small_pieces(s, 40000);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_TRUNCATED);
    assert_int_equal(a_ending(s).received, 40000);
}

/* "Data and RST in one turn": both are there before A looks. */
static void s18_data_and_a_reset_in_one_turn_are_the_data_and_then_reset_never_truncated(struct scene *s)
{
    meet(s);
    b_says(s, 40000);
    line_reset(&s->b.line);
    reads_in_small_pieces(s, 40000);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_RESET);
    check_a_ends(s, "failed", "reset");
    assert_int_equal(a_ending(s).os_error, ECONNRESET);
}

static void s19_an_end_in_the_segment_of_the_data_is_a_read_of_its_own(struct scene *s)
{
    meet(s);
    s->b.mute = true;
    for (int i = 0; i < 3; i++)
        b_says(s, 1000);
    b_ends(s);
    s->b.mute = false;
    (void)b_moves(s);
    a_hears(s, 3000);
    check_status(a_reads_to_end(s), ADIEU_END);
}

static void s19_a_fatal_alert_in_the_segment_of_the_data_is_a_read_of_its_own(struct scene *s)
{
    meet(s);
    s->b.mute = true;
    for (int i = 0; i < 3; i++)
        b_says(s, 1000);
    b_gives_up(s);
    s->b.mute = false;
    (void)b_moves(s);
    a_hears(s, 3000);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_ALERTED);
}

/* ------------------------------------------------ S20, S21 */

/*
 * A transport reports only what is final (policy), so a read error that passes is a read that found nothing yet. What each errno
 * of each call does is in tests/sweep/test_calls.c.
 */
static void s20_a_read_that_found_nothing_ends_nothing_and_the_next_one_has_it_all(struct scene *s)
{
    meet(s);
    check_status(a_reads_all(s), ADIEU_WAIT);
    s->b.mute = true;
    b_says(s, 1000);
    s->b.mute = false;
    b_says_only(s, 500);
    check_status(a_reads_all(s), ADIEU_WAIT);
    check_a_ends(s, "open", "open");
    check_a_error(s, ADIEU_ERR_NONE);
    s->b.mute = false;
    a_hears(s, 1000);
    a_says(s, 1000);
    b_hears(s, 1000);
}

static void s21_output_is_dead_after_one_failed_send_and_input_lives(struct scene *s)
{
    size_t took;
    meet(s);
    s->driver->cut(s, SHUT_WR);
    if (s->driver->where == OVER_UV) { /* takes it, and finds out later */
        check_status(s->driver->write(s, "lost", 4, &took), ADIEU_OK);
        s->driver->tick(s);
    }
    check_status(s->driver->write(s, "lost", 4, &took), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_SEND_FAILED);
    check_a_ends(s, "failed", "open");
    for (int i = 0; i < 3; i++)
        check_status(s->driver->write(s, "lost", 4, &took), ADIEU_FAIL);
    check_status(s->driver->shutdown(s), ADIEU_FAIL);
    b_says(s, 5000);
    a_hears(s, 5000);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    assert_int_equal(s->b.heard, 0);
    assert_int_not_equal(s->b.sees, B_SEES_CLEAN);
    check_a_ends(s, "failed", "closed");
}

/* ------------------------------------------------ S62, S63 */

enum { PATIENCE = 20000, AT_ONCE = 5000 };

static void s62_a_close_after_a_truncated_read_returns_at_once(struct scene *s)
{
    meet(s);
    line_hang_up(&s->b.line);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_TRUNCATED);
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = a_closes(s, PATIENCE);
    assert_in_range(adieu_fd_now() - before, 0, AT_ONCE);
    assert_string_equal(adieu_receiving_name(ending.receiving), "truncated");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_TRUNCATED);
}

/* That this program lives on is the other half of the claim: no SIGPIPE. */
static void s63_a_close_after_a_reset_tells_the_reset_at_once(struct scene *s)
{
    size_t took;
    meet(s);
    line_reset(&s->b.line);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_status(s->driver->write(s, "more", 4, &took), ADIEU_FAIL);
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = a_closes(s, PATIENCE);
    assert_in_range(adieu_fd_now() - before, 0, AT_ONCE);
    assert_ends(ending, "failed", "reset");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_LOST);
}

/* ------------------------------------------------ S69 */

/* OpenSSL forgets that it has said its end. */
static void s69_data_behind_the_peers_end_is_ignored(struct scene *s)
{
    meet(s);
    s->b.mute = true;
    b_says(s, 100);
    b_ends(s);
    SSL_set_shutdown(s->b.ssl, 0);
    b_says(s, 100);
    s->b.mute = false;
    (void)b_moves(s);
    a_hears(s, 100);
    check_status(a_reads_to_end(s), ADIEU_END);
    stays(s, ADIEU_END);
    assert_int_equal(a_ending(s).received, 100);
    assert_int_equal(a_ending(s).discarded, 0);
    check_a_error(s, ADIEU_ERR_NONE);
}

/* ------------------------------------------------ S70, S71 */

static void s70_a_fatal_alert_fails_read_and_write_with_its_number_and_is_not_answered(struct scene *s)
{
    size_t took;
    s->narrow = true;
    meet(s);
    s->b.deaf = true;
    a_fills(s);
    b_gives_up(s);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_status(s->driver->write(s, "more", 4, &took), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_ALERTED);
    check_a_ends(s, "failed", "alerted");
    assert_int_equal(a_ending(s).alert_received.level, 2);
    assert_int_equal(a_ending(s).alert_received.number, SSL_AD_BAD_RECORD_MAC);
    check_status(s->driver->shutdown(s), ADIEU_FAIL);
    stays(s, ADIEU_FAIL);
    s->b.deaf = false;
    s->b.idle = true;
    turns(s, 5);
    assert_int_equal(s->b.alerts, 0);
}

static void s71_a_fatal_error_found_here_is_told_to_the_peer_before_the_program(struct scene *s)
{
    meet(s);
    b_says_plain(s, "\x17\x03\x03\x00\x20 this was not sealed with any key", 37);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_VIOLATION);
    assert_true(a_ending(s).alert_sent.seen); /* it has left */
    assert_int_equal(a_ending(s).alert_sent.number, SSL_AD_BAD_RECORD_MAC);
    b_gets_to_see(s, B_SEES_ALERT);
    assert_int_equal(s->b.level, 2);
    assert_int_equal(s->b.number, SSL_AD_BAD_RECORD_MAC);
    assert_int_equal(s->b.alerts, 1);
}

static void s71_behind_a_blocked_transport_the_alert_holds_nobody_up(struct scene *s)
{
    s->narrow = true;
    meet(s);
    s->b.deaf = true;
    a_fills(s);
    b_says_plain(s, "\x17\x03\x03\x00\x20 this was not sealed with any key", 37);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_VIOLATION);
    assert_false(a_ending(s).alert_sent.seen);
    struct adieu_ending ending = a_closes(s, 40);
    assert_int_equal(ending.reason, ADIEU_REASON_DEADLINE);
    check_a_ends(s, "aborted", "rejected");
}

/* ------------------------------------------------ S73 */

static void s73_an_adopted_context_that_ignores_eof_does_not_make_a_truncation_an_end(struct scene *s)
{
    scene_prepare(s);
    SSL_CTX *context = foreign_context(s->version);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    adieu_config_free(s->config);
    s->config = adieu_config_adopt(context);
    SSL_CTX_free(context);
    scene_open(s);
    scene_shake(s);
    b_says(s, 10);
    line_fin(&s->b.line);
    a_hears(s, 10);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_TRUNCATED);
    check_a_ends(s, "open", "truncated");
}

int main(void)
{
    static const struct scenario scenarios[] = {
        SCENARIO(s14_eof_inside_a_record_is_truncated, EVERYWHERE),
        SCENARIO(s15_eof_at_a_record_boundary_is_truncated, EVERYWHERE),
        SCENARIO(s15_eof_on_an_idle_connection_is_truncated, EVERYWHERE),
        SCENARIO(s16_eof_right_after_the_connect_fails_the_handshake_as_truncated, EVERYWHERE),
        SCENARIO(s16_eof_inside_the_handshake_fails_it_as_truncated, EVERYWHERE),
        SCENARIO(s17_a_clean_end_is_read_again_and_again, EVERYWHERE),
        SCENARIO(s17_a_truncation_is_read_again_and_again, EVERYWHERE),
        SCENARIO(s17_a_reset_is_read_again_and_again, EVERYWHERE & ~OVER_UNIX), /* as S18 */
        SCENARIO(s17_an_alert_is_read_again_and_again, EVERYWHERE),
        SCENARIO(s18_eof_behind_data_is_told_behind_the_data, EVERYWHERE),
        /* a Unix socket has no reset that a peer could send at will */
        SCENARIO(s18_data_and_a_reset_in_one_turn_are_the_data_and_then_reset_never_truncated, EVERYWHERE & ~OVER_UNIX),
        SCENARIO(s19_an_end_in_the_segment_of_the_data_is_a_read_of_its_own, EVERYWHERE),
        SCENARIO(s19_a_fatal_alert_in_the_segment_of_the_data_is_a_read_of_its_own, EVERYWHERE),
        SCENARIO(s20_a_read_that_found_nothing_ends_nothing_and_the_next_one_has_it_all, EVERYWHERE),
        SCENARIO(s21_output_is_dead_after_one_failed_send_and_input_lives, EVERYWHERE),
        SCENARIO(s62_a_close_after_a_truncated_read_returns_at_once, EVERYWHERE),
        SCENARIO(s63_a_close_after_a_reset_tells_the_reset_at_once, EVERYWHERE & ~OVER_UNIX), /* as S18 */
        SCENARIO(s69_data_behind_the_peers_end_is_ignored, EVERYWHERE),
        SCENARIO(s70_a_fatal_alert_fails_read_and_write_with_its_number_and_is_not_answered, EVERYWHERE),
        SCENARIO(s71_a_fatal_error_found_here_is_told_to_the_peer_before_the_program, EVERYWHERE),
        SCENARIO(s71_behind_a_blocked_transport_the_alert_holds_nobody_up, EVERYWHERE),
        SCENARIO(s73_an_adopted_context_that_ignores_eof_does_not_make_a_truncation_an_end, EVERYWHERE),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
