/* SPDX-License-Identifier: MIT */
/* What call.c makes of a call's other ends: close_notify in odd places, callbacks that pause, sessions of what broke. */
#include "joined.h"

#include <string.h>

#include "openssl.h"

/* ------------------------------------------------ close_notify */

static void check_closed(enum adieu_version version, bool inside, enum engine_verdict verdict)
{
    struct joined joined = joined_by(version);
    struct engine *engine = stream_engine(joined.client);
    if (inside && version == ADIEU_TLS_1_3) {
        assert_int_equal(SSL_key_update(engine->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    } else if (inside) {
        SSL_clear_options(engine->ssl, SSL_OP_NO_RENEGOTIATION);
        assert_int_equal(SSL_renegotiate(engine->ssl), 1);
        assert_int_equal(SSL_do_handshake(engine->ssl), -1);
    }
    assert_int_equal(SSL_in_init(engine->ssl), inside);
    engine_begin(engine);
    BIO_clear_retry_flags(SSL_get_rbio(engine->ssl));
    SSL_set_shutdown(engine->ssl, SSL_RECEIVED_SHUTDOWN);
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    assert_int_equal(engine_end(engine, 0, &error), verdict);
    if (verdict == ENGINE_VIOLATION) {
        CHECK_NAMED(adieu_error_code_name, error.code, ADIEU_ERR_VIOLATION);
        assert_string_equal(error.text, "close_notify came in the middle of a handshake message");
    }
    part(&joined);
}

/* In TLS 1.2 OpenSSL takes a refused renegotiation for one that goes on. */
static void close_notify_inside_a_handshake_message_is_no_end(void **state)
{
    (void)state;
    check_closed(ADIEU_TLS_1_3, false, ENGINE_CLOSE_NOTIFY);
    check_closed(ADIEU_TLS_1_3, true, ENGINE_VIOLATION);
    check_closed(ADIEU_TLS_1_2, false, ENGINE_CLOSE_NOTIFY);
    check_closed(ADIEU_TLS_1_2, true, ENGINE_CLOSE_NOTIFY);
}

/* ------------------------------------------------ a pause that nobody awaits */

static int again(SSL *ssl, int *alert, void *arg)
{
    (void)ssl, (void)alert, (void)arg;
    return SSL_CLIENT_HELLO_RETRY;
}

static void a_pause_that_nobody_awaits_is_told_as_the_contexts(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(0);
    SSL_CTX_set_client_hello_cb(context, again, NULL);
    struct joined joined = join(client_config(0), adieu_config_adopt(context), HOST);
    shake(&joined);
    check_refused(joined.server, ADIEU_ERR_ENGINE, 0);
    assert_non_null(
        strstr(adieu_error(joined.server)->text, "a callback of the adopted context wants to be called again later"));
    part(&joined);
    SSL_CTX_free(context);
}

/* ------------------------------------------------ a name that was chosen */

static void where_a_name_was_found_what_breaks_is_told_as_itself(void **state)
{
    (void)state;
    struct joined joined = join(client_config(0), server_config(0), HOST);
    struct engine *engine = stream_engine(joined.server);
    engine_begin(engine);
    engine_set_problem(engine, "a want");
    engine->naming = NAMING_CHOSEN;
    engine->chosen = server_config(0);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    assert_int_equal(engine_end(engine, -1, &error), ENGINE_VIOLATION);
    assert_string_equal(error.text, "bad length");
    part(&joined);
}

/* ------------------------------------------------ sessions */

static void nothing_breaks(struct engine *engine)
{
    assert_int_equal(engine_can(engine), ENGINE_DONE);
}

static void something_cannot_be_made(struct engine *engine)
{
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    assert_int_equal(engine_cannot(engine, &error, "make it"), ENGINE_FAULT);
}

static void it_ends_with(struct engine *engine, int reason, enum engine_verdict verdict)
{
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    engine_begin(engine);
    ERR_raise(ERR_LIB_SSL, reason);
    assert_int_equal(engine_end(engine, -1, &error), verdict);
}

static void an_internal_error_comes(struct engine *engine)
{
    it_ends_with(engine, ERR_R_INTERNAL_ERROR, ENGINE_FAULT);
}

static void the_peer_breaks_the_rules(struct engine *engine)
{
    it_ends_with(engine, SSL_R_BAD_LENGTH, ENGINE_VIOLATION);
}

static void check_session_after(void (*happens)(struct engine *engine), bool resumed)
{
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = server_config(ADIEU_TLS_1_3);
    check_status(adieu_config_session_cache(client, 4), ADIEU_OK);
    struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
    shake_hands(&joined);
    happens(stream_engine(joined.client));
    part(&joined);
    joined = join(client, server, HOST);
    shake_hands(&joined);
    assert_int_equal(adieu_resumed(joined.client), resumed);
    part(&joined);
}

static void the_session_of_what_broke_is_not_used_again(void **state)
{
    (void)state;
    check_session_after(nothing_breaks, true);
    check_session_after(something_cannot_be_made, false);
    check_session_after(an_internal_error_comes, false);
    check_session_after(the_peer_breaks_the_rules, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_notify_inside_a_handshake_message_is_no_end),
        cmocka_unit_test(a_pause_that_nobody_awaits_is_told_as_the_contexts),
        cmocka_unit_test(where_a_name_was_found_what_breaks_is_told_as_itself),
        cmocka_unit_test(the_session_of_what_broke_is_not_used_again),
    };
    return cmocka_run_group_tests_name("verdict ends", tests, setup_authority, teardown_authority);
}
