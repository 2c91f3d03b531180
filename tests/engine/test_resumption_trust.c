/* SPDX-License-Identifier: MIT */
/*
 * A client that resumes shows no certificate, so its session must be worth as much as the handshake would be: to a server
 * that trusts others, or that shows another name, it is worth nothing.
 */
#include "joined.h"

#include <string.h>

#include <openssl/ssl.h>

#include "adieu_openssl.h"

static struct authority first_authority, second_authority;
static struct issued member; /* of the first authority */

static int setup(void **state)
{
    setup_authority(state);
    first_authority = authority_new("the first authority of clients");
    second_authority = authority_new("the second authority of clients");
    authority_issue(&first_authority, "DNS:member", -1, 5, &member);
    return 0;
}

static int teardown(void **state)
{
    authority_free(&first_authority);
    authority_free(&second_authority);
    return teardown_authority(state);
}

static struct adieu_config *asking_server(enum adieu_version version, const struct authority *authority,
                                          enum adieu_client_auth auth)
{
    struct adieu_config *config = server_config(version);
    trust(config, authority);
    check_status(adieu_config_client_auth(config, auth), ADIEU_OK);
    return config;
}

/* A member that shows its certificate to anybody, and uses its session at any name: what a hostile client would do. */
static struct adieu_config *member_config(enum adieu_version version, struct kept *kept)
{
    struct adieu_config *config = client_config(version);
    identify(config, &member);
    check_status(adieu_config_insecure_no_verify(config), ADIEU_OK);
    check_status(adieu_config_on_session(config, keep_session, kept), ADIEU_OK);
    return config;
}

static struct joined visit(struct adieu_config *client, struct adieu_config *server, const char *name,
                           const struct kept *session)
{
    struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), name);
    if (session)
        check_status(adieu_resume(joined.client, session->bytes, session->size), ADIEU_OK);
    shake(&joined);
    (void)listen_once(joined.client); /* a TLS 1.3 session comes behind the handshake */
    return joined;
}

static void check_welcome(struct joined *joined, bool resumed, enum adieu_verified verified)
{
    check_that(adieu_handshake(joined->server) == ADIEU_OK, "%s", adieu_error(joined->server)->text);
    assert_int_equal(adieu_resumed(joined->server), resumed);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined->server), verified);
    part(joined);
}

static void check_unwelcome(struct joined *joined)
{
    assert_false(adieu_resumed(joined->server));
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined->server), ADIEU_VERIFIED_NO);
    check_refused(joined->server, ADIEU_ERR_REFUSED, 48); /* unknown_ca: the certificate itself was asked for */
    part(joined);
}

/* ------------------------------------------------ carried ticket keys */

/* The member's session of a server that trusts the first authority, tried at one that holds the same ticket keys. */
static struct joined carried(enum adieu_version version, enum adieu_client_auth auth,
                             const struct authority *next_trusts)
{
    struct kept kept = {.came = 0}, before;
    struct adieu_config *client = member_config(version, &kept);
    struct adieu_config *server = asking_server(version, &first_authority, auth);
    struct adieu_config *next = asking_server(version, next_trusts, auth);
    check_status(adieu_config_carry(next, server), ADIEU_OK);
    struct joined joined = visit(client, server, HOST, NULL);
    check_welcome(&joined, false, auth ? ADIEU_VERIFIED_AUTHORITY : ADIEU_VERIFIED_NO);
    assert_true(kept.came > 0);
    before = kept;
    joined = visit(client, next, HOST, &before);
    adieu_config_free(client);
    adieu_config_free(server);
    adieu_config_free(next);
    return joined;
}

static void a_server_that_trusts_others_does_not_take_up_a_carried_session(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (enum adieu_client_auth auth = ADIEU_CLIENT_AUTH_OPTIONAL; auth <= ADIEU_CLIENT_AUTH_REQUIRED; auth++) {
            struct joined joined = carried(versions[i], auth, &second_authority);
            check_unwelcome(&joined);
        }
    }
}

static void a_server_of_the_same_trust_takes_it_up(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = carried(versions[i], ADIEU_CLIENT_AUTH_REQUIRED, &first_authority);
        check_welcome(&joined, true, ADIEU_VERIFIED_AUTHORITY);
    }
}

static void servers_that_ask_nobody_take_up_each_others(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = carried(versions[i], ADIEU_CLIENT_AUTH_NONE, &second_authority);
        check_welcome(&joined, true, ADIEU_VERIFIED_NO);
    }
}

/* Who was not asked, or had nothing to show, cannot resume where a certificate is required. */
static void a_session_without_a_certificate_does_not_replace_one(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (enum adieu_client_auth before = ADIEU_CLIENT_AUTH_NONE; before < ADIEU_CLIENT_AUTH_REQUIRED; before++) {
            for (int insecure = 0; insecure < 2; insecure++) {
                struct kept kept = {.came = 0};
                struct adieu_config *client = client_config(versions[i]);
                check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
                struct adieu_config *server = asking_server(versions[i], &first_authority, before);
                struct adieu_config *next = asking_server(versions[i], &first_authority, ADIEU_CLIENT_AUTH_REQUIRED);
                check_status(adieu_config_carry(next, server), ADIEU_OK);
                if (insecure) {
                    check_status(adieu_config_insecure_no_verify(server), ADIEU_OK);
                    check_status(adieu_config_insecure_no_verify(next), ADIEU_OK);
                }
                struct joined joined = visit(client, server, HOST, NULL);
                check_welcome(&joined, false, ADIEU_VERIFIED_NO);
                assert_true(kept.came > 0);
                joined = visit(client, next, HOST, &kept);
                check_refused(joined.server, ADIEU_ERR_REFUSED, 0);
                part(&joined);
                adieu_config_free(client);
                adieu_config_free(server);
                adieu_config_free(next);
            }
        }
    }
}

/* ------------------------------------------------ names */

/* Name a trusts the first authority, name b the second; what the stream's own config would ask of clients does not count. */
struct names {
    struct adieu_config *a, *b;
};

static struct adieu_config *choose(void *context, const char *name)
{
    const struct names *names = context;
    return strcmp(name, "b.example") ? names->a : names->b;
}

static struct adieu_config *named_server(enum adieu_version version, struct names *names,
                                         enum adieu_client_auth auth_of_listener)
{
    names->a = asking_server(version, &first_authority, ADIEU_CLIENT_AUTH_REQUIRED);
    names->b = asking_server(version, &second_authority, ADIEU_CLIENT_AUTH_REQUIRED);
    struct adieu_config *server = asking_server(version, &first_authority, auth_of_listener);
    check_status(adieu_config_on_name(server, choose, names), ADIEU_OK);
    return server;
}

static void check_names(enum adieu_version version, enum adieu_client_auth auth_of_listener)
{
    struct kept kept = {.came = 0}, session;
    struct names names;
    struct adieu_config *client = member_config(version, &kept);
    struct adieu_config *server = named_server(version, &names, auth_of_listener);
    /* Where sessions come from all the same: a server with the same ticket keys that does not look at names. */
    struct adieu_config *nameless = asking_server(version, &first_authority, ADIEU_CLIENT_AUTH_REQUIRED);
    check_status(adieu_config_carry(nameless, server), ADIEU_OK);

    struct joined joined = visit(client, server, "a.example", NULL);
    check_welcome(&joined, false, ADIEU_VERIFIED_AUTHORITY);
    assert_int_equal(kept.came, 0); /* nobody is given what he could not use */
    joined = visit(client, server, "b.example", NULL);
    check_unwelcome(&joined);

    joined = visit(client, nameless, "a.example", NULL);
    check_welcome(&joined, false, ADIEU_VERIFIED_AUTHORITY);
    assert_true(kept.came > 0);
    session = kept;
    joined = visit(client, server, "b.example", &session);
    check_unwelcome(&joined);
    joined = visit(client, server, "a.example", &session);
    check_welcome(&joined, false, ADIEU_VERIFIED_AUTHORITY);
    adieu_config_free(client);
    adieu_config_free(server);
    adieu_config_free(nameless);
    adieu_config_free(names.a);
    adieu_config_free(names.b);
}

static void a_session_of_one_name_opens_no_other(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        check_names(versions[i], ADIEU_CLIENT_AUTH_NONE);
        check_names(versions[i], ADIEU_CLIENT_AUTH_REQUIRED);
    }
}

static void with_names_and_nobody_asked_sessions_are_resumed(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct kept kept = {.came = 0}, session;
        struct adieu_config *client = member_config(versions[i], &kept), *server = server_config(versions[i]);
        struct names names = {server_config(versions[i]), NULL};
        check_status(adieu_config_on_name(server, choose, &names), ADIEU_OK);
        struct joined joined = visit(client, server, "a.example", NULL);
        check_welcome(&joined, false, ADIEU_VERIFIED_NO);
        assert_true(kept.came > 0);
        session = kept;
        joined = visit(client, server, "a.example", &session);
        check_welcome(&joined, true, ADIEU_VERIFIED_NO);
        adieu_config_free(client);
        adieu_config_free(server);
        adieu_config_free(names.a);
    }
}

/* ------------------------------------------------ clients */

/* A session of a stream that trusted the system's roots, or ours. */
static struct kept made_session(enum adieu_version version, bool of_the_system)
{
    struct kept kept = {.came = 0};
    struct adieu_config *client = of_the_system ? adieu_config_new() : client_config(version);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    struct joined joined = join(client, server_config(version), HOST);
    shake_hands(&joined);
    part(&joined);
    assert_true(kept.came > 0);
    return kept;
}

static void an_adopted_context_takes_no_session(void **state)
{
    (void)state;
    authority_becomes_the_systems();
    for (int i = 0; i < VERSIONS; i++) {
        for (int system = 0; system < 2; system++) {
            struct kept kept = made_session(versions[i], system);
            SSL_CTX *context = foreign_context(versions[i]); /* OpenSSL itself would take it: */
            SSL_CTX_set_session_id_context(context, (const uint8_t *)"adieu", 5);
            struct joined joined = join(adieu_config_adopt(context), server_config(versions[i]), HOST);
            check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_FAIL);
            shake_hands(&joined); /* the stream goes on without */
            assert_false(adieu_resumed(joined.client));
            part(&joined);
            SSL_CTX_free(context);
        }
    }
    authority_is_not_the_systems();
}

static void a_session_of_a_config_that_trusts_others_is_no_session(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct kept kept = made_session(versions[i], false);
        struct adieu_config *others[] = {adieu_config_new(), adieu_config_new(), client_config(0), client_config(0)};
        trust(others[1], &second_authority);
        trust(others[2], &second_authority);
        check_status(adieu_config_insecure_no_verify(others[3]), ADIEU_OK);
        for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
            struct joined joined = join(others[k], server_config(versions[i]), HOST);
            check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_FAIL);
            part(&joined);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_trusts_others_does_not_take_up_a_carried_session),
        cmocka_unit_test(a_server_of_the_same_trust_takes_it_up),
        cmocka_unit_test(servers_that_ask_nobody_take_up_each_others),
        cmocka_unit_test(a_session_without_a_certificate_does_not_replace_one),
        cmocka_unit_test(a_session_of_one_name_opens_no_other),
        cmocka_unit_test(with_names_and_nobody_asked_sessions_are_resumed),
        cmocka_unit_test(an_adopted_context_takes_no_session),
        cmocka_unit_test(a_session_of_a_config_that_trusts_others_is_no_session),
    };
    return cmocka_run_group_tests_name("engine resumption trust", tests, setup, teardown);
}
