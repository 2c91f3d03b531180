/* SPDX-License-Identifier: MIT */
/*
 * The application's code runs inside verbs, and may leave entries in OpenSSL's error queue: they neither change what the verb
 * says, nor are they left for somebody else to find.
 */
#include "joined.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "adieu_openssl.h"

static void leave_errors(void)
{
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
    ERR_raise(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_CA);
}

static void left_by_observer(void *context, const struct adieu_stream *s, enum adieu_news news,
                             const struct adieu_alert *alert)
{
    (void)context, (void)s, (void)news, (void)alert;
    leave_errors();
}

static void closes(struct adieu_stream *first, struct adieu_stream *second)
{
    check_status(adieu_shutdown(first), ADIEU_OK);
    carry(first, second);
    ERR_clear_error();
    check_status(listen_once(second), ADIEU_END);
    check_error(second, ADIEU_ERR_NONE);
}

/* ------------------------------------------------ an observer */

static void observed(enum adieu_version version)
{
    struct joined joined = join(client_config(version), server_config(version), HOST);
    adieu_watch(joined.client, left_by_observer, NULL);
    adieu_watch(joined.server, left_by_observer, NULL);
    shake_hands(&joined);
    say(joined.client, "hello");
    carry(joined.client, joined.server);
    check_hears(joined.server, "hello");
    closes(joined.client, joined.server);
    closes(joined.server, joined.client);
    check_ends(joined.client, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    part(&joined);
    ERR_clear_error();
}

static void of_an_observer_they_do_not_hide_an_end(void **state)
{
    (void)state;
    for_versions(observed);
}

static void alerted(enum adieu_version version)
{
    struct joined joined = join(adieu_config_new(), server_config(version), HOST);
    adieu_watch(joined.server, left_by_observer, NULL);
    adieu_watch(joined.client, left_by_observer, NULL);
    shake(&joined);
    check_error(joined.server, ADIEU_ERR_ALERTED);
    check_error(joined.client, ADIEU_ERR_REFUSED);
    part(&joined);
    ERR_clear_error();
}

static void of_an_observer_they_do_not_hide_an_alert(void **state)
{
    (void)state;
    for_versions(alerted);
}

/* ------------------------------------------------ decisions that come later */

static enum adieu_decision later(void *context, const struct adieu_stream *s, bool accepted, const char *problem,
                                 const uint8_t *der, size_t size)
{
    (void)context, (void)s, (void)accepted, (void)problem, (void)der, (void)size;
    leave_errors();
    return ADIEU_LATER;
}

static void awaited(enum adieu_version version)
{
    struct adieu_config *config = client_config(version);
    check_status(adieu_config_insecure_on_verify(config, later, NULL), ADIEU_OK);
    struct joined joined = join(config, server_config(version), HOST);
    adieu_watch(joined.client, left_by_observer, NULL);
    shake(&joined);
    assert_int_equal(adieu_awaited(joined.client), ADIEU_AWAITED_VERIFY);
    check_status(adieu_decide(joined.client, ADIEU_ACCEPT), ADIEU_OK);
    shake_hands(&joined);
    part(&joined);
    ERR_clear_error();
}

static void who_decides_later_may_leave_some(void **state)
{
    (void)state;
    for_versions(awaited);
}

/* ------------------------------------------------ somebody else's context */

static int left_by_owner(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl, (void)session;
    leave_errors();
    return 0;
}

/* A read that succeeds has come across a ticket, of which the owner is told. */
static void those_of_an_adopted_contexts_owner_are_not_left_behind(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(ADIEU_TLS_1_3);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(context, left_by_owner);
    struct joined joined = join(adieu_config_adopt(context), server_config(ADIEU_TLS_1_3), HOST);
    shake(&joined);
    say(joined.server, "hello");
    carry(joined.server, joined.client);
    check_hears(joined.client, "hello");
    assert_int_equal(ERR_peek_error(), 0);
    part(&joined);
    SSL_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_an_observer_they_do_not_hide_an_end),
        cmocka_unit_test(of_an_observer_they_do_not_hide_an_alert),
        cmocka_unit_test(who_decides_later_may_leave_some),
        cmocka_unit_test(those_of_an_adopted_contexts_owner_are_not_left_behind),
    };
    return cmocka_run_group_tests_name("left errors", tests, setup_authority, teardown_authority);
}
