/* SPDX-License-Identifier: MIT */
/* S37, S40, S43: certificates and names that are asked for late, and what binds to a connection. */
#include "scene.h"

#include <string.h>

/* ------------------------------------------------ S37 */

static bool a_asked_and_was_answered;

static void note_certificate(void *context, const struct adieu_stream *stream, enum adieu_news news,
                             const struct adieu_alert *alert)
{
    (void)context, (void)stream, (void)alert;
    a_asked_and_was_answered |= news == ADIEU_NEWS_CERTIFICATE;
}

/* A server that may ask late, and a client that may answer, or has nothing to show. In each version it offers TLS 1.3. */
static void meet_to_ask(struct scene *s, bool shows)
{
    a_asked_and_was_answered = false;
    scene_prepare(s);
    trust(s->config, &the_authority);
    check_status(adieu_config_client_auth(s->config, ADIEU_CLIENT_AUTH_LATE), ADIEU_OK);
    assert_int_equal(SSL_CTX_set_max_proto_version(s->b.context, TLS1_3_VERSION), 1);
    SSL_CTX_set_post_handshake_auth(s->b.context, 1);
    scene_open(s);
    if (!shows)
        SSL_certs_clear(s->b.ssl);
    adieu_watch(s->stream, note_certificate, NULL);
    scene_shake(s);
}

static void until_answered(struct scene *s)
{
    while (!a_asked_and_was_answered) {
        check_status(a_reads_all(s), ADIEU_WAIT);
        turn(s);
    }
}

static void goes_on(struct scene *s)
{
    size_t heard = s->heard, told = s->b.heard;
    b_says(s, 1000);
    a_hears(s, heard + 1000);
    a_says(s, 1000);
    b_hears(s, told + 1000);
}

static void s37_a_server_that_asks_late_is_shown_the_certificate(struct scene *s)
{
    meet_to_ask(s, true);
    assert_int_equal(adieu_verified(s->stream), ADIEU_VERIFIED_NO);
    check_status(adieu_ask_certificate(s->stream), ADIEU_OK);
    until_answered(s);
    assert_int_equal(adieu_verified(s->stream), ADIEU_VERIFIED_AUTHORITY);
    assert_true(adieu_peer_certificate(s->stream, NULL, 0) > 0);
    goes_on(s);
}

static void s37_a_client_that_has_none_to_show_leaves_the_session_usable(struct scene *s)
{
    meet_to_ask(s, false);
    check_status(adieu_ask_certificate(s->stream), ADIEU_OK);
    until_answered(s);
    assert_int_equal(adieu_verified(s->stream), ADIEU_VERIFIED_NO);
    assert_int_equal(adieu_peer_certificate(s->stream, NULL, 0), 0);
    goes_on(s);
}

/* Not as with SslStream: reads and writes go on meanwhile, and plaintext may lie unread. */
static void s37_data_goes_on_both_ways_while_the_answer_is_awaited(struct scene *s)
{
    meet_to_ask(s, true);
    b_says(s, 1000);
    a_hears(s, 500);
    check_status(adieu_ask_certificate(s->stream), ADIEU_OK);
    a_says(s, 1000);
    b_hears(s, 1000);
    a_hears(s, 1000);
    until_answered(s);
    assert_int_equal(adieu_verified(s->stream), ADIEU_VERIFIED_AUTHORITY);
    goes_on(s);
}

static void s37_a_second_request_before_the_answer_is_misuse_and_after_it_allowed(struct scene *s)
{
    meet_to_ask(s, true);
    check_status(adieu_ask_certificate(s->stream), ADIEU_OK);
    check_status(adieu_ask_certificate(s->stream), ADIEU_MISUSE);
    until_answered(s);
    a_asked_and_was_answered = false;
    check_status(adieu_ask_certificate(s->stream), ADIEU_OK);
    until_answered(s);
    goes_on(s);
}

/* The other way round: A is the client, and answers inside its reads. */
static void s37_a_client_that_is_asked_late_shows_its_certificate(struct scene *s)
{
    scene_prepare(s);
    identify(s->config, &the_identity);
    SSL_CTX_set_verify(s->b.context, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);
    scene_open(s);
    scene_shake(s);
    assert_null(SSL_get0_peer_certificate(s->b.ssl));
    assert_int_equal(SSL_verify_client_post_handshake(s->b.ssl), 1);
    assert_int_equal(SSL_do_handshake(s->b.ssl), 1);
    while (!SSL_get0_peer_certificate(s->b.ssl)) {
        check_status(a_reads_all(s), ADIEU_WAIT);
        turn(s);
    }
    assert_int_equal(SSL_get_verify_result(s->b.ssl), X509_V_OK);
    assert_true(adieu_own_certificate(s->stream, NULL, 0) > 0);
    goes_on(s);
}

static void s37_in_tls_12_asking_late_is_misuse(struct scene *s)
{
    meet_to_ask(s, true);
    check_status(adieu_ask_certificate(s->stream), ADIEU_MISUSE);
    goes_on(s);
}

/* ------------------------------------------------ S40 */

static struct adieu_config *later(void *context, const char *name)
{
    assert_string_equal(name, HOST);
    ++*(unsigned *)context;
    return adieu_config_later();
}

/* The handshake of a server that decides later, until it waits for that. */
static void until_asked(struct scene *s, unsigned *times, int64_t deadline)
{
    *times = 0;
    scene_prepare(s);
    check_status(adieu_config_on_name(s->config, later, times), ADIEU_OK);
    scene_open(s);
    while (adieu_awaited(s->stream) != ADIEU_AWAITED_NAME) {
        check_status(s->driver->handshake(s, deadline), ADIEU_WAIT);
        turn(s);
    }
    assert_string_equal(adieu_server_name(s->stream), HOST);
    assert_int_equal(taped(s), 0);
}

static void s40_a_server_may_choose_later_what_to_show(struct scene *s)
{
    unsigned times;
    until_asked(s, &times, ADIEU_FD_FOREVER);
    struct adieu_config *chosen = server_config(s->version);
    trust(chosen, &the_authority);
    check_status(adieu_config_client_auth(chosen, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    check_status(adieu_choose(s->stream, chosen), ADIEU_OK);
    adieu_config_free(chosen);
    scene_shake(s);
    assert_int_equal(times, 1);
    assert_int_equal(adieu_verified(s->stream),
                     ADIEU_VERIFIED_AUTHORITY); /* complete options, not a certificate only */
    goes_on(s);
}

static void s40_a_server_that_later_chooses_nothing_lets_the_client_go(struct scene *s)
{
    unsigned times;
    until_asked(s, &times, ADIEU_FD_FOREVER);
    check_status(adieu_choose(s->stream, NULL), ADIEU_OK);
    check_status(a_shakes(s), ADIEU_FAIL);
    b_gets_to_see(s, B_SEES_ALERT);
    assert_int_equal(s->b.number, SSL_AD_UNRECOGNIZED_NAME);
}

/* A server that never decides is bounded as any handshake is. */
static void s40_a_server_that_never_chooses_is_broken_off_at_the_deadline(struct scene *s)
{
    enum adieu_status status;
    unsigned times;
    int64_t deadline = adieu_fd_in(150);
    until_asked(s, &times, deadline);
    while ((status = s->driver->handshake(s, deadline)) == ADIEU_WAIT)
        rest_ms(1);
    check_status(status, ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_DEADLINE);
    (void)b_finds_the_line_ended(s);
    assert_int_equal(taped(s), 0);
}

/* ------------------------------------------------ S43 */

static size_t binding(struct scene *s, enum adieu_binding kind, uint8_t out[ADIEU_BINDING_SIZE])
{
    size_t got = 0;
    enum adieu_status status = adieu_channel_binding(s->stream, kind, out, ADIEU_BINDING_SIZE, &got);
    if (status != ADIEU_OK)
        check_status(status, ADIEU_FAIL);
    return status == ADIEU_OK ? got : 0;
}

static void s43_tls_server_end_point_is_the_hash_of_the_servers_certificate(struct scene *s)
{
    uint8_t mine[ADIEU_BINDING_SIZE], theirs[EVP_MAX_MD_SIZE];
    unsigned size;
    meet(s);
    X509 *shown = s->server ? SSL_get1_peer_certificate(s->b.ssl) : X509_dup(SSL_get_certificate(s->b.ssl));
    assert_int_equal(X509_digest(shown, EVP_sha256(), theirs, &size), 1);
    X509_free(shown);
    assert_int_equal(binding(s, ADIEU_BINDING_TLS_SERVER_END_POINT, mine), size);
    assert_memory_equal(mine, theirs, size);
}

static void s43_tls_unique_is_the_first_finished_of_tls_12_and_absent_in_tls_13(struct scene *s)
{
    uint8_t mine[ADIEU_BINDING_SIZE], theirs[64];
    meet(s);
    size_t size = s->server ? SSL_get_finished(s->b.ssl, theirs, sizeof theirs)
                            : SSL_get_peer_finished(s->b.ssl, theirs, sizeof theirs);
    assert_int_equal(binding(s, ADIEU_BINDING_TLS_UNIQUE, mine), s->version == ADIEU_TLS_1_2 ? size : 0);
    if (s->version == ADIEU_TLS_1_2)
        assert_memory_equal(mine, theirs, size);
}

static void s43_tls_exporter_is_the_same_on_both_sides(struct scene *s)
{
    static const char label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 2 */
    uint8_t mine[ADIEU_BINDING_SIZE], theirs[32];
    meet(s);
    assert_int_equal(binding(s, ADIEU_BINDING_TLS_EXPORTER, mine), 32);
    assert_int_equal(SSL_export_keying_material(s->b.ssl, theirs, 32, label, strlen(label), (const uint8_t *)"", 0, 1),
                     1);
    assert_memory_equal(mine, theirs, 32);
}

static void s43_a_kind_that_does_not_exist_is_absent(struct scene *s)
{
    uint8_t mine[ADIEU_BINDING_SIZE];
    meet(s);
    assert_int_equal(binding(s, (enum adieu_binding)99, mine), 0);
}

int main(void)
{
    enum { ASKS = EVERYWHERE & ~ON_12 & ~AS_CLIENT, CHOOSES = EVERYWHERE & ~AS_CLIENT };
    static const struct scenario scenarios[] = {
        /* servers ask, and TLS 1.2 would have to renegotiate */
        SCENARIO(s37_a_server_that_asks_late_is_shown_the_certificate, ASKS),
        SCENARIO(s37_a_client_that_has_none_to_show_leaves_the_session_usable, ASKS),
        SCENARIO(s37_data_goes_on_both_ways_while_the_answer_is_awaited, ASKS),
        SCENARIO(s37_a_second_request_before_the_answer_is_misuse_and_after_it_allowed, ASKS),
        SCENARIO(s37_a_client_that_is_asked_late_shows_its_certificate, EVERYWHERE & ~ON_12 & ~AS_SERVER),
        SCENARIO(s37_in_tls_12_asking_late_is_misuse, EVERYWHERE & ~ON_13 & ~AS_CLIENT),
        /* only servers are asked for names */
        SCENARIO(s40_a_server_may_choose_later_what_to_show, CHOOSES),
        SCENARIO(s40_a_server_that_later_chooses_nothing_lets_the_client_go, CHOOSES),
        SCENARIO(s40_a_server_that_never_chooses_is_broken_off_at_the_deadline, CHOOSES),
        SCENARIO(s43_tls_server_end_point_is_the_hash_of_the_servers_certificate, EVERYWHERE),
        SCENARIO(s43_tls_unique_is_the_first_finished_of_tls_12_and_absent_in_tls_13, EVERYWHERE),
        SCENARIO(s43_tls_exporter_is_the_same_on_both_sides, EVERYWHERE),
        SCENARIO(s43_a_kind_that_does_not_exist_is_absent, EVERYWHERE),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
