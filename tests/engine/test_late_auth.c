/* SPDX-License-Identifier: MIT */
/* A client's certificate asked for behind the handshake (S37): data goes on, and nothing counts before all of it is proved. */
#include "late.h"

#include <openssl/ssl.h>

#include "adieu_openssl.h"

/* ------------------------------------------------ answers */

static void a_certificate_may_be_asked_for_late_and_again(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(member_client(0), late_server(0), &answers);
    for (unsigned round = 1; round <= 3; round++) {
        ask_and_answer(&joined);
        check_status(adieu_ask_certificate(joined.server), ADIEU_MISUSE); /* one at a time */
        assert_int_equal(answers, round - 1);
        carry(joined.client, joined.server);
        check_status(listen_once(joined.server), ADIEU_WAIT);
        assert_int_equal(answers, round);
        check_shown(&joined, &the_identity);
        assert_int_equal(adieu_wire_out(joined.server, NULL), 0); /* no ticket remembers it */
    }
    say_goodbye(&joined);
    part(&joined);
}

static void a_client_with_nothing_to_show_leaves_the_connection_usable(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(empty_handed_client(), late_server(0), &answers);
    for (unsigned round = 1; round <= 2; round++) {
        ask_and_answer(&joined);
        carry(joined.client, joined.server);
        check_status(listen_once(joined.server), ADIEU_WAIT);
        assert_int_equal(answers, round);
        CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_NO);
        assert_int_equal(adieu_peer_certificate(joined.server, NULL, 0), 0);
    }
    say(joined.client, "still here");
    carry(joined.client, joined.server);
    check_hears(joined.server, "still here");
    say_goodbye(&joined);
    part(&joined);
}

static void data_goes_on_both_ways_while_it_is_asked(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(member_client(0), late_server(0), &answers);
    say(joined.server, "before");
    say(joined.client, "from before");
    check_status(adieu_ask_certificate(joined.server), ADIEU_OK);
    say(joined.server, "behind");
    say(joined.client, "from behind"); /* sealed before the client has read the request */
    carry(joined.server, joined.client);
    check_hears(joined.client, "beforebehind");
    say(joined.client, "after the answer");
    carry(joined.client, joined.server);
    check_hears(joined.server, "from beforefrom behind");
    assert_int_equal(answers, 0);
    check_hears(joined.server, "after the answer");
    assert_int_equal(answers, 1);
    check_shown(&joined, &the_identity);
    say_goodbye(&joined);
    part(&joined);
}

/* ------------------------------------------------ until all is proved */

static void nothing_of_an_answer_counts_before_all_of_it_came(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(member_client(0), late_server(0), &answers);
    for (unsigned round = 0; round < 2; round++) { /* the second time there is something from before */
        ask_and_answer(&joined);
        size_t size = adieu_wire_out(joined.client, NULL);
        bool begun = false;
        while (adieu_wire_out(joined.client, NULL) > 1) {
            carry_some(joined.client, joined.server, 1);
            check_status(listen_once(joined.server), ADIEU_WAIT);
            bool stands = adieu_verified(joined.server) == ADIEU_VERIFIED_AUTHORITY;
            begun = begun || !stands;
            assert_int_equal(stands, round && !begun); /* what was proved before stands until the next answer begins */
            assert_int_equal(adieu_peer_certificate(joined.server, NULL, 0) > 0, stands);
            assert_int_equal(answers, round);
        }
        assert_true(size > 500 && begun);
        carry(joined.client, joined.server);
        check_status(listen_once(joined.server), ADIEU_WAIT);
        assert_int_equal(answers, round + 1);
        check_shown(&joined, &the_identity);
    }
    part(&joined);
}

static void who_shows_nothing_the_second_time_is_not_verified_any_more(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(member_client(0), late_server(0), &answers);
    ask_and_answer(&joined);
    carry(joined.client, joined.server);
    check_status(listen_once(joined.server), ADIEU_WAIT);
    check_shown(&joined, &the_identity);
    SSL_certs_clear(adieu_openssl_ssl(joined.client));
    ask_and_answer(&joined);
    check_shown(&joined, &the_identity); /* until the answer comes */
    carry(joined.client, joined.server);
    check_status(listen_once(joined.server), ADIEU_WAIT);
    assert_int_equal(answers, 2);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_NO);
    assert_int_equal(adieu_peer_certificate(joined.server, NULL, 0), 0);
    say_goodbye(&joined);
    part(&joined);
}

static void a_write_completes_an_answer_as_a_read_does(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(member_client(0), late_server(0), &answers);
    ask_and_answer(&joined);
    carry_some(joined.client, joined.server, adieu_wire_out(joined.client, NULL) - 1);
    check_status(listen_once(joined.server), ADIEU_WAIT);
    size_t took = 0;
    check_status(adieu_write(joined.server, "x", 1, &took), ADIEU_WAIT); /* not inside an answer */
    check_status(adieu_shutdown(joined.server), ADIEU_OK);               /* but it is due */
    check_sending(joined.server, ADIEU_SENDING_CLOSING);
    carry(joined.client, joined.server);
    check_status(listen_once(joined.server), ADIEU_WAIT);
    assert_int_equal(answers, 1);
    carry(joined.server, joined.client);
    check_status(listen_once(joined.client), ADIEU_END);
    part(&joined);

    joined = shaken(member_client(0), late_server(0), &answers);
    ask_and_answer(&joined);
    carry_some(joined.client, joined.server, adieu_wire_out(joined.client, NULL) - 1);
    check_status(listen_once(joined.server), ADIEU_WAIT);
    carry(joined.client, joined.server);
    say(joined.server, "written");
    assert_int_equal(answers, 1);
    check_shown(&joined, &the_identity);
    part(&joined);
}

static void a_wrong_proof_is_a_violation(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(member_client(0), late_server(0), &answers);
    ask_and_answer(&joined);
    carry_bent(joined.client, joined.server);
    check_status(listen_once(joined.server), ADIEU_FAIL);
    check_error(joined.server, ADIEU_ERR_VIOLATION);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_NO);
    assert_int_equal(adieu_peer_certificate(joined.server, NULL, 0), 0);
    assert_int_equal(answers, 0);
    part(&joined);
}

/* ------------------------------------------------ refused */

static void a_certificate_of_nobodys_authority_is_refused_by_the_read(void **state)
{
    (void)state;
    struct authority others = authority_new("nobody's authority");
    struct issued stranger;
    authority_issue(&others, "DNS:stranger", -1, 5, &stranger);
    struct adieu_config *client = client_config(0);
    identify(client, &stranger);
    unsigned answers;
    struct joined joined = shaken(client, late_server(0), &answers);
    ask_and_answer(&joined);
    check_read_refuses(&joined, 48);
    assert_int_equal(answers, 0);
    part(&joined);
    authority_free(&others);
}

struct verifier {
    enum adieu_decision answer;
    unsigned asked;
};

static enum adieu_decision answer(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                  const uint8_t *leaf, size_t leaf_size)
{
    (void)stream, (void)verified, (void)problem, (void)leaf, (void)leaf_size;
    struct verifier *verifier = context;
    verifier->asked++;
    return verifier->answer;
}

static void the_program_decides_at_once_or_refuses(void **state)
{
    (void)state;
    static const struct {
        enum adieu_decision answer;
        int alert;
    } refusals[] = {{ADIEU_REFUSE, 42},
                    {ADIEU_LATER, 42},
                    {ADIEU_REFUSE_REVOKED, 44},
                    {ADIEU_REFUSE_UNKNOWN, 46},
                    {ADIEU_REFUSE_ACCESS, 42}};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct verifier verifier = {.answer = refusals[i].answer};
        struct adieu_config *server = late_server(0);
        check_status(adieu_config_insecure_on_verify(server, answer, &verifier), ADIEU_OK);
        unsigned answers;
        struct joined joined = shaken(member_client(0), server, &answers);
        assert_int_equal(verifier.asked, 0);
        ask_and_answer(&joined);
        check_read_refuses(&joined, refusals[i].alert);
        assert_int_equal(verifier.asked, 1);
        assert_int_equal(adieu_awaited(joined.server), ADIEU_AWAITED_NOTHING);
        part(&joined);
    }
}

/* A decision is good for one question: that about a resumed session is none about the certificate that comes late. */
static void a_decision_of_the_handshake_is_not_used_again(void **state)
{
    (void)state;
    static struct kept kept;
    struct verifier verifier = {.answer = ADIEU_ACCEPT};
    struct adieu_config *client = member_client(0), *server = late_server(0), *before = server_config(0);
    trust(before, &the_authority);
    check_status(adieu_config_client_auth(before, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    check_status(adieu_config_carry(server, before), ADIEU_OK);
    check_status(adieu_config_insecure_on_verify(server, answer, &verifier), ADIEU_OK);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    struct joined joined = join(adieu_config_ref(client), before, HOST);
    shake_hands(&joined);
    part(&joined);
    joined = join(client, server, HOST);
    check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_OK);
    verifier.answer = ADIEU_LATER;
    shake(&joined);
    assert_int_equal(adieu_awaited(joined.server), ADIEU_AWAITED_VERIFY);
    check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_OK);
    shake_hands(&joined);
    assert_true(adieu_resumed(joined.server));
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_AUTHORITY);
    assert_int_equal(verifier.asked, 1);
    verifier.answer = ADIEU_REFUSE;
    ask_and_answer(&joined);
    check_read_refuses(&joined, 42);
    assert_int_equal(verifier.asked, 2);
    part(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_may_be_asked_for_late_and_again),
        cmocka_unit_test(a_client_with_nothing_to_show_leaves_the_connection_usable),
        cmocka_unit_test(data_goes_on_both_ways_while_it_is_asked),
        cmocka_unit_test(nothing_of_an_answer_counts_before_all_of_it_came),
        cmocka_unit_test(who_shows_nothing_the_second_time_is_not_verified_any_more),
        cmocka_unit_test(a_write_completes_an_answer_as_a_read_does),
        cmocka_unit_test(a_wrong_proof_is_a_violation),
        cmocka_unit_test(a_certificate_of_nobodys_authority_is_refused_by_the_read),
        cmocka_unit_test(the_program_decides_at_once_or_refuses),
        cmocka_unit_test(a_decision_of_the_handshake_is_not_used_again),
    };
    return cmocka_run_group_tests_name("engine late auth", tests, setup_authority, teardown_authority);
}
