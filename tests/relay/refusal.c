/* SPDX-License-Identifier: MIT */
#include "refusal.h"

#include "authority.h"

enum { UNKNOWN_CA = 48, HANDSHAKE_FAILURE = 40, CERTIFICATE_REQUIRED = 116 };

/* Each waits for the other most of the time. */
#define AT_ONCE 40

/* ------------------------------------------------ who refuses whom */

static struct authority ours, strangers;
static struct issued server_identity, strange_identity;

int refusal_setup(void **state)
{
    (void)state;
    ours = authority_new("our authority");
    strangers = authority_new("somebody's authority");
    authority_issue(&ours, "DNS:localhost", -1, 5, &server_identity);
    authority_issue(&strangers, "DNS:localhost", -1, 5, &strange_identity);
    return 0;
}

int refusal_teardown(void **state)
{
    (void)state;
    authority_free(&ours);
    authority_free(&strangers);
    return 0;
}

static struct adieu_config *config(const struct issued *identity, const struct authority *trusted,
                                   enum adieu_version version)
{
    struct adieu_config *made = adieu_config_new();
    assert_non_null(made);
    if (identity)
        assert_int_equal(adieu_config_identity_pem(made, identity->chain.text, identity->chain.size, identity->key.text,
                                                   identity->key.size, NULL),
                         ADIEU_OK);
    assert_int_equal(adieu_config_trust_pem(made, trusted->pem.text, trusted->pem.size), ADIEU_OK);
    assert_int_equal(adieu_config_versions(made, version, version), ADIEU_OK);
    return made;
}

struct story refusal_of_client(bool stranger, enum adieu_version version, size_t size)
{
    const struct issued *identity = stranger ? &strange_identity : NULL;
    struct story story = {.client_config = config(identity, &ours, version),
                          .server_config = config(&server_identity, &ours, version),
                          .client = push_and_close,
                          .server = shake_and_close,
                          .up = size,
                          .quiet_ms = 10000};
    int none = version == ADIEU_TLS_1_2 ? HANDSHAKE_FAILURE : CERTIFICATE_REQUIRED;
    story.alert = (uint8_t)(identity ? UNKNOWN_CA : none);
    assert_int_equal(adieu_config_client_auth(story.server_config, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    return story;
}

struct story refusal_of_server(enum adieu_version version)
{
    return (struct story){.client_config = config(NULL, &strangers, version),
                          .server_config = config(&server_identity, &ours, version),
                          .client = shake_and_close,
                          .server = push_and_close,
                          .down = 65536,
                          .alert = UNKNOWN_CA,
                          .quiet_ms = 10000};
}

/* ------------------------------------------------ what both say of it */

bool was_told(const struct end *end)
{
    const struct adieu_ending *e = &end->ending;
    return e->decided && adieu_ending_exit(e) == ADIEU_EXIT_ALERTED && e->receiving == ADIEU_RECEIVING_ALERTED &&
           e->alert_received.seen && e->alert_received.number == end->story->alert && !e->alert_sent.seen;
}

static bool has_told(const struct end *end)
{
    const struct adieu_ending *e = &end->ending;
    return e->decided && adieu_ending_exit(e) == ADIEU_EXIT_REJECTED && e->receiving == ADIEU_RECEIVING_REJECTED &&
           e->error == ADIEU_ERR_REFUSED && e->alert_sent.seen && e->alert_sent.number == end->story->alert;
}

static bool server_refused(const struct play *play)
{
    return was_told(&play->client) && has_told(&play->server);
}

static bool client_refused(const struct play *play)
{
    return was_told(&play->server) && has_told(&play->client);
}

void refuse_clients(const struct field *field, struct story story, int count)
{
    play(field, &story, count, AT_ONCE, server_refused);
    story_free(&story);
}

void refuse_servers(const struct field *field, struct story story, int count)
{
    play(field, &story, count, AT_ONCE, client_refused);
    story_free(&story);
}
