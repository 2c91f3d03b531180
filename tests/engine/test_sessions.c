/* SPDX-License-Identifier: MIT */
/* Sessions, tickets, and the facts of the handshake that are told. */
#include "joined.h"

#include <stdlib.h>
#include <string.h>

static struct adieu_config *keeping_config(enum adieu_version version, struct kept *kept)
{
    struct adieu_config *config = client_config(version);
    check_status(adieu_config_on_session(config, keep_session, kept), ADIEU_OK);
    return config;
}

/* A whole conversation; the session, if any was kept before, is to be resumed. */
static bool converse(struct adieu_config *client, struct adieu_config *server, const struct kept *resume, bool goodbye)
{
    struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
    if (resume)
        check_status(adieu_resume(joined.client, resume->bytes, resume->size), ADIEU_OK);
    shake_hands(&joined);
    bool resumed = adieu_resumed(joined.client);
    assert_int_equal(adieu_resumed(joined.server), resumed);
    assert_int_equal(adieu_verified(joined.client), ADIEU_VERIFIED_NAME); /* resumed or not */
    if (goodbye)
        say_goodbye(&joined);
    part(&joined);
    return resumed;
}

static void a_session_is_resumed(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (int goodbye = 0; goodbye < 2; goodbye++) {
            struct kept kept = {.came = 0}, before;
            struct adieu_config *client = keeping_config(versions[i], &kept), *server = server_config(versions[i]);
            assert_false(converse(client, server, NULL, goodbye));
            assert_int_equal(kept.came, versions[i] == ADIEU_TLS_1_3 ? 2 : 1);
            before = kept;
            assert_true(converse(client, server, &before, goodbye));
            before = kept;
            assert_true(converse(client, server, &before, goodbye)); /* and the one that came with that */
            adieu_config_free(client);
            adieu_config_free(server);
        }
    }
}

static void a_server_that_does_not_know_it_shakes_hands_anew(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct kept kept = {.came = 0};
        struct adieu_config *client = keeping_config(versions[i], &kept);
        struct adieu_config *server = server_config(versions[i]), *other = server_config(versions[i]);
        assert_false(converse(client, server, NULL, true));
        struct kept before = kept;
        assert_false(converse(client, other, &before, true));
        adieu_config_free(client);
        adieu_config_free(server);
        adieu_config_free(other);
    }
}

static void ticket_keys_carry_over(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (int shared = 0; shared < 2; shared++) {
            struct kept kept = {.came = 0};
            uint8_t keys[ADIEU_TICKET_KEYS_SIZE];
            memset(keys, 7, sizeof keys);
            struct adieu_config *client = keeping_config(versions[i], &kept);
            struct adieu_config *server = server_config(versions[i]), *next = server_config(versions[i]);
            if (shared)
                check_status(adieu_config_ticket_keys(server, keys), ADIEU_OK);
            assert_false(converse(client, server, NULL, true));
            if (shared)
                check_status(adieu_config_ticket_keys(next, keys), ADIEU_OK);
            else
                check_status(adieu_config_carry(next, server), ADIEU_OK);
            struct kept before = kept;
            assert_true(converse(client, next, &before, true));
            adieu_config_free(client);
            adieu_config_free(server);
            adieu_config_free(next);
        }
    }
}

static void the_number_of_tickets_is_ours_to_choose(void **state)
{
    (void)state;
    static const unsigned counts[] = {0, 1, 2, 16};
    for (int i = 0; i < VERSIONS; i++) {
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            struct kept kept = {.came = 0};
            struct adieu_config *client = keeping_config(versions[i], &kept), *server = server_config(versions[i]);
            check_status(adieu_config_tickets(server, counts[k]), ADIEU_OK);
            assert_false(converse(client, server, NULL, true));
            unsigned want = versions[i] == ADIEU_TLS_1_3 ? counts[k] : counts[k] > 0;
            assert_int_equal(kept.came, want);
            adieu_config_free(client);
            adieu_config_free(server);
        }
    }
}

static void bytes_that_are_no_session_fail_and_the_stream_goes_on(void **state)
{
    (void)state;
    struct joined joined = join(client_config(0), server_config(0), HOST);
    check_status(adieu_resume(joined.client, "garbage", 7), ADIEU_FAIL);
    check_status(adieu_resume(joined.client, "", 0), ADIEU_FAIL);
    check_status(adieu_resume(joined.server, "garbage", 7), ADIEU_MISUSE);
    shake_hands(&joined);
    check_status(adieu_resume(joined.client, "garbage", 7), ADIEU_MISUSE); /* too late */
    check_error(joined.client, ADIEU_ERR_NONE);
    part(&joined);
}

/* A session that a careless config made is tried by a careful one, which must not take it for trust. */
static void check_no_trust(struct adieu_config *careless, struct adieu_config *careful, enum adieu_version version)
{
    struct kept kept = {.came = 0};
    struct adieu_config *server = server_config(version);
    check_status(adieu_config_on_session(careless, keep_session, &kept), ADIEU_OK);
    struct joined joined = join(careless, adieu_config_ref(server), HOST);
    shake_hands(&joined);
    part(&joined);
    assert_true(kept.came > 0);
    joined = join(careful, server, HOST);
    assert_int_not_equal(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_MISUSE);
    shake(&joined);
    check_refused(joined.client, ADIEU_ERR_REFUSED, 0);
    part(&joined);
}

static enum adieu_decision accept_anybody(void *context, const struct adieu_stream *s, bool verified,
                                          const char *problem, const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)s, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    return ADIEU_ACCEPT;
}

static void a_session_of_an_unverified_stream_is_no_trust(void **state)
{
    (void)state;
    struct authority stranger = authority_new("nobody's authority");
    for (int i = 0; i < VERSIONS; i++) {
        for (int how = 0; how < 3; how++) {
            struct adieu_config *careless = adieu_config_new(), *careful = adieu_config_new();
            trust(careful, &stranger);
            trust(careless, how == 0 ? &the_authority : &stranger); /* 0: it verified, but by roots of its own */
            if (how == 1)
                check_status(adieu_config_insecure_no_verify(careless), ADIEU_OK);
            if (how == 2)
                check_status(adieu_config_insecure_on_verify(careless, accept_anybody, NULL), ADIEU_OK);
            check_no_trust(careless, careful, versions[i]);
        }
    }
    authority_free(&stranger);
}

static void a_session_is_resumed_by_another_config_of_the_same_trust(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct kept kept = {.came = 0};
        struct adieu_config *client = keeping_config(versions[i], &kept), *twin = client_config(versions[i]);
        struct adieu_config *server = server_config(versions[i]);
        assert_false(converse(client, server, NULL, true));
        assert_true(converse(twin, server, &kept, true));
        adieu_config_free(client);
        adieu_config_free(twin);
        adieu_config_free(server);
    }
}

static void a_session_of_another_name_is_no_proof_of_this_one(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct kept kept = {.came = 0};
        struct adieu_config *client = keeping_config(versions[i], &kept), *server = server_config(versions[i]);
        assert_false(converse(client, server, NULL, true));
        struct joined joined = join(client, server, "example.org");
        check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_FAIL);
        check_client_refuses(&joined, 42); /* the server hears it, as it would not behind a resumption */
        part(&joined);
    }
}

/* ------------------------------------------------ facts */

static void the_facts_are_told_once_the_handshake_is_done(void **state)
{
    (void)state;
    static const char *const names[] = {"TLSv1.2", "TLSv1.3"};
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = join(client_config(versions[i]), server_config(versions[i]), HOST);
        struct adieu_stream *both[] = {joined.client, joined.server};
        for (int k = 0; k < 2; k++) {
            assert_null(adieu_version(both[k]));
            assert_null(adieu_cipher(both[k]));
            assert_null(adieu_alpn(both[k]));
            assert_false(adieu_resumed(both[k]));
        }
        shake_hands(&joined);
        for (int k = 0; k < 2; k++) {
            assert_string_equal(adieu_version(both[k]), names[i]);
            assert_true(strlen(adieu_cipher(both[k])) > 5);
            assert_null(adieu_alpn(both[k]));
        }
        part(&joined);
    }
}

static void tickets_are_heard_and_silence_is_not(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        for (unsigned tickets = 0; tickets < 2; tickets++) {
            struct adieu_config *client = client_config(versions[i]), *server = server_config(versions[i]);
            check_status(adieu_config_tickets(server, tickets), ADIEU_OK);
            struct joined joined = join(client, server, HOST);
            shake_hands(&joined);
            bool heard = versions[i] == ADIEU_TLS_1_3 && tickets; /* in 1.2 they come inside the handshake */
            CHECK_NAMED(adieu_phase_name, adieu_ending(joined.client).phase,
                        heard ? ADIEU_PHASE_HEARD : ADIEU_PHASE_ESTABLISHED);
            CHECK_NAMED(adieu_phase_name, adieu_ending(joined.server).phase, ADIEU_PHASE_ESTABLISHED);
            say(joined.client, "x");
            carry(joined.client, joined.server);
            check_hears(joined.server, "x");
            CHECK_NAMED(adieu_phase_name, adieu_ending(joined.server).phase, ADIEU_PHASE_HEARD);
            part(&joined);
        }
    }
}

static void ciphers_and_groups_are_obeyed(void **state)
{
    (void)state;
    static const char *const ciphers[] = {"ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_CHACHA20_POLY1305_SHA256"};
    for (int i = 0; i < VERSIONS; i++) {
        struct adieu_config *client = client_config(versions[i]), *server = server_config(versions[i]);
        check_status(adieu_config_ciphers(client, ciphers[1], ciphers[0]), ADIEU_OK);
        check_status(adieu_config_groups(client, "P-256"), ADIEU_OK);
        struct joined joined = join(client, server, HOST);
        shake_hands(&joined);
        assert_string_equal(adieu_cipher(joined.client), ciphers[i]);
        assert_string_equal(adieu_cipher(joined.server), ciphers[i]);
        part(&joined);
    }
}

static void groups_without_a_common_one_fail_on_both_sides(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct adieu_config *client = client_config(versions[i]), *server = server_config(versions[i]);
        check_status(adieu_config_groups(client, "X25519"), ADIEU_OK);
        check_status(adieu_config_groups(server, "P-384"), ADIEU_OK);
        struct joined joined = join(client, server, HOST);
        shake(&joined);
        check_refused(joined.server, ADIEU_ERR_VIOLATION, 40);
        check_refused(joined.client, ADIEU_ERR_ALERTED, 40);
        part(&joined);
    }
}

static void both_sides_export_the_same_keys(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = join(client_config(versions[i]), server_config(versions[i]), HOST);
        uint8_t ours[40], theirs[40];
        check_status(adieu_export(joined.client, "EXPORTER-test", "c", 1, ours, sizeof ours), ADIEU_MISUSE);
        shake_hands(&joined);
        static const char *const contexts[] = {NULL, "", "context"};
        for (size_t k = 0; k < 3; k++) {
            size_t size = contexts[k] ? strlen(contexts[k]) : 0;
            check_status(adieu_export(joined.client, "EXPORTER-test", contexts[k], size, ours, sizeof ours), ADIEU_OK);
            check_status(adieu_export(joined.server, "EXPORTER-test", contexts[k], size, theirs, sizeof theirs),
                         ADIEU_OK);
            assert_memory_equal(ours, theirs, sizeof ours);
        }
        check_status(adieu_export(joined.client, "EXPORTER-test", NULL, 0, ours, sizeof ours), ADIEU_OK);
        check_status(adieu_export(joined.client, "EXPORTER-test", "", 0, theirs, sizeof theirs), ADIEU_OK);
        bool same = memcmp(ours, theirs, sizeof ours) == 0; /* RFC 5705 4 tells them apart, RFC 9846 7.5 does not */
        assert_int_equal(same, versions[i] == ADIEU_TLS_1_3);
        check_status(adieu_export(joined.client, "EXPORTER-other", NULL, 0, theirs, sizeof theirs), ADIEU_OK);
        assert_memory_not_equal(ours, theirs, sizeof ours);
        part(&joined);
    }
}

static void count_line(void *context, const char *line)
{
    unsigned *lines = context;
    assert_null(strchr(line, '\n'));
    assert_true(strncmp(line, "CLIENT_", 7) == 0 || strncmp(line, "SERVER_", 7) == 0 ||
                strncmp(line, "EXPORTER_", 9) == 0);
    ++*lines;
}

static void the_key_log_has_its_lines(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        unsigned ours = 0, theirs = 0;
        struct adieu_config *client = client_config(versions[i]), *server = server_config(versions[i]);
        check_status(adieu_config_insecure_on_key(client, count_line, &ours), ADIEU_OK);
        check_status(adieu_config_insecure_on_key(server, count_line, &theirs), ADIEU_OK);
        struct joined joined = join(client, server, HOST);
        shake_hands(&joined);
        assert_int_equal(ours, versions[i] == ADIEU_TLS_1_3 ? 5 : 1);
        assert_int_equal(theirs, ours);
        part(&joined);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_resumed),
        cmocka_unit_test(a_server_that_does_not_know_it_shakes_hands_anew),
        cmocka_unit_test(ticket_keys_carry_over),
        cmocka_unit_test(the_number_of_tickets_is_ours_to_choose),
        cmocka_unit_test(bytes_that_are_no_session_fail_and_the_stream_goes_on),
        cmocka_unit_test(a_session_of_an_unverified_stream_is_no_trust),
        cmocka_unit_test(a_session_is_resumed_by_another_config_of_the_same_trust),
        cmocka_unit_test(a_session_of_another_name_is_no_proof_of_this_one),
        cmocka_unit_test(the_facts_are_told_once_the_handshake_is_done),
        cmocka_unit_test(tickets_are_heard_and_silence_is_not),
        cmocka_unit_test(ciphers_and_groups_are_obeyed),
        cmocka_unit_test(groups_without_a_common_one_fail_on_both_sides),
        cmocka_unit_test(both_sides_export_the_same_keys),
        cmocka_unit_test(the_key_log_has_its_lines),
    };
    return cmocka_run_group_tests_name("engine sessions", tests, setup_authority, teardown_authority);
}
