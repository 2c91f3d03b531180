/* SPDX-License-Identifier: MIT */
/*
 * What a config is given: PEM, DER, names, lists, numbers, sessions; in any order, good or bent. Then it is used: a client by it
 * meets the server whom all of it is about, and a server by it meets a client who trusts that one.
 */
#define _GNU_SOURCE /* memmem() */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <adieu_openssl.h>

#include "../engine/joined.h"
#include "materials.h"
#include "watched.h"

struct given {
    struct adieu_config *config;
    bool frozen;
    /* what whom it trusts would have to stand on */
    bool root, unverified, staple, lists, pins;
};

/* ------------------------------------------------ a setter's answer */

static void check_text(const struct adieu_error *error)
{
    claim(memchr(error->text, '\0', sizeof error->text) != NULL, "an error's text ends");
    claim((error->code == ADIEU_ERR_NONE) == (error->text[0] == '\0'), "an error has a text, and no other: %s",
          error->text);
    for (const char *at = error->text; *at != '\0'; at++)
        claim((unsigned char)*at >= 0x20 && *at != 0x7f, "an error's text steers no terminal: %s", error->text);
}

static bool set(struct given *given, enum adieu_status status)
{
    const struct adieu_error *error = adieu_config_error(given->config);
    claim(status == ADIEU_OK || status == ADIEU_FAIL, "a setter says OK or FAIL");
    claim((status == ADIEU_OK) == (error->code == ADIEU_ERR_NONE), "a setter says %s and its error is %s",
          adieu_status_name(status), adieu_error_code_name(error->code));
    claim(!given->frozen || error->code == ADIEU_ERR_FROZEN, "what is frozen says so");
    check_text(error);
    return status == ADIEU_OK;
}

/* ------------------------------------------------ setters */

static void identity(struct given *given, struct input *input)
{
    struct bytes chain = material_take(input), key = material_take(input);
    char *password = input_byte(input) & 1 ? input_text(input) : NULL;
    uint8_t before[ADIEU_PIN_SIZE] = {0}, after[ADIEU_PIN_SIZE] = {0};
    enum adieu_status had = adieu_config_identity_pin(given->config, before);
    enum adieu_status done = adieu_config_identity_pem(given->config, chain.at, chain.size, key.at, key.size, password);
    bool good = set(given, done);
    enum adieu_status has = adieu_config_identity_pin(given->config, after);
    claim(good || (had == has && memcmp(before, after, sizeof after) == 0), "an identity that is not set changes none");
    claim(!password || !strstr(password, "secret") || !strstr(adieu_config_error(given->config)->text, "secret"),
          "no error tells a password");
    claim(!good || has == ADIEU_OK, "an identity that is set has a pin");
    free(password);
    bytes_free(&chain);
    bytes_free(&key);
}

static void trust_pem(struct given *given, struct input *input)
{
    struct bytes pem = material_take(input);
    if (set(given, adieu_config_trust_pem(given->config, pem.at, pem.size)))
        given->root |= material_has_key_of(&pem, MATERIAL_ROOT) || material_has_key_of(&pem, MATERIAL_CHAIN);
    bytes_free(&pem);
}

static void crl(struct given *given, struct input *input)
{
    struct bytes pem = material_take(input);
    given->lists |= set(given, adieu_config_crl_pem(given->config, pem.at, pem.size));
    bytes_free(&pem);
}

static void staple(struct given *given, struct input *input)
{
    struct bytes der = material_take(input);
    set(given, adieu_config_staple(given->config, der.at, der.size));
    bytes_free(&der);
}

static void require_staple(struct given *given, struct input *input)
{
    (void)input;
    given->staple |= set(given, adieu_config_require_staple(given->config));
}

static void no_verify(struct given *given, struct input *input)
{
    (void)input;
    given->unverified |= set(given, adieu_config_insecure_no_verify(given->config));
}

static void pin(struct given *given, struct input *input)
{
    uint8_t pin[ADIEU_PIN_SIZE] = {0};
    struct some some = input_some(input);
    if (some.size == 0)
        claim(adieu_config_identity_pin(material_server(), pin) == ADIEU_OK, "the server has a pin");
    else
        memcpy(pin, some.at, some.size < sizeof pin ? some.size : sizeof pin);
    given->pins |= set(given, adieu_config_trust_pin(given->config, pin));
}

static void alpn(struct given *given, struct input *input)
{
    char *names[9];
    size_t count = input_below(input, 9);
    for (size_t i = 0; i < count; i++)
        names[i] = input_text(input);
    set(given, adieu_config_alpn(given->config, (const char *const *)names, count));
    for (size_t i = 0; i < count; i++)
        free(names[i]);
}

static void ciphers(struct given *given, struct input *input)
{
    unsigned which = input_byte(input);
    char *tls13 = which & 1 ? input_text(input) : NULL, *tls12 = which & 2 ? input_text(input) : NULL;
    set(given, adieu_config_ciphers(given->config, tls13, tls12));
    free(tls13);
    free(tls12);
}

static void groups(struct given *given, struct input *input)
{
    char *text = input_text(input);
    set(given, adieu_config_groups(given->config, text));
    free(text);
}

static void throwaway(struct given *given, struct input *input)
{
    char *name = input_text(input);
    set(given, adieu_config_identity_throwaway(given->config, name));
    free(name);
}

static void versions_of(struct given *given, struct input *input)
{
    unsigned lowest = 0x0300 + input_byte(input) % 8u, highest = 0x0300 + input_byte(input) % 8u;
    set(given, adieu_config_versions(given->config, (enum adieu_version)lowest, (enum adieu_version)highest));
}

static void numbers(struct given *given, struct input *input)
{
    unsigned which = input_byte(input), value = input_number(input);
    static enum adieu_status (*const setters[])(struct adieu_config *, unsigned) = {
        adieu_config_tickets, adieu_config_queue_limit, adieu_config_session_cache};
    if (which % 5 < 3)
        set(given, setters[which % 5](given->config, value));
    else if (which % 5 == 3)
        set(given, adieu_config_key_limit(given->config, (uint64_t)value << (which >> 3)));
    else
        set(given, adieu_config_client_auth(given->config, (enum adieu_client_auth)(value % 6)));
}

static void ticket_keys(struct given *given, struct input *input)
{
    uint8_t keys[ADIEU_TICKET_KEYS_SIZE] = {0};
    struct some some = input_some(input);
    memcpy(keys, some.at, some.size < sizeof keys ? some.size : sizeof keys);
    set(given, adieu_config_ticket_keys(given->config, keys));
}

static void carry_over(struct given *given, struct input *input)
{
    (void)input;
    set(given, adieu_config_carry(given->config, material_server()));
}

/* ------------------------------------------------ its use */

static void exchange(struct watched *client, struct watched *peer)
{
    for (size_t moved = 1; moved > 0;) {
        watched_handshake(client);
        moved = carry(client->stream, peer->stream);
        watched_handshake(peer);
        moved += carry(peer->stream, client->stream);
    }
}

/* Whom a client believes, it had a reason to believe. */
static void check_trust(const struct given *given, const struct watched *client, const char *name)
{
    enum adieu_verified how = adieu_verified(client->stream);
    claim(how != ADIEU_VERIFIED_NO || given->unverified, "a server was accepted, and not verified");
    claim(how != ADIEU_VERIFIED_NAME || given->root, "a server was verified by a root that was not given");
    claim(how != ADIEU_VERIFIED_NAME || (name && (strcasecmp(name, MATERIAL_HOST) == 0 || strstr(name, "127.0.0.1"))),
          "a server was verified by another name: %s", name ? name : "none");
    claim(how != ADIEU_VERIFIED_PIN || given->pins, "a server was verified by a pin that was not given");
    claim(!given->staple || given->unverified || adieu_resumed(client->stream), "a staple was wanted, and none came");
}

static void end_both(struct watched *client, struct watched *peer)
{
    struct watched *both[] = {client, peer};
    for (int i = 0; i < 4; i++) {
        watched_shutdown(both[i % 2]);
        carry(both[i % 2]->stream, both[1 - i % 2]->stream);
        watched_discard(both[1 - i % 2]);
    }
    watched_end(client);
    watched_end(peer);
}

static void as_client(struct given *given, struct input *input)
{
    unsigned how = input_byte(input);
    char *name = how & 1 ? input_text(input) : NULL;
    struct watched client, peer;
    watched_begin(&client, adieu_client(given->config, how & 2 ? MATERIAL_HOST : name));
    watched_begin(&peer, adieu_server(material_server()));
    given->frozen = true;
    if (how & 4) {
        struct bytes session = material_take(input);
        enum adieu_status status = adieu_resume(client.stream, session.at, session.size);
        claim(status != ADIEU_WAIT && status != ADIEU_END, "a session is taken or not");
        bytes_free(&session);
    }
    exchange(&client, &peer);
    if (client.final[VERB_HANDSHAKE] && client.said[VERB_HANDSHAKE] == ADIEU_OK)
        check_trust(given, &client, how & 2 ? MATERIAL_HOST : name);
    end_both(&client, &peer);
    free(name);
}

static void as_server(struct given *given, struct input *input)
{
    static struct adieu_config *honest;
    struct watched client, peer;
    (void)input;
    (void)material(MATERIAL_ROOT);
    if (!honest)
        honest = client_config(0);
    watched_begin(&client, adieu_client(honest, MATERIAL_HOST));
    watched_begin(&peer, adieu_server(given->config));
    given->frozen = true;
    exchange(&client, &peer);
    end_both(&client, &peer);
}

/* ------------------------------------------------ what a server staples */

static int give_staple(SSL *ssl, void *context)
{
    const struct bytes *staple = context;
    uint8_t *copy = OPENSSL_memdup(staple->at, staple->size);
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple->size);
    return SSL_TLSEXT_ERR_OK;
}

/* What is signed of the good one: what lies around it may be bent. */
static bool is_good(const struct bytes *staple)
{
    const struct bytes *good = material(MATERIAL_STAPLE);
    const size_t from = 60, behind = 110;
    return memmem(staple->at, staple->size, good->at + from, good->size - from - behind);
}

/* A client that wants a staple meets a server, one that is not ours, that has whatever the input gives it. */
static void as_stapled(struct given *given, struct input *input)
{
    struct bytes der = material_take(input);
    SSL_CTX *context = foreign_context(input_byte(input) & 1 ? ADIEU_TLS_1_2 : 0);
    struct adieu_config *server = adieu_config_adopt(context);
    struct watched client, peer;
    SSL_CTX_set_tlsext_status_cb(context, give_staple);
    SSL_CTX_set_tlsext_status_arg(context, &der);
    watched_begin(&client, adieu_client(given->config, MATERIAL_HOST));
    watched_begin(&peer, adieu_server(server));
    given->frozen = true;
    exchange(&client, &peer);
    bool accepted = client.said[VERB_HANDSHAKE] == ADIEU_OK && !given->unverified;
    claim(!accepted || !given->staple || is_good(&der), "a staple was believed that nobody has signed");
    end_both(&client, &peer);
    adieu_config_free(server);
    SSL_CTX_free(context);
    bytes_free(&der);
}

/* In this order for ever: it is what the inputs in the corpus mean. */
static void (*const acts[])(struct given *given, struct input *input) = {
    identity, trust_pem, crl,         staple,  require_staple, no_verify,  pin,       alpn,      ciphers,
    groups,   throwaway, versions_of, numbers, ticket_keys,    carry_over, as_client, as_server, as_stapled,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    setenv("SSL_CERT_FILE", "/dev/null", 1); /* the system's roots are another ones on each machine */
    setenv("SSL_CERT_DIR", "/dev/null", 1);
    (void)material(MATERIAL_ROOT);
    steady_begin();
    struct given given = {.config = adieu_config_new()};
    claim(given.config != NULL, "there is a config");
    for (int i = 0; i < 12 && input.left > 0; i++)
        acts[input_below(&input, sizeof acts / sizeof acts[0])](&given, &input);
    as_client(&given, &input);
    adieu_config_free(given.config);
    return 0;
}
