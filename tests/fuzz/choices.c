/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <string.h>
#include <unistd.h>

/* ------------------------------------------------ by the input */

struct choices choices_take(struct input *input, bool server)
{
    static const char *const suites[] = {"aes128", "aes256", "chacha", "aes128"};
    static const enum identity_kind kinds[] = {IDENTITY_KNOWN, IDENTITY_KNOWN, IDENTITY_UNKNOWN, IDENTITY_EXPIRED};
    unsigned peer = input_byte(input), adieu = input_byte(input);
    return (struct choices){
        .server = server,
        .tls13 = peer & 1,
        .suite = suite_named(suites[peer >> 1 & 3]),
        .identity = kinds[peer >> 3 & 3],
        .tickets = peer & 0x20,
        .groups = peer & 0x40,
        .peer_shows = peer & 0x80,
        .peer_asks = adieu & 0x80,
        .client_auth = (enum adieu_client_auth)(adieu & 3),
        .later = adieu & 4,
        .small_queue = adieu & 8,
        .small_keys = adieu & 0x10,
        .shows = adieu & 0x20,
        .alpn = adieu & 0x40,
    };
}

/* ------------------------------------------------ whom they are */

static const struct identity *identities(void)
{
    static struct identity all[IDENTITIES];
    if (!all[0].key) {
        steady_begin();
        identities_make(all);
        for (int i = 0; i < IDENTITIES; i++)
            unlink(all[i].path); /* its file is for the command */
    }
    return all;
}

const struct identity *choices_identity(const struct choices *choices)
{
    return !choices->server || choices->peer_shows ? &identities()[choices->identity] : NULL;
}

/* ------------------------------------------------ adieu's config */

static enum adieu_decision decide_later(void *context, const struct adieu_stream *stream, bool verified,
                                        const char *problem, const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)stream, (void)leaf, (void)leaf_size;
    claim(verified == (problem[0] == '\0'), "a peer that was not verified has a problem");
    return ADIEU_LATER;
}

static bool set_identity(struct adieu_config *config, const struct choices *choices)
{
    const char *pem = identities()[IDENTITY_KNOWN].pem;
    size_t size = strlen(pem);
    bool good = adieu_config_trust_pem(config, pem, size) == ADIEU_OK;
    if (choices->server || choices->shows)
        good &= adieu_config_identity_pem(config, pem, size, pem, size, NULL) == ADIEU_OK;
    return good;
}

static struct adieu_config *config_new(const struct choices *choices)
{
    static const char *const protocols[] = {"h2", "http/1.1"};
    struct adieu_config *config = adieu_config_new();
    bool good = set_identity(config, choices);
    good &= adieu_config_client_auth(config, choices->client_auth) == ADIEU_OK;
    if (choices->later)
        good &= adieu_config_insecure_on_verify(config, decide_later, NULL) == ADIEU_OK;
    if (choices->small_queue)
        good &= adieu_config_queue_limit(config, 1) == ADIEU_OK;
    if (choices->small_keys)
        good &= adieu_config_key_limit(config, 2) == ADIEU_OK;
    if (choices->alpn)
        good &= adieu_config_alpn(config, protocols, 2) == ADIEU_OK;
    claim(good, "a config can be made: %s", adieu_config_error(config)->text);
    return config;
}

/* To make one takes as long as a handshake. */
struct adieu_config *choices_config(const struct choices *choices)
{
    static struct adieu_config *all[256];
    unsigned bits = 0;
    const bool of_config[] = {choices->server, choices->later, choices->small_queue,     choices->small_keys,
                              choices->shows,  choices->alpn,  choices->client_auth & 1, choices->client_auth & 2};
    for (size_t i = 0; i < sizeof of_config; i++)
        bits = bits << 1 | of_config[i];
    struct adieu_config **config = &all[bits];
    if (!*config) {
        steady_begin();
        *config = config_new(choices);
    }
    return *config;
}
