/* SPDX-License-Identifier: MIT */
/*
 * OpenSSL, with its random numbers taken from the seed, so that even signatures have the same length when it is played
 * again. Whoever tampers is found out. A step "inject" says in plaintext, by its how:
 *
 *     0 garbage   1 close_notify   2 the same at level fatal   3 a fatal alert   4 a warning   5 user_canceled
 *     6 change_cipher_spec   7 an empty record of data   8 a record of size random bytes   9 HelloRequest
 *     10 a record that is too long   11 HTTP   12 half of a header
 *
 * and "fault" does nothing.
 */
#define OPENSSL_API_COMPAT 0x10100000L /* RAND_set_rand_method */
#include <string.h>

#include <openssl/rand.h>

#include "backend.h"
#include "joined.h"

const char *const backend_name = "OpenSSL";
const bool backend_authenticates = true;

/* ------------------------------------------------ chance */

static struct random chance;

static int random_bytes(unsigned char *bytes, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (unsigned char)random_next(&chance);
    return 1;
}

static int random_status(void)
{
    return 1;
}

static void take_over_chance(void)
{
    static const RAND_METHOD method = {.bytes = random_bytes, .pseudorand = random_bytes, .status = random_status};
    RAND_set_rand_method(&method);
    chance = random_from(1);
}

void backend_seed(uint64_t seed)
{
    chance = random_from(seed);
}

/* ------------------------------------------------ configs */

enum { QUEUES = 9, AUTHS = 3, CONFIGS = 2 * QUEUES * AUTHS * 2 * 2 };
static struct adieu_config *clients[CONFIGS], *servers[CONFIGS];
static struct kept sessions[2]; /* to be resumed, by version */

static size_t index_of(const struct sim_setup *setup)
{
    size_t index = setup->tls12;
    index = index * QUEUES + setup->queue;
    index = index * AUTHS + setup->client_auth;
    index = index * 2 + (setup->later > 0);
    return index * 2 + (setup->key_limit > 0);
}

static enum adieu_decision decide_later(void *context, const struct adieu_stream *stream, bool verified,
                                        const char *problem, const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)stream, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    return ADIEU_LATER;
}

static struct adieu_config *client_for(const struct sim_setup *setup)
{
    struct adieu_config *config = client_config(setup->tls12 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3);
    if (setup->client_auth)
        identify(config, &the_identity);
    if (setup->later)
        check_status(adieu_config_insecure_on_verify(config, decide_later, NULL), ADIEU_OK);
    return config;
}

static struct adieu_config *server_for(const struct sim_setup *setup)
{
    static const uint8_t ticket_keys[ADIEU_TICKET_KEYS_SIZE] = {1, 2, 3};
    static const enum adieu_client_auth auths[] = {ADIEU_CLIENT_AUTH_NONE, ADIEU_CLIENT_AUTH_REQUIRED,
                                                   ADIEU_CLIENT_AUTH_LATE};
    struct adieu_config *config = server_config(setup->tls12 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3);
    trust(config, &the_authority);
    check_status(adieu_config_client_auth(config, auths[setup->client_auth]), ADIEU_OK);
    check_status(adieu_config_ticket_keys(config, ticket_keys), ADIEU_OK);
    return config;
}

/* Made when it is needed first, without drawing from the conversation's chance. */
static struct adieu_config *config_for(const struct sim_setup *setup, bool server)
{
    struct adieu_config **config = &(server ? servers : clients)[index_of(setup)];
    struct random before = chance;
    if (*config)
        return *config;
    *config = server ? server_for(setup) : client_for(setup);
    check_status(adieu_config_queue_limit(*config, setup->queue), ADIEU_OK);
    check_status(adieu_config_groups(*config, "X25519:P-256"), ADIEU_OK);
    if (setup->key_limit)
        check_status(adieu_config_key_limit(*config, 3), ADIEU_OK);
    chance = before;
    return *config;
}

/* A session that every conversation may resume which wants to. */
static void keep_a_session(enum adieu_version version, struct kept *kept)
{
    const struct sim_setup setup = {.tls12 = version == ADIEU_TLS_1_2, .queue = 8};
    struct adieu_config *client = client_for(&setup);
    check_status(adieu_config_on_session(client, keep_session, kept), ADIEU_OK);
    struct joined joined = join(client, server_for(&setup), HOST);
    shake_hands(&joined);
    part(&joined);
}

void backend_begin(void)
{
    take_over_chance();
    setup_authority(NULL);
    keep_a_session(ADIEU_TLS_1_3, &sessions[0]);
    keep_a_session(ADIEU_TLS_1_2, &sessions[1]);
}

void backend_end(void)
{
    for (size_t i = 0; i < CONFIGS; i++) {
        adieu_config_free(clients[i]);
        adieu_config_free(servers[i]);
    }
    teardown_authority(NULL);
}

struct adieu_stream *backend_stream(const struct sim_setup *setup, unsigned side)
{
    if (side == SIM_SERVER)
        return adieu_server(config_for(setup, true));
    struct adieu_stream *s = adieu_client(config_for(setup, false), HOST);
    const struct kept *kept = &sessions[setup->tls12];
    if (setup->resumed)
        (void)!adieu_resume(s, kept->bytes, kept->size);
    return s;
}

void backend_over(void)
{
}

/* ------------------------------------------------ asking */

enum adieu_status backend_resume(struct side *s, const uint8_t *bytes, size_t size)
{
    return adieu_resume(s->s, bytes, size);
}

void backend_ask(const struct adieu_stream *stream, uint8_t *pin)
{
    uint8_t buf[64];
    size_t got = 0;
    const char *strings[] = {adieu_version(stream), adieu_cipher(stream), adieu_group(stream), adieu_alpn(stream),
                             adieu_server_name(stream)};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        got += strings[i] ? strlen(strings[i]) : 0;
    (void)adieu_resumed(stream);
    (void)adieu_verified(stream);
    (void)adieu_peer_certificate(stream, buf, sizeof buf);
    (void)adieu_peer_chain(stream, 0, NULL, 0);
    (void)adieu_own_certificate(stream, buf, sizeof buf);
    (void)!adieu_peer_pin(stream, pin);
    (void)!adieu_channel_binding(stream, ADIEU_BINDING_TLS_EXPORTER, buf, sizeof buf, &got);
}

bool backend_secret(const struct adieu_stream *stream, uint8_t secret[32])
{
    return adieu_export(stream, "EXPERIMENTAL adieu", NULL, 0, secret, 32) == ADIEU_OK;
}

/* ------------------------------------------------ harm */

bool backend_fault(struct side *s, unsigned how)
{
    (void)s, (void)how;
    return false;
}

static size_t record(uint8_t at[], uint8_t type, size_t size)
{
    at[0] = type;
    at[1] = 3;
    at[2] = 3;
    at[3] = (uint8_t)(size >> 8);
    at[4] = (uint8_t)size;
    return 5 + size;
}

static size_t alert(uint8_t at[], uint8_t level, uint8_t number)
{
    at[5] = level;
    at[6] = number;
    return record(at, 21, 2);
}

size_t backend_lie(uint8_t at[], size_t room, unsigned how, size_t size)
{
    enum { CHANGE_CIPHER_SPEC = 20, HANDSHAKE = 22, DATA = 23 };
    uint8_t number = (uint8_t)(40 + size % 10);
    memset(at, 0, room);
    switch (how) {
    case 1:
        return alert(at, 1, 0);
    case 2:
        return alert(at, 2, 0);
    case 3:
        return alert(at, 2, number);
    case 4:
        return alert(at, 1, number);
    case 5:
        return alert(at, 1, 90);
    case 6:
        at[5] = 1;
        return record(at, CHANGE_CIPHER_SPEC, 1);
    case 7:
        return record(at, DATA, 0);
    case 8:
        return record(at, DATA, size);
    case 9:
        return record(at, HANDSHAKE, 4);
    case 10:
        record(at, DATA, 65000);
        return 5 + size;
    case 11:
        memcpy(at, "GET / HTTP/1.0\r\n\r\n", 18);
        return 18;
    case 12:
        return record(at, DATA, 300) - 302;
    default:
        for (size_t i = 0; i < size + 4; i++)
            at[i] = (uint8_t)(200 + i * 7);
        return size + 4;
    }
}

bool backend_between(const struct frames *frames)
{
    (void)frames;
    return true;
}

/* Records cannot be read from outside: what was sealed is known from the observer. */
void backend_follow(struct frames *frames, const uint8_t *bytes, size_t size)
{
    (void)bytes;
    frames->bytes += size;
}

/* ------------------------------------------------ memory: tests/sweep starves OpenSSL */

void backend_starve(size_t nth, bool for_ever)
{
    (void)nth, (void)for_ever;
}

void backend_relent(void)
{
}

size_t backend_blocks(void)
{
    return 0;
}
