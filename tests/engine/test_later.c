/* SPDX-License-Identifier: MIT */
/* A server that decides later about its client: until then it gives nobody a byte, and takes none. */
#include "joined.h"

#include <errno.h>
#include <string.h>

#include <openssl/ssl.h>

#include "adieu_openssl.h"

enum { HEAD = 5, ALERT = HEAD + 2, SEALED_ALERT = ALERT + 1 + 16 };

struct verifier {
    enum adieu_decision answer;
    unsigned asked;
    bool verified;
};

static enum adieu_decision answer(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                  const uint8_t *leaf, size_t leaf_size)
{
    struct verifier *verifier = context;
    (void)problem;
    verifier->asked++;
    verifier->verified = verified;
    assert_true(leaf && leaf_size > 0);
    check_status(adieu_decide((struct adieu_stream *)stream, ADIEU_ACCEPT), ADIEU_MISUSE);
    return verifier->answer;
}

static struct adieu_config *asking_server(enum adieu_version version, struct verifier *verifier)
{
    struct adieu_config *config = server_config(version);
    trust(config, &the_authority);
    check_status(adieu_config_client_auth(config, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    check_status(adieu_config_insecure_on_verify(config, answer, verifier), ADIEU_OK);
    return config;
}

static struct adieu_config *identified_client(enum adieu_version version)
{
    struct adieu_config *config = client_config(version);
    identify(config, &the_identity);
    return config;
}

static void check_pending(struct joined *joined)
{
    check_status(adieu_handshake(joined->server), ADIEU_WAIT);
    assert_int_equal(adieu_awaited(joined->server), ADIEU_AWAITED_VERIFY);
    assert_int_equal(adieu_wire_out(joined->server, NULL), 0);
}

static void saw(void *context, const struct adieu_stream *stream, enum adieu_news news, const struct adieu_alert *alert)
{
    unsigned *awaited = context;
    (void)alert;
    if (news == ADIEU_NEWS_AWAITED && adieu_awaited(stream) == ADIEU_AWAITED_VERIFY)
        ++*awaited;
}

static struct joined pending(enum adieu_version version, struct verifier *verifier)
{
    struct joined joined = join(identified_client(version), asking_server(version, verifier), HOST);
    unsigned told = 0;
    adieu_watch(joined.server, saw, &told);
    shake(&joined);
    assert_int_equal(told, 1);
    adieu_watch(joined.server, NULL, NULL);
    assert_int_equal(verifier->asked, 1);
    assert_true(verifier->verified);
    check_pending(&joined);
    return joined;
}

static void check_established(struct joined *joined, enum adieu_verified verified)
{
    shake_hands(joined);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined->server), verified);
    say(joined->server, "welcome");
    carry(joined->server, joined->client);
    check_hears(joined->client, "welcome");
    say_goodbye(joined);
}

/* ------------------------------------------------ accepted */

static void accepts(enum adieu_version version)
{
    struct verifier verifier = {.answer = ADIEU_LATER};
    struct joined joined = pending(version, &verifier);
    check_status(adieu_decide(joined.server, ADIEU_LATER), ADIEU_MISUSE);
    check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_OK);
    check_status(adieu_decide(joined.server, ADIEU_REFUSE), ADIEU_MISUSE); /* one decision is all */
    assert_int_equal(adieu_awaited(joined.server), ADIEU_AWAITED_NOTHING);
    check_established(&joined, ADIEU_VERIFIED_AUTHORITY);
    assert_int_equal(verifier.asked, 1);
    part(&joined);
}

static void a_server_may_decide_later(void **state)
{
    (void)state;
    for_versions(accepts);
}

static void accepts_a_stranger(enum adieu_version version)
{
    struct authority others = authority_new("nobody's authority");
    struct issued stranger;
    authority_issue(&others, "DNS:stranger", -1, 5, &stranger);
    struct verifier verifier = {.answer = ADIEU_LATER};
    struct adieu_config *client = client_config(version);
    identify(client, &stranger);
    struct joined joined = join(client, asking_server(version, &verifier), HOST);
    shake(&joined);
    check_pending(&joined);
    assert_false(verifier.verified);
    check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_OK);
    check_established(&joined, ADIEU_VERIFIED_NO);
    part(&joined);
    authority_free(&others);
}

static void who_is_accepted_later_against_the_finding_is_not_verified(void **state)
{
    (void)state;
    for_versions(accepts_a_stranger);
}

/* ------------------------------------------------ pending */

/* In TLS 1.3 the client is done, and may send; it does not know that nobody listens. */
static void is_mute_and_deaf(enum adieu_version version)
{
    struct verifier verifier = {.answer = ADIEU_LATER};
    struct joined joined = pending(version, &verifier);
    size_t n = 0;
    char buf[10];
    if (version == ADIEU_TLS_1_3) {
        check_status(adieu_handshake(joined.client), ADIEU_OK);
        say(joined.client, "is anybody there?");
        carry(joined.client, joined.server);
        check_status(listen_once(joined.client), ADIEU_WAIT);
    } else {
        check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    }
    check_pending(&joined);
    check_status(adieu_read(joined.server, buf, sizeof buf, &n), ADIEU_MISUSE);
    check_status(adieu_read(joined.server, NULL, 0, &n), ADIEU_MISUSE);
    check_status(adieu_discard(joined.server, &n), ADIEU_MISUSE);
    check_status(adieu_write(joined.server, "no", 2, &n), ADIEU_MISUSE);
    check_status(adieu_shutdown(joined.server), ADIEU_MISUSE);
    assert_null(adieu_version(joined.server));
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_NO);
    assert_int_equal(adieu_ending(joined.server).phase, ADIEU_PHASE_HANDSHAKING);
    assert_int_equal(n, 0);
    check_pending(&joined);
    check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_OK);
    shake(&joined);
    check_status(adieu_handshake(joined.server), ADIEU_OK);
    if (version == ADIEU_TLS_1_3)
        check_hears(joined.server, "is anybody there?");
    part(&joined);
}

static void a_server_whose_decision_is_pending_gives_nobody_a_byte_and_takes_none(void **state)
{
    (void)state;
    for_versions(is_mute_and_deaf);
}

/* Wherever the client's flight is cut, by one byte at a time: nothing leaves before the decision. */
static void byte_by_byte(enum adieu_version version)
{
    struct verifier verifier = {.answer = ADIEU_LATER};
    struct joined joined = join(identified_client(version), asking_server(version, &verifier), HOST);
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    (void)!adieu_handshake(joined.server);
    carry(joined.server, joined.client);
    (void)!adieu_handshake(joined.client);
    while (adieu_awaited(joined.server) == ADIEU_AWAITED_NOTHING) {
        assert_int_equal(carry_some(joined.client, joined.server, 1), 1);
        check_status(adieu_handshake(joined.server), ADIEU_WAIT);
        assert_int_equal(adieu_wire_out(joined.server, NULL), 0);
    }
    assert_true(adieu_wire_out(joined.client, NULL) > 0); /* the proof has not come */
    check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_OK);
    while (adieu_wire_out(joined.client, NULL) > 1) {
        check_status(adieu_handshake(joined.server), ADIEU_WAIT);
        assert_int_equal(adieu_wire_out(joined.server, NULL), 0);
        CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_NO);
        carry_some(joined.client, joined.server, 1);
    }
    check_established(&joined, ADIEU_VERIFIED_AUTHORITY);
    assert_int_equal(verifier.asked, 1);
    part(&joined);
}

static void an_acceptance_before_the_proof_is_none_yet(void **state)
{
    (void)state;
    for_versions(byte_by_byte);
}

/* The client's Finished is wrong: found while the decision is pending, or (when == 1) after it was accepted. */
static void wrong_proof(enum adieu_version version)
{
    for (int accepted = 0; accepted < 2; accepted++) {
        struct verifier verifier = {.answer = ADIEU_LATER};
        struct joined joined = join(identified_client(version), asking_server(version, &verifier), HOST);
        (void)!adieu_handshake(joined.client);
        carry(joined.client, joined.server);
        (void)!adieu_handshake(joined.server);
        carry(joined.server, joined.client);
        (void)!adieu_handshake(joined.client);
        if (accepted) {
            carry_some(joined.client, joined.server, adieu_wire_out(joined.client, NULL) - 1);
            check_status(adieu_handshake(joined.server), ADIEU_WAIT);
            check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_OK);
        }
        carry_bent(joined.client, joined.server);
        check_refused(joined.server, ADIEU_ERR_VIOLATION, SSL_AD_BAD_RECORD_MAC);
        assert_int_equal(adieu_awaited(joined.server), ADIEU_AWAITED_NOTHING);
        check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_MISUSE);
        assert_int_equal(adieu_wire_out(joined.server, NULL), version == ADIEU_TLS_1_2 ? ALERT : SEALED_ALERT);
        carry(joined.server, joined.client);
        (void)!adieu_handshake(joined.client);
        check_status(listen_once(joined.client), ADIEU_FAIL);
        assert_int_equal(adieu_error(joined.client)->alert.number, SSL_AD_BAD_RECORD_MAC);
        part(&joined);
    }
}

static void a_wrong_proof_fails_whatever_is_decided_and_is_told(void **state)
{
    (void)state;
    for_versions(wrong_proof);
}

/* ------------------------------------------------ refused */

static void seals_in(const char *cipher)
{
    struct verifier verifier = {.answer = ADIEU_LATER};
    struct adieu_config *client = identified_client(ADIEU_TLS_1_3);
    check_status(adieu_config_ciphers(client, cipher, NULL), ADIEU_OK);
    struct joined joined = join(client, asking_server(ADIEU_TLS_1_3, &verifier), HOST);
    shake(&joined);
    check_pending(&joined);
    check_status(adieu_decide(joined.server, ADIEU_REFUSE_ACCESS), ADIEU_OK);
    check_refused(joined.server, ADIEU_ERR_REFUSED, SSL_AD_ACCESS_DENIED);
    assert_int_equal(adieu_wire_out(joined.server, NULL), SEALED_ALERT);
    carry(joined.server, joined.client);
    check_status(listen_once(joined.client), ADIEU_FAIL);
    assert_int_equal(adieu_ending(joined.client).alert_received.number, SSL_AD_ACCESS_DENIED);
    part(&joined);
}

static void a_late_refusal_is_protected_in_every_cipher(void **state)
{
    (void)state;
    seals_in("TLS_AES_128_GCM_SHA256");
    seals_in("TLS_AES_256_GCM_SHA384");
    seals_in("TLS_CHACHA20_POLY1305_SHA256");
}

static void gets_no_session(enum adieu_version version)
{
    for (int refused = 0; refused < 2; refused++) {
        static struct kept kept;
        kept.came = 0;
        struct verifier verifier = {.answer = ADIEU_LATER};
        struct adieu_config *client = identified_client(version);
        check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
        struct joined joined = join(client, asking_server(version, &verifier), HOST);
        shake(&joined);
        check_pending(&joined);
        assert_int_equal(kept.came, 0);
        check_status(adieu_decide(joined.server, refused ? ADIEU_REFUSE : ADIEU_ACCEPT), ADIEU_OK);
        shake(&joined);
        (void)listen_once(joined.client);
        assert_int_equal(kept.came > 0, !refused);
        part(&joined);
    }
}

static void a_refused_client_gets_nothing_to_resume_with(void **state)
{
    (void)state;
    for_versions(gets_no_session);
}

/* ------------------------------------------------ ends while it is pending */

static void ends_and_is_accepted(enum adieu_version version)
{
    struct verifier verifier = {.answer = ADIEU_LATER};
    struct joined joined = pending(version, &verifier);
    adieu_wire_eof(joined.server);
    check_pending(&joined);
    check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_OK);
    check_status(adieu_handshake(joined.server), ADIEU_OK);
    check_status(listen_once(joined.server), ADIEU_FAIL);
    check_receiving(joined.server, ADIEU_RECEIVING_TRUNCATED);
    part(&joined);
}

static void ends_and_is_refused(enum adieu_version version)
{
    struct verifier verifier = {.answer = ADIEU_LATER};
    struct joined joined = pending(version, &verifier);
    adieu_wire_eof(joined.server);
    check_status(adieu_decide(joined.server, ADIEU_REFUSE), ADIEU_OK);
    check_refused(joined.server, ADIEU_ERR_REFUSED, SSL_AD_BAD_CERTIFICATE);
    check_ends(joined.server, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    part(&joined);

    verifier.asked = 0;
    joined = pending(version, &verifier);
    adieu_wire_reset(joined.server, ECONNRESET);
    check_status(adieu_decide(joined.server, ADIEU_REFUSE), ADIEU_OK);
    check_refused(joined.server, ADIEU_ERR_REFUSED, 0);
    check_ends(joined.server, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_REJECTED);
    assert_int_equal(adieu_wire_out(joined.server, NULL), 0);
    part(&joined);
}

static void is_broken_off(enum adieu_version version)
{
    struct verifier verifier = {.answer = ADIEU_LATER};
    struct joined joined = pending(version, &verifier);
    adieu_abort(joined.server, ADIEU_REASON_DEADLINE);
    check_error(joined.server, ADIEU_ERR_DEADLINE);
    (void)!adieu_decide(joined.server, ADIEU_ACCEPT);
    check_status(adieu_handshake(joined.server), ADIEU_FAIL);
    check_status(listen_once(joined.server), ADIEU_FAIL);
    assert_int_equal(adieu_wire_out(joined.server, NULL), 0);
    check_ends(joined.server, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    part(&joined);
}

static void an_end_of_the_transport_waits_for_a_servers_decision(void **state)
{
    (void)state;
    for_versions(ends_and_is_accepted);
    for_versions(ends_and_is_refused);
}

static void what_is_held_does_not_leave_after_an_abort(void **state)
{
    (void)state;
    for_versions(is_broken_off);
}

/* ------------------------------------------------ resumed */

/* A client that comes back with the session of a first visit; the decision about it is pending. */
static struct joined comes_back(enum adieu_version version, struct verifier *verifier, struct kept *kept)
{
    *kept = (struct kept){.came = 0};
    verifier->answer = ADIEU_ACCEPT;
    struct adieu_config *client = identified_client(version), *server = asking_server(version, verifier);
    check_status(adieu_config_on_session(client, keep_session, kept), ADIEU_OK);
    struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
    shake_hands(&joined);
    part(&joined);
    assert_true(kept->came > 0);
    static struct kept session;
    session = *kept;
    *verifier = (struct verifier){.answer = ADIEU_LATER};
    joined = join(client, server, HOST);
    check_status(adieu_resume(joined.client, session.bytes, session.size), ADIEU_OK);
    kept->came = 0;
    shake(&joined);
    assert_int_equal(verifier->asked, 1);
    check_pending(&joined);
    return joined;
}

static void resumes_later(enum adieu_version version)
{
    static struct kept kept;
    struct verifier verifier;
    struct joined joined = comes_back(version, &verifier, &kept);
    check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_OK);
    check_established(&joined, ADIEU_VERIFIED_AUTHORITY);
    assert_true(adieu_resumed(joined.server));
    assert_int_equal(verifier.asked, 1);
    part(&joined);
}

static void a_client_that_resumes_is_decided_about_later(void **state)
{
    (void)state;
    for_versions(resumes_later);
}

/* TLS 1.2: the server's Finished has gone before, and our alert cannot be sealed; nothing at all follows. */
static void is_not_resumed(enum adieu_version version)
{
    static struct kept kept;
    struct verifier verifier;
    struct joined joined = comes_back(version, &verifier, &kept);
    check_status(adieu_decide(joined.server, ADIEU_REFUSE_REVOKED), ADIEU_OK);
    check_refused(joined.server, ADIEU_ERR_REFUSED, 0);
    check_ends(joined.server, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    assert_int_equal(adieu_wire_out(joined.server, NULL), version == ADIEU_TLS_1_2 ? 0 : SEALED_ALERT);
    carry(joined.server, joined.client);
    (void)!listen_once(joined.client);
    if (version == ADIEU_TLS_1_3)
        assert_int_equal(adieu_ending(joined.client).alert_received.number, SSL_AD_CERTIFICATE_REVOKED);
    assert_int_equal(kept.came, 0);
    part(&joined);
}

static void a_client_that_resumes_and_is_refused_gets_no_session_more(void **state)
{
    (void)state;
    for_versions(is_not_resumed);
}

/* OpenSSL's own alert, sealed as the client expects it, where nothing else was held. */
static void bad_return(enum adieu_version version)
{
    static struct kept kept;
    struct verifier verifier = {.answer = ADIEU_ACCEPT};
    struct adieu_config *client = identified_client(version), *server = asking_server(version, &verifier);
    struct joined joined = joined_again(client, server, &kept);
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    (void)!adieu_handshake(joined.server);
    carry(joined.server, joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_OK);
    carry_bent(joined.client, joined.server);
    check_refused(joined.server, ADIEU_ERR_VIOLATION, SSL_AD_BAD_RECORD_MAC);
    carry(joined.server, joined.client);
    check_status(listen_once(joined.client), ADIEU_FAIL);
    check_error(joined.client, ADIEU_ERR_ALERTED);
    assert_int_equal(adieu_ending(joined.client).alert_received.number, SSL_AD_BAD_RECORD_MAC);
    part(&joined);
}

static void a_client_that_resumes_badly_is_told(void **state)
{
    (void)state;
    for_versions(bad_return);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_may_decide_later),
        cmocka_unit_test(who_is_accepted_later_against_the_finding_is_not_verified),
        cmocka_unit_test(a_server_whose_decision_is_pending_gives_nobody_a_byte_and_takes_none),
        cmocka_unit_test(an_acceptance_before_the_proof_is_none_yet),
        cmocka_unit_test(a_wrong_proof_fails_whatever_is_decided_and_is_told),
        cmocka_unit_test(a_late_refusal_is_protected_in_every_cipher),
        cmocka_unit_test(a_refused_client_gets_nothing_to_resume_with),
        cmocka_unit_test(an_end_of_the_transport_waits_for_a_servers_decision),
        cmocka_unit_test(what_is_held_does_not_leave_after_an_abort),
        cmocka_unit_test(a_client_that_resumes_is_decided_about_later),
        cmocka_unit_test(a_client_that_resumes_and_is_refused_gets_no_session_more),
        cmocka_unit_test(a_client_that_resumes_badly_is_told),
    };
    return cmocka_run_group_tests_name("engine later", tests, setup_authority, teardown_authority);
}
