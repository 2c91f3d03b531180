/* SPDX-License-Identifier: MIT */
/* S13, S54, S78: what comes after a conversation: its session, and its transport. */
#include "scene.h"

#include <string.h>

enum { LONG = 20000, ROUNDS = 3 };

/* ------------------------------------------------ S13 */

/* B as a client keeps the last session itself, and offers it. */
static SSL_SESSION *kept_by_b;

static void connects(struct scene *s)
{
    scene_reconnect(s);
    if (s->server && kept_by_b)
        assert_int_equal(SSL_set_session(s->b.ssl, kept_by_b), 1);
    scene_shake(s);
    assert_int_equal(adieu_resumed(s->stream), SSL_session_reused(s->b.ssl));
}

/* Both sides end cleanly; the tickets were read. */
static void parts(struct scene *s)
{
    b_says(s, 1);
    a_hears(s, 1);
    a_says(s, 1);
    b_hears(s, 1);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    SSL_SESSION_free(kept_by_b);
    kept_by_b = s->server ? SSL_get1_session(s->b.ssl) : NULL;
}

static void forget(void)
{
    SSL_SESSION_free(kept_by_b);
    kept_by_b = NULL;
}

static void prepare_to_resume(struct scene *s)
{
    scene_prepare(s);
    forget();
    check_status(adieu_config_session_cache(s->config, s->server ? 0 : 8), ADIEU_OK);
    SSL_CTX_set_session_id_context(s->b.context, (const uint8_t *)"B", 1);
}

static void s13_after_two_clean_ends_the_session_is_resumed(struct scene *s)
{
    prepare_to_resume(s);
    for (int round = 0; round < ROUNDS; round++) {
        connects(s);
        assert_int_equal(adieu_resumed(s->stream), round > 0);
        parts(s);
    }
    forget();
}

static void check_never_resumed(struct scene *s, bool b_offers)
{
    for (int round = 0; round < ROUNDS; round++) {
        if (!b_offers)
            forget();
        connects(s);
        assert_false(adieu_resumed(s->stream));
        parts(s);
    }
}

/* A new config, since one that was used is never changed; what B holds of it goes with it. */
static void a_gets_a_new_config(struct scene *s, void (*change)(struct adieu_config *config, bool server))
{
    struct adieu_config *next = s->server ? server_config(s->version) : client_config(s->version);
    check_status(adieu_config_carry(next, s->config), ADIEU_OK);
    change(next, s->server);
    adieu_config_free(s->config);
    s->config = next;
}

static void resumes_again(struct adieu_config *config, bool server)
{
    if (!server)
        check_status(adieu_config_session_cache(config, 8), ADIEU_OK);
}

static void s13_switched_off_here_nothing_is_resumed_and_switched_on_again_it_is(struct scene *s)
{
    prepare_to_resume(s);
    check_status(s->server ? adieu_config_tickets(s->config, 0) : adieu_config_session_cache(s->config, 0), ADIEU_OK);
    check_never_resumed(s, true);
    a_gets_a_new_config(s, resumes_again);
    connects(s);
    parts(s);
    connects(s);
    assert_true(adieu_resumed(s->stream));
    forget();
}

static void s13_switched_off_at_the_peer_nothing_is_resumed_and_switched_on_again_it_is(struct scene *s)
{
    prepare_to_resume(s);
    SSL_CTX_set_options(s->b.context, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(s->b.context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(s->b.context, 0);
    check_never_resumed(s, false);
    SSL_CTX_clear_options(s->b.context, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(s->b.context, SSL_SESS_CACHE_BOTH);
    SSL_CTX_set_num_tickets(s->b.context, 2);
    connects(s);
    parts(s);
    connects(s);
    assert_true(adieu_resumed(s->stream));
    forget();
}

static void has_another_identity(struct adieu_config *config, bool server)
{
    (void)server;
    identify(config, &the_identity);
}

static void speaks_another_protocol(struct adieu_config *config, bool server)
{
    static const char *const other[] = {"other/1"};
    (void)server;
    check_status(adieu_config_alpn(config, other, 1), ADIEU_OK);
}

static void s13_for_another_host_identity_or_protocol_nothing_is_resumed(struct scene *s)
{
    prepare_to_resume(s);
    connects(s);
    parts(s);
    s->name = "127.0.0.1";
    connects(s);
    assert_false(adieu_resumed(s->stream));
    parts(s);
    s->name = HOST;
    a_gets_a_new_config(s, has_another_identity);
    connects(s);
    assert_false(adieu_resumed(s->stream));
    parts(s);
    a_gets_a_new_config(s, speaks_another_protocol);
    connects(s);
    assert_false(adieu_resumed(s->stream));
    parts(s);
}

/* ------------------------------------------------ S78 */

static void ends_truncated(struct scene *s)
{
    b_fin(s);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
}

static void ends_aborted(struct scene *s)
{
    s->driver->abort(s, ADIEU_REASON_REQUEST);
}

static void ends_by_an_alert(struct scene *s)
{
    b_gives_up(s);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_ALERTED);
}

static void ends_by_a_violation(struct scene *s)
{
    b_says_plain(s, "\x17\x03\x03\x00\x20 this was not sealed with any key", 37);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_VIOLATION);
}

static const struct {
    void (*ends)(struct scene *s);
    bool keeps;
} endings[] = {
    {parts, true},
    {ends_truncated, true},
    {ends_aborted, true},
    {ends_by_an_alert, false},
    {ends_by_a_violation, false},
};

static void s78_a_session_is_kept_unless_the_conversation_ended_fatally(struct scene *s)
{
    scene_prepare(s);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        scene_again(s);
        check_status(adieu_config_session_cache(s->config, 8), ADIEU_OK);
        connects(s);
        b_says(s, 1); /* behind the tickets */
        a_hears(s, 1);
        endings[i].ends(s);
        connects(s);
        assert_int_equal(adieu_resumed(s->stream), endings[i].keeps);
    }
}

/* ------------------------------------------------ S54 */

static void check_plain(struct scene *s, const char *text)
{
    char buf[100];
    size_t got = 0, size = strlen(text);
    while (got < size) {
        size_t n = s->driver->plain_read(s, buf + got, size - got);
        got += n;
        if (n == 0)
            (void)b_moves(s);
        assert_true(adieu_fd_now() < s->deadline);
    }
    assert_memory_equal(buf, text, size);
}

/* B's end, and what it says next, in one segment. */
static void b_ends_and_goes_on(struct scene *s, void (*goes_on)(struct scene *s))
{
    s->b.mute = true;
    b_ends(s);
    goes_on(s);
    s->b.mute = false;
    (void)b_moves(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    s->driver->give_back(s);
}

static void says_noop(struct scene *s)
{
    b_says_plain(s, "NOOP\r\n", 6);
}

static void s54_behind_two_clean_ends_plaintext_goes_on_and_not_a_byte_is_missing(struct scene *s)
{
    char heard[8] = "";
    meet(s);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    b_ends_and_goes_on(s, says_noop);
    b_says_plain(s, "QUIT\r\n", 6);
    check_plain(s, "NOOP\r\nQUIT\r\n");
    s->driver->plain_say(s, "221\r\n", 5);
    while (BIO_ctrl_pending(s->b.in) < 5) {
        (void)b_moves(s);
        assert_true(adieu_fd_now() < s->deadline);
    }
    assert_int_equal(BIO_read(s->b.in, heard, sizeof heard), 5);
    assert_memory_equal(heard, "221\r\n", 5);
}

/* Where B is the client its hello came with its end: the bytes that SslStream over-reads. */
static void begins_anew(struct scene *s)
{
    raw_reopen(s);
    if (s->server)
        (void)SSL_do_handshake(s->b.ssl);
}

static void s54_behind_two_clean_ends_a_second_session_goes_on_over_the_same_transport(struct scene *s)
{
    meet(s);
    a_says(s, 1000);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    b_hears(s, 1000);
    b_ends_and_goes_on(s, begins_anew);
    s->said = s->heard = 0;
    s->driver->restart(s);
    scene_shake(s);
    a_says(s, 1000);
    b_hears(s, 1000);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    assert_ends(a_closes(s, LONG), "closed", "closed");
    b_gets_to_see(s, B_SEES_CLEAN);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        SCENARIO(s13_after_two_clean_ends_the_session_is_resumed, EVERYWHERE),
        SCENARIO(s13_switched_off_here_nothing_is_resumed_and_switched_on_again_it_is, EVERYWHERE),
        SCENARIO(s13_switched_off_at_the_peer_nothing_is_resumed_and_switched_on_again_it_is, EVERYWHERE),
        /* which session to offer is the client's to choose, and so is which to keep */
        SCENARIO(s13_for_another_host_identity_or_protocol_nothing_is_resumed, EVERYWHERE & ~AS_SERVER),
        SCENARIO(s78_a_session_is_kept_unless_the_conversation_ended_fatally, EVERYWHERE & ~AS_SERVER),
        SCENARIO(s54_behind_two_clean_ends_plaintext_goes_on_and_not_a_byte_is_missing, EVERYWHERE),
        SCENARIO(s54_behind_two_clean_ends_a_second_session_goes_on_over_the_same_transport, EVERYWHERE),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
