/* SPDX-License-Identifier: MIT */
/*
 * A client refuses a server in TLS 1.3: the alert is protected, as the server's state demands, and nothing else leaves that a
 * server whom nobody trusts should have.
 */
#include "joined.h"

#include <errno.h>
#include <string.h>

enum { HEAD = 5, CHANGE = HEAD + 1, ALERT = HEAD + 2, SEALED_ALERT = ALERT + 1 + 16 };

/* Runs the client until it has refused; what it then says lies at *last. */
static size_t last_words(struct joined *joined, const uint8_t **last)
{
    while (adieu_handshake(joined->client) == ADIEU_WAIT) {
        (void)!adieu_handshake(joined->server);
        carry(joined->client, joined->server);
        (void)!adieu_handshake(joined->server);
        if (!carry(joined->server, joined->client))
            break;
    }
    check_status(adieu_handshake(joined->client), ADIEU_FAIL);
    check_error(joined->client, ADIEU_ERR_REFUSED);
    return adieu_wire_out(joined->client, last);
}

static void check_sealed_and_alone(const uint8_t *last, size_t size)
{
    static const uint8_t change[CHANGE] = {20, 3, 3, 0, 1, 1}, head[HEAD] = {23, 3, 3, 0, SEALED_ALERT - HEAD};
    assert_int_equal(size, CHANGE + SEALED_ALERT);
    assert_memory_equal(last, change, CHANGE);
    assert_memory_equal(last + CHANGE, head, HEAD);
}

static void check_server_is_told(struct joined *joined, int alert)
{
    carry(joined->client, joined->server);
    check_refused(joined->server, ADIEU_ERR_ALERTED, alert);
    assert_int_equal(adieu_ending(joined->client).alert_sent.number, alert);
}

static void the_alert_is_protected_in_every_cipher(void **state)
{
    (void)state;
    static const char *const ciphers[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                          "TLS_CHACHA20_POLY1305_SHA256"};
    for (int i = 0; i < 3; i++) {
        struct adieu_config *client = client_config(ADIEU_TLS_1_3);
        check_status(adieu_config_ciphers(client, ciphers[i], NULL), ADIEU_OK);
        struct joined joined = join(client, server_config(ADIEU_TLS_1_3), "another.example");
        const uint8_t *last;
        size_t size = last_words(&joined, &last);
        check_sealed_and_alone(last, size);
        check_server_is_told(&joined, 42);
        part(&joined);
    }
}

/* One that OpenSSL seals in another way. */
static void with_ccm_the_alert_is_not_protected_but_leaves(void **state)
{
    (void)state;
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = server_config(ADIEU_TLS_1_3);
    check_status(adieu_config_ciphers(client, "TLS_AES_128_CCM_SHA256", NULL), ADIEU_OK);
    check_status(adieu_config_ciphers(server, "TLS_AES_128_CCM_SHA256", NULL), ADIEU_OK);
    struct joined joined = join(client, server, "another.example");
    const uint8_t *last, plain[ALERT] = {21, 3, 3, 0, 2, 2, 42};
    assert_int_equal(last_words(&joined, &last), ALERT);
    assert_memory_equal(last, plain, ALERT);
    check_server_is_told(&joined, 42);
    part(&joined);
}

/* OpenSSL writes them, believing that the server is accepted. */
static void neither_finished_nor_our_certificate_leave(void **state)
{
    (void)state;
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = server_config(ADIEU_TLS_1_3);
    identify(client, &the_identity);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    struct joined joined = join(client, server, "another.example");
    const uint8_t *last;
    size_t size = last_words(&joined, &last);
    check_sealed_and_alone(last, size);
    check_server_is_told(&joined, 42);
    assert_int_equal(adieu_peer_certificate(joined.server, NULL, 0), 0);
    part(&joined);
}

static enum adieu_decision later(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                 const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)stream, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    return ADIEU_LATER;
}

static void a_refusal_that_was_decided_later_is_protected(void **state)
{
    (void)state;
    struct adieu_config *client = client_config(ADIEU_TLS_1_3);
    check_status(adieu_config_insecure_on_verify(client, later, NULL), ADIEU_OK);
    struct joined joined = join(client, server_config(ADIEU_TLS_1_3), HOST);
    shake(&joined);
    check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    check_status(adieu_decide(joined.client, ADIEU_REFUSE), ADIEU_OK);
    const uint8_t *last;
    size_t size = last_words(&joined, &last);
    check_sealed_and_alone(last, size);
    check_server_is_told(&joined, 42);
    part(&joined);
}

/* All but the last byte of what the server says: its certificate has come, its Finished has not. */
static struct joined all_but_finished(void)
{
    struct joined joined = join(client_config(ADIEU_TLS_1_3), server_config(ADIEU_TLS_1_3), "another.example");
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    check_status(adieu_handshake(joined.server), ADIEU_WAIT);
    carry_some(joined.server, joined.client, adieu_wire_out(joined.server, NULL) - 1);
    check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    assert_int_equal(adieu_wire_out(joined.client, NULL), 0);
    return joined;
}

static void check_refusal_explains(struct joined *joined, enum adieu_sending sending)
{
    check_refused(joined->client, ADIEU_ERR_REFUSED, 42);
    check_ends(joined->client, sending, ADIEU_RECEIVING_REJECTED);
    struct adieu_ending ending = adieu_ending(joined->client);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_REJECTED);
    assert_int_equal(ending.first, ADIEU_FIRST_PEER);
}

/* The keys never came; so the alert leaves as it did before there were any. */
static void who_ends_after_its_certificate_was_refused_is_refused_nevertheless(void **state)
{
    (void)state;
    const uint8_t *last, plain[ALERT] = {21, 3, 3, 0, 2, 2, 42};
    struct joined joined = all_but_finished();
    adieu_wire_eof(joined.client);
    check_refusal_explains(&joined, ADIEU_SENDING_ABORTED);
    assert_int_equal(adieu_wire_out(joined.client, &last), ALERT);
    assert_memory_equal(last, plain, ALERT);
    assert_int_equal(adieu_wire_last(joined.client), ADIEU_LAST_GO_ON);
    adieu_wire_out_done(joined.client, ALERT);
    assert_int_equal(adieu_wire_last(joined.client), ADIEU_LAST_END_WRITE);
    assert_int_equal(adieu_ending(joined.client).alert_sent.number, 42);
    assert_int_equal(adieu_ending(joined.client).after, ADIEU_AFTER_EOF);
    part(&joined);
}

static void who_resets_after_its_certificate_was_refused_is_refused_nevertheless(void **state)
{
    (void)state;
    struct joined joined = all_but_finished();
    adieu_wire_reset(joined.client, ECONNRESET);
    check_refusal_explains(&joined, ADIEU_SENDING_FAILED);
    assert_int_equal(adieu_wire_out(joined.client, NULL), 0);
    assert_false(adieu_ending(joined.client).alert_sent.seen);
    assert_int_equal(adieu_ending(joined.client).os_error, ECONNRESET);
    assert_null(strstr(adieu_error(joined.client)->text, "is told")); /* nothing can be told any more */
    part(&joined);
}

/* The refusal came first, and OpenSSL went on only to say it. */
static void what_breaks_behind_a_refused_certificate_is_still_the_refusal(void **state)
{
    (void)state;
    struct joined joined = join(client_config(ADIEU_TLS_1_3), server_config(ADIEU_TLS_1_3), "another.example");
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    check_status(adieu_handshake(joined.server), ADIEU_WAIT);
    carry_bent(joined.server, joined.client);
    check_refused(joined.client, ADIEU_ERR_REFUSED, 20);
    assert_non_null(strstr(adieu_error(joined.client)->text, "another.example"));
    part(&joined);
}

/* Both versions tell the same. */
static void check_text_tells_what_the_peer_is_told(enum adieu_version version)
{
    struct joined joined = join(client_config(version), server_config(version), "another.example");
    shake(&joined);
    assert_non_null(strstr(adieu_error(joined.client)->text, "another.example"));
    assert_non_null(strstr(adieu_error(joined.client)->text, "the peer is told bad_certificate (42)"));
    part(&joined);
}

static void the_text_tells_what_the_peer_is_told(void **state)
{
    (void)state;
    for_versions(check_text_tells_what_the_peer_is_told);
}

/* ------------------------------------------------ errno is not only ours */

static enum adieu_decision refuse_in_need(void *context, const struct adieu_stream *stream, bool verified,
                                          const char *problem, const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)stream, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    errno = ENOMEM;
    return ADIEU_REFUSE;
}

static void want_for_key(void *context, const char *line)
{
    (void)context, (void)line;
    errno = ENOMEM;
}

static void want_for_news(void *context, const struct adieu_stream *stream, enum adieu_news news,
                          const struct adieu_alert *alert)
{
    (void)context, (void)stream, (void)news, (void)alert;
    errno = ENOMEM;
}

static void check_what_callbacks_lack(enum adieu_version version)
{
    struct adieu_config *client = client_config(version);
    check_status(adieu_config_insecure_on_verify(client, refuse_in_need, NULL), ADIEU_OK);
    check_status(adieu_config_insecure_on_key(client, want_for_key, NULL), ADIEU_OK);
    struct joined joined = join(client, server_config(version), HOST);
    adieu_watch(joined.client, want_for_news, NULL);
    check_client_refuses(&joined, 42);
    part(&joined);
}

/* It is the application's own affair; the engine looks at errno for what OpenSSL lacked. */
static void what_a_callback_leaves_in_errno_makes_no_fault_of_a_refusal(void **state)
{
    (void)state;
    for_versions(check_what_callbacks_lack);
}

/* What is refused stays refused, whatever else the program tries. */
static void a_refused_server_gets_no_byte_more(void **state)
{
    (void)state;
    struct joined joined = join(client_config(ADIEU_TLS_1_3), server_config(ADIEU_TLS_1_3), "another.example");
    const uint8_t *last;
    size_t took = 0, size = last_words(&joined, &last);
    adieu_wire_out_done(joined.client, size);
    check_status(adieu_write(joined.client, "secret", 6, &took), ADIEU_FAIL);
    check_status(adieu_shutdown(joined.client), ADIEU_FAIL);
    check_status(listen_once(joined.client), ADIEU_FAIL);
    assert_int_equal(adieu_wire_out(joined.client, NULL), 0);
    assert_null(adieu_version(joined.client));
    part(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_alert_is_protected_in_every_cipher),
        cmocka_unit_test(with_ccm_the_alert_is_not_protected_but_leaves),
        cmocka_unit_test(neither_finished_nor_our_certificate_leave),
        cmocka_unit_test(a_refusal_that_was_decided_later_is_protected),
        cmocka_unit_test(who_ends_after_its_certificate_was_refused_is_refused_nevertheless),
        cmocka_unit_test(who_resets_after_its_certificate_was_refused_is_refused_nevertheless),
        cmocka_unit_test(what_breaks_behind_a_refused_certificate_is_still_the_refusal),
        cmocka_unit_test(the_text_tells_what_the_peer_is_told),
        cmocka_unit_test(what_a_callback_leaves_in_errno_makes_no_fault_of_a_refusal),
        cmocka_unit_test(a_refused_server_gets_no_byte_more),
    };
    return cmocka_run_group_tests_name("engine refusal", tests, setup_authority, teardown_authority);
}
