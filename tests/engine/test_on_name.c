/* SPDX-License-Identifier: MIT */
/* The config that on_name chooses brings its own callbacks, roots and mistakes; the stream's config keeps the rest. */
#include "joined.h"

#include <string.h>

#include <openssl/ssl.h>

#include "adieu_openssl.h"

static struct adieu_config *choose(void *context, const char *name)
{
    (void)name;
    return context;
}

/* A server whose choice, for any name, is this one. */
static struct adieu_config *choosing(enum adieu_version version, struct adieu_config *chosen)
{
    struct adieu_config *config = server_config(version);
    check_status(adieu_config_on_name(config, choose, chosen), ADIEU_OK);
    return config;
}

/* ------------------------------------------------ key log */

static void count_line(void *context, const char *line)
{
    assert_true(strlen(line) > 10);
    ++*(unsigned *)context;
}

static void key_logs(enum adieu_version version)
{
    for (int which = 0; which < 4; which++) {
        unsigned of_stream = 0, of_chosen = 0;
        struct adieu_config *chosen = server_config(version), *server = choosing(version, chosen);
        if (which & 1)
            check_status(adieu_config_insecure_on_key(server, count_line, &of_stream), ADIEU_OK);
        if (which & 2)
            check_status(adieu_config_insecure_on_key(chosen, count_line, &of_chosen), ADIEU_OK);
        struct joined joined = join(client_config(version), server, HOST);
        shake_hands(&joined);
        unsigned lines = version == ADIEU_TLS_1_3 ? 5 : 1;
        assert_int_equal(of_chosen, which & 2 ? lines : 0);
        assert_int_equal(of_stream, 0);
        say_goodbye(&joined);
        part(&joined);
        adieu_config_free(chosen);
    }
}

static void the_chosen_configs_key_log_hears_and_no_other(void **state)
{
    (void)state;
    for_versions(key_logs);
}

/* ------------------------------------------------ identity */

static void nothing_to_show(enum adieu_version version)
{
    struct adieu_config *chosen = adieu_config_new();
    struct joined joined = join(client_config(version), choosing(version, chosen), HOST);
    shake(&joined);
    check_refused(joined.server, ADIEU_ERR_ENGINE, 80);
    struct adieu_ending ending = adieu_ending(joined.server);
    CHECK_NAMED(adieu_reason_name, ending.reason, ADIEU_REASON_FAULT);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_OTHER);
    check_receiving(joined.server, ADIEU_RECEIVING_ABANDONED);
    check_refused(joined.client, ADIEU_ERR_ALERTED, 80);
    part(&joined);
    adieu_config_free(chosen);
}

static void a_choice_without_identity_is_our_fault_not_the_clients(void **state)
{
    (void)state;
    for_versions(nothing_to_show);
}

/* ------------------------------------------------ trust */

static struct joined with_system_roots(enum adieu_version version, const struct issued *clients)
{
    struct adieu_config *chosen = server_config(version), *server = choosing(version, chosen);
    struct adieu_config *client = client_config(version);
    check_status(adieu_config_client_auth(chosen, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    identify(client, clients);
    struct joined joined = join(client, server, HOST);
    shake(&joined);
    adieu_config_free(chosen);
    return joined;
}

static void system_roots(enum adieu_version version)
{
    struct authority stranger = authority_new("nobody's authority");
    struct issued theirs;
    authority_issue(&stranger, "DNS:client", -1, 5, &theirs);
    struct joined joined = with_system_roots(version, &the_identity);
    shake_hands(&joined);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_AUTHORITY);
    part(&joined);
    joined = with_system_roots(version, &theirs);
    check_refused(joined.server, ADIEU_ERR_REFUSED, 48);
    part(&joined);
    authority_free(&stranger);
}

static void a_choice_that_names_no_roots_trusts_the_systems(void **state)
{
    (void)state;
    authority_becomes_the_systems();
    for_versions(system_roots);
    authority_is_not_the_systems();
}

/* The chosen config asks, and judges. */
static void judges(enum adieu_version version)
{
    struct authority others = authority_new("an authority of clients");
    for (int trusted = 0; trusted < 2; trusted++) {
        struct adieu_config *chosen = server_config(version), *server = choosing(version, chosen);
        struct adieu_config *client = client_config(version);
        trust(server, trusted ? &others : &the_authority);
        trust(chosen, trusted ? &the_authority : &others);
        check_status(adieu_config_client_auth(chosen, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
        identify(client, &the_identity);
        struct joined joined = join(client, server, HOST);
        shake(&joined);
        if (trusted) {
            shake_hands(&joined);
            CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_AUTHORITY);
        } else {
            check_refused(joined.server, ADIEU_ERR_REFUSED, 48);
        }
        part(&joined);
        adieu_config_free(chosen);
    }
    authority_free(&others);
}

static void the_chosen_configs_roots_judge_the_client(void **state)
{
    (void)state;
    for_versions(judges);
}

/* ------------------------------------------------ adopted contexts */

static int must_not_be_called(SSL *ssl, int *alert, void *arg)
{
    (void)ssl, (void)alert, (void)arg;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* What an adopted context asks of clients is its owner's matter, and counts where it is chosen; it does not choose again. */
static void adopted(enum adieu_version version)
{
    for (int asks = 0; asks < 2; asks++) {
        for (int shown = 0; shown < 2; shown++) {
            SSL_CTX *context = foreign_context(version);
            SSL_CTX_set_verify(context, asks ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE,
                               NULL);
            SSL_CTX_set_tlsext_servername_callback(context, must_not_be_called);
            struct adieu_config *chosen = adieu_config_adopt(context), *client = client_config(version);
            if (shown)
                identify(client, &the_identity);
            struct joined joined = join(client, choosing(version, chosen), HOST);
            shake(&joined);
            if (asks && !shown) {
                check_refused(joined.server, ADIEU_ERR_REFUSED, version == ADIEU_TLS_1_2 ? 40 : 116);
            } else {
                shake_hands(&joined);
                CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server),
                            asks ? ADIEU_VERIFIED_AUTHORITY : ADIEU_VERIFIED_NO);
                say_goodbye(&joined);
            }
            part(&joined);
            adieu_config_free(chosen);
            SSL_CTX_free(context);
        }
    }
}

static void a_chosen_context_of_somebody_else_asks_as_its_owner_said(void **state)
{
    (void)state;
    for_versions(adopted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chosen_configs_key_log_hears_and_no_other),
        cmocka_unit_test(a_choice_without_identity_is_our_fault_not_the_clients),
        cmocka_unit_test(a_choice_that_names_no_roots_trusts_the_systems),
        cmocka_unit_test(the_chosen_configs_roots_judge_the_client),
        cmocka_unit_test(a_chosen_context_of_somebody_else_asks_as_its_owner_said),
    };
    return cmocka_run_group_tests_name("engine on_name", tests, setup_authority, teardown_authority);
}
