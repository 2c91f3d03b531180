/* SPDX-License-Identifier: MIT */
/* Whom we trust: authorities, names and dates, and the program's own word. */
#include "joined.h"

#include <string.h>

static void unknown_authority(enum adieu_version version)
{
    struct authority stranger = authority_new("nobody's authority");
    struct adieu_config *client = adieu_config_new();
    trust(client, &stranger);
    struct joined joined = join(client, server_config(version), HOST);
    check_client_refuses(&joined, 48);
    part(&joined);
    authority_free(&stranger);
}

static void an_unknown_authority_is_refused_with_unknown_ca(void **state)
{
    (void)state;
    for_versions(unknown_authority);
}

static void system_roots(enum adieu_version version)
{
    struct joined joined = join(adieu_config_new(), server_config(version), HOST);
    shake(&joined);
    check_refused(joined.client, ADIEU_ERR_REFUSED, 48);
    part(&joined);
}

static void by_default_only_the_systems_roots_are_trusted(void **state)
{
    (void)state;
    for_versions(system_roots);
}

static void names_and_addresses(enum adieu_version version)
{
    check_trusts(client_config(version), server_config(version), HOST, ADIEU_VERIFIED_NAME);
    check_trusts(client_config(version), server_config(version), "LocalHost", ADIEU_VERIFIED_NAME);
    check_trusts(client_config(version), server_config(version), "localhost.", ADIEU_VERIFIED_NAME);
    check_trusts(client_config(version), server_config(version), "127.0.0.1", ADIEU_VERIFIED_NAME);
    static const char *const wrong[] = {"example.org", "127.0.0.2", "::1", "local", "localhost.example.org"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct joined joined = join(client_config(version), server_config(version), wrong[i]);
        shake(&joined);
        check_refused(joined.client, ADIEU_ERR_REFUSED, 0);
        const char *text = adieu_error(joined.client)->text;
        assert_true(strstr(text, "hostname") || strstr(text, "IP address") || strstr(text, wrong[i]));
        check_refused(joined.server, ADIEU_ERR_ALERTED, 0);
        part(&joined);
    }
}

static void the_name_asked_for_must_be_the_certificates(void **state)
{
    (void)state;
    for_versions(names_and_addresses);
}

static void sent_names(enum adieu_version version)
{
    static const struct {
        const char *asked, *sent;
    } names[] = {{HOST, HOST}, {"127.0.0.1", NULL}, {"localhost.", HOST}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct joined joined = join(client_config(version), server_config(version), names[i].asked);
        shake_hands(&joined);
        const char *seen = adieu_server_name(joined.server), *sent = adieu_server_name(joined.client);
        assert_int_equal(seen != NULL, names[i].sent != NULL);
        assert_int_equal(sent != NULL, names[i].sent != NULL);
        if (seen && sent) {
            assert_string_equal(seen, names[i].sent);
            assert_string_equal(sent, names[i].sent);
        }
        part(&joined);
    }
}

static void a_name_is_sent_and_an_address_is_not(void **state)
{
    (void)state;
    for_versions(sent_names);
}

static void dates(enum adieu_version version)
{
    static const struct {
        long from, to;
    } days[] = {{-5, -1}, {1, 5}};
    static const int alerts[] = {45, 42}; /* certificate_expired; for the future there is only bad_certificate */
    for (size_t i = 0; i < 2; i++) {
        struct issued issued;
        authority_issue(&the_authority, "DNS:" HOST, days[i].from, days[i].to, &issued);
        struct adieu_config *server = adieu_config_new();
        identify(server, &issued);
        struct joined joined = join(client_config(version), server, HOST);
        check_client_refuses(&joined, alerts[i]);
        part(&joined);
    }
}

static void a_certificate_out_of_its_time_is_refused(void **state)
{
    (void)state;
    for_versions(dates);
}

static void a_client_without_a_name_fails_at_its_first_handshake(void **state)
{
    (void)state;
    struct adieu_config *config = client_config(0);
    struct adieu_stream *s = adieu_client(config, NULL);
    adieu_config_free(config);
    check_refused(s, ADIEU_ERR_NO_NAME, 0);
    assert_int_equal(adieu_wire_out(s, NULL), 0);
    adieu_free(s);
}

static void a_name_that_cannot_be_one_fails_at_the_first_handshake(void **state)
{
    (void)state;
    static const char *const names[] = {"",          ".",       "a b",      "-a",  "a..b",  "localhost..",
                                        "1.2.3.4 x", "host%lo", "host:443", "a/b", "[::1]", "b\303\274cher"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct adieu_config *config = client_config(0);
        struct adieu_stream *s = adieu_client(config, names[i]);
        adieu_config_free(config);
        check_refused(s, ADIEU_ERR_BAD_NAME, 0);
        adieu_free(s);
    }
}

/* The zone tells this machine which link to use, and the peer nothing: no certificate carries it (RFC 6874). */
static void zones(enum adieu_version version)
{
    struct issued issued;
    authority_issue(&the_authority, "IP:fe80::1", -1, 5, &issued);
    static const char *const names[] = {"fe80::1%lo", "FE80:0::1%25", "fe80::1", "fe80::2%lo", "fe80::2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct adieu_config *server = adieu_config_new();
        identify(server, &issued);
        if (i < 3) {
            check_trusts(client_config(version), server, names[i], ADIEU_VERIFIED_NAME);
            continue;
        }
        struct joined joined = join(client_config(version), server, names[i]);
        shake(&joined);
        check_refused(joined.client, ADIEU_ERR_REFUSED, 0);
        part(&joined);
    }
}

static void the_zone_of_an_address_is_not_asked_of_the_certificate(void **state)
{
    (void)state;
    for_versions(zones);
}

static void a_server_without_an_identity_fails_at_its_first_handshake(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    struct adieu_stream *s = adieu_server(config);
    adieu_config_free(config);
    check_refused(s, ADIEU_ERR_NO_IDENTITY, 0);
    check_ends(s, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    adieu_free(s);
}

struct opinion {
    enum adieu_decision decision;
    unsigned asked;
    bool verified, had_problem, had_leaf;
};

static enum adieu_decision give_opinion(void *context, const struct adieu_stream *s, bool verified, const char *problem,
                                        const uint8_t *leaf, size_t leaf_size)
{
    (void)s;
    struct opinion *opinion = context;
    opinion->asked++;
    opinion->verified = verified;
    opinion->had_problem = problem[0] != 0;
    opinion->had_leaf = leaf != NULL && leaf_size > 0;
    return opinion->decision;
}

static struct adieu_config *opinionated(enum adieu_version version, struct opinion *opinion)
{
    struct adieu_config *config = client_config(version);
    check_status(adieu_config_insecure_on_verify(config, give_opinion, opinion), ADIEU_OK);
    return config;
}

static void programs_word(enum adieu_version version)
{
    struct opinion opinion = {.decision = ADIEU_ACCEPT};
    check_trusts(opinionated(version, &opinion), server_config(version), HOST, ADIEU_VERIFIED_NAME);
    assert_true(opinion.asked == 1 && opinion.verified && !opinion.had_problem && opinion.had_leaf);

    opinion = (struct opinion){.decision = ADIEU_ACCEPT};
    check_trusts(opinionated(version, &opinion), server_config(version), "example.org", ADIEU_VERIFIED_NO);
    assert_true(opinion.asked == 1 && !opinion.verified && opinion.had_problem && opinion.had_leaf);

    opinion = (struct opinion){.decision = ADIEU_REFUSE};
    struct joined joined = join(opinionated(version, &opinion), server_config(version), HOST);
    check_client_refuses(&joined, 42);
    assert_true(opinion.asked == 1 && opinion.verified);
    part(&joined);
}

static void the_program_decides_against_our_finding_and_is_told_it(void **state)
{
    (void)state;
    for_versions(programs_word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_authority_is_refused_with_unknown_ca),
        cmocka_unit_test(by_default_only_the_systems_roots_are_trusted),
        cmocka_unit_test(the_name_asked_for_must_be_the_certificates),
        cmocka_unit_test(a_name_is_sent_and_an_address_is_not),
        cmocka_unit_test(a_certificate_out_of_its_time_is_refused),
        cmocka_unit_test(a_client_without_a_name_fails_at_its_first_handshake),
        cmocka_unit_test(a_name_that_cannot_be_one_fails_at_the_first_handshake),
        cmocka_unit_test(the_zone_of_an_address_is_not_asked_of_the_certificate),
        cmocka_unit_test(a_server_without_an_identity_fails_at_its_first_handshake),
        cmocka_unit_test(the_program_decides_against_our_finding_and_is_told_it),
    };
    return cmocka_run_group_tests_name("engine trust", tests, setup_authority, teardown_authority);
}
