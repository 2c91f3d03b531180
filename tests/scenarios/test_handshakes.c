/* SPDX-License-Identifier: MIT */
/* S24, S27, S28, S31, S35, S38, S41 to S44, S80: handshakes that are disturbed, and what they leave. */
#include "scene.h"

#include <string.h>
#include <sys/socket.h>

enum { SHORT = 60, AT_ONCE = 5000 };

/* ------------------------------------------------ S24, S27, S28 */

/* Both sides vanish after so many steps; in all 336 times, or by ADIEU_SWEEP_ALL=1 13,440 times. */
static void vanish_after(struct scene *s, int steps)
{
    enum adieu_status status = ADIEU_WAIT;
    scene_open(s);
    for (int i = 0; i < steps; i++) {
        status = s->driver->handshake(s, ADIEU_FD_FOREVER);
        (void)b_moves(s);
    }
    if (steps % 3 == 1)
        s->driver->abort(s, ADIEU_REASON_REQUEST);
    if (steps % 3 == 2)
        line_hang_up(&s->b.line);
    if (status == ADIEU_WAIT && steps % 3 > 0 && a_shakes(s) != ADIEU_OK) { /* what came may have been enough */
        check_status(a_shakes(s), ADIEU_FAIL);
        enum adieu_error_code code = a_error(s);
        assert_true(code == ADIEU_ERR_ABORTED || code == ADIEU_ERR_TRUNCATED || code == ADIEU_ERR_RESET);
    }
}

static void s24_destroying_both_sides_anywhere_in_the_handshake_harms_nothing(struct scene *s)
{
    int rounds = getenv("ADIEU_SWEEP_ALL") ? 840 : 21;
    scene_prepare(s);
    for (int i = 0; i < rounds; i++) {
        scene_again(s);
        vanish_after(s, i % 7);
    }
}

static void s27_a_transport_closed_by_the_peer_before_the_handshake_fails_it(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    line_hang_up(&s->b.line);
    check_status(a_shakes(s), ADIEU_FAIL);
    assert_true(a_error(s) == ADIEU_ERR_TRUNCATED || a_error(s) == ADIEU_ERR_RESET);
}

static void s27_a_transport_closed_under_the_stream_before_the_handshake_fails_it(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    s->driver->cut(s, SHUT_RDWR);
    check_status(a_shakes(s), ADIEU_FAIL);
    assert_int_not_equal(a_error(s), ADIEU_ERR_NONE);
    assert_int_not_equal(a_ending(s).receiving, ADIEU_RECEIVING_CLOSED);
    b_gets_to_see(s, B_SEES_TRUNCATED);
}

static void s28_a_handshake_after_we_broke_off_fails_as_aborted(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    s->driver->abort(s, ADIEU_REASON_REQUEST);
    check_status(a_shakes(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_ABORTED);
    check_a_ends(s, "aborted", "abandoned");
    (void)b_finds_the_line_ended(s);
    assert_int_equal(taped(s), 0);
}

/* ------------------------------------------------ S31 */

/* Policy: it leaves the stream as it was, wherever it is given up. */
static void s31_a_handshake_that_was_given_up_goes_on_where_it_was(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    s->b.piece = 3;
    for (int i = 0; i < 5; i++) {
        check_status(s->driver->handshake(s, ADIEU_FD_FOREVER), ADIEU_WAIT);
        for (int wait = 0; wait < 3; wait++)
            turn(s);
    }
    check_a_ends(s, "open", "open");
    check_a_error(s, ADIEU_ERR_NONE);
    s->b.piece = 0;
    scene_shake(s);
    a_says(s, 10);
    b_hears(s, 10);
}

/* ------------------------------------------------ S35 */

static void talks_and_ends(struct scene *s)
{
    scene_shake(s);
    b_says(s, 300);
    a_hears(s, 300);
    a_says(s, 300);
    b_hears(s, 300);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    check_a_ends(s, "closed", "closed");
}

static void both_show_certificates(struct scene *s)
{
    trust(s->config, &the_authority);
    identify(s->config, &the_identity);
    check_status(adieu_config_client_auth(s->config, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    SSL_CTX_set_verify(s->b.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static void s35_a_transport_that_carries_single_bytes_carries_all(struct scene *s)
{
    s->narrow = true; /* in memory A's bytes leave one by one, too */
    scene_prepare(s);
    scene_open(s);
    s->b.piece = 1;
    talks_and_ends(s);
    scene_again(s);
    both_show_certificates(s);
    scene_open(s);
    s->b.piece = 1;
    talks_and_ends(s);
    assert_int_not_equal(adieu_verified(s->stream), ADIEU_VERIFIED_NO);
}

/* What B has to say comes when it has no more to add. */
static void s35_a_transport_that_carries_everything_at_once_carries_all(struct scene *s)
{
    scene_prepare(s);
    both_show_certificates(s);
    scene_open(s);
    scene_shake(s);
    s->b.mute = true;
    for (int i = 0; i < 200; i++)
        b_says(s, 100);
    b_ends(s);
    s->b.mute = false;
    (void)b_moves(s);
    a_hears(s, 20000);
    check_status(a_reads_to_end(s), ADIEU_END);
}

/* ------------------------------------------------ S38 */

static void s38_a_peer_that_wants_to_renegotiate_is_refused_and_nobody_hangs(struct scene *s)
{
    meet(s);
    SSL_clear_options(s->b.ssl, SSL_OP_NO_RENEGOTIATION);
    assert_int_equal(SSL_renegotiate(s->b.ssl), 1);
    (void)SSL_do_handshake(s->b.ssl);
    int64_t before = adieu_fd_now();
    while (s->b.alerts == 0) {
        assert_int_not_equal(a_reads_all(s), ADIEU_END);
        turn(s);
    }
    assert_int_equal(s->b.number, SSL_AD_NO_RENEGOTIATION);
    assert_in_range(adieu_fd_now() - before, 0, AT_ONCE);
    b_fin(s);
    check_status(a_reads_to_end(s), ADIEU_FAIL); /* whatever it thinks of that: no clean end */
}

/* ------------------------------------------------ S41, S42 */

enum { PROTOCOL_VERSION = 70 };

static void s41_no_version_in_common_fails_both_and_the_alert_says_so(struct scene *s)
{
    int other = s->version == ADIEU_TLS_1_2 ? TLS1_3_VERSION : TLS1_2_VERSION;
    scene_prepare(s);
    assert_int_equal(SSL_CTX_set_max_proto_version(s->b.context, other), 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(s->b.context, other), 1);
    scene_open(s);
    check_status(a_shakes(s), ADIEU_FAIL);
    struct adieu_error error = s->driver->error(s);
    assert_int_equal(error.alert.number, PROTOCOL_VERSION);
    assert_non_null(strstr(error.text, "protocol"));
    check_a_error(s, s->server ? ADIEU_ERR_VIOLATION : ADIEU_ERR_ALERTED);
    if (s->server) {
        b_gets_to_see(s, B_SEES_ALERT);
        assert_int_equal(s->b.number, PROTOCOL_VERSION);
    }
}

static void s42_a_server_that_is_first_told_something_else_than_hello_rejects_it(struct scene *s)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum adieu_error_code code;
    } others[] = {
        {"GET / HTTP/1.0\r\n\r\n", 18, ADIEU_ERR_NOT_TLS},
        {"\x17\x03\x03\x00\x05"
         "hello",
         10, ADIEU_ERR_VIOLATION},
        {"\x14\x03\x03\x00\x01\x01", 6, ADIEU_ERR_VIOLATION},
        {"\x16\x03\x03\x00\x04\x14\x00\x00\x00", 9, ADIEU_ERR_VIOLATION},
        {"\x16\x03\x03\x00\x04\x02\x00\x00\x00", 9, ADIEU_ERR_VIOLATION},
    };
    scene_prepare(s);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        scene_again(s);
        scene_open(s);
        s->b.idle = true;
        b_says_plain(s, others[i].bytes, others[i].size);
        check_status(a_shakes(s), ADIEU_FAIL);
        check_a_error(s, others[i].code);
        check_a_ends(s, "aborted", "rejected");
    }
}

/* ------------------------------------------------ S43, S44 */

static void s43_exported_keying_material_is_the_same_on_both_sides(struct scene *s)
{
    static const char label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 */
    uint8_t mine[32], theirs[32], other[32];
    meet(s);
    check_status(adieu_export(s->stream, label, "", 0, mine, sizeof mine), ADIEU_OK);
    assert_int_equal(
        SSL_export_keying_material(s->b.ssl, theirs, sizeof theirs, label, strlen(label), (const uint8_t *)"", 0, 1),
        1);
    assert_memory_equal(mine, theirs, sizeof mine);
    check_status(adieu_export(s->stream, "EXPERIMENTAL another", "", 0, other, sizeof other), ADIEU_OK);
    assert_memory_not_equal(mine, other, sizeof mine);
}

static void s44_a_config_is_as_it_was_after_a_handshake_and_does_for_the_next(struct scene *s)
{
    scene_prepare(s);
    struct adieu_config *config = adieu_config_ref(s->config);
    scene_open(s);
    scene_shake(s);
    check_status(adieu_config_versions(config, ADIEU_TLS_1_2, ADIEU_TLS_1_3), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_FROZEN);
    for (int i = 0; i < 2; i++) {
        scene_again(s);
        adieu_config_free(s->config);
        s->config = adieu_config_ref(config);
        scene_open(s);
        scene_shake(s);
        assert_string_equal(adieu_version(s->stream), s->version == ADIEU_TLS_1_2 ? "TLSv1.2" : "TLSv1.3");
        talks_and_ends(s);
    }
    adieu_config_free(config);
}

static void s44_settings_that_contradict_each_other_are_refused_before_anything_is_sent(struct scene *s)
{
    struct issued other;
    scene_prepare(s);
    check_status(adieu_config_versions(s->config, ADIEU_TLS_1_3, ADIEU_TLS_1_2), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(s->config)->code, ADIEU_ERR_ARGUMENT);
    authority_issue(&the_authority, "DNS:" HOST, -1, 5, &other);
    check_status(adieu_config_identity_pem(s->config, the_identity.chain.text, the_identity.chain.size, other.key.text,
                                           other.key.size, NULL),
                 ADIEU_FAIL);
    assert_int_equal(adieu_config_error(s->config)->code, ADIEU_ERR_KEY_MISMATCH);
    scene_open(s);
    scene_shake(s); /* and the settings are as they were */
    talks_and_ends(s);
}

/* ------------------------------------------------ S80 */

static void check_timed_out(struct scene *s, int64_t since)
{
    assert_in_range(adieu_fd_now() - since + 1, SHORT, SHORT + AT_ONCE);
    check_a_error(s, ADIEU_ERR_DEADLINE);
    struct adieu_ending ending = a_ending(s);
    assert_ends(ending, "aborted", "abandoned");
    assert_int_equal(ending.reason, ADIEU_REASON_DEADLINE);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    assert_true(s->driver->released(s));
    (void)b_finds_the_line_ended(s);
    assert_int_equal(s->b.alerts, 0);
}

static void s80_a_peer_that_says_nothing_ends_the_handshake_at_its_deadline(struct scene *s)
{
    enum adieu_status status;
    scene_prepare(s);
    scene_open(s);
    s->b.idle = true;
    int64_t before = adieu_fd_now(), deadline = adieu_fd_in(SHORT);
    while ((status = s->driver->handshake(s, deadline)) == ADIEU_WAIT)
        turn(s);
    check_status(status, ADIEU_FAIL);
    assert_int_equal(a_ending(s).phase, ADIEU_PHASE_NONE);
    check_timed_out(s, before);
}

/* Each byte is a sign of life, and moves nothing: the deadline is the whole handshake's. */
static void s80_a_peer_that_drips_ends_the_handshake_at_the_same_deadline(struct scene *s)
{
    enum adieu_status status;
    scene_prepare(s);
    scene_open(s);
    s->b.mute = true;
    int64_t before = adieu_fd_now(), deadline = adieu_fd_in(SHORT), next = before;
    while ((status = s->driver->handshake(s, deadline)) == ADIEU_WAIT) {
        s->b.mute = adieu_fd_now() < next;
        s->b.piece = 1;
        turn(s);
        if (!s->b.mute)
            next = adieu_fd_in(SHORT / 10);
        s->b.mute = true;
    }
    check_status(status, ADIEU_FAIL);
    assert_int_equal(a_ending(s).phase, ADIEU_PHASE_HANDSHAKING);
    check_timed_out(s, before);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        SCENARIO(s24_destroying_both_sides_anywhere_in_the_handshake_harms_nothing, EVERYWHERE),
        SCENARIO(s27_a_transport_closed_by_the_peer_before_the_handshake_fails_it, EVERYWHERE),
        SCENARIO(s27_a_transport_closed_under_the_stream_before_the_handshake_fails_it, EVERYWHERE),
        SCENARIO(s28_a_handshake_after_we_broke_off_fails_as_aborted, EVERYWHERE),
        SCENARIO(s31_a_handshake_that_was_given_up_goes_on_where_it_was, EVERYWHERE),
        SCENARIO(s35_a_transport_that_carries_single_bytes_carries_all, EVERYWHERE),
        SCENARIO(s35_a_transport_that_carries_everything_at_once_carries_all, EVERYWHERE),
        SCENARIO(s38_a_peer_that_wants_to_renegotiate_is_refused_and_nobody_hangs, EVERYWHERE & ~ON_13), /* has none */
        SCENARIO(s41_no_version_in_common_fails_both_and_the_alert_says_so, EVERYWHERE),
        SCENARIO(s42_a_server_that_is_first_told_something_else_than_hello_rejects_it,
                 EVERYWHERE & ~AS_CLIENT), /* it is told hello */
        SCENARIO(s43_exported_keying_material_is_the_same_on_both_sides, EVERYWHERE),
        SCENARIO(s44_a_config_is_as_it_was_after_a_handshake_and_does_for_the_next, EVERYWHERE),
        SCENARIO(s44_settings_that_contradict_each_other_are_refused_before_anything_is_sent, EVERYWHERE),
        SCENARIO(s80_a_peer_that_says_nothing_ends_the_handshake_at_its_deadline, EVERYWHERE),
        SCENARIO(s80_a_peer_that_drips_ends_the_handshake_at_the_same_deadline, EVERYWHERE),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
