/* SPDX-License-Identifier: MIT */
/* What an adopted SSL_CTX can bring that would lose bytes, let a stranger in, or blame the peer for our mistake. */
#include "joined.h"

#include <string.h>

#include <openssl/ssl.h>

#include "adieu_openssl.h"

/* ------------------------------------------------ bytes */

static void all_arrive(enum adieu_version version, long mode)
{
    static uint8_t said[16384], heard[16384];
    SSL_CTX *server = foreign_context(version), *client = foreign_context(version);
    SSL_CTX_set_mode(server, mode);
    SSL_CTX_set_tlsext_max_fragment_length(client, TLSEXT_max_fragment_length_512);
    struct joined joined = join(adieu_config_adopt(client), adieu_config_adopt(server), HOST);
    shake_hands(&joined);
    for (size_t i = 0; i < sizeof said; i++)
        said[i] = (uint8_t)(i * 7 + i / 512);
    size_t took = 0, got = 0, total = 0;
    check_status(adieu_write(joined.server, said, sizeof said, &took), ADIEU_OK);
    assert_int_equal(took, sizeof said);
    check_status(adieu_shutdown(joined.server), ADIEU_OK);
    carry(joined.server, joined.client);
    while (total < sizeof heard && adieu_read(joined.client, heard + total, sizeof heard - total, &got) == ADIEU_OK)
        total += got;
    assert_int_equal(total, sizeof said);
    assert_memory_equal(heard, said, sizeof said);
    check_status(listen_once(joined.client), ADIEU_END);
    assert_int_equal(adieu_ending(joined.server).sent, sizeof said);
    part(&joined);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

static void whole_writes_are_sealed_whatever_the_contexts_mode(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        all_arrive(versions[i], 0);
        all_arrive(versions[i], SSL_MODE_ENABLE_PARTIAL_WRITE);
        all_arrive(versions[i], SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
}

/* ------------------------------------------------ a client's verification */

static int accept_unseen(X509_STORE_CTX *store, void *arg)
{
    (void)store, (void)arg;
    return 1;
}

static int accept_seen(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_verify_cert(store);
    return 1;
}

static int forgive(int ok, X509_STORE_CTX *store)
{
    (void)ok, (void)store;
    return 1;
}

static int excuse(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

/* A context without roots, whose callbacks accept anybody. */
enum { LENIENT = 4 };
static SSL_CTX *lenient_context(int how)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    assert_non_null(context);
    if (how == 0)
        SSL_CTX_set_cert_verify_callback(context, accept_unseen, NULL);
    if (how == 1)
        SSL_CTX_set_cert_verify_callback(context, accept_seen, NULL);
    if (how == 2)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, forgive);
    if (how == 3)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, excuse);
    return context;
}

static struct joined lenient_client(enum adieu_version version, int how, const char *name)
{
    SSL_CTX *context = lenient_context(how);
    struct joined joined = join(adieu_config_adopt(context), server_config(version), name);
    SSL_CTX_free(context);
    shake(&joined);
    return joined;
}

static void a_wrong_name_is_not_the_contexts_to_forgive(void **state)
{
    (void)state;
    static const char *const wrong[] = {"wrong.example", "127.0.0.2"};
    for (int i = 0; i < VERSIONS; i++) {
        for (int how = 0; how < LENIENT; how++) {
            for (int k = 0; k < 2; k++) {
                struct joined joined = lenient_client(versions[i], how, wrong[k]);
                check_refused(joined.client, ADIEU_ERR_REFUSED, 0);
                CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_NO);
                part(&joined);
            }
        }
    }
}

static void a_bad_chain_is_the_contexts_to_forgive_but_is_not_verified(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (int how = 0; how < 3; how++) { /* one that says that the chain is good is believed */
            struct joined joined = lenient_client(versions[i], how, HOST);
            shake_hands(&joined);
            CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_NO);
            part(&joined);
        }
    }
}

static void callbacks_that_accept_a_good_chain_do_no_harm(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (int seen = 0; seen < 2; seen++) {
            SSL_CTX *context = foreign_context(versions[i]);
            if (seen)
                SSL_CTX_set_cert_verify_callback(context, accept_seen, NULL);
            else
                SSL_CTX_set_verify(context, SSL_VERIFY_PEER, forgive);
            check_trusts(adieu_config_adopt(context), server_config(versions[i]), HOST, ADIEU_VERIFIED_NAME);
            SSL_CTX_free(context);
        }
    }
}

/* ------------------------------------------------ mistakes of our own */

static int hello_later(SSL *ssl, int *alert, void *arg)
{
    (void)ssl, (void)alert, (void)arg;
    return SSL_CLIENT_HELLO_RETRY;
}

static int certificate_later(SSL *ssl, void *arg)
{
    (void)ssl, (void)arg;
    return -1;
}

static void check_fault(struct adieu_stream *s)
{
    check_refused(s, ADIEU_ERR_ENGINE, 0);
    struct adieu_ending ending = adieu_ending(s);
    CHECK_NAMED(adieu_reason_name, ending.reason, ADIEU_REASON_FAULT);
    CHECK_NAMED(adieu_receiving_name, ending.receiving, ADIEU_RECEIVING_ABANDONED);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_OTHER);
}

static void a_callback_that_wants_to_be_called_again_is_a_fault(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (int hello = 0; hello < 2; hello++) {
            SSL_CTX *context = foreign_context(versions[i]);
            if (hello)
                SSL_CTX_set_client_hello_cb(context, hello_later, NULL);
            else
                SSL_CTX_set_cert_cb(context, certificate_later, NULL);
            struct joined joined = join(client_config(versions[i]), adieu_config_adopt(context), HOST);
            shake(&joined);
            check_fault(joined.server);
            part(&joined);
            SSL_CTX_free(context);
        }
    }
}

static void a_client_whose_certificate_comes_later_is_a_fault(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        SSL_CTX *context = foreign_context(versions[i]);
        SSL_CTX_set_cert_cb(context, certificate_later, NULL);
        struct adieu_config *server = server_config(versions[i]);
        trust(server, &the_authority);
        check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
        struct joined joined = join(adieu_config_adopt(context), server, HOST);
        shake(&joined);
        check_fault(joined.client);
        part(&joined);
        SSL_CTX_free(context);
    }
}

static void an_adopted_server_without_a_certificate_is_at_fault(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        SSL_CTX *context = SSL_CTX_new(TLS_method());
        SSL_CTX_set_max_proto_version(context, (int)versions[i]);
        struct joined joined = join(client_config(0), adieu_config_adopt(context), HOST);
        shake(&joined);
        check_fault(joined.server);
        check_refused(joined.client, ADIEU_ERR_ALERTED, 0);
        part(&joined);
        SSL_CTX_free(context);
    }
}

/* With a certificate it is the client's doing that they have nothing in common. */
static void a_client_that_can_use_nothing_of_ours_is_not_our_fault(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(ADIEU_TLS_1_2);
    struct adieu_config *client = client_config(ADIEU_TLS_1_2);
    check_status(adieu_config_ciphers(client, NULL, "ECDHE-RSA-AES128-GCM-SHA256"), ADIEU_OK);
    struct joined joined = join(client, adieu_config_adopt(context), HOST);
    shake(&joined);
    check_refused(joined.server, ADIEU_ERR_VIOLATION, 40);
    part(&joined);
    SSL_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_writes_are_sealed_whatever_the_contexts_mode),
        cmocka_unit_test(a_wrong_name_is_not_the_contexts_to_forgive),
        cmocka_unit_test(a_bad_chain_is_the_contexts_to_forgive_but_is_not_verified),
        cmocka_unit_test(callbacks_that_accept_a_good_chain_do_no_harm),
        cmocka_unit_test(a_callback_that_wants_to_be_called_again_is_a_fault),
        cmocka_unit_test(a_client_whose_certificate_comes_later_is_a_fault),
        cmocka_unit_test(an_adopted_server_without_a_certificate_is_at_fault),
        cmocka_unit_test(a_client_that_can_use_nothing_of_ours_is_not_our_fault),
    };
    return cmocka_run_group_tests_name("engine adopt traps", tests, setup_authority, teardown_authority);
}
