/* SPDX-License-Identifier: MIT */
/* A server's config is chosen by name once in a handshake, at once or later; with it comes whether a certificate is asked for. */
#include "joined.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What on_name returns, and what it was asked. */
struct chooser {
    struct adieu_config *choice;
    unsigned asked;
    char name[300];
};

static struct adieu_config *choose(void *context, const char *name)
{
    struct chooser *chooser = context;
    chooser->asked++;
    assert_in_range(strlen(name), 0, 255);
    strcpy(chooser->name, name);
    return chooser->choice;
}

static struct adieu_config *choosing(enum adieu_version version, struct chooser *chooser)
{
    struct adieu_config *config = server_config(version);
    check_status(adieu_config_on_name(config, choose, chooser), ADIEU_OK);
    return config;
}

/* ------------------------------------------------ later */

static void saw(void *context, const struct adieu_stream *stream, enum adieu_news news, const struct adieu_alert *alert)
{
    unsigned *awaited = context;
    (void)alert;
    if (news == ADIEU_NEWS_AWAITED && adieu_awaited(stream) == ADIEU_AWAITED_NAME)
        ++*awaited;
}

static struct joined awaiting(enum adieu_version version, struct chooser *chooser)
{
    *chooser = (struct chooser){.choice = adieu_config_later()};
    struct joined joined = join(client_config(version), choosing(version, chooser), HOST);
    unsigned told = 0;
    adieu_watch(joined.server, saw, &told);
    shake(&joined);
    check_status(adieu_handshake(joined.server), ADIEU_WAIT);
    assert_int_equal(told, 1);
    adieu_watch(joined.server, NULL, NULL);
    assert_int_equal(adieu_awaited(joined.server), ADIEU_AWAITED_NAME);
    assert_string_equal(adieu_server_name(joined.server), HOST);
    assert_int_equal(adieu_wire_out(joined.server, NULL), 0);
    assert_int_equal(chooser->asked, 1);
    return joined;
}

static void chosen_later(enum adieu_version version)
{
    struct chooser chooser;
    struct joined joined = awaiting(version, &chooser);
    struct adieu_config *choice = server_config(version);
    check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_MISUSE); /* it is another question */
    check_status(adieu_choose(joined.server, adieu_config_later()), ADIEU_MISUSE);
    check_status(adieu_choose(joined.client, choice), ADIEU_MISUSE);
    check_status(adieu_choose(joined.server, choice), ADIEU_OK);
    check_status(adieu_choose(joined.server, NULL), ADIEU_MISUSE);
    adieu_config_free(choice); /* the stream has its own reference */
    assert_int_equal(adieu_awaited(joined.server), ADIEU_AWAITED_NOTHING);
    shake_hands(&joined);
    assert_string_equal(adieu_server_name(joined.server), HOST);
    assert_int_equal(chooser.asked, 1);
    say_goodbye(&joined);
    part(&joined);
}

static void a_config_may_be_chosen_later(void **state)
{
    (void)state;
    for_versions(chosen_later);
}

static void nothing_chosen_later(enum adieu_version version)
{
    struct chooser chooser;
    struct joined joined = awaiting(version, &chooser);
    check_status(adieu_choose(joined.server, NULL), ADIEU_OK);
    shake(&joined);
    check_refused(joined.server, ADIEU_ERR_VIOLATION, 112);
    check_refused(joined.client, ADIEU_ERR_ALERTED, 112);
    assert_int_equal(chooser.asked, 1);
    part(&joined);
}

static void a_name_that_gets_no_config_later_is_refused_and_its_client_released(void **state)
{
    (void)state;
    for_versions(nothing_chosen_later);
}

static void ends_while_awaited(enum adieu_version version)
{
    struct chooser chooser;
    struct joined joined = awaiting(version, &chooser);
    adieu_wire_eof(joined.server);
    check_status(adieu_handshake(joined.server), ADIEU_WAIT);
    struct adieu_config *choice = server_config(version);
    check_status(adieu_choose(joined.server, choice), ADIEU_OK);
    check_status(adieu_handshake(joined.server), ADIEU_FAIL);
    check_receiving(joined.server, ADIEU_RECEIVING_TRUNCATED);
    part(&joined);

    joined = awaiting(version, &chooser);
    adieu_abort(joined.server, ADIEU_REASON_DEADLINE);
    (void)!adieu_choose(joined.server, choice);
    check_status(adieu_handshake(joined.server), ADIEU_FAIL);
    assert_int_equal(adieu_wire_out(joined.server, NULL), 0);
    part(&joined);
    adieu_config_free(choice);
}

static void the_end_of_a_stream_waits_for_a_choice_and_an_abort_does_not(void **state)
{
    (void)state;
    for_versions(ends_while_awaited);
}

/* Both questions in one handshake, each answered later. */
static enum adieu_decision later(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                 const uint8_t *leaf, size_t leaf_size)
{
    (void)stream, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    ++*(unsigned *)context;
    return ADIEU_LATER;
}

static void both_later(enum adieu_version version)
{
    struct chooser chooser = {.choice = adieu_config_later()};
    unsigned asked = 0;
    struct adieu_config *client = client_config(version), *choice = server_config(version);
    identify(client, &the_identity);
    trust(choice, &the_authority);
    check_status(adieu_config_client_auth(choice, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    check_status(adieu_config_insecure_on_verify(choice, later, &asked), ADIEU_OK);
    struct joined joined = join(client, choosing(version, &chooser), HOST);
    shake(&joined);
    check_status(adieu_choose(joined.server, choice), ADIEU_OK);
    shake(&joined);
    assert_int_equal(asked, 1);
    assert_int_equal(adieu_awaited(joined.server), ADIEU_AWAITED_VERIFY);
    check_status(adieu_choose(joined.server, choice), ADIEU_MISUSE);
    check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_OK);
    shake_hands(&joined);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_AUTHORITY);
    part(&joined);
    adieu_config_free(choice);
}

static void the_name_and_the_client_may_both_be_decided_about_later(void **state)
{
    (void)state;
    for_versions(both_later);
}

/* ------------------------------------------------ once, whatever the client does */

static struct joined with_another_hello(struct chooser *chooser)
{
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = choosing(ADIEU_TLS_1_3, chooser);
    check_status(adieu_config_groups(client, "X25519:P-256"), ADIEU_OK);
    check_status(adieu_config_groups(server, "P-256"), ADIEU_OK);
    return join(client, server, HOST);
}

static void it_is_asked_once_though_another_hello_is_asked_for(void **state)
{
    (void)state;
    for (int at_once = 0; at_once < 2; at_once++) {
        struct adieu_config *choice = server_config(ADIEU_TLS_1_3);
        struct chooser chooser = {.choice = at_once ? choice : adieu_config_later()};
        struct joined joined = with_another_hello(&chooser);
        shake(&joined);
        if (!at_once) {
            check_status(adieu_choose(joined.server, choice), ADIEU_OK);
            shake(&joined);
        }
        shake_hands(&joined);
        assert_int_equal(chooser.asked, 1);
        assert_string_equal(adieu_server_name(joined.server), HOST);
        part(&joined);
        adieu_config_free(choice);
    }
}

/* What waits to be sent, with one name in place of another of the same length, is delivered. */
static void carry_renamed(struct adieu_stream *from, struct adieu_stream *to, const char *name, const char *other,
                          size_t size)
{
    const uint8_t *at = NULL;
    uint8_t *room = NULL;
    size_t n = adieu_wire_out(from, &at), place = 0;
    assert_true(adieu_wire_in(to, &room) >= n);
    memcpy(room, at, n);
    while (place + size <= n && memcmp(room + place, name, size))
        place++;
    assert_true(place + size <= n);
    memcpy(room + place, other, size);
    adieu_wire_in_done(to, n);
    adieu_wire_out_done(from, n);
}

static void a_second_hello_cannot_ask_for_another_name(void **state)
{
    (void)state;
    struct adieu_config *choice = server_config(ADIEU_TLS_1_3);
    struct chooser chooser = {.choice = choice};
    struct joined joined = with_another_hello(&chooser);
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    check_status(adieu_handshake(joined.server), ADIEU_WAIT);
    carry(joined.server, joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    carry_renamed(joined.client, joined.server, HOST, "otherhost", strlen(HOST));
    check_refused(joined.server, ADIEU_ERR_VIOLATION, 47);
    assert_int_equal(chooser.asked, 1);
    part(&joined);
    adieu_config_free(choice);
}

static void it_is_asked_once_where_a_session_is_resumed(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        static struct kept kept;
        struct adieu_config *choice = server_config(versions[i]), *client = client_config(versions[i]);
        struct chooser chooser = {.choice = choice};
        struct adieu_config *server = choosing(versions[i], &chooser);
        check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
        for (unsigned visit = 0; visit < 2; visit++) {
            struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
            if (visit)
                check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_OK);
            chooser.asked = 0;
            chooser.choice = visit ? adieu_config_later() : choice;
            shake(&joined);
            if (visit)
                check_status(adieu_choose(joined.server, choice), ADIEU_OK);
            shake_hands(&joined);
            assert_int_equal(chooser.asked, 1);
            assert_int_equal(adieu_resumed(joined.server), visit);
            part(&joined);
        }
        adieu_config_free(choice);
        adieu_config_free(client);
        adieu_config_free(server);
    }
}

/* ------------------------------------------------ names */

static void hears_name(enum adieu_version version, const char *name, const char *heard)
{
    struct chooser chooser = {.choice = server_config(version)};
    struct adieu_config *client = client_config(version);
    check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    struct joined joined = join(client, choosing(version, &chooser), name);
    shake_hands(&joined);
    assert_int_equal(chooser.asked, 1);
    assert_string_equal(chooser.name, heard);
    if (heard[0])
        assert_string_equal(adieu_server_name(joined.server), heard);
    else
        assert_null(adieu_server_name(joined.server));
    part(&joined);
    adieu_config_free(chooser.choice);
}

static void a_name_is_heard_as_it_came(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        hears_name(versions[i], "example.org", "example.org");
        hears_name(versions[i], "xn--bcher-kva.example", "xn--bcher-kva.example");
        hears_name(versions[i], "MiXeD.Example", "MiXeD.Example");
        hears_name(versions[i], NULL, "");
        hears_name(versions[i], "127.0.0.1", "");
    }
}

/* The extension of HOST: type 0, its size 14, the list's size 12, kind 0, the name's size 9, the name. */
enum { EXTENSION = 4 + 2 + 1 + 2 + 9 };
static const uint8_t whole[EXTENSION] = {0, 0, 0, 14, 0, 12, 0, 0, 9, 'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't'};

static void check_bent(size_t place, uint8_t byte, int alert)
{
    uint8_t bent[EXTENSION];
    memcpy(bent, whole, sizeof bent);
    bent[place] = byte;
    struct chooser chooser = {.choice = adieu_config_later()};
    struct joined joined = join(client_config(0), choosing(0, &chooser), HOST);
    (void)!adieu_handshake(joined.client);
    carry_renamed(joined.client, joined.server, (const char *)whole, (const char *)bent, EXTENSION);
    check_refused(joined.server, ADIEU_ERR_VIOLATION, alert);
    assert_int_equal(chooser.asked, 0);
    part(&joined);
}

static void a_malformed_name_is_refused_and_nobody_is_asked(void **state)
{
    (void)state;
    static const uint8_t sizes[] = {0, 1, 2, 3, 11, 13, 14, 255};
    for (size_t i = 0; i < sizeof sizes; i++)
        check_bent(5, sizes[i], 50); /* of the list */
    for (size_t i = 0; i < sizeof sizes; i++)
        check_bent(8, sizes[i], 50); /* of the name */
    check_bent(4, 1, 50);
    check_bent(7, 1, 50);
    check_bent(6, 1, 50); /* a kind that is none */
    for (size_t i = 9; i < EXTENSION; i++)
        check_bent(i, 0, 112); /* NUL in the name */
}

/* ------------------------------------------------ what comes with the choice */

static void asks_as_chosen(enum adieu_version version)
{
    for (int required = 0; required < 2; required++) {
        for (int shown = 0; shown < 2; shown++) {
            struct chooser chooser = {.choice = server_config(version)};
            struct adieu_config *client = client_config(version), *server = choosing(version, &chooser);
            if (shown)
                identify(client, &the_identity);
            trust(server, &the_authority);
            trust(chooser.choice, &the_authority);
            struct adieu_config *asks = required ? chooser.choice : server;
            check_status(adieu_config_client_auth(asks, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
            struct joined joined = join(client, server, HOST);
            shake(&joined);
            if (required && !shown) {
                check_refused(joined.server, ADIEU_ERR_REFUSED, version == ADIEU_TLS_1_2 ? 40 : 116);
            } else {
                shake_hands(&joined);
                CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server),
                            required ? ADIEU_VERIFIED_AUTHORITY : ADIEU_VERIFIED_NO);
                assert_int_equal(adieu_peer_certificate(joined.server, NULL, 0) > 0, required);
            }
            part(&joined);
            adieu_config_free(chooser.choice);
        }
    }
}

static void the_chosen_config_says_whether_a_certificate_is_asked_for(void **state)
{
    (void)state;
    for_versions(asks_as_chosen);
}

/* A session that was made where nobody is asked, tried at a name of the same server where a certificate is required. */
static void session_of_an_open_name(enum adieu_version version)
{
    static struct kept kept;
    struct adieu_config *open = server_config(version), *closed = server_config(version);
    trust(closed, &the_authority);
    check_status(adieu_config_client_auth(closed, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    struct chooser chooser = {.choice = open};
    struct adieu_config *client = client_config(version), *server = choosing(version, &chooser);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    for (int visit = 0; visit < 2; visit++) {
        struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
        if (visit)
            check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_OK);
        chooser.choice = visit ? closed : open;
        shake(&joined);
        if (visit)
            check_refused(joined.server, ADIEU_ERR_REFUSED, version == ADIEU_TLS_1_2 ? 40 : 116);
        else
            shake_hands(&joined);
        assert_false(adieu_resumed(joined.server));
        part(&joined);
    }
    adieu_config_free(client);
    adieu_config_free(server);
    adieu_config_free(open);
    adieu_config_free(closed);
}

static void a_session_of_an_open_name_does_not_open_a_closed_one(void **state)
{
    (void)state;
    for_versions(session_of_an_open_name);
}

static void ciphers_stay(enum adieu_version version)
{
    struct chooser chooser = {.choice = server_config(version)};
    struct adieu_config *server = choosing(version, &chooser);
    check_status(adieu_config_ciphers(server, "TLS_AES_128_GCM_SHA256", "ECDHE+AESGCM+AES128"), ADIEU_OK);
    check_status(adieu_config_ciphers(chooser.choice, "TLS_AES_256_GCM_SHA384", "ECDHE+AESGCM+AES256"), ADIEU_OK);
    struct joined joined = join(client_config(version), server, HOST);
    shake_hands(&joined);
    assert_non_null(strstr(adieu_cipher(joined.server), "128"));
    part(&joined);
    adieu_config_free(chooser.choice);
}

static void ciphers_stay_the_listeners(void **state)
{
    (void)state;
    for_versions(ciphers_stay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_config_may_be_chosen_later),
        cmocka_unit_test(a_name_that_gets_no_config_later_is_refused_and_its_client_released),
        cmocka_unit_test(the_end_of_a_stream_waits_for_a_choice_and_an_abort_does_not),
        cmocka_unit_test(the_name_and_the_client_may_both_be_decided_about_later),
        cmocka_unit_test(it_is_asked_once_though_another_hello_is_asked_for),
        cmocka_unit_test(a_second_hello_cannot_ask_for_another_name),
        cmocka_unit_test(it_is_asked_once_where_a_session_is_resumed),
        cmocka_unit_test(a_name_is_heard_as_it_came),
        cmocka_unit_test(a_malformed_name_is_refused_and_nobody_is_asked),
        cmocka_unit_test(the_chosen_config_says_whether_a_certificate_is_asked_for),
        cmocka_unit_test(a_session_of_an_open_name_does_not_open_a_closed_one),
        cmocka_unit_test(ciphers_stay_the_listeners),
    };
    return cmocka_run_group_tests_name("engine on_name later", tests, setup_authority, teardown_authority);
}
