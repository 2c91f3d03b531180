/* SPDX-License-Identifier: MIT */
/* What an answer to a late request for a certificate is worth, and until when it is awaited. */
#include "late.h"

static void answer_completely(struct joined *joined)
{
    ask_and_answer(joined);
    carry(joined->client, joined->server);
    check_status(listen_once(joined->server), ADIEU_WAIT);
}

/* A bound within one read is no bound of a stream's life. */
static void who_asks_now_and_then_is_always_answered(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(member_client(0), late_server(0), &answers);
    for (unsigned asked = 1; asked <= 12; asked++) {
        answer_completely(&joined);
        assert_int_equal(answers, asked);
        check_shown(&joined, &the_identity);
    }
    part(&joined);
}

/* An answer without a certificate has a context in TLS 1.3, and is longer than an empty one of the handshake. */
static void an_empty_answer_shows_nothing_of_ours(void **state)
{
    (void)state;
    struct issued unusual;
    unsigned answers;
    authority_issue_key(&the_authority, "DNS:client", EVP_EC_gen("secp256k1"), -1, 5, &unusual);
    struct adieu_config *client = client_config(0);
    identify(client, &unusual);
    struct joined joined = shaken(client, late_server(0), &answers);
    answer_completely(&joined);
    assert_int_equal(answers, 1);
    assert_int_equal(adieu_peer_certificate(joined.server, NULL, 0), 0);
    assert_int_equal(adieu_own_certificate(joined.client, NULL, 0), 0);
    part(&joined);

    joined = shaken(member_client(0), late_server(0), &answers);
    answer_completely(&joined);
    assert_true(adieu_own_certificate(joined.client, NULL, 0) > 0);
    part(&joined);
}

/* The chain is a part of the answer, too. */
static void no_part_of_an_unproved_chain_is_told(void **state)
{
    (void)state;
    unsigned answers;
    struct issued with_root = the_identity;
    with_root.chain.size = (size_t)snprintf(with_root.chain.text, sizeof with_root.chain.text, "%s%s",
                                            the_identity.chain.text, the_authority.pem.text);
    assert_in_range(with_root.chain.size, 1, sizeof with_root.chain.text - 1);
    struct adieu_config *client = client_config(0);
    identify(client, &with_root);
    struct joined joined = shaken(client, late_server(0), &answers);
    ask_and_answer(&joined);
    while (adieu_wire_out(joined.client, NULL) > 1) {
        carry_some(joined.client, joined.server, 1);
        check_status(listen_once(joined.server), ADIEU_WAIT);
        assert_int_equal(adieu_peer_chain(joined.server, 0, NULL, 0), 0);
        assert_int_equal(adieu_peer_chain(joined.server, 1, NULL, 0), 0);
    }
    carry(joined.client, joined.server);
    check_status(listen_once(joined.server), ADIEU_WAIT);
    assert_int_equal(answers, 1);
    assert_true(adieu_peer_chain(joined.server, 1, NULL, 0) > 0);
    part(&joined);
}

/* Whatever else the client says in the same breath: the answer is complete. */
static void a_key_update_behind_an_answer_does_not_hide_it(void **state)
{
    (void)state;
    for (int asks_peer = 0; asks_peer < 2; asks_peer++) {
        unsigned answers;
        struct joined joined = shaken(member_client(0), late_server(0), &answers);
        ask_and_answer(&joined);
        check_status(adieu_key_update(joined.client, asks_peer), ADIEU_OK);
        carry(joined.client, joined.server);
        check_status(listen_once(joined.server), ADIEU_WAIT);
        assert_int_equal(answers, 1);
        check_shown(&joined, &the_identity);
        answer_completely(&joined); /* it may be asked again */
        assert_int_equal(answers, 2);
        say_goodbye(&joined);
        part(&joined);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_now_and_then_is_always_answered),
        cmocka_unit_test(an_empty_answer_shows_nothing_of_ours),
        cmocka_unit_test(a_key_update_behind_an_answer_does_not_hide_it),
        cmocka_unit_test(no_part_of_an_unproved_chain_is_told),
    };
    return cmocka_run_group_tests_name("engine late answers", tests, setup_authority, teardown_authority);
}
