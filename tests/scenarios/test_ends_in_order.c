/* SPDX-License-Identifier: MIT */
/* S1 to S6, S11, S12: the end of what one side says, in order. */
#include "scene.h"

/* S1. Sansbury's and Microsoft's example: 0 bytes read by the one, then 0 bytes read by the other. The first seed sequence. */
static void ends_first(struct scene *s, bool a_is_first)
{
    if (a_is_first) {
        a_ends(s);
        b_gets_to_see(s, B_SEES_CLEAN);
        b_ends(s);
        check_status(a_reads_to_end(s), ADIEU_END);
    } else {
        b_ends(s);
        check_status(a_reads_to_end(s), ADIEU_END);
        a_ends(s);
        b_gets_to_see(s, B_SEES_CLEAN);
    }
    check_a_ends(s, "closed", "closed");
    check_a_error(s, ADIEU_ERR_NONE);
    assert_int_equal(a_ending(s).first, a_is_first ? ADIEU_FIRST_SELF : ADIEU_FIRST_PEER);
}

static void s1_a_server_ends_the_client_reads_its_end_and_answers(struct scene *s)
{
    meet(s);
    ends_first(s, s->server);
}

static void s2_a_client_ends_the_server_reads_its_end_and_answers(struct scene *s)
{
    meet(s);
    ends_first(s, !s->server);
}

/* S3: behind the session tickets of TLS 1.3. */
static void s3_a_client_ends_behind_one_byte_from_the_server(struct scene *s)
{
    meet(s);
    if (s->server) {
        a_says(s, 1);
        b_hears(s, 1);
    } else {
        b_says(s, 1);
        a_hears(s, 1);
    }
    ends_first(s, !s->server);
}

static void s4_a_write_after_our_end_is_misuse_sends_nothing_and_reading_goes_on(struct scene *s)
{
    size_t took = 4711;
    meet(s);
    assert_int_equal(a_ending(s).sending, ADIEU_SENDING_OPEN); /* can write */
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    size_t before = taped(s);
    check_status(s->driver->write(s, "more", 4, &took), ADIEU_MISUSE);
    assert_int_equal(took, 4711);
    check_a_ends(s, "closed", "open"); /* cannot */
    check_a_error(s, ADIEU_ERR_NONE);
    b_says(s, 100);
    a_hears(s, 100);
    check_status(s->driver->write(s, "more", 4, &took), ADIEU_MISUSE);
    turns(s, 5);
    assert_int_equal(taped(s), before);
}

static void s5_an_end_said_twice_is_said_once(struct scene *s)
{
    meet(s);
    a_ends(s);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    size_t before = taped(s);
    a_ends(s);
    turns(s, 5);
    assert_int_equal(taped(s), before);
    assert_int_equal(s->b.alerts, 1);
    check_a_ends(s, "closed", "open");
}

static void s6_a_write_after_the_peers_end_is_delivered(struct scene *s)
{
    meet(s);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    a_says(s, 50000);
    b_hears(s, 50000);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    check_status(a_reads_to_end(s), ADIEU_END);
}

/* ------------------------------------------------ S11 */

/* In a handshake B has heard nothing yet. */
static void s11_a_shutdown_before_the_handshake_is_misuse_and_sends_nothing(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    check_status(s->driver->shutdown(s), ADIEU_MISUSE);
    turns(s, 3);
    assert_int_equal(taped(s), 0);
    check_a_error(s, ADIEU_ERR_NONE);
    scene_shake(s);
    a_says(s, 10);
    b_hears(s, 10);
}

static void s11_a_shutdown_during_the_handshake_is_misuse_and_harms_nothing(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    s->b.mute = true;
    check_status(s->driver->handshake(s, ADIEU_FD_FOREVER), ADIEU_WAIT);
    turns(s, 3);
    size_t before = taped(s);
    check_status(s->driver->shutdown(s), ADIEU_MISUSE);
    check_status(s->driver->handshake(s, ADIEU_FD_FOREVER), ADIEU_WAIT);
    turns(s, 3);
    assert_int_equal(taped(s), before);
    s->b.mute = false;
    scene_shake(s);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
}

/* There a request may be asked for early, and waits for what it needs. */
static void s11_on_libuv_a_shutdown_before_the_handshake_waits_for_it(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    check_status(s->driver->shutdown(s), ADIEU_WAIT);
    turns(s, 3);
    assert_int_equal(taped(s), 0);
    scene_shake(s);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    assert_int_equal(s->b.alerts, 1);
}

static void s11_a_shutdown_after_a_failed_handshake_fails_with_its_error(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    s->b.idle = true;
    (void)!s->driver->handshake(s, ADIEU_FD_FOREVER);
    b_says_plain(s, "220 mail.example ESMTP\r\n", 24);
    check_status(a_shakes(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_NOT_TLS);
    turns(s, 3);
    size_t before = taped(s);
    check_status(s->driver->shutdown(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_NOT_TLS);
    turns(s, 3);
    assert_int_equal(taped(s), before);
}

/* A handle that was let go is as near to a destroyed one as C can ask it anything (policy: it is not called again). */
static void s11_a_shutdown_after_we_broke_off_fails_as_aborted(struct scene *s)
{
    meet(s);
    s->driver->abort(s, ADIEU_REASON_REQUEST);
    check_status(s->driver->shutdown(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_ABORTED);
    assert_int_not_equal(s->b.sees, B_SEES_CLEAN);
}

/* ------------------------------------------------ S12 */

static void s12_an_end_that_leaves_byte_by_byte_is_said_with_its_last_byte(struct scene *s)
{
    const uint8_t *at;
    meet(s);
    a_says(s, 10);
    b_hears(s, 10);
    check_status(adieu_shutdown(s->stream), ADIEU_OK);
    size_t left = adieu_wire_out(s->stream, &at);
    assert_in_range(left, 7, 100);
    for (; left > 0; left--) {
        check_a_ends(s, "closing", "open");
        check_status(adieu_shutdown(s->stream), ADIEU_OK);
        assert_int_equal(adieu_wire_out(s->stream, &at), left);
        assert_int_equal(BIO_write(s->b.line.to_b, at, 1), 1);
        adieu_wire_out_done(s->stream, 1);
        turn(s);
        check_b_sees(s, left > 1 ? B_SEES_NOTHING : B_SEES_CLEAN);
    }
    check_a_ends(s, "closed", "open");
    assert_int_equal(adieu_wire_out(s->stream, &at), 0);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        SCENARIO(s1_a_server_ends_the_client_reads_its_end_and_answers, EVERYWHERE),
        SCENARIO(s2_a_client_ends_the_server_reads_its_end_and_answers, EVERYWHERE),
        SCENARIO(s3_a_client_ends_behind_one_byte_from_the_server, EVERYWHERE),
        SCENARIO(s4_a_write_after_our_end_is_misuse_sends_nothing_and_reading_goes_on, EVERYWHERE),
        SCENARIO(s5_an_end_said_twice_is_said_once, EVERYWHERE),
        SCENARIO(s6_a_write_after_the_peers_end_is_delivered, EVERYWHERE),
        /* on libuv it waits */
        SCENARIO(s11_a_shutdown_before_the_handshake_is_misuse_and_sends_nothing, EVERYWHERE & ~OVER_UV),
        SCENARIO(s11_a_shutdown_during_the_handshake_is_misuse_and_harms_nothing, EVERYWHERE & ~OVER_UV),
        SCENARIO(s11_on_libuv_a_shutdown_before_the_handshake_waits_for_it,
                 EVERYWHERE & ~IN_MEMORY & ~OVER_TCP & ~OVER_UNIX),
        SCENARIO(s11_a_shutdown_after_a_failed_handshake_fails_with_its_error, EVERYWHERE),
        SCENARIO(s11_a_shutdown_after_we_broke_off_fails_as_aborted, EVERYWHERE),
        /* only its caller gives a transport room for one byte: a kernel takes such a record whole */
        SCENARIO(s12_an_end_that_leaves_byte_by_byte_is_said_with_its_last_byte, EVERYWHERE & ~OVER_SOCKETS),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
