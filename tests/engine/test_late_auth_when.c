/* SPDX-License-Identifier: MIT */
/* When a certificate may be asked for behind the handshake (S37), and what it has to do with ends, full queues, names and sessions. */
#include "late.h"

/* ------------------------------------------------ misuse */

static void check_not_asked(struct adieu_config *client, struct adieu_config *server)
{
    struct joined joined = join(client, server, HOST);
    check_status(adieu_ask_certificate(joined.server), ADIEU_MISUSE); /* the handshake is not done */
    shake_hands(&joined);
    check_status(adieu_ask_certificate(joined.server), ADIEU_MISUSE);
    check_status(adieu_ask_certificate(joined.client), ADIEU_MISUSE);
    assert_int_equal(adieu_wire_out(joined.server, NULL), 0);
    say_goodbye(&joined);
    check_status(adieu_ask_certificate(joined.server), ADIEU_MISUSE);
    part(&joined);
}

static void where_it_cannot_be_asked_it_is_misuse(void **state)
{
    (void)state;
    check_not_asked(member_client(ADIEU_TLS_1_2), late_server(0));
    check_not_asked(client_config(0), late_server(0)); /* without an identity it is not offered */
    check_not_asked(member_client(0), server_config(0));
    struct adieu_config *optional = late_server(0);
    check_status(adieu_config_client_auth(optional, ADIEU_CLIENT_AUTH_OPTIONAL), ADIEU_OK);
    check_not_asked(member_client(0), optional);
}

static void behind_an_end_it_is_misuse_and_behind_an_abort_it_fails(void **state)
{
    (void)state;
    for (int whose = 0; whose < 3; whose++) {
        unsigned answers;
        struct joined joined = shaken(member_client(0), late_server(0), &answers);
        if (whose == 0)
            check_status(adieu_shutdown(joined.server), ADIEU_OK);
        if (whose == 1)
            check_status(adieu_shutdown(joined.client), ADIEU_OK);
        if (whose == 2)
            adieu_abort(joined.server, ADIEU_REASON_REQUEST);
        carry(joined.client, joined.server);
        (void)!listen_once(joined.server);
        check_status(adieu_ask_certificate(joined.server), whose == 2 ? ADIEU_FAIL : ADIEU_MISUSE);
        part(&joined);
    }
}

/* Our end does not wait for the answer, and the peer's does not end the wait for ours. */
static void an_answer_may_come_behind_our_end(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(member_client(0), late_server(0), &answers);
    check_status(adieu_ask_certificate(joined.server), ADIEU_OK);
    check_status(adieu_shutdown(joined.server), ADIEU_OK);
    carry(joined.server, joined.client);
    check_status(listen_once(joined.client), ADIEU_END);
    check_status(adieu_shutdown(joined.client), ADIEU_OK);
    carry(joined.client, joined.server);
    check_status(listen_once(joined.server), ADIEU_END);
    assert_int_equal(answers, 1);
    check_shown(&joined, &the_identity);
    check_ends(joined.server, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    part(&joined);
}

/* ------------------------------------------------ full queues, names, sessions */

static void a_full_queue_lets_nothing_be_asked(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(member_client(0), late_server(0), &answers);
    static const char much[16384];
    size_t took = 0;
    while (adieu_write(joined.server, much, sizeof much, &took) == ADIEU_OK)
        ;
    while (adieu_write(joined.server, much, 100, &took) == ADIEU_OK)
        ;
    while (adieu_write(joined.server, much, 1, &took) == ADIEU_OK)
        ;
    check_status(adieu_ask_certificate(joined.server), ADIEU_WAIT);
    while (carry(joined.server, joined.client) > 0)
        while (listen_once(joined.client) == ADIEU_OK)
            ;
    ask_and_answer(&joined);
    carry(joined.client, joined.server);
    check_status(listen_once(joined.server), ADIEU_WAIT);
    assert_int_equal(answers, 1);
    part(&joined);
}

/* A client whose own queue is full answers nevertheless, out of the reserve; and its data is whole. */
static void a_client_with_a_full_queue_answers(void **state)
{
    (void)state;
    unsigned answers;
    struct joined joined = shaken(member_client(0), late_server(0), &answers);
    static const char much[16384];
    size_t took = 0, total = 0;
    while (adieu_write(joined.client, much, sizeof much, &took) == ADIEU_OK)
        total += took;
    ask_and_answer(&joined);
    while (carry(joined.client, joined.server) > 0) {
        static char buf[16384];
        size_t got = 0;
        while (adieu_read(joined.server, buf, sizeof buf, &got) == ADIEU_OK)
            total -= got;
    }
    assert_int_equal(total, 0);
    assert_int_equal(answers, 1);
    check_shown(&joined, &the_identity);
    say_goodbye(&joined);
    part(&joined);
}

static struct adieu_config *choose(void *context, const char *name)
{
    (void)name;
    return context;
}

static void the_chosen_configs_roots_judge_what_comes_late(void **state)
{
    (void)state;
    struct authority others = authority_new("an authority of clients");
    for (int trusted = 0; trusted < 2; trusted++) {
        struct adieu_config *chosen = server_config(0), *server = server_config(0);
        trust(chosen, trusted ? &the_authority : &others);
        trust(server, trusted ? &others : &the_authority);
        check_status(adieu_config_client_auth(chosen, ADIEU_CLIENT_AUTH_LATE), ADIEU_OK);
        check_status(adieu_config_on_name(server, choose, chosen), ADIEU_OK);
        unsigned answers;
        struct joined joined = shaken(member_client(0), server, &answers);
        ask_and_answer(&joined);
        if (trusted) {
            carry(joined.client, joined.server);
            check_status(listen_once(joined.server), ADIEU_WAIT);
            check_shown(&joined, &the_identity);
        } else {
            check_read_refuses(&joined, 48);
        }
        part(&joined);
        adieu_config_free(chosen);
    }
    authority_free(&others);
}

static void what_was_shown_late_is_not_remembered_by_sessions(void **state)
{
    (void)state;
    static struct kept kept;
    unsigned answers;
    struct adieu_config *client = member_client(0), *server = late_server(0);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    struct joined joined = shaken(adieu_config_ref(client), adieu_config_ref(server), &answers);
    unsigned before = kept.came;
    ask_and_answer(&joined);
    carry(joined.client, joined.server);
    check_status(listen_once(joined.server), ADIEU_WAIT);
    carry(joined.server, joined.client);
    check_status(listen_once(joined.client), ADIEU_WAIT);
    assert_int_equal(kept.came, before);
    part(&joined);
    joined = join(client, server, HOST);
    check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_OK);
    shake_hands(&joined);
    assert_true(adieu_resumed(joined.server));
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_NO);
    assert_int_equal(adieu_peer_certificate(joined.server, NULL, 0), 0);
    adieu_watch(joined.server, count_answers, &answers);
    ask_and_answer(&joined); /* and here it may be asked for as well */
    carry(joined.client, joined.server);
    check_status(listen_once(joined.server), ADIEU_WAIT);
    check_shown(&joined, &the_identity);
    part(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_it_cannot_be_asked_it_is_misuse),
        cmocka_unit_test(behind_an_end_it_is_misuse_and_behind_an_abort_it_fails),
        cmocka_unit_test(an_answer_may_come_behind_our_end),
        cmocka_unit_test(a_full_queue_lets_nothing_be_asked),
        cmocka_unit_test(a_client_with_a_full_queue_answers),
        cmocka_unit_test(the_chosen_configs_roots_judge_what_comes_late),
        cmocka_unit_test(what_was_shown_late_is_not_remembered_by_sessions),
    };
    return cmocka_run_group_tests_name("engine late auth when", tests, setup_authority, teardown_authority);
}
