/* SPDX-License-Identifier: MIT */
/* S45 to S51, S64 to S68: A's goodbye against everything that a peer may do meanwhile. */
#include "scene.h"

/* What the peer's silence is allowed, in milliseconds; and far more than a goodbye needs that is answered. */
enum { SHORT = 40, LONG = 20000, AT_ONCE = 5000 };

/* So long it took, and not much longer. */
static void check_took(int64_t since, int64_t at_least, int64_t at_most)
{
    assert_in_range(adieu_fd_now() - since + 1, at_least, at_most);
}

static bool is_tcp(const struct scene *s)
{
    return s->driver->where == OVER_TCP || s->driver->where == OVER_UV;
}

static struct adieu_ending closes_at_once(struct scene *s)
{
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = a_closes(s, LONG);
    check_took(before, 0, AT_ONCE);
    return ending;
}

/* B takes everything, and then does nothing more. */
static void begin_goodbye(struct scene *s)
{
    struct adieu_ending ending;
    const struct adieu_fd_patience patience = {.quiet_ms = LONG, .deadline = ADIEU_FD_FOREVER};
    do {
        check_status(s->driver->close(s, patience, &ending), ADIEU_WAIT);
        turn(s);
    } while (s->b.sees == B_SEES_NOTHING);
    check_b_sees(s, B_SEES_CLEAN);
}

/* ------------------------------------------------ S45 to S49 */

static void s45_a_goodbye_to_a_peer_that_went_without_one_tells_the_truncation_at_once(struct scene *s)
{
    meet(s);
    b_fin(s);
    struct adieu_ending ending = closes_at_once(s);
    assert_ends(ending, "closed", "truncated");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_TRUNCATED);
    b_gets_to_see(s, B_SEES_CLEAN);
}

static void s46_a_peer_that_hangs_up_on_our_end_is_truncated_and_has_all_that_we_said(struct scene *s)
{
    meet(s);
    a_says(s, 30000);
    begin_goodbye(s);
    b_hears(s, 30000);
    line_hang_up(&s->b.line);
    struct adieu_ending ending = closes_at_once(s);
    assert_ends(ending, "closed", "truncated");
    assert_int_equal(ending.sent, 30000);
    if (is_tcp(s))
        assert_int_equal(ending.acknowledged, 30000);
}

static void s47_a_goodbye_that_is_answered_is_the_same_success_on_both_sides(struct scene *s)
{
    meet(s);
    a_says(s, 1000);
    begin_goodbye(s);
    b_hears(s, 1000);
    b_ends(s);
    b_fin(s);
    struct adieu_ending ending = closes_at_once(s);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.error, ADIEU_ERR_NONE);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
    assert_false(b_finds_the_line_ended(s));
}

/*
 * The second seed sequence: "tell me when close_notify has left, then close without waiting" is one call. B may answer into the
 * void: that is no error on either side.
 */
static void s48_a_goodbye_without_patience_is_over_when_our_end_has_left(struct scene *s)
{
    meet(s);
    a_says(s, 1000);
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = a_closes(s, 0);
    check_took(before, 0, AT_ONCE);
    assert_string_equal(adieu_sending_name(ending.sending), "closed");
    assert_int_equal(ending.sent, 1000);
    b_gets_to_see(s, B_SEES_CLEAN);
    b_hears(s, 1000);
    b_says(s, 100);
    b_ends(s);
    turns(s, 3);
    check_b_sees(s, B_SEES_CLEAN);
}

static void s49_two_ends_that_cross_are_success_on_both_sides(struct scene *s)
{
    meet(s);
    b_ends(s);
    b_fin(s);
    struct adieu_ending ending = closes_at_once(s);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
    b_gets_to_see(s, B_SEES_CLEAN);
}

/* ------------------------------------------------ S50, S51, S66 */

static void s50_a_goodbye_ends_by_the_peers_end_even_if_the_line_stays(struct scene *s)
{
    meet(s);
    begin_goodbye(s);
    b_ends(s);
    struct adieu_ending ending = closes_at_once(s);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.after, ADIEU_AFTER_NOTHING);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
}

static void s50_a_goodbye_ends_by_the_end_of_the_line(struct scene *s)
{
    meet(s);
    begin_goodbye(s);
    b_fin(s);
    struct adieu_ending ending = closes_at_once(s);
    assert_ends(ending, "closed", "truncated");
    assert_int_equal(ending.reason, ADIEU_REASON_NONE);
}

static void s50_a_goodbye_ends_by_a_reset(struct scene *s)
{
    meet(s);
    begin_goodbye(s);
    line_reset(&s->b.line);
    struct adieu_ending ending = closes_at_once(s);
    assert_ends(ending, "closed", "reset");
    assert_int_equal(ending.reason, ADIEU_REASON_NONE);
}

/* To stop waiting is not to end: without a further call it rests, and goes on with the next. */
static void s50_a_goodbye_that_nobody_waits_for_goes_on_when_it_is_called_again(struct scene *s)
{
    meet(s);
    begin_goodbye(s);
    check_a_ends(s, "closed", "open");
    b_ends(s);
    b_fin(s);
    turns(s, 10);
    check_a_ends(s, "closed", "open");
    assert_false(s->driver->released(s));
    struct adieu_ending ending = closes_at_once(s);
    assert_ends(ending, "closed", "closed");
}

static void s51_a_silent_peer_ends_the_goodbye_at_its_deadline_and_the_transport_is_let_go(struct scene *s)
{
    meet(s);
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = a_closes(s, SHORT);
    check_took(before, SHORT, SHORT + AT_ONCE);
    assert_ends(ending, "closed", "abandoned");
    assert_int_equal(ending.reason, ADIEU_REASON_DEADLINE);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    b_gets_to_see(s, B_SEES_CLEAN);
    assert_false(b_finds_the_line_ended(s));
}

/* The time is the whole goodbye's: what the peer says meanwhile moves nothing. */
static void s51_a_peer_that_keeps_talking_does_not_move_the_deadline(struct scene *s)
{
    struct adieu_ending ending;
    const struct adieu_fd_patience patience = {.quiet_ms = SHORT, .deadline = ADIEU_FD_FOREVER};
    enum adieu_status status;
    meet(s);
    int64_t before = adieu_fd_now(), next = 0;
    while ((status = s->driver->close(s, patience, &ending)) == ADIEU_WAIT) {
        if (adieu_fd_now() >= next) {
            b_says(s, 1);
            next = adieu_fd_in(SHORT / 10);
        }
        turn(s);
    }
    check_status(status, ADIEU_OK);
    check_took(before, SHORT, SHORT + AT_ONCE);
    assert_ends(ending, "closed", "abandoned");
    assert_in_range(ending.discarded, 2, 11);
}

/* Azure's: it has read our end, and hears the end of the line, too. */
static void s66_a_peer_that_has_read_our_end_and_never_answers_is_bounded(struct scene *s)
{
    meet(s);
    a_says(s, 5000);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    b_hears(s, 5000);
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = a_closes(s, SHORT);
    check_took(before, SHORT, SHORT + AT_ONCE);
    assert_ends(ending, "closed", "abandoned");
    assert_int_equal(ending.sent, 5000);
    if (is_tcp(s))
        assert_int_equal(ending.acknowledged, 5000);
}

/* ------------------------------------------------ S64 */

enum { PUSHED = 400000, ROUNDS = 5 }; /* 60 in all */

/* A never reads: its session tickets lie there unread, and a mere close would reset over them. */
static void push(struct scene *s)
{
    struct adieu_ending ending;
    const struct adieu_fd_patience patience = {.quiet_ms = LONG, .deadline = ADIEU_FD_FOREVER};
    a_says(s, PUSHED);
    for (int slow = 0; s->driver->close(s, patience, &ending) == ADIEU_WAIT; slow++) {
        s->b.deaf = slow % 4 > 0;
        turn(s);
        if (s->b.sees == B_SEES_CLEAN && !s->b.line.b_ended) {
            b_ends(s);
            b_fin(s);
        }
    }
    b_hears(s, PUSHED);
    check_b_sees(s, B_SEES_CLEAN);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
}

static void s64_a_slow_peer_gets_all_that_was_pushed_before_a_goodbye_by_one_who_never_read(struct scene *s)
{
    meet(s);
    push(s);
    for (int round = 1; round < ROUNDS; round++) {
        scene_again(s);
        scene_open(s);
        scene_shake(s);
        push(s);
    }
}

/* ------------------------------------------------ S65 */

/* What B does when it has read our end, and what A makes of it. "Nothing" is S66. */
struct answer {
    const char *name;
    bool data, end, alert; /* first it says */
    enum { LINE_STAYS, LINE_FIN, LINE_RST } line;
    const char *receiving;
    enum adieu_exit exit;
    bool unix_cannot;
};

static const struct answer answers[] = {
    {"close_notify and FIN", false, true, false, LINE_FIN, "closed", ADIEU_EXIT_DELIVERED, false},
    {"close_notify without FIN", false, true, false, LINE_STAYS, "closed", ADIEU_EXIT_DELIVERED, false},
    {"FIN alone", false, false, false, LINE_FIN, "truncated", ADIEU_EXIT_TRUNCATED, false},
    {"RST", false, false, false, LINE_RST, "reset", ADIEU_EXIT_LOST, true},
    {"data, close_notify, FIN", true, true, false, LINE_FIN, "closed", ADIEU_EXIT_DELIVERED, false},
    {"data, close_notify", true, true, false, LINE_STAYS, "closed", ADIEU_EXIT_DELIVERED, false},
    {"data, FIN", true, false, false, LINE_FIN, "truncated", ADIEU_EXIT_TRUNCATED, false},
    {"data, RST", true, false, false, LINE_RST, "reset", ADIEU_EXIT_LOST, true},
    {"a fatal alert", false, false, true, LINE_FIN, "alerted", ADIEU_EXIT_ALERTED, false},
    {"data, a fatal alert", true, false, true, LINE_FIN, "alerted", ADIEU_EXIT_ALERTED, false},
    {"data, nothing", true, false, false, LINE_STAYS, "abandoned", ADIEU_EXIT_DEADLINE, false},
};

/* B's reading has ended by close_notify: to be broken, it must forget that. */
static void gives_up_late(struct scene *s)
{
    SSL_set_shutdown(s->b.ssl, 0);
    s->b.sees = B_SEES_NOTHING;
    b_gives_up(s);
    s->b.sees = B_SEES_CLEAN;
}

static void answer_with(struct scene *s, const struct answer *answer)
{
    if (answer->data)
        b_says(s, 20000);
    if (answer->end)
        b_ends(s);
    if (answer->alert)
        gives_up_late(s);
    if (answer->line == LINE_FIN)
        b_fin(s);
    else if (answer->line == LINE_RST)
        line_reset(&s->b.line);
}

static void check_answer(struct scene *s, const struct answer *answer)
{
    scene_open(s);
    scene_shake(s);
    begin_goodbye(s);
    answer_with(s, answer);
    int64_t before = adieu_fd_now();
    bool silent = answer->exit == ADIEU_EXIT_DEADLINE;
    struct adieu_ending ending = a_closes(s, silent ? SHORT : LONG);
    print_message("# %s: %s/%s\n", answer->name, adieu_sending_name(ending.sending),
                  adieu_receiving_name(ending.receiving));
    check_took(before, 0, AT_ONCE);
    assert_ends(ending, "closed", answer->receiving);
    assert_int_equal(adieu_ending_exit(&ending), answer->exit);
    assert_int_equal(ending.discarded, answer->data ? 20000 : 0);
    assert_int_equal(ending.alert_received.seen, answer->alert);
}

static void s65_each_answer_to_our_end_has_its_own_verdict_in_bounded_time(struct scene *s)
{
    scene_prepare(s);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (answers[i].unix_cannot && s->driver->where == OVER_UNIX)
            continue;
        scene_again(s);
        check_answer(s, &answers[i]);
    }
}

/* ------------------------------------------------ S67, S68 */

static void s67_a_peers_end_is_never_answered_by_itself(struct scene *s)
{
    meet(s);
    size_t before = taped(s);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    turns(s, 10);
    assert_int_equal(taped(s), before);
    check_a_ends(s, "open", "closed");
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
}

static void s68_nothing_follows_our_end_whatever_the_peer_does(struct scene *s)
{
    size_t took;
    meet(s);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    size_t before = taped(s);
    b_says(s, 1000);
    a_hears(s, 1000);
    b_says_plain(s, "\x17\x03\x03\x00\x20 this was not sealed with any key", 37);
    b_fin(s);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_ends(s, "closed", "rejected");
    check_status(s->driver->write(s, "more", 4, &took), ADIEU_MISUSE);
    struct adieu_ending ending = a_closes(s, LONG);
    assert_false(ending.alert_sent.seen);
    (void)b_finds_the_line_ended(s);
    assert_int_equal(taped(s), before);
    assert_int_equal(s->b.alerts, 1);
}

static void s68_nothing_follows_our_end_if_the_line_is_cut(struct scene *s)
{
    meet(s);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    size_t before = taped(s);
    b_fin(s);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    (void)a_closes(s, LONG);
    assert_false(b_finds_the_line_ended(s));
    assert_int_equal(taped(s), before);
    assert_int_equal(s->b.alerts, 1);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        SCENARIO(s45_a_goodbye_to_a_peer_that_went_without_one_tells_the_truncation_at_once, EVERYWHERE),
        SCENARIO(s46_a_peer_that_hangs_up_on_our_end_is_truncated_and_has_all_that_we_said, EVERYWHERE),
        SCENARIO(s47_a_goodbye_that_is_answered_is_the_same_success_on_both_sides, EVERYWHERE),
        SCENARIO(s48_a_goodbye_without_patience_is_over_when_our_end_has_left, EVERYWHERE),
        SCENARIO(s49_two_ends_that_cross_are_success_on_both_sides, EVERYWHERE),
        SCENARIO(s50_a_goodbye_ends_by_the_peers_end_even_if_the_line_stays, EVERYWHERE),
        SCENARIO(s50_a_goodbye_ends_by_the_end_of_the_line, EVERYWHERE),
        SCENARIO(s50_a_goodbye_ends_by_a_reset, EVERYWHERE & ~OVER_UNIX), /* which no peer can send at will there */
        /* on libuv it goes on by itself, unless it is cancelled: see tests/uv/test_close.c */
        SCENARIO(s50_a_goodbye_that_nobody_waits_for_goes_on_when_it_is_called_again, EVERYWHERE & ~OVER_UV),
        SCENARIO(s51_a_silent_peer_ends_the_goodbye_at_its_deadline_and_the_transport_is_let_go, EVERYWHERE),
        SCENARIO(s51_a_peer_that_keeps_talking_does_not_move_the_deadline, EVERYWHERE),
        SCENARIO(s64_a_slow_peer_gets_all_that_was_pushed_before_a_goodbye_by_one_who_never_read, EVERYWHERE),
        SCENARIO(s65_each_answer_to_our_end_has_its_own_verdict_in_bounded_time, EVERYWHERE),
        SCENARIO(s66_a_peer_that_has_read_our_end_and_never_answers_is_bounded, EVERYWHERE),
        SCENARIO(s67_a_peers_end_is_never_answered_by_itself, EVERYWHERE),
        SCENARIO(s68_nothing_follows_our_end_whatever_the_peer_does, EVERYWHERE),
        SCENARIO(s68_nothing_follows_our_end_if_the_line_is_cut, EVERYWHERE),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
