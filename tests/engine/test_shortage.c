/* SPDX-License-Identifier: MIT */
/*
 * The nth allocation fails, ours or OpenSSL's, for every n, within single calls: what tests/sweep does with whole conversations,
 * in processes of their own, is done here where coverage can see it, and held closer to the wire.
 */
#include "joined.h"
#include "revoking.h"
#include "shortage.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "adieu_openssl.h"

enum { HEAD = 5, CHANGE = HEAD + 1, ALERT = HEAD + 2, SEALED_ALERT = ALERT + 1 + 16 };

/* ------------------------------------------------ a stream */

static bool stream_is_made_without(struct adieu_config *config, bool server, size_t nth)
{
    size_t before = memory_blocks(), theirs = memory_engine_blocks();
    begin_shortage(nth, false);
    struct adieu_stream *s = server ? adieu_server(config) : adieu_client(config, HOST);
    bool came = end_shortage();
    assert_true(s || came);
    assert_int_equal(ERR_peek_error(), 0);
    adieu_free(s);
    ERR_clear_error();
    assert_int_equal(memory_blocks(), before);
    check_that(memory_engine_blocks() <= theirs + 1, "allocation %zu: a leak of OpenSSL's", nth);
    return came;
}

static void a_stream_short_of_memory_is_none_and_leaks_nothing(void **state)
{
    (void)state;
    for (int server = 0; server < 2; server++) {
        struct adieu_config *config = server ? server_config(0) : client_config(0);
        (void)stream_is_made_without(config, server, SIZE_MAX); /* the first one freezes, and makes what stays */
        size_t nth = 0;
        while (stream_is_made_without(config, server, nth))
            nth++;
        assert_in_range(nth, 5, 1000);
        adieu_config_free(config);
    }
}

/* ------------------------------------------------ the step in which a client decides about its server */

struct decision {
    const char *name; /* that the client asks for */
    bool refuses_it;  /* it must */
    struct adieu_config *client, *server;
    unsigned alerts; /* of ours that the observer was told of */
};

static void count_alerts(void *context, const struct adieu_stream *stream, enum adieu_news news,
                         const struct adieu_alert *alert)
{
    (void)stream, (void)alert;
    struct decision *decision = context;
    decision->alerts += news == ADIEU_NEWS_ALERT_SEALED;
}

static struct joined before_deciding(struct decision *decision)
{
    struct joined joined = join(adieu_config_ref(decision->client), adieu_config_ref(decision->server), decision->name);
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    (void)!adieu_handshake(joined.server);
    carry(joined.server, joined.client);
    decision->alerts = 0;
    adieu_watch(joined.client, count_alerts, decision);
    return joined;
}

/* What left: an alert, protected or not, or nothing; at most the change_cipher_spec before it. Whether an alert did. */
static bool check_last_words(struct joined *joined)
{
    static const uint8_t plain[] = {21, 3, 3, 0, 2, 2}, change[CHANGE] = {20, 3, 3, 0, 1, 1},
                         sealed[HEAD] = {23, 3, 3, 0, SEALED_ALERT - HEAD};
    const uint8_t *at = NULL;
    size_t size = adieu_wire_out(joined->client, &at);
    if (size == ALERT) {
        assert_memory_equal(at, plain, sizeof plain);
    } else if (size) {
        assert_memory_equal(at, change, CHANGE);
        check_that(size == CHANGE || size == CHANGE + SEALED_ALERT, "%zu bytes leave", size);
        if (size > CHANGE)
            assert_memory_equal(at + CHANGE, sealed, HEAD);
    }
    carry(joined->client, joined->server);
    return size > CHANGE;
}

static void check_decision(struct decision *decision, struct joined *joined, enum adieu_status status, bool came)
{
    struct adieu_stream *client = joined->client;
    bool refuses_it = decision->refuses_it;
    assert_int_equal(ERR_peek_error(), 0);
    if (status == ADIEU_OK) {
        assert_false(refuses_it);
        assert_int_equal(adieu_verified(client), ADIEU_VERIFIED_NAME);
        return;
    }
    check_status(status, ADIEU_FAIL);
    assert_true(came || refuses_it);
    enum adieu_error_code code = adieu_error(client)->code;
    check_that(code == ADIEU_ERR_MEMORY || code == ADIEU_ERR_ENGINE || (refuses_it && code == ADIEU_ERR_REFUSED),
               "allocation %zu: %s", shortage.nth, adieu_error(client)->text);
    if (!refuses_it)
        return;
    bool told = check_last_words(joined);
    check_that(decision->alerts == told, "allocation %zu: %u alerts are news, %d left", shortage.nth, decision->alerts,
               told);
    assert_int_equal(adieu_ending(client).alert_sent.seen, told);
    check_that(adieu_handshake(joined->server) != ADIEU_OK, "allocation %zu: the server was welcomed", shortage.nth);
}

static bool decided_without(struct decision *decision, size_t nth, bool for_ever)
{
    struct joined joined = before_deciding(decision);
    pool_clear(config_pool(decision->client)); /* what the config keeps for its streams */
    begin_shortage(nth, for_ever);
    enum adieu_status status = adieu_handshake(joined.client);
    bool came = end_shortage();
    check_decision(decision, &joined, status, came);
    part(&joined);
    ERR_clear_error();
    return came;
}

/* Each allocation fails once; and all from each fifth. Gives the configs back. */
static void decide_each(struct decision *decision)
{
    enum { EACH = 5 };
    (void)decided_without(decision, SIZE_MAX, false); /* makes what stays */
    size_t nth = 0;
    while (decided_without(decision, nth, false)) {
        if (nth % EACH == 0)
            (void)decided_without(decision, nth, true);
        nth += shortage_step();
    }
    assert_in_range(nth, 100, 10000);
    adieu_config_free(decision->client);
    adieu_config_free(decision->server);
}

static void decide_without(enum adieu_version version, const char *name, bool identified)
{
    struct decision decision = {name, strcmp(name, HOST) != 0, client_config(version), server_config(version), 0};
    if (identified) {
        identify(decision.client, &the_identity);
        trust(decision.server, &the_authority);
        check_status(adieu_config_client_auth(decision.server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    }
    decide_each(&decision);
}

/* OpenSSL verifies without the name if it has no memory for the name. */
static void a_server_of_another_name_is_refused_whatever_memory_is_short(void **state)
{
    (void)state;
    decide_without(ADIEU_TLS_1_2, "another.example", false);
    decide_without(ADIEU_TLS_1_3, "another.example", false);
}

static void a_refusal_short_of_memory_shows_neither_finished_nor_our_certificate(void **state)
{
    (void)state;
    decide_without(ADIEU_TLS_1_3, "another.example", true);
}

/* On a list of the revoked, or not; with a staple that says so, or not. */
static void look_up_without(enum adieu_version version, bool revoked)
{
    struct pem crl;
    struct decision decision = {HOST, revoked, client_config(version), server_config(version), 0};
    authority_crl(&the_authority, -10, 60, revoked ? &the_identity : NULL, &crl);
    check_status(adieu_config_crl_pem(decision.client, crl.text, crl.size), ADIEU_OK);
    decide_each(&decision);
}

static void require_without(enum adieu_version version, bool revoked)
{
    struct der staple;
    struct decision decision = {HOST, revoked, client_config(version), server_config(version), 0};
    authority_says(&the_authority, &the_identity, &(struct saying){.status = revoked}, &staple);
    check_status(adieu_config_staple(decision.server, staple.bytes, staple.size), ADIEU_OK);
    check_status(adieu_config_require_staple(decision.client), ADIEU_OK);
    decide_each(&decision);
}

static void who_is_revoked_is_refused_whatever_memory_is_short(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        look_up_without(versions[i], true);
        require_without(versions[i], true);
    }
    look_up_without(ADIEU_TLS_1_3, false);
    require_without(ADIEU_TLS_1_3, false);
}

static void a_client_short_of_memory_blames_nobody_else(void **state)
{
    (void)state;
    decide_without(ADIEU_TLS_1_3, HOST, true);
}

/* ------------------------------------------------ smaller calls */

/* Calls it with each allocation failing, in a fresh pair behind its handshake, until none fails; and again when it is done. */
static void for_each_allocation(enum adieu_version version, void (*call)(struct joined *joined, bool done))
{
    size_t nth = 0;
    for (bool came = true; came; nth++) {
        struct joined joined = joined_by(version);
        begin_shortage(nth, false);
        call(&joined, false);
        came = end_shortage();
        call(&joined, true);
        part(&joined);
        assert_int_equal(ERR_peek_error(), 0);
    }
    assert_in_range(nth, 2, 1000); /* it does allocate */
}

static enum adieu_status answer;

static void shut_down(struct joined *joined, bool done)
{
    if (!done) {
        answer = adieu_shutdown(joined->client);
        return;
    }
    carry(joined->client, joined->server);
    if (answer == ADIEU_OK) {
        check_status(listen_once(joined->server), ADIEU_END);
        check_sending(joined->client, ADIEU_SENDING_CLOSED);
        return;
    }
    check_status(listen_once(joined->server), ADIEU_WAIT);
    enum adieu_error_code code = adieu_error(joined->client)->code;
    assert_int_equal(code, ADIEU_ERR_MEMORY);
    check_ends(joined->client, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
}

static void a_goodbye_short_of_memory_is_said_or_a_fault(void **state)
{
    (void)state;
    for_each_allocation(ADIEU_TLS_1_2, shut_down);
    for_each_allocation(ADIEU_TLS_1_3, shut_down);
}

static void ask_for_material(struct joined *joined, bool done)
{
    static const uint8_t nothing[32];
    static uint8_t out[32], wanted[32];
    if (!done) {
        memset(out, 0, sizeof out);
        answer = adieu_export(joined->client, "label", NULL, 0, out, sizeof out);
        return;
    }
    check_status(adieu_export(joined->client, "label", NULL, 0, wanted, sizeof wanted), ADIEU_OK);
    assert_memory_equal(out, answer == ADIEU_OK ? wanted : nothing, sizeof out);
    check_error(joined->client, ADIEU_ERR_NONE);
}

static void material_short_of_memory_is_none(void **state)
{
    (void)state;
    for_each_allocation(ADIEU_TLS_1_3, ask_for_material);
}

static void ask_for_pin(struct joined *joined, bool done)
{
    static uint8_t pin[ADIEU_PIN_SIZE];
    uint8_t wanted[ADIEU_PIN_SIZE];
    if (!done) {
        answer = adieu_peer_pin(joined->client, pin);
        ERR_clear_error();
        return;
    }
    identity_pin(&the_identity, wanted);
    if (answer == ADIEU_OK)
        assert_memory_equal(pin, wanted, sizeof pin);
}

static void a_pin_short_of_memory_is_none(void **state)
{
    (void)state;
    for_each_allocation(ADIEU_TLS_1_3, ask_for_pin);
}

static void a_protocol_short_of_memory_is_told_later(void **state)
{
    (void)state;
    static const char *const names[] = {"h2"};
    struct adieu_config *client = client_config(0), *server = server_config(0);
    check_status(adieu_config_alpn(client, names, 1), ADIEU_OK);
    check_status(adieu_config_alpn(server, names, 1), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    shake_hands(&joined);
    begin_shortage(0, false);
    assert_null(adieu_alpn(joined.client));
    assert_true(end_shortage());
    assert_string_equal(adieu_alpn(joined.client), "h2");
    part(&joined);
}

/* A ticket lies before the client. What is given out of it may be tried, and does no harm; or it is a fault. */
static void a_session_short_of_memory_does_no_harm(void **state)
{
    (void)state;
    static struct kept kept;
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = server_config(ADIEU_TLS_1_3);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    check_status(adieu_config_tickets(server, 1), ADIEU_OK);
    size_t nth = 0, none = 0;
    for (bool came = true; came; nth++) {
        struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
        shake(&joined);
        kept.came = 0;
        begin_shortage(nth, false);
        enum adieu_status status = listen_once(joined.client);
        came = end_shortage();
        bool given = kept.came > 0;
        none += status == ADIEU_WAIT && !given;
        if (status != ADIEU_WAIT)
            check_error(joined.client, ADIEU_ERR_MEMORY);
        part(&joined);
        joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
        if (given)
            check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_OK);
        shake_hands(&joined);
        assert_true(given || !adieu_resumed(joined.client));
        part(&joined);
    }
    assert_true(none > 0 && kept.came > 0);
    adieu_config_free(client);
    adieu_config_free(server);
}

static void a_context_adopted_short_of_memory_is_still_its_owners(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(0);
    size_t nth = 0, before = memory_blocks();
    for (bool came = true; came; nth++) {
        begin_shortage(nth, false);
        struct adieu_config *config = adieu_config_adopt(context);
        came = end_shortage();
        assert_true(config || came);
        adieu_config_free(config);
        assert_int_equal(memory_blocks(), before);
    }
    assert_in_range(nth, 3, 100);
    SSL_CTX_free(context);
}

/* Whether an allocation failed. Where OpenSSL has a second way to read a key, one failure is none; without any memory it is told. */
static bool identified_without(const char *chain, size_t size, size_t nth, bool for_ever)
{
    struct adieu_config *config = adieu_config_new();
    begin_shortage(nth, for_ever);
    enum adieu_status status =
        adieu_config_identity_pem(config, chain, size, the_identity.key.text, the_identity.key.size, NULL);
    bool came = end_shortage();
    assert_true(came || status == ADIEU_OK);
    if (for_ever && status == ADIEU_FAIL)
        assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_MEMORY);
    adieu_config_free(config);
    return came;
}

static void a_chain_and_its_key_short_of_memory_are_none(void **state)
{
    (void)state;
    static char chain[2 * sizeof the_identity.chain.text];
    memcpy(chain, the_identity.chain.text, the_identity.chain.size);
    memcpy(chain + the_identity.chain.size, the_authority.pem.text, the_authority.pem.size);
    size_t size = the_identity.chain.size + the_authority.pem.size;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        size_t nth = 0;
        while (identified_without(chain, size, nth, for_ever))
            nth += shortage_step();
        assert_true(nth > 100);
    }
}

int main(void)
{
    if (!memory_begin())
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_short_of_memory_is_none_and_leaks_nothing),
        cmocka_unit_test(a_server_of_another_name_is_refused_whatever_memory_is_short),
        cmocka_unit_test(a_refusal_short_of_memory_shows_neither_finished_nor_our_certificate),
        cmocka_unit_test(a_client_short_of_memory_blames_nobody_else),
        cmocka_unit_test(who_is_revoked_is_refused_whatever_memory_is_short),
        cmocka_unit_test(a_goodbye_short_of_memory_is_said_or_a_fault),
        cmocka_unit_test(material_short_of_memory_is_none),
        cmocka_unit_test(a_pin_short_of_memory_is_none),
        cmocka_unit_test(a_protocol_short_of_memory_is_told_later),
        cmocka_unit_test(a_session_short_of_memory_does_no_harm),
        cmocka_unit_test(a_context_adopted_short_of_memory_is_still_its_owners),
        cmocka_unit_test(a_chain_and_its_key_short_of_memory_are_none),
    };
    return cmocka_run_group_tests_name("engine shortage", tests, setup_authority, teardown_authority);
}
