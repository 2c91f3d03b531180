/* SPDX-License-Identifier: MIT */
/* The reason of a refusal becomes the alert that is sent: once, readable for the peer, by either side, at once or later. */
#include "joined.h"

#include <string.h>

enum { HEAD = 5, CHANGE = HEAD + 1, ALERT = HEAD + 2, SEALED_ALERT = ALERT + 1 + 16 };

static const struct reason {
    enum adieu_decision decision;
    uint8_t alert;
} reasons[] = {
    {ADIEU_REFUSE, 42},
    {ADIEU_REFUSE_UNKNOWN_CA, 48},
    {ADIEU_REFUSE_REVOKED, 44},
    {ADIEU_REFUSE_EXPIRED, 45},
    {ADIEU_REFUSE_UNKNOWN, 46},
    {ADIEU_REFUSE_ACCESS, 49},
    {(enum adieu_decision)77, 42}, /* what is no decision is no acceptance */
};
enum { REASONS = sizeof reasons / sizeof *reasons };

static enum adieu_decision answer(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                  const uint8_t *leaf, size_t leaf_size)
{
    (void)stream, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    return *(const enum adieu_decision *)context;
}

/* One of them will be asked, and answers so. */
static struct joined asking(enum adieu_version version, bool of_server, enum adieu_decision *decision)
{
    struct adieu_config *client = client_config(version), *server = server_config(version);
    identify(client, &the_identity);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    check_status(adieu_config_insecure_on_verify(of_server ? server : client, answer, decision), ADIEU_OK);
    return join(client, server, HOST);
}

struct alerts {
    unsigned sealed, received;
    uint8_t number;
};

static void count(void *context, const struct adieu_stream *stream, enum adieu_news news,
                  const struct adieu_alert *alert)
{
    (void)stream;
    struct alerts *alerts = context;
    alerts->sealed += news == ADIEU_NEWS_ALERT_SEALED;
    alerts->received += news == ADIEU_NEWS_ALERT_RECEIVED;
    if (alert)
        alerts->number = alert->number;
}

/* Nothing but the alert waits to be sent; protected as the peer expects it. */
static void check_last_word(struct adieu_stream *refuser, enum adieu_version version, bool of_server, uint8_t alert)
{
    static const uint8_t change[CHANGE] = {20, 3, 3, 0, 1, 1}, head[HEAD] = {23, 3, 3, 0, SEALED_ALERT - HEAD};
    const uint8_t plain[ALERT] = {21, 3, 3, 0, 2, 2, alert}, *at = NULL;
    size_t size = adieu_wire_out(refuser, &at);
    if (version == ADIEU_TLS_1_2) {
        assert_int_equal(size, ALERT);
        assert_memory_equal(at, plain, ALERT);
        return;
    }
    size_t before = of_server ? 0 : CHANGE;
    assert_int_equal(size, before + SEALED_ALERT);
    assert_memory_equal(at, change, before);
    assert_memory_equal(at + before, head, HEAD);
}

/* Until the one who is asked has failed, or is to decide. */
static void shake_until_asked(struct joined *joined, struct adieu_stream *asked)
{
    for (int turn = 0; turn < 4; turn++) {
        bool client = turn % 2 == 0;
        struct adieu_stream *from = client ? joined->client : joined->server;
        struct adieu_stream *to = client ? joined->server : joined->client;
        (void)!adieu_handshake(from);
        if (from == asked && (adieu_awaited(from) || adieu_ending(from).receiving != ADIEU_RECEIVING_OPEN))
            return;
        carry(from, to);
    }
}

static void check_refusal(enum adieu_version version, bool of_server, bool later, const struct reason *reason)
{
    enum adieu_decision decision = later ? ADIEU_LATER : reason->decision;
    struct joined joined = asking(version, of_server, &decision);
    struct adieu_stream *refuser = of_server ? joined.server : joined.client;
    struct adieu_stream *refused = of_server ? joined.client : joined.server;
    struct alerts ours = {0}, theirs = {0};
    adieu_watch(refuser, count, &ours);
    adieu_watch(refused, count, &theirs);
    shake_until_asked(&joined, refuser);
    if (later) {
        check_status(adieu_handshake(refuser), ADIEU_WAIT);
        check_status(adieu_decide(refuser, reason->decision), ADIEU_OK);
    }
    check_refused(refuser, ADIEU_ERR_REFUSED, reason->alert);
    check_last_word(refuser, version, of_server, reason->alert);
    carry(refuser, refused);
    (void)!adieu_handshake(refused);
    (void)!listen_once(refused);
    check_error(refused, ADIEU_ERR_ALERTED);
    assert_int_equal(adieu_ending(refused).alert_received.number, reason->alert);
    assert_int_equal(adieu_ending(refuser).alert_sent.number, reason->alert);
    assert_int_equal(ours.sealed, 1);
    assert_int_equal(theirs.received, 1);
    assert_int_equal(theirs.number, reason->alert);
    check_ends(refuser, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    CHECK_NAMED(adieu_verified_name, adieu_verified(refuser), ADIEU_VERIFIED_NO);
    part(&joined);
}

static void refusals(enum adieu_version version, bool of_server)
{
    for (int i = 0; i < REASONS; i++)
        for (int later = 0; later < 2; later++)
            check_refusal(version, of_server, later, &reasons[i]);
}

static void a_clients_reason_is_the_alert_that_its_server_gets(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++)
        refusals(versions[i], false);
}

static void a_servers_reason_is_the_alert_that_its_client_gets(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++)
        refusals(versions[i], true);
}

/* The program's reason, not what the chain is worth. */
static void a_reason_goes_before_what_was_found(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        enum adieu_decision decision = ADIEU_REFUSE_REVOKED;
        struct adieu_config *client = client_config(versions[i]);
        check_status(adieu_config_insecure_on_verify(client, answer, &decision), ADIEU_OK);
        struct joined joined = join(client, server_config(versions[i]), "another.example");
        check_client_refuses(&joined, 44);
        part(&joined);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clients_reason_is_the_alert_that_its_server_gets),
        cmocka_unit_test(a_servers_reason_is_the_alert_that_its_client_gets),
        cmocka_unit_test(a_reason_goes_before_what_was_found),
    };
    return cmocka_run_group_tests_name("engine reasons", tests, setup_authority, teardown_authority);
}
