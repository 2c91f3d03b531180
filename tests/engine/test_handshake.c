/* SPDX-License-Identifier: MIT */
/* Handshakes that do not come to an agreement, and what a stranger on the wire can do before one does. */
#include "joined.h"

#include <errno.h>
#include <string.h>

static void versions_without_a_common_one_are_told_on_both_sides(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = join(client_config(versions[i]), server_config(versions[1 - i]), HOST);
        shake(&joined);
        bool at_client = adieu_error(joined.client)->code == ADIEU_ERR_VIOLATION;
        struct adieu_stream *finds = at_client ? joined.client : joined.server;
        struct adieu_stream *hears = at_client ? joined.server : joined.client;
        check_refused(finds, ADIEU_ERR_VIOLATION, 70);
        check_refused(hears, ADIEU_ERR_ALERTED, 70);
        assert_int_equal(adieu_ending(hears).phase, ADIEU_PHASE_HANDSHAKING);
        part(&joined);
    }
}

static struct joined with_protocols(enum adieu_version version, const char *const *ours, size_t n,
                                    const char *const *theirs, size_t m)
{
    struct adieu_config *client = client_config(version), *server = server_config(version);
    check_status(adieu_config_alpn(client, ours, n), ADIEU_OK);
    check_status(adieu_config_alpn(server, theirs, m), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    shake(&joined);
    return joined;
}

static void the_servers_best_common_protocol_is_chosen(void **state)
{
    (void)state;
    const char *ours[] = {"a", "b", "c"}, *theirs[] = {"x", "c", "b"};
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = with_protocols(versions[i], ours, 3, theirs, 3);
        shake_hands(&joined);
        assert_string_equal(adieu_alpn(joined.client), "c");
        assert_string_equal(adieu_alpn(joined.server), "c");
        part(&joined);
        joined = with_protocols(versions[i], ours, 3, NULL, 0); /* a server without any does not mind */
        shake_hands(&joined);
        assert_null(adieu_alpn(joined.client));
        part(&joined);
        joined = with_protocols(versions[i], NULL, 0, theirs, 3);
        shake_hands(&joined);
        assert_null(adieu_alpn(joined.server));
        part(&joined);
    }
}

static void protocols_without_a_common_one_are_refused_by_120(void **state)
{
    (void)state;
    const char *ours[] = {"a"}, *theirs[] = {"b"};
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = with_protocols(versions[i], ours, 1, theirs, 1);
        check_refused(joined.server, ADIEU_ERR_VIOLATION, 120);
        check_refused(joined.client, ADIEU_ERR_ALERTED, 120);
        assert_int_equal(adieu_ending(joined.server).alert_sent.number, 120);
        assert_int_equal(adieu_ending(joined.client).alert_received.number, 120);
        part(&joined);
    }
}

/* ------------------------------------------------ choosing by name */

struct choice {
    struct adieu_config *config;
    char asked[100];
    unsigned count;
};

static struct adieu_config *choose(void *context, const char *name)
{
    struct choice *choice = context;
    snprintf(choice->asked, sizeof choice->asked, "%s", name);
    choice->count++;
    return choice->config;
}

static struct joined asking_for(enum adieu_version version, struct choice *choice, const char *name)
{
    struct adieu_config *server = adieu_config_new(); /* has no identity of its own */
    check_status(adieu_config_versions(server, version, version), ADIEU_OK);
    check_status(adieu_config_on_name(server, choose, choice), ADIEU_OK);
    struct joined joined = join(client_config(0), server, name);
    shake(&joined);
    return joined;
}

static void the_server_chooses_its_identity_by_the_name_asked_for(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct choice choice = {.config = server_config(0)};
        struct joined joined = asking_for(versions[i], &choice, HOST);
        shake_hands(&joined);
        assert_string_equal(choice.asked, HOST);
        assert_int_equal(choice.count, 1);
        check_status(adieu_config_queue_limit(choice.config, 1), ADIEU_FAIL); /* in use, so it is frozen */
        assert_int_equal(adieu_config_error(choice.config)->code, ADIEU_ERR_FROZEN);
        adieu_config_free(choice.config); /* the stream keeps what it uses */
        assert_string_equal(adieu_version(joined.server), versions[i] == ADIEU_TLS_1_2 ? "TLSv1.2" : "TLSv1.3");
        say_goodbye(&joined);
        part(&joined);
    }
}

static void a_client_that_names_nobody_is_asked_for_by_the_empty_name(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct choice choice = {.config = server_config(0)};
        struct joined joined = asking_for(versions[i], &choice, "127.0.0.1");
        shake_hands(&joined);
        assert_string_equal(choice.asked, "");
        adieu_config_free(choice.config);
        part(&joined);
    }
}

static void a_name_that_nobody_has_is_unrecognized(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct choice choice = {.config = NULL};
        struct joined joined = asking_for(versions[i], &choice, HOST);
        check_refused(joined.client, ADIEU_ERR_ALERTED, 112);
        assert_int_equal(adieu_ending(joined.server).alert_sent.number, 112);
        part(&joined);
    }
}

static void the_chosen_identitys_alpn_is_used(void **state)
{
    (void)state;
    const char *ours[] = {"a", "b"}, *theirs[] = {"b"};
    for (int i = 0; i < VERSIONS; i++) {
        struct choice choice = {.config = server_config(0)};
        check_status(adieu_config_alpn(choice.config, theirs, 1), ADIEU_OK);
        struct adieu_config *server = server_config(versions[i]), *client = client_config(0);
        check_status(adieu_config_on_name(server, choose, &choice), ADIEU_OK);
        check_status(adieu_config_alpn(client, ours, 2), ADIEU_OK);
        struct joined joined = join(client, server, HOST);
        shake_hands(&joined);
        assert_non_null(adieu_alpn(joined.client));
        assert_string_equal(adieu_alpn(joined.client), "b");
        adieu_config_free(choice.config);
        part(&joined);
    }
}

/* ------------------------------------------------ strangers on the wire */

static void put(struct adieu_stream *s, const void *bytes, size_t size)
{
    uint8_t *at = NULL;
    assert_true(adieu_wire_in(s, &at) >= size);
    memcpy(at, bytes, size);
    adieu_wire_in_done(s, size);
}

static const uint8_t plain_close_notify[] = {21, 3, 3, 0, 2, 1, 0};

static void close_notify_in_place_of_server_hello_is_no_end(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct adieu_config *config = client_config(versions[i]);
        struct adieu_stream *s = adieu_client(config, HOST);
        adieu_config_free(config);
        check_status(adieu_handshake(s), ADIEU_WAIT);
        put(s, plain_close_notify, sizeof plain_close_notify);
        check_refused(s, ADIEU_ERR_CLOSED_EARLY, 0);
        check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_ALERTED);
        struct adieu_ending ending = adieu_ending(s);
        assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_ALERTED);
        adieu_free(s);
    }
}

static void a_plain_fatal_alert_in_place_of_server_hello_is_an_alert(void **state)
{
    (void)state;
    static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 40};
    for (int i = 0; i < VERSIONS; i++) {
        struct adieu_config *config = client_config(versions[i]);
        struct adieu_stream *s = adieu_client(config, HOST);
        adieu_config_free(config);
        check_status(adieu_handshake(s), ADIEU_WAIT);
        put(s, alert, sizeof alert);
        check_refused(s, ADIEU_ERR_ALERTED, 40);
        check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_ALERTED);
        adieu_free(s);
    }
}

static void a_plain_close_notify_behind_the_handshake_is_a_violation(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (int server = 0; server < 2; server++) {
            struct joined joined = joined_by(versions[i]);
            struct adieu_stream *me = server ? joined.server : joined.client;
            put(me, plain_close_notify, sizeof plain_close_notify);
            check_status(listen_once(me), ADIEU_FAIL);
            check_receiving(me, ADIEU_RECEIVING_REJECTED);
            part(&joined);
        }
    }
}

static void what_is_not_tls_is_told_as_that(void **state)
{
    (void)state;
    static const char *const texts[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
                                        "220 mail.example ESMTP\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int server = 0; server < 2; server++) {
            struct adieu_config *config = server ? server_config(0) : client_config(0);
            struct adieu_stream *s = server ? adieu_server(config) : adieu_client(config, HOST);
            adieu_config_free(config);
            check_status(adieu_handshake(s), ADIEU_WAIT);
            put(s, texts[i], strlen(texts[i]));
            check_status(adieu_handshake(s), ADIEU_FAIL);
            check_receiving(s, ADIEU_RECEIVING_REJECTED);
            check_error(s, ADIEU_ERR_NOT_TLS);
            adieu_free(s);
        }
    }
}

static void nothing_but_the_hello_came_is_phase_none(void **state)
{
    (void)state;
    struct adieu_config *config = client_config(0);
    struct adieu_stream *s = adieu_client(config, HOST);
    adieu_config_free(config);
    check_status(adieu_handshake(s), ADIEU_WAIT);
    adieu_wire_reset(s, ECONNREFUSED);
    check_refused(s, ADIEU_ERR_RESET, 0);
    check_ends(s, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_RESET);
    assert_int_equal(adieu_ending(s).phase, ADIEU_PHASE_NONE);
    adieu_free(s);
}

static void a_bent_handshake_never_succeeds(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (int server = 0; server < 2; server++) {
            struct joined joined = join(client_config(versions[i]), server_config(versions[i]), HOST);
            (void)!adieu_handshake(joined.client);
            if (server) {
                carry_bent(joined.client, joined.server);
            } else {
                carry(joined.client, joined.server);
                (void)!adieu_handshake(joined.server);
                carry_bent(joined.server, joined.client);
            }
            shake(&joined);
            bool both = adieu_handshake(joined.client) == ADIEU_OK && adieu_handshake(joined.server) == ADIEU_OK;
            assert_false(both);
            part(&joined);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_without_a_common_one_are_told_on_both_sides),
        cmocka_unit_test(the_servers_best_common_protocol_is_chosen),
        cmocka_unit_test(protocols_without_a_common_one_are_refused_by_120),
        cmocka_unit_test(the_server_chooses_its_identity_by_the_name_asked_for),
        cmocka_unit_test(a_client_that_names_nobody_is_asked_for_by_the_empty_name),
        cmocka_unit_test(a_name_that_nobody_has_is_unrecognized),
        cmocka_unit_test(the_chosen_identitys_alpn_is_used),
        cmocka_unit_test(close_notify_in_place_of_server_hello_is_no_end),
        cmocka_unit_test(a_plain_fatal_alert_in_place_of_server_hello_is_an_alert),
        cmocka_unit_test(a_plain_close_notify_behind_the_handshake_is_a_violation),
        cmocka_unit_test(what_is_not_tls_is_told_as_that),
        cmocka_unit_test(nothing_but_the_hello_came_is_phase_none),
        cmocka_unit_test(a_bent_handshake_never_succeeds),
    };
    return cmocka_run_group_tests_name("engine handshake", tests, setup_authority, teardown_authority);
}
