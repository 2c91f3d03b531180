/* SPDX-License-Identifier: MIT */
/* The nth call of the engine into OpenSSL fails in a conversation, for every n: in those of the sweeps, and in more of our own. */
#include "denied_talk.h"
#include "revoking.h"

#include <string.h>

#include <openssl/ssl.h>

#include "adieu_openssl.h"

/* ------------------------------------------------ the sweeps' kinds */

static void deny_kind(struct setting *setting)
{
    deny_both(setting, setting_again);
}

static void a_stream_that_openssl_fails_has_a_fault_of_its_own(void **state)
{
    (void)state;
    for_settings(deny_kind);
}

static void nobody_is_welcomed_for_a_call_that_failed(void **state)
{
    (void)state;
    for_refused_settings(deny_kind);
}

/* ------------------------------------------------ what engines can do besides */

static struct kept session;

/* A conversation before this one. */
static void converse_before(const struct setting *setting)
{
    struct joined joined = join(adieu_config_ref(setting->client), adieu_config_ref(setting->server), HOST);
    shake_hands(&joined);
    say_goodbye(&joined);
    part(&joined);
}

static void add_staple(struct setting *setting)
{
    struct der staple;
    authority_says(&the_authority, &the_identity, &(struct saying){.status = 0}, &staple);
    check_status(adieu_config_staple(setting->server, staple.bytes, staple.size), ADIEU_OK);
    check_status(adieu_config_require_staple(setting->client), ADIEU_OK);
}

static void add_crl(struct setting *setting)
{
    struct pem crl;
    authority_crl(&the_authority, -10, 60, NULL, &crl);
    check_status(adieu_config_crl_pem(setting->client, crl.text, crl.size), ADIEU_OK);
}

static void add_pin(struct setting *setting)
{
    uint8_t pin[ADIEU_PIN_SIZE];
    identity_pin(&the_identity, pin);
    check_status(adieu_config_trust_pin(setting->client, pin), ADIEU_OK);
}

static void add_cache(struct setting *setting)
{
    check_status(adieu_config_session_cache(setting->client, 8), ADIEU_OK);
    converse_before(setting);
}

static void add_new_cache(struct setting *setting)
{
    check_status(adieu_config_session_cache(setting->client, 8), ADIEU_OK);
}

static enum adieu_decision accept(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                  const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)stream, (void)problem;
    return verified && leaf && leaf_size ? ADIEU_ACCEPT : ADIEU_REFUSE;
}

static void ask_client(struct adieu_config *server)
{
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    check_status(adieu_config_insecure_on_verify(server, accept, NULL), ADIEU_OK);
}

/* The server asks its program about the client of a resumed session, too. */
static void add_verifier(struct setting *setting)
{
    identify(setting->client, &the_identity);
    ask_client(setting->server);
    check_status(adieu_config_on_session(setting->client, keep_session, &session), ADIEU_OK);
    converse_before(setting);
    setting->session = session;
}

/* ------------------------------------------------ choices by name */

static struct adieu_config *choice;

static struct adieu_config *choose(void *context, const char *name)
{
    (void)context, (void)name;
    return choice;
}

static void add_choice(struct setting *setting)
{
    choice = server_config(setting->version);
    check_status(adieu_config_on_name(setting->server, choose, NULL), ADIEU_OK);
}

static void add_asking_choice(struct setting *setting)
{
    add_choice(setting);
    identify(setting->client, &the_identity);
    ask_client(choice);
}

static void add_choice_of_the_systems(struct setting *setting)
{
    add_choice(setting);
    identify(setting->client, &the_identity);
    check_status(adieu_config_client_auth(choice, ADIEU_CLIENT_AUTH_OPTIONAL), ADIEU_OK);
}

static void add_adopted_choice(struct setting *setting)
{
    SSL_CTX *context = foreign_context(setting->version);
    choice = adieu_config_adopt(context);
    SSL_CTX_free(context);
    check_status(adieu_config_on_name(setting->server, choose, NULL), ADIEU_OK);
}

/* ------------------------------------------------ all of them */

static const struct feature {
    struct kind kind;
    void (*add)(struct setting *setting);
} features[] = {
    {{.name = "a staple", .client = "wrse", .server = "rwes"}, add_staple},
    {{.name = "revocation lists", .client = "wrse", .server = "rwes", .tickets = 1}, add_crl},
    {{.name = "a pin", .client = "wrse", .server = "rwes"}, add_pin},
    {{.name = "an address", .client = "wrse", .server = "rwes", .host = "127.0.0.1"}, add_pin},
    {{.name = "a session to be kept", .client = "wrse", .server = "rwes", .tickets = 2}, add_new_cache},
    {{.name = "a kept session", .client = "wrse", .server = "rwes", .tickets = 1}, add_cache},
    {{.name = "a program that judges", .client = "wrse", .server = "rwes", .tickets = 1, .resumed = true},
     add_verifier},
    {{.name = "a choice by name", .client = "wrse", .server = "rwes"}, add_choice},
    {{.name = "a choice that asks", .client = "wrse", .server = "rwse"}, add_asking_choice},
    {{.name = "a choice that trusts the system", .client = "wrse", .server = "rwse"}, add_choice_of_the_systems},
    {{.name = "an adopted choice", .client = "wrse", .server = "rwes"}, add_adopted_choice},
};

static const struct feature *feature;

static struct setting again(const struct setting *like)
{
    adieu_config_free(choice);
    choice = NULL;
    struct setting setting = setting_new(&feature->kind, like->version);
    feature->add(&setting);
    return setting;
}

static void what_is_asked_for_is_had_or_the_fault_is_told(void **state)
{
    (void)state;
    authority_becomes_the_systems();
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        feature = &features[i];
        for (int v = 0; v < VERSIONS; v++) {
            const struct setting like = {.kind = &feature->kind, .version = versions[v]};
            deny_both(&like, again);
        }
    }
    adieu_config_free(choice);
    authority_is_not_the_systems();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_openssl_fails_has_a_fault_of_its_own),
        cmocka_unit_test(nobody_is_welcomed_for_a_call_that_failed),
        cmocka_unit_test(what_is_asked_for_is_had_or_the_fault_is_told),
    };
    return cmocka_run_group_tests_name("engine denied talks", tests, setup_authority, teardown_authority);
}
