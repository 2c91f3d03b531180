/* SPDX-License-Identifier: MIT */
/*
 * The client's own session cache: who reconnects resumes by himself, as long as he is the same and asks the same server, and the
 * conversation before broke no trust (scenarios S13 and S78).
 */
#include "joined.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "adieu_openssl.h"

static struct adieu_config *caching(enum adieu_version version, unsigned sessions)
{
    struct adieu_config *client = client_config(version);
    check_status(adieu_config_session_cache(client, sessions), ADIEU_OK);
    return client;
}

static struct joined connect_to(struct adieu_config *client, struct adieu_config *server, const char *name)
{
    return join(adieu_config_ref(client), adieu_config_ref(server), name);
}

/* A whole conversation with a proper close; whether it was resumed. */
static bool converse_with(struct adieu_config *client, struct adieu_config *server, const char *name)
{
    struct joined joined = connect_to(client, server, name);
    shake_hands(&joined);
    bool resumed = adieu_resumed(joined.client);
    assert_int_equal(adieu_resumed(joined.server), resumed);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_NAME);
    say_goodbye(&joined);
    part(&joined);
    return resumed;
}

static bool converse(struct adieu_config *client, struct adieu_config *server)
{
    return converse_with(client, server, HOST);
}

static void free_both(struct adieu_config *client, struct adieu_config *server)
{
    adieu_config_free(client);
    adieu_config_free(server);
}

/* ------------------------------------------------ S13: on and off */

static void after_a_close(enum adieu_version version)
{
    struct adieu_config *client = caching(version, 8), *server = server_config(version);
    assert_false(converse(client, server));
    for (int round = 0; round < 5; round++)
        assert_true(converse(client, server));
    free_both(client, server);
}

static void s13_who_comes_back_after_a_proper_close_resumes(void **state)
{
    (void)state;
    for_versions(after_a_close);
}

static void off(enum adieu_version version)
{
    enum { ROUNDS = 3 };
    struct adieu_config *client = client_config(version), *server = server_config(version);
    struct adieu_config *switched = caching(version, 8), *mute = server_config(version);
    check_status(adieu_config_session_cache(switched, 0), ADIEU_OK);
    check_status(adieu_config_tickets(mute, 0), ADIEU_OK);
    struct adieu_config *keen = caching(version, 8);
    for (int round = 0; round < ROUNDS; round++) {
        assert_false(converse(client, server));
        assert_false(converse(switched, server));
        assert_false(converse(keen, mute));
    }
    for (int round = 0; round < 2; round++) /* and on again: within two */
        assert_int_equal(converse(keen, server), round == 1);
    free_both(client, server);
    free_both(switched, mute);
    adieu_config_free(keen);
}

static void s13_off_on_either_side_nothing_is_resumed_and_on_again_it_is(void **state)
{
    (void)state;
    for_versions(off);
}

/* ------------------------------------------------ S13: another host, certificate, protocol, trust */

static void other_host(enum adieu_version version)
{
    struct issued both;
    authority_issue(&the_authority, "DNS:" HOST ",DNS:other.example", -1, 5, &both);
    struct adieu_config *client = caching(version, 8), *server = adieu_config_new();
    identify(server, &both);
    assert_false(converse(client, server));
    assert_false(converse_with(client, server, "other.example"));
    assert_true(converse_with(client, server, "OTHER.example."));
    assert_true(converse(client, server));
    free_both(client, server);
}

static void s13_a_session_is_of_one_host(void **state)
{
    (void)state;
    for_versions(other_host);
}

enum difference { SAME, OTHER_IDENTITY, OTHER_PROTOCOLS, OTHER_TRUST };

/* A config that shares the cache with another, and differs in this. */
static struct adieu_config *like(struct adieu_config *client, enum adieu_version version, enum difference difference)
{
    static const char *const protocols[] = {"h2", "http/1.1"};
    struct adieu_config *other = client_config(version);
    struct issued identity;
    if (difference == OTHER_IDENTITY) {
        authority_issue(&the_authority, "DNS:client", -1, 5, &identity);
        identify(other, &identity);
    }
    if (difference == OTHER_PROTOCOLS)
        check_status(adieu_config_alpn(other, protocols, 2), ADIEU_OK);
    if (difference == OTHER_TRUST)
        trust(other, &the_authority); /* once more is not the same */
    check_status(adieu_config_carry(other, client), ADIEU_OK);
    return other;
}

static void differences(enum adieu_version version)
{
    for (enum difference difference = SAME; difference <= OTHER_TRUST; difference++) {
        struct adieu_config *client = caching(version, 8), *server = server_config(version);
        struct adieu_config *other = like(client, version, difference);
        assert_false(converse(client, server));
        assert_int_equal(converse(other, server), difference == SAME);
        assert_true(converse(client, server)); /* what is his is still there */
        assert_true(converse(other, server));
        free_both(client, server);
        adieu_config_free(other);
    }
}

static void s13_another_certificate_protocol_or_trust_does_not_resume(void **state)
{
    (void)state;
    for_versions(differences);
}

/* By hand neither. */
static void by_hand(enum adieu_version version)
{
    for (enum difference difference = SAME; difference <= OTHER_TRUST; difference++) {
        struct kept kept = {.came = 0};
        struct adieu_config *client = client_config(version), *server = server_config(version);
        check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
        assert_false(converse(client, server));
        struct joined joined = join(like(client, version, difference), adieu_config_ref(server), HOST);
        check_status(adieu_resume(joined.client, kept.bytes, kept.size), difference == SAME ? ADIEU_OK : ADIEU_FAIL);
        shake_hands(&joined);
        assert_int_equal(adieu_resumed(joined.client), difference == SAME);
        part(&joined);
        free_both(client, server);
    }
}

static void s13_nor_does_it_by_hand(void **state)
{
    (void)state;
    for_versions(by_hand);
}

static void a_config_that_speaks_another_version_does_not_resume(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct adieu_config *client = caching(versions[i], 8), *server = server_config(0);
        struct adieu_config *other = like(client, versions[1 - i], SAME);
        assert_false(converse(client, server));
        assert_false(converse(other, server));
        free_both(client, server);
        adieu_config_free(other);
    }
}

/* ------------------------------------------------ S78: how the conversation ended */

enum end { CLEAN, HALF_CLOSED, TRUNCATED, RESET, ABORTED, FREED, ALERTED, VIOLATED, REFUSED, ENDS };

static const char *const end_names[] = {"clean", "half-closed", "truncated", "reset",  "aborted",
                                        "freed", "alerted",     "violated",  "refused"};

/* What a server says that broke off: a byte of the client's was bent. */
static void have_server_give_up(struct joined *joined)
{
    say(joined->client, "x");
    carry_bent(joined->client, joined->server);
    check_status(listen_once(joined->server), ADIEU_FAIL);
    carry(joined->server, joined->client);
    check_status(listen_once(joined->client), ADIEU_FAIL);
    check_error(joined->client, ADIEU_ERR_ALERTED);
}

static void end_by(struct joined *joined, enum end end)
{
    switch (end) {
    case CLEAN:
        say_goodbye(joined);
        break;
    case HALF_CLOSED:
        check_status(adieu_shutdown(joined->client), ADIEU_OK);
        break;
    case TRUNCATED:
        adieu_wire_eof(joined->client);
        check_status(listen_once(joined->client), ADIEU_FAIL);
        check_error(joined->client, ADIEU_ERR_TRUNCATED);
        break;
    case RESET:
        adieu_wire_reset(joined->client, 104);
        check_status(listen_once(joined->client), ADIEU_FAIL);
        check_error(joined->client, ADIEU_ERR_RESET);
        break;
    case ABORTED:
        adieu_abort(joined->client, ADIEU_REASON_REQUEST);
        break;
    case ALERTED:
        have_server_give_up(joined);
        break;
    case VIOLATED:
        say(joined->server, "x");
        carry_bent(joined->server, joined->client);
        check_status(listen_once(joined->client), ADIEU_FAIL);
        check_error(joined->client, ADIEU_ERR_VIOLATION);
        break;
    case FREED:
    case REFUSED:
    case ENDS:
        break;
    }
    part(joined);
}

static void first_ends(enum adieu_version version)
{
    for (enum end end = CLEAN; end < REFUSED; end++) {
        struct adieu_config *client = caching(version, 8), *server = server_config(version);
        struct joined joined = connect_to(client, server, HOST);
        shake_hands(&joined);
        end_by(&joined, end);
        bool resumed = converse(client, server);
        check_that(resumed == (end < ALERTED), "%s: %s", end_names[end], resumed ? "resumed" : "not resumed");
        free_both(client, server);
    }
}

static void s78_what_a_stream_got_is_kept_unless_it_broke(void **state)
{
    (void)state;
    for_versions(first_ends);
}

/* The second conversation resumes and then ends in this way; a third comes. */
static void second_ends(enum adieu_version version)
{
    for (enum end end = CLEAN; end < REFUSED; end++) {
        struct adieu_config *client = caching(version, 8), *server = server_config(version);
        check_status(adieu_config_tickets(server, 1), ADIEU_OK);
        assert_false(converse(client, server));
        struct joined joined = connect_to(client, server, HOST);
        shake_hands(&joined);
        assert_true(adieu_resumed(joined.client));
        end_by(&joined, end);
        bool resumed = converse(client, server);
        check_that(resumed == (end < ALERTED), "%s: %s", end_names[end], resumed ? "resumed" : "not resumed");
        free_both(client, server);
    }
}

static void s78_what_a_stream_resumed_is_kept_unless_it_broke(void **state)
{
    (void)state;
    for_versions(second_ends);
}

/* A break drops what is its own, and of others nothing. */
static void two_at_once(enum adieu_version version)
{
    struct adieu_config *client = caching(version, 8), *server = server_config(version);
    struct joined broken = connect_to(client, server, HOST), whole = connect_to(client, server, HOST);
    (void)!adieu_handshake(whole.client); /* before there is anything to resume */
    shake_hands(&broken);
    shake_hands(&whole);
    end_by(&broken, VIOLATED);
    end_by(&whole, CLEAN);
    assert_true(converse(client, server));
    free_both(client, server);
}

static void s78_a_break_drops_its_own_sessions_only(void **state)
{
    (void)state;
    for_versions(two_at_once);
}

static enum adieu_decision decide_as_told(void *context, const struct adieu_stream *s, bool verified,
                                          const char *problem, const uint8_t *leaf, size_t leaf_size)
{
    (void)s, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    return *(const enum adieu_decision *)context;
}

/* A resumption that the program refuses: the session is gone, so that the next one sees the certificate. */
static void refused(enum adieu_version version)
{
    enum adieu_decision decision = ADIEU_ACCEPT;
    struct adieu_config *client = caching(version, 8), *server = server_config(version);
    check_status(adieu_config_insecure_on_verify(client, decide_as_told, &decision), ADIEU_OK);
    check_status(adieu_config_tickets(server, 1), ADIEU_OK);
    assert_false(converse(client, server));
    decision = ADIEU_REFUSE;
    struct joined joined = connect_to(client, server, HOST);
    shake(&joined);
    check_refused(joined.client, ADIEU_ERR_REFUSED, 0);
    part(&joined);
    decision = ADIEU_ACCEPT;
    assert_false(converse(client, server));
    assert_true(converse(client, server));
    free_both(client, server);
}

static void s78_a_refusal_drops_the_session(void **state)
{
    (void)state;
    for_versions(refused);
}

/* ------------------------------------------------ order and bounds */

/* How many of this server's tickets are offered before they are used up. */
static unsigned offered(struct adieu_config *client, const char *name)
{
    unsigned count = 0;
    for (bool more = true; more && count < 20; count += more) {
        struct adieu_stream *s = adieu_client(client, name);
        (void)!adieu_handshake(s);
        SSL_SESSION *session = SSL_get_session(adieu_openssl_ssl(s));
        more = session && SSL_SESSION_has_ticket(session);
        adieu_free(s);
    }
    return count;
}

/* No ticket of TLS 1.3 is shown twice. */
static void tickets_are_used_once(void **state)
{
    (void)state;
    struct adieu_config *client = caching(ADIEU_TLS_1_3, 8), *server = server_config(ADIEU_TLS_1_3);
    check_status(adieu_config_tickets(server, 2), ADIEU_OK);
    assert_false(converse(client, server));
    assert_int_equal(offered(client, HOST), 2);
    assert_int_equal(offered(client, HOST), 0);
    free_both(client, server);
}

/* At most 4 of one server, and as many as there are in all: the oldest go. */
static void bounds(enum adieu_version version)
{
    static const char *const names[] = {"a.example", "b.example", "c.example"};
    struct issued all;
    authority_issue(&the_authority, "DNS:a.example,DNS:b.example,DNS:c.example", -1, 5, &all);
    struct adieu_config *client = caching(version, 2), *server = adieu_config_new();
    identify(server, &all);
    check_status(adieu_config_tickets(server, 1), ADIEU_OK);
    for (int i = 0; i < 3; i++)
        assert_false(converse_with(client, server, names[i]));
    assert_true(converse_with(client, server, names[2]));
    assert_true(converse_with(client, server, names[1]));
    assert_false(converse_with(client, server, names[0]));
    free_both(client, server);
}

static void the_oldest_sessions_make_room(void **state)
{
    (void)state;
    for_versions(bounds);
}

static void one_server_does_not_push_out_the_others(void **state)
{
    (void)state;
    struct issued both;
    authority_issue(&the_authority, "DNS:" HOST ",DNS:other.example", -1, 5, &both);
    struct adieu_config *client = caching(ADIEU_TLS_1_3, 8), *server = adieu_config_new();
    identify(server, &both);
    check_status(adieu_config_tickets(server, 2), ADIEU_OK);
    struct adieu_config *generous = server_config(ADIEU_TLS_1_3);
    check_status(adieu_config_tickets(generous, 16), ADIEU_OK);
    assert_false(converse_with(client, server, "other.example"));
    assert_false(converse(client, generous));
    assert_int_equal(offered(client, "other.example"), 2);
    assert_int_equal(offered(client, HOST), 4);
    assert_int_equal(offered(client, HOST), 0);
    free_both(client, server);
    adieu_config_free(generous);
}

static void who_shakes_no_hands_takes_no_ticket(void **state)
{
    (void)state;
    struct adieu_config *client = caching(ADIEU_TLS_1_3, 8), *server = server_config(ADIEU_TLS_1_3);
    assert_false(converse(client, server));
    for (int i = 0; i < 5; i++)
        adieu_free(adieu_client(client, HOST));
    assert_true(converse(client, server));
    free_both(client, server);
}

static void a_number_of_sessions_has_a_bound(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    check_status(adieu_config_session_cache(config, 4097), ADIEU_FAIL);
    CHECK_NAMED(adieu_error_code_name, adieu_config_error(config)->code, ADIEU_ERR_ARGUMENT);
    check_status(adieu_config_session_cache(config, 4096), ADIEU_OK);
    adieu_config_free(config);
}

/* ------------------------------------------------ beside the other ways */

static void beside_the_program(enum adieu_version version)
{
    struct kept kept = {.came = 0}, before;
    struct adieu_config *client = caching(version, 8), *server = server_config(version),
                        *other = server_config(version);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    assert_false(converse(client, server));
    assert_int_equal(kept.came, version == ADIEU_TLS_1_3 ? 2 : 1);
    before = kept;
    assert_false(converse(client, other)); /* its sessions are now the newest */
    struct joined joined = connect_to(client, server, HOST);
    check_status(adieu_resume(joined.client, before.bytes, before.size), ADIEU_OK);
    shake_hands(&joined);
    assert_true(adieu_resumed(joined.client)); /* by hand: the cache would have offered the other's */
    part(&joined);
    free_both(client, server);
    adieu_config_free(other);
}

static void a_session_by_hand_comes_first_and_on_session_is_told_of_all(void **state)
{
    (void)state;
    for_versions(beside_the_program);
}

static void a_pin_alone(enum adieu_version version)
{
    uint8_t pin[ADIEU_PIN_SIZE];
    identity_pin(&the_identity, pin);
    struct adieu_config *client = adieu_config_new(), *server = server_config(version);
    check_status(adieu_config_trust_pin(client, pin), ADIEU_OK);
    check_status(adieu_config_session_cache(client, 8), ADIEU_OK);
    for (int round = 0; round < 4; round++) {
        const char *name = round < 2 ? NULL : HOST;
        struct joined joined = connect_to(client, server, name);
        shake_hands(&joined);
        assert_int_equal(adieu_resumed(joined.client), round == 3); /* without a name nothing is kept or taken */
        CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), ADIEU_VERIFIED_PIN);
        part(&joined);
    }
    free_both(client, server);
}

static void a_stream_without_a_name_has_no_cache(void **state)
{
    (void)state;
    for_versions(a_pin_alone);
}

static void carried(enum adieu_version version)
{
    struct adieu_config *client = caching(version, 8), *server = server_config(version);
    assert_false(converse(client, server));
    struct adieu_config *next = like(client, version, SAME);
    adieu_config_free(client); /* the cache lives as long as one that has it */
    assert_true(converse(next, server));
    struct adieu_config *off = like(next, version, SAME);
    check_status(adieu_config_session_cache(off, 0), ADIEU_OK);
    assert_false(converse(off, server));
    assert_true(converse(next, server));
    free_both(next, server);
    adieu_config_free(off);
}

static void a_cache_carries_over(void **state)
{
    (void)state;
    for_versions(carried);
}

/* ------------------------------------------------ in threads */

enum { THREADS = 4, ROUNDS = 30 };

struct shared {
    struct adieu_config *client[2], *server; /* the clients share one cache */
    atomic_uint resumed, wrong;
};

/* Without cmocka, which knows one thread only. */
static bool visit(struct shared *shared, unsigned round)
{
    static const char *const names[] = {HOST, "127.0.0.1"};
    struct joined joined = {adieu_client(shared->client[round % 2], names[round / 2 % 2]),
                            adieu_server(shared->server)};
    shake(&joined);
    bool right = adieu_handshake(joined.client) == ADIEU_OK && adieu_handshake(joined.server) == ADIEU_OK &&
                 adieu_verified(joined.client) == ADIEU_VERIFIED_NAME;
    (void)listen_once(joined.client);
    shared->resumed += right && adieu_resumed(joined.client);
    if (right && round % 5 == 0)
        end_by(&joined, ABORTED);
    else if (right && round % 7 == 0)
        adieu_wire_out_failed(joined.client, 32), part(&joined);
    else
        part(&joined);
    return right;
}

/* A record that breaks: sessions are dropped while others take theirs. */
static bool break_one(struct shared *shared)
{
    struct joined joined = {adieu_client(shared->client[0], HOST), adieu_server(shared->server)};
    size_t took = 0;
    shake(&joined);
    (void)listen_once(joined.client);
    bool right = adieu_write(joined.server, "x", 1, &took) == ADIEU_OK;
    uint8_t *at = NULL;
    const uint8_t *out = NULL;
    size_t n = adieu_wire_out(joined.server, &out), room = adieu_wire_in(joined.client, &at);
    right = right && n > 0 && room >= n;
    if (right) {
        memcpy(at, out, n);
        at[n - 1] ^= 1;
        adieu_wire_in_done(joined.client, n);
        right = listen_once(joined.client) == ADIEU_FAIL;
    }
    part(&joined);
    return right;
}

static void *in_a_thread(void *arg)
{
    struct shared *shared = arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        shared->wrong += !visit(shared, round);
        if (round % 6 == 0)
            shared->wrong += !break_one(shared);
    }
    return NULL;
}

static void threads(enum adieu_version version)
{
    struct shared shared = {.client = {caching(version, 6)}, .server = server_config(version)};
    shared.client[1] = like(shared.client[0], version, SAME);
    for (int i = 0; i < 2; i++)
        adieu_free(adieu_client(shared.client[i], HOST)); /* shared between threads only once it is frozen */
    adieu_free(adieu_server(shared.server));
    pthread_t ids[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, in_a_thread, &shared), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(ids[i], NULL), 0);
    assert_int_equal(shared.wrong, 0);
    check_that(shared.resumed > THREADS * ROUNDS / 4, "only %u were resumed", shared.resumed);
    adieu_config_free(shared.client[0]);
    free_both(shared.client[1], shared.server);
}

static void streams_of_several_threads_share_a_cache(void **state)
{
    (void)state;
    for_versions(threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s13_who_comes_back_after_a_proper_close_resumes),
        cmocka_unit_test(s13_off_on_either_side_nothing_is_resumed_and_on_again_it_is),
        cmocka_unit_test(s13_a_session_is_of_one_host),
        cmocka_unit_test(s13_another_certificate_protocol_or_trust_does_not_resume),
        cmocka_unit_test(s13_nor_does_it_by_hand),
        cmocka_unit_test(a_config_that_speaks_another_version_does_not_resume),
        cmocka_unit_test(s78_what_a_stream_got_is_kept_unless_it_broke),
        cmocka_unit_test(s78_what_a_stream_resumed_is_kept_unless_it_broke),
        cmocka_unit_test(s78_a_break_drops_its_own_sessions_only),
        cmocka_unit_test(s78_a_refusal_drops_the_session),
        cmocka_unit_test(tickets_are_used_once),
        cmocka_unit_test(the_oldest_sessions_make_room),
        cmocka_unit_test(one_server_does_not_push_out_the_others),
        cmocka_unit_test(who_shakes_no_hands_takes_no_ticket),
        cmocka_unit_test(a_number_of_sessions_has_a_bound),
        cmocka_unit_test(a_session_by_hand_comes_first_and_on_session_is_told_of_all),
        cmocka_unit_test(a_stream_without_a_name_has_no_cache),
        cmocka_unit_test(a_cache_carries_over),
        cmocka_unit_test(streams_of_several_threads_share_a_cache),
    };
    return cmocka_run_group_tests_name("engine cache", tests, setup_authority, teardown_authority);
}
