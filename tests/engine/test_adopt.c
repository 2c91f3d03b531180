/* SPDX-License-Identifier: MIT */
/* A caller's SSL_CTX, however it is set up: it stays as it is, and adieu's promises hold all the same. */
#include "joined.h"

#include <string.h>

#include <openssl/err.h>

#include "adieu_openssl.h"

/* ------------------------------------------------ contexts that would make others lie */

static unsigned foreign_messages;

static void foreign_callback(int sent, int version, int type, const void *bytes, size_t size, SSL *ssl, void *arg)
{
    (void)sent, (void)version, (void)type, (void)bytes, (void)size, (void)ssl, (void)arg;
    foreign_messages++;
}

static SSL_CTX *lying_context(enum adieu_version version)
{
    SSL_CTX *context = foreign_context(version);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_quiet_shutdown(context, 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_msg_callback(context, foreign_callback);
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}

/* What can be asked of a context. */
struct look {
    uint64_t options;
    long mode;
    int verify_mode, verify_depth, quiet, lowest, highest, read_ahead;
    long cache_mode;
    void *store;
};

static struct look look_at(SSL_CTX *context)
{
    struct look look;
    memset(&look, 0, sizeof look);
    look.options = SSL_CTX_get_options(context);
    look.mode = SSL_CTX_get_mode(context);
    look.verify_mode = SSL_CTX_get_verify_mode(context);
    look.verify_depth = SSL_CTX_get_verify_depth(context);
    look.quiet = SSL_CTX_get_quiet_shutdown(context);
    look.lowest = (int)SSL_CTX_get_min_proto_version(context);
    look.highest = (int)SSL_CTX_get_max_proto_version(context);
    look.read_ahead = (int)SSL_CTX_get_read_ahead(context);
    look.cache_mode = SSL_CTX_get_session_cache_mode(context);
    look.store = SSL_CTX_get_cert_store(context);
    return look;
}

static struct joined adopted_pair(SSL_CTX *client, SSL_CTX *server, const char *name)
{
    struct adieu_config *ours = adieu_config_adopt(client), *theirs = adieu_config_adopt(server);
    assert_non_null(ours);
    assert_non_null(theirs);
    return join(ours, theirs, name);
}

/* ------------------------------------------------ claims */

static void an_adopted_context_is_not_changed(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        SSL_CTX *context = lying_context(versions[i]);
        struct look before = look_at(context);
        struct joined joined = adopted_pair(context, context, HOST);
        shake_hands(&joined);
        struct look during = look_at(context);
        say_goodbye(&joined);
        part(&joined);
        struct look after = look_at(context);
        assert_memory_equal(&before, &during, sizeof before);
        assert_memory_equal(&before, &after, sizeof before);
        SSL *own = SSL_new(context); /* and what its owner makes of it still does what he set */
        foreign_messages = 0;
        SSL_set_connect_state(own);
        BIO *nowhere = BIO_new(BIO_s_mem());
        SSL_set_bio(own, nowhere, nowhere);
        SSL_do_handshake(own);
        assert_true(foreign_messages > 0);
        SSL_free(own);
        SSL_CTX_free(context);
    }
}

static void truncation_stays_truncation(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (int server = 0; server < 2; server++) {
            SSL_CTX *context = lying_context(versions[i]);
            struct joined joined = adopted_pair(context, context, HOST);
            shake_hands(&joined);
            struct adieu_stream *me = server ? joined.server : joined.client;
            adieu_wire_eof(me);
            check_status(listen_once(me), ADIEU_FAIL);
            check_receiving(me, ADIEU_RECEIVING_TRUNCATED);
            check_error(me, ADIEU_ERR_TRUNCATED);
            part(&joined);
            SSL_CTX_free(context);
        }
    }
}

static void close_notify_is_really_sent(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        SSL_CTX *context = lying_context(versions[i]);
        struct joined joined = adopted_pair(context, context, HOST);
        shake_hands(&joined);
        check_status(adieu_shutdown(joined.client), ADIEU_OK);
        assert_true(adieu_wire_out(joined.client, NULL) > 0);
        carry(joined.client, joined.server);
        check_status(listen_once(joined.server), ADIEU_END);
        say(joined.server, "half-closed is not closed");
        carry(joined.server, joined.client);
        check_hears(joined.client, "half-closed is not closed");
        part(&joined);
        SSL_CTX_free(context);
    }
}

static void an_alert_is_still_told_from_an_end(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        SSL_CTX *context = lying_context(versions[i]);
        struct joined joined = adopted_pair(context, context, HOST);
        shake_hands(&joined);
        say(joined.client, "bent");
        carry_bent(joined.client, joined.server);
        check_status(listen_once(joined.server), ADIEU_FAIL);
        carry(joined.server, joined.client);
        check_status(listen_once(joined.client), ADIEU_FAIL);
        assert_int_equal(adieu_ending(joined.client).alert_received.number, 20);
        part(&joined);
        SSL_CTX_free(context);
    }
}

static void the_server_is_verified_by_name_whatever_the_context_says(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        SSL_CTX *context = lying_context(versions[i]); /* SSL_VERIFY_NONE */
        struct joined joined = adopted_pair(context, context, "example.org");
        shake(&joined);
        check_refused(joined.client, ADIEU_ERR_REFUSED, 0);
        part(&joined);
        joined = adopted_pair(context, context, NULL);
        shake(&joined);
        check_refused(joined.client, ADIEU_ERR_NO_NAME, 0);
        part(&joined);
        joined = adopted_pair(context, context, HOST);
        shake_hands(&joined);
        assert_int_equal(adieu_verified(joined.client), ADIEU_VERIFIED_NAME);
        part(&joined);
        SSL_CTX_free(context);
    }
}

static void insecure_is_said_of_the_config_not_of_the_context(void **state)
{
    (void)state;
    SSL_CTX *context = lying_context(ADIEU_TLS_1_3);
    struct adieu_config *client = adieu_config_adopt(context);
    check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    struct joined joined = join(client, adieu_config_adopt(context), "example.org");
    shake_hands(&joined);
    assert_int_equal(adieu_verified(joined.client), ADIEU_VERIFIED_NO);
    part(&joined);
    SSL_CTX_free(context);
}

static void a_servers_verify_mode_is_the_contexts(void **state)
{
    (void)state;
    for (int required = 0; required < 2; required++) {
        SSL_CTX *server = foreign_context(ADIEU_TLS_1_3);
        if (required)
            SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        struct joined joined = join(client_config(0), adieu_config_adopt(server), HOST);
        shake(&joined);
        if (required)
            check_refused(joined.server, ADIEU_ERR_REFUSED, 116);
        else
            check_status(adieu_handshake(joined.server), ADIEU_OK);
        part(&joined);
        SSL_CTX_free(server);
    }
}

static void setters_that_would_change_it_are_refused(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(ADIEU_TLS_1_3);
    struct adieu_config *config = adieu_config_adopt(context);
    const char *h2 = "h2";
    check_status(adieu_config_alpn(config, &h2, 1), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_ARGUMENT);
    check_status(adieu_config_identity_throwaway(config, HOST), ADIEU_FAIL);
    check_status(adieu_config_trust_system(config), ADIEU_FAIL);
    check_status(adieu_config_versions(config, ADIEU_TLS_1_2, ADIEU_TLS_1_3), ADIEU_FAIL);
    check_status(adieu_config_tickets(config, 0), ADIEU_FAIL);
    check_status(adieu_config_queue_limit(config, 2), ADIEU_OK); /* this is not OpenSSL's */
    adieu_config_free(config);
    SSL_CTX_free(context);
}

static void the_context_may_be_given_back_at_once(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(ADIEU_TLS_1_3);
    struct joined joined = adopted_pair(context, context, HOST);
    SSL_CTX_free(context);
    shake_hands(&joined);
    say_goodbye(&joined);
    part(&joined);
}

static void old_versions_are_not_spoken_even_if_the_context_would(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(ADIEU_TLS_1_2);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_security_level(context, 0);
    struct joined joined = adopted_pair(context, context, HOST);
    shake(&joined);
    check_status(adieu_handshake(joined.client), ADIEU_FAIL);
    assert_int_not_equal(adieu_error(joined.client)->code, ADIEU_ERR_NONE);
    part(&joined);
    SSL_CTX_free(context);
}

static void the_ssl_can_be_looked_at(void **state)
{
    (void)state;
    struct joined joined = joined_by(ADIEU_TLS_1_3);
    assert_int_equal(SSL_version(adieu_openssl_ssl(joined.client)), TLS1_3_VERSION);
    part(&joined);
    struct adieu_config *config = adieu_config_new();
    struct adieu_stream *none = adieu_server(config); /* which has no identity */
    adieu_config_free(config);
    assert_null(adieu_openssl_ssl(none));
    adieu_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_adopted_context_is_not_changed),
        cmocka_unit_test(truncation_stays_truncation),
        cmocka_unit_test(close_notify_is_really_sent),
        cmocka_unit_test(an_alert_is_still_told_from_an_end),
        cmocka_unit_test(the_server_is_verified_by_name_whatever_the_context_says),
        cmocka_unit_test(insecure_is_said_of_the_config_not_of_the_context),
        cmocka_unit_test(a_servers_verify_mode_is_the_contexts),
        cmocka_unit_test(setters_that_would_change_it_are_refused),
        cmocka_unit_test(the_context_may_be_given_back_at_once),
        cmocka_unit_test(old_versions_are_not_spoken_even_if_the_context_would),
        cmocka_unit_test(the_ssl_can_be_looked_at),
    };
    return cmocka_run_group_tests_name("engine adopt", tests, setup_authority, teardown_authority);
}
