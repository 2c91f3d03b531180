/* SPDX-License-Identifier: MIT */
/* Revocation lists: who is in one is refused by name, and who cannot be looked up, too. */
#include "joined.h"
#include "revoking.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAD_CERTIFICATE = 42, EXPIRED = 45, REVOKED = 44, UNKNOWN_CA = 48 };

static struct pem nobody, the_leaf; /* lists of the authority's: with nobody on it, and with the_identity */

static int setup(void **state)
{
    setup_authority(state);
    authority_crl(&the_authority, -10, 60, NULL, &nobody);
    authority_crl(&the_authority, -10, 60, &the_identity, &the_leaf);
    return 0;
}

static void look_up(struct adieu_config *config, const struct pem *crl)
{
    check_status(adieu_config_crl_pem(config, crl->text, crl->size), ADIEU_OK);
}

static void check_says(const struct adieu_stream *s, const char *words)
{
    check_that(strstr(adieu_error(s)->text, words) != NULL, "it says: %s", adieu_error(s)->text);
}

/* ------------------------------------------------ clients */

static struct joined client_with(enum adieu_version version, const struct pem *crl)
{
    struct adieu_config *client = client_config(version);
    look_up(client, crl);
    return join(client, server_config(version), HOST);
}

static void revoked_server(enum adieu_version version)
{
    struct joined joined = client_with(version, &the_leaf);
    check_client_refuses(&joined, REVOKED);
    check_says(joined.client, "revoked");
    check_says(joined.server, "certificate_revoked");
    part(&joined);
}

static void a_revoked_server_is_refused_and_told(void **state)
{
    (void)state;
    for_versions(revoked_server);
}

static void listed_nowhere(enum adieu_version version)
{
    struct joined joined = client_with(version, &nobody);
    shake_hands(&joined);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_NAME);
    say_goodbye(&joined);
    part(&joined);
}

static void a_server_that_is_on_no_list_is_accepted(void **state)
{
    (void)state;
    for_versions(listed_nowhere);
}

static void no_list(enum adieu_version version)
{
    struct authority other = authority_new("another authority");
    struct pem crl;
    authority_crl(&other, -10, 60, NULL, &crl);
    struct joined joined = client_with(version, &crl);
    check_client_refuses(&joined, UNKNOWN_CA);
    check_says(joined.client, "no CRL of an issuer");
    part(&joined);
    authority_free(&other);
}

static void a_server_whose_issuer_has_no_list_is_refused(void **state)
{
    (void)state;
    for_versions(no_list);
}

static void old_list(enum adieu_version version)
{
    struct pem crl;
    authority_crl(&the_authority, -60, -1, NULL, &crl);
    struct joined joined = client_with(version, &crl);
    check_client_refuses(&joined, EXPIRED);
    check_says(joined.client, "a CRL for its chain has expired");
    part(&joined);
}

static void an_expired_list_is_none(void **state)
{
    (void)state;
    for_versions(old_list);
}

static void early_list(enum adieu_version version)
{
    struct pem crl;
    authority_crl(&the_authority, 10, 60, NULL, &crl);
    struct joined joined = client_with(version, &crl);
    check_client_refuses(&joined, BAD_CERTIFICATE);
    check_says(joined.client, "a CRL for its chain is not valid yet");
    part(&joined);
}

static void a_list_that_is_not_valid_yet_is_none(void **state)
{
    (void)state;
    for_versions(early_list);
}

/* RFC 5280 5.1.2.5 wants one; OpenSSL takes such a list for good for ever, and so do sessions. */
static void endless_list(enum adieu_version version)
{
    static struct kept kept;
    struct pem crl;
    authority_crl(&the_authority, -10, 0, NULL, &crl);
    struct adieu_config *client = client_config(version), *server = server_config(version);
    look_up(client, &crl);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    for (int visit = 0; visit < 2; visit++) {
        struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
        if (visit)
            check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_OK);
        shake_hands(&joined);
        assert_int_equal(adieu_resumed(joined.client), visit);
        say_goodbye(&joined);
        part(&joined);
    }
    adieu_config_free(client);
    adieu_config_free(server);
}

static void a_list_that_names_no_end_has_none(void **state)
{
    (void)state;
    for_versions(endless_list);
}

static void forged_list(enum adieu_version version)
{
    struct authority forger = authority_new("the tests' authority"); /* by name */
    struct pem crl;
    authority_crl(&forger, -10, 60, NULL, &crl);
    struct joined joined = client_with(version, &crl);
    check_client_refuses(&joined, 51);
    check_says(joined.client, "not signed by its issuer");
    part(&joined);
    authority_free(&forger);
}

static void a_list_that_somebody_else_signed_is_none(void **state)
{
    (void)state;
    for_versions(forged_list);
}

/* The newest list of an issuer counts, in whatever order they were given. */
static void two_lists(enum adieu_version version)
{
    struct pem older;
    authority_crl(&the_authority, -20, 60, NULL, &older);
    for (int i = 0; i < 2; i++) {
        struct adieu_config *client = client_config(version);
        look_up(client, i ? &the_leaf : &older);
        look_up(client, i ? &older : &the_leaf);
        struct joined joined = join(client, server_config(version), HOST);
        check_client_refuses(&joined, REVOKED);
        part(&joined);
    }
}

static void lists_are_added_and_the_newer_one_counts(void **state)
{
    (void)state;
    for_versions(two_lists);
}

static void given_before_the_roots(enum adieu_version version)
{
    struct adieu_config *client = adieu_config_new();
    check_status(adieu_config_versions(client, version, version), ADIEU_OK);
    look_up(client, &the_leaf);
    trust(client, &the_authority);
    struct joined joined = join(client, server_config(version), HOST);
    check_client_refuses(&joined, REVOKED);
    part(&joined);
}

static void lists_stay_whatever_roots_are_named_after_them(void **state)
{
    (void)state;
    for_versions(given_before_the_roots);
}

static void system_roots(enum adieu_version version)
{
    const struct pem *crls[] = {&nobody, &the_leaf};
    for (int i = 0; i < 2; i++) {
        struct adieu_config *client = adieu_config_new();
        check_status(adieu_config_versions(client, version, version), ADIEU_OK);
        look_up(client, crls[i]);
        struct joined joined = join(client, server_config(version), HOST);
        if (i)
            check_client_refuses(&joined, REVOKED);
        else
            shake_hands(&joined);
        part(&joined);
    }
}

static void lists_serve_the_systems_roots_too(void **state)
{
    (void)state;
    authority_becomes_the_systems();
    for_versions(system_roots);
    authority_is_not_the_systems();
}

/* A pin with lists needs roots as well: nobody could look up anything otherwise. */
static void pin_and_list(enum adieu_version version)
{
    uint8_t pin[ADIEU_PIN_SIZE];
    identity_pin(&the_identity, pin);
    for (int lists = 0; lists < 2; lists++) {
        struct adieu_config *client = adieu_config_new();
        check_status(adieu_config_versions(client, version, version), ADIEU_OK);
        check_status(adieu_config_trust_pin(client, pin), ADIEU_OK);
        if (lists)
            look_up(client, &nobody);
        struct joined joined = join(client, server_config(version), HOST);
        if (lists)
            check_client_refuses(&joined, UNKNOWN_CA);
        else
            shake_hands(&joined);
        part(&joined);
    }
}

static void a_pin_alone_is_not_enough_where_lists_are_looked_up(void **state)
{
    (void)state;
    for_versions(pin_and_list);
}

static void without_verification(enum adieu_version version)
{
    struct adieu_config *client = client_config(version);
    look_up(client, &the_leaf);
    check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    check_trusts(client, server_config(version), HOST, ADIEU_VERIFIED_NO);
}

static void without_verification_no_list_is_looked_up(void **state)
{
    (void)state;
    for_versions(without_verification);
}

/* ------------------------------------------------ servers */

static struct adieu_config *asking(enum adieu_version version, const struct pem *crl)
{
    struct adieu_config *server = server_config(version);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    if (crl)
        look_up(server, crl);
    return server;
}

static struct joined member(enum adieu_version version, struct adieu_config *server)
{
    struct adieu_config *client = client_config(version);
    identify(client, &the_identity);
    struct joined joined = join(client, server, HOST);
    shake(&joined);
    return joined;
}

static void check_server_refuses(struct joined *joined)
{
    check_refused(joined->server, ADIEU_ERR_REFUSED, REVOKED);
    check_says(joined->server, "revoked");
    check_status(listen_once(joined->client), ADIEU_FAIL);
    check_error(joined->client, ADIEU_ERR_ALERTED);
    assert_int_equal(adieu_ending(joined->client).alert_received.number, REVOKED);
    part(joined);
}

static void revoked_client(enum adieu_version version)
{
    struct joined joined = member(version, asking(version, &the_leaf));
    check_server_refuses(&joined);
    joined = member(version, asking(version, &nobody));
    shake_hands(&joined);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_AUTHORITY);
    part(&joined);
}

static void a_revoked_client_is_refused_and_told(void **state)
{
    (void)state;
    for_versions(revoked_client);
}

static struct adieu_config *choose(void *context, const char *name)
{
    (void)name;
    return context;
}

/* Each way round: the lists of the stream's own config are nothing to on_name's choice. */
static void chosen_lists(enum adieu_version version)
{
    for (int revoked_by_choice = 0; revoked_by_choice < 2; revoked_by_choice++) {
        struct adieu_config *chosen = asking(version, revoked_by_choice ? &the_leaf : NULL);
        struct adieu_config *server = asking(version, revoked_by_choice ? NULL : &the_leaf);
        check_status(adieu_config_on_name(server, choose, chosen), ADIEU_OK);
        struct joined joined = member(version, server);
        if (revoked_by_choice) {
            check_server_refuses(&joined);
        } else {
            shake_hands(&joined);
            part(&joined);
        }
        adieu_config_free(chosen);
    }
}

static void the_chosen_configs_lists_are_looked_up_and_no_others(void **state)
{
    (void)state;
    for_versions(chosen_lists);
}

/* ------------------------------------------------ sessions */

/* A session made without lists, or under older ones, would let in who is on them now. */
static void sessions_without(enum adieu_version version)
{
    struct kept kept = {.came = 0};
    struct adieu_config *client = client_config(version), *server = server_config(version);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    struct joined joined = join(client, adieu_config_ref(server), HOST);
    shake_hands(&joined);
    say_goodbye(&joined);
    part(&joined);
    assert_true(kept.came > 0);
    struct adieu_config *careful = client_config(version);
    look_up(careful, &the_leaf);
    joined = join(careful, server, HOST);
    check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_FAIL);
    check_client_refuses(&joined, REVOKED);
    part(&joined);
}

/* The same at a server, by tickets of one that knew nothing yet. */
static void tickets_without(enum adieu_version version)
{
    struct kept kept = {.came = 0}, before;
    struct adieu_config *client = client_config(version), *server = asking(version, NULL);
    struct adieu_config *next = asking(version, &the_leaf);
    identify(client, &the_identity);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    check_status(adieu_config_carry(next, server), ADIEU_OK);
    struct joined joined = join(adieu_config_ref(client), server, HOST);
    shake_hands(&joined);
    part(&joined);
    before = kept;
    joined = join(client, next, HOST);
    check_status(adieu_resume(joined.client, before.bytes, before.size), ADIEU_OK);
    shake(&joined);
    check_server_refuses(&joined);
}

static void a_session_from_before_a_list_does_not_evade_it(void **state)
{
    (void)state;
    for_versions(sessions_without);
    for_versions(tickets_without);
}

/* ------------------------------------------------ the setters */

static void check_fails(struct adieu_config *config, enum adieu_status status, enum adieu_error_code code)
{
    check_status(status, ADIEU_FAIL);
    CHECK_NAMED(adieu_error_code_name, adieu_config_error(config)->code, code);
    assert_true(adieu_config_error(config)->text[0]);
}

static void what_holds_no_list_or_a_damaged_one_is_told_and_adds_none(void **state)
{
    (void)state;
    struct adieu_config *config = client_config(0);
    struct pem damaged = the_leaf;
    char both[2 * sizeof damaged.text];
    damaged.text[60] ^= 3;
    check_fails(config, adieu_config_crl_pem(config, "", 0), ADIEU_ERR_PEM);
    check_fails(config, adieu_config_crl_pem(config, the_authority.pem.text, the_authority.pem.size), ADIEU_ERR_PEM);
    memcpy(both, the_leaf.text, the_leaf.size);
    memcpy(both + the_leaf.size, damaged.text, damaged.size);
    check_fails(config, adieu_config_crl_pem(config, both, the_leaf.size + damaged.size), ADIEU_ERR_PEM);
    assert_non_null(strstr(adieu_config_error(config)->text, "CRL 2"));
    check_fails(config, adieu_config_crl_pem(config, "", (size_t)INT_MAX + 1), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_crl_file(config, "/nowhere/crl.pem"), ADIEU_ERR_FILE);
    check_fails(config, adieu_config_crl_file(config, "/"), ADIEU_ERR_FILE);
    struct joined joined = join(config, server_config(0), HOST); /* as it was: nothing is looked up */
    shake_hands(&joined);
    check_fails(config, adieu_config_crl_pem(config, nobody.text, nobody.size), ADIEU_ERR_FROZEN);
    part(&joined);
}

static void a_file_may_hold_several_lists_and_certificates(void **state)
{
    (void)state;
    struct authority other = authority_new("another authority");
    struct pem theirs;
    authority_crl(&other, -10, 60, NULL, &theirs);
    char path[] = "/tmp/adieu-crl-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    const struct pem *all[] = {&theirs, &the_authority.pem, &the_leaf};
    for (int i = 0; i < 3; i++)
        assert_int_equal(fwrite(all[i]->text, 1, all[i]->size, file), all[i]->size);
    fclose(file);
    struct adieu_config *client = client_config(0);
    check_status(adieu_config_crl_file(client, path), ADIEU_OK);
    unlink(path);
    struct joined joined = join(client, server_config(0), HOST);
    check_client_refuses(&joined, REVOKED);
    part(&joined);
    authority_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revoked_server_is_refused_and_told),
        cmocka_unit_test(a_server_that_is_on_no_list_is_accepted),
        cmocka_unit_test(a_server_whose_issuer_has_no_list_is_refused),
        cmocka_unit_test(an_expired_list_is_none),
        cmocka_unit_test(a_list_that_is_not_valid_yet_is_none),
        cmocka_unit_test(a_list_that_names_no_end_has_none),
        cmocka_unit_test(a_list_that_somebody_else_signed_is_none),
        cmocka_unit_test(lists_are_added_and_the_newer_one_counts),
        cmocka_unit_test(lists_stay_whatever_roots_are_named_after_them),
        cmocka_unit_test(lists_serve_the_systems_roots_too),
        cmocka_unit_test(a_pin_alone_is_not_enough_where_lists_are_looked_up),
        cmocka_unit_test(without_verification_no_list_is_looked_up),
        cmocka_unit_test(a_revoked_client_is_refused_and_told),
        cmocka_unit_test(the_chosen_configs_lists_are_looked_up_and_no_others),
        cmocka_unit_test(a_session_from_before_a_list_does_not_evade_it),
        cmocka_unit_test(what_holds_no_list_or_a_damaged_one_is_told_and_adds_none),
        cmocka_unit_test(a_file_may_hold_several_lists_and_certificates),
    };
    return cmocka_run_group_tests_name("engine revocation", tests, setup, teardown_authority);
}
