/* SPDX-License-Identifier: MIT */
/*
 * New keys in mid-stream (TLS 1.3, RFC 9846 4.7.3): on request, and by limit (5.5). The peer's OpenSSL counts the KeyUpdates
 * that come, and can read what follows only with the keys that they made.
 */
#include "joined.h"

#include <stdlib.h>
#include <string.h>

#include "adieu_openssl.h"
#include "openssl.h"

/* ------------------------------------------------ what came */

/* The KeyUpdates that a stream has received. */
struct heard {
    struct adieu_stream *stream;
    unsigned updates, requests; /* all, and those that ask */
    unsigned records, most;     /* since the last one, and at most between two of them */
};

static void note(int sent, int version, int type, const void *bytes, size_t size, SSL *ssl, void *arg)
{
    struct heard *heard = arg;
    engine_saw_message(sent, version, type, bytes, size, ssl, stream_engine(heard->stream));
    const uint8_t *message = bytes;
    if (!sent && type == SSL3_RT_HEADER && ++heard->records > heard->most)
        heard->most = heard->records;
    if (sent || type != SSL3_RT_HANDSHAKE || message[0] != SSL3_MT_KEY_UPDATE)
        return;
    heard->updates++;
    heard->requests += message[4];
    heard->records = 0;
}

static struct heard listen_to(struct adieu_stream *stream)
{
    return (struct heard){.stream = stream};
}

static void watch(struct heard *heard)
{
    SSL *ssl = adieu_openssl_ssl(heard->stream);
    SSL_set_msg_callback(ssl, note);
    SSL_set_msg_callback_arg(ssl, heard);
}

static void check_heard(struct heard *heard, unsigned updates, unsigned requests)
{
    check_status(listen_once(heard->stream), ADIEU_WAIT);
    check_that(heard->updates == updates && heard->requests == requests, "%u updates, %u of them requests; not %u, %u",
               heard->updates, heard->requests, updates, requests);
}

/* A pair, and both ways round. */
static void for_both_roles(void (*check)(struct adieu_stream *a, struct adieu_stream *b))
{
    for (int server = 0; server < 2; server++) {
        struct joined joined = joined_by(ADIEU_TLS_1_3);
        check(server ? joined.server : joined.client, server ? joined.client : joined.server);
        part(&joined);
    }
}

static void speak(struct adieu_stream *from, struct adieu_stream *to, const char *text)
{
    say(from, text);
    carry(from, to);
    check_hears(to, text);
}

/* ------------------------------------------------ on request */

static void leaves_at_once(struct adieu_stream *a, struct adieu_stream *b)
{
    struct heard heard = listen_to(b);
    watch(&heard);
    say(b, "is not read for it");
    carry(b, a);
    check_status(adieu_key_update(a, false), ADIEU_OK);
    assert_true(adieu_wire_out(a, NULL) > 0);
    carry(a, b);
    check_heard(&heard, 1, 0);
    check_hears(a, "is not read for it");
    speak(a, b, "under the new key");
    speak(b, a, "under the old one still");
    assert_int_equal(adieu_ending(a).taken, strlen("under the new key"));
}

static void it_leaves_at_once_and_reads_nothing(void **state)
{
    (void)state;
    for_both_roles(leaves_at_once);
}

/* Whoever misses the KeyUpdate can make nothing of what follows. */
static void changes_the_key(struct adieu_stream *a, struct adieu_stream *b)
{
    const uint8_t *at = NULL;
    speak(a, b, "before");
    check_status(adieu_key_update(a, false), ADIEU_OK);
    size_t lost = adieu_wire_out(a, &at);
    adieu_wire_out_done(a, lost);
    say(a, "after");
    carry(a, b);
    check_status(listen_once(b), ADIEU_FAIL);
    check_receiving(b, ADIEU_RECEIVING_REJECTED);
    assert_int_equal(adieu_ending(b).alert_received.seen, false);
    assert_int_equal(adieu_error(b)->alert.number, SSL_AD_BAD_RECORD_MAC);
}

static void the_key_really_changes(void **state)
{
    (void)state;
    for_both_roles(changes_the_key);
}

static void a_key_update_that_was_asked_for_comes(struct adieu_stream *a, struct adieu_stream *b)
{
    struct heard heard = listen_to(a), asked = listen_to(b);
    watch(&heard);
    watch(&asked);
    check_status(adieu_key_update(a, true), ADIEU_OK);
    carry(a, b);
    check_heard(&asked, 1, 1);
    speak(b, a, "the answer stands before this"); /* OpenSSL 3.0 answers when it writes next */
    check_heard(&heard, 1, 0);
    speak(a, b, "and it goes on");
    speak(b, a, "both ways");
    check_heard(&heard, 1, 0);
    check_heard(&asked, 1, 1);
}

static void who_asks_gets_one_of_the_peers(void **state)
{
    (void)state;
    for_both_roles(a_key_update_that_was_asked_for_comes);
}

/* 4.7.3: until the peer has made a new key, nobody may ask again. */
static void asks_once(struct adieu_stream *a, struct adieu_stream *b)
{
    struct heard heard = listen_to(b), answers = listen_to(a);
    watch(&heard);
    watch(&answers);
    for (int i = 0; i < 3; i++)
        check_status(adieu_key_update(a, true), ADIEU_OK);
    carry(a, b);
    check_heard(&heard, 3, 1);
    speak(b, a, "the answer");
    check_heard(&answers, 1, 0);
    check_status(adieu_key_update(a, true), ADIEU_OK);
    speak(a, b, "asked anew");
    check_heard(&heard, 4, 2);
}

static void who_asks_again_before_the_answer_asks_once(void **state)
{
    (void)state;
    for_both_roles(asks_once);
}

/* They cross: each answers the other's, and there it ends. */
static void ask_each_other(struct adieu_stream *a, struct adieu_stream *b)
{
    struct heard by_a = listen_to(a), by_b = listen_to(b);
    watch(&by_a);
    watch(&by_b);
    check_status(adieu_key_update(a, true), ADIEU_OK);
    check_status(adieu_key_update(b, true), ADIEU_OK);
    carry(a, b);
    carry(b, a);
    check_heard(&by_a, 1, 1);
    check_heard(&by_b, 1, 1);
    for (int i = 0; i < 5; i++) {
        speak(a, b, "one");
        speak(b, a, "two");
    }
    check_heard(&by_a, 2, 1);
    check_heard(&by_b, 2, 1);
}

static void two_that_ask_each_other_come_to_rest(void **state)
{
    (void)state;
    for_both_roles(ask_each_other);
}

static void tls_1_2_has_none(void **state)
{
    (void)state;
    struct joined joined = joined_by(ADIEU_TLS_1_2);
    check_status(adieu_key_update(joined.client, true), ADIEU_MISUSE);
    check_status(adieu_key_update(joined.server, false), ADIEU_MISUSE);
    assert_int_equal(adieu_wire_out(joined.client, NULL), 0);
    say_goodbye(&joined);
    part(&joined);
}

/* ------------------------------------------------ at the edges */

static const uint8_t *much(void)
{
    static uint8_t bytes[1 << 20];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 9));
    return bytes;
}

/* Reads all that is there; it must be the pattern from *at on. */
static void check_pattern(struct adieu_stream *s, size_t *at)
{
    static uint8_t buf[20000];
    for (size_t got; adieu_read(s, buf, sizeof buf, &got) == ADIEU_OK; *at += got)
        assert_memory_equal(buf, much() + *at, got);
}

/* As much as is taken. */
static void fill(struct adieu_stream *s, size_t *at)
{
    size_t took;
    while (*at < 1 << 20 && adieu_write(s, much() + *at, (1 << 20) - *at, &took) == ADIEU_OK)
        *at += took;
}

/* Both sides write until nothing is taken any more, and ask each other with full queues. */
static void under_pressure(struct adieu_stream *a, struct adieu_stream *b)
{
    size_t a_said = 0, b_said = 0, a_heard = 0, b_heard = 0;
    struct heard by_a = listen_to(a), by_b = listen_to(b);
    watch(&by_a);
    watch(&by_b);
    for (int turn = 0; turn < 200 && (a_heard < 1 << 20 || b_heard < 1 << 20); turn++) {
        fill(a, &a_said);
        fill(b, &b_said);
        enum adieu_status asked = adieu_key_update(a, turn % 2), asked_too = adieu_key_update(b, turn % 3 == 0);
        check_that(asked == ADIEU_OK || asked == ADIEU_WAIT, "%s", adieu_status_name(asked));
        check_that(asked_too == ADIEU_OK || asked_too == ADIEU_WAIT, "%s", adieu_status_name(asked_too));
        carry_some(a, b, 50000);
        carry_some(b, a, 70000);
        check_pattern(a, &a_heard);
        check_pattern(b, &b_heard);
    }
    assert_int_equal(a_heard, 1 << 20);
    assert_int_equal(b_heard, 1 << 20);
    assert_true(by_a.updates > 5 && by_b.updates > 5 && by_a.requests > 1 && by_b.requests > 1);
}

static void full_queues_do_not_hinder_it(void **state)
{
    (void)state;
    for_both_roles(under_pressure);
}

static void before_the_end(struct adieu_stream *a, struct adieu_stream *b)
{
    struct heard heard = listen_to(b), answers = listen_to(a);
    watch(&heard);
    watch(&answers);
    say(a, "the last");
    check_status(adieu_key_update(a, true), ADIEU_OK);
    check_status(adieu_shutdown(a), ADIEU_OK);
    check_status(adieu_key_update(a, true), ADIEU_MISUSE);
    carry(a, b);
    check_sending(a, ADIEU_SENDING_CLOSED);
    check_hears(b, "the last");
    check_status(listen_once(b), ADIEU_END);
    assert_int_equal(heard.updates, 1);
    speak(b, a, "answered behind your end");
    check_heard(&answers, 1, 0);
    check_status(adieu_key_update(b, false), ADIEU_OK); /* a's end does not hinder b */
    check_status(adieu_shutdown(b), ADIEU_OK);
    carry(b, a);
    check_status(listen_once(a), ADIEU_END);
    check_ends(a, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    check_ends(b, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
}

static void just_before_the_end_it_ends_well(void **state)
{
    (void)state;
    for_both_roles(before_the_end);
}

/* A client that has half of a ticket, which carries its own certificate in small fragments; OpenSSL can seal nothing. */
static struct joined half_a_ticket(void)
{
    enum { ONE_FRAGMENT = 5 + 512 + 1 + 16 };
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = server_config(ADIEU_TLS_1_3);
    identify(client, &the_identity);
    check_status(adieu_config_key_limit(client, 1), ADIEU_OK);
    check_status(adieu_config_insecure_no_verify(server), ADIEU_OK);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    SSL_set_max_send_fragment(adieu_openssl_ssl(joined.server), 512);
    while (adieu_handshake(joined.client) == ADIEU_WAIT) {
        carry(joined.client, joined.server);
        (void)!adieu_handshake(joined.server);
        carry(joined.server, joined.client);
    }
    say(joined.client, "x"); /* reaches the limit */
    carry(joined.client, joined.server);
    check_status(adieu_handshake(joined.server), ADIEU_OK);
    carry_some(joined.server, joined.client, ONE_FRAGMENT);
    check_status(listen_once(joined.client), ADIEU_WAIT);
    return joined;
}

static void half_of_a_message_makes_it_wait(void **state)
{
    (void)state;
    struct joined joined = half_a_ticket();
    size_t took = 7;
    check_status(adieu_key_update(joined.client, true), ADIEU_WAIT);
    check_status(adieu_write(joined.client, "new", 3, &took), ADIEU_WAIT); /* the one by limit waits, too */
    assert_int_equal(adieu_wire_out(joined.client, NULL), 0);
    carry(joined.server, joined.client);
    check_status(listen_once(joined.client), ADIEU_WAIT);
    struct heard heard = listen_to(joined.server);
    watch(&heard);
    say(joined.client, "new");
    check_status(adieu_key_update(joined.client, true), ADIEU_OK);
    carry(joined.client, joined.server);
    check_hears(joined.server, "xnew");
    check_heard(&heard, 2, 1);
    say_goodbye(&joined);
    part(&joined);
}

/* ------------------------------------------------ by limit */

static struct joined limited(enum adieu_version version, uint64_t records)
{
    struct adieu_config *client = client_config(version), *server = server_config(version);
    check_status(adieu_config_key_limit(client, records), ADIEU_OK);
    check_status(adieu_config_key_limit(server, records), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    shake_hands(&joined);
    return joined;
}

static void so_many_records_make_a_new_key(void **state)
{
    (void)state;
    enum { LIMIT = 5, RECORDS = 103 };
    for (int server = 0; server < 2; server++) {
        struct joined joined = limited(ADIEU_TLS_1_3, LIMIT);
        struct adieu_stream *a = server ? joined.server : joined.client, *b = server ? joined.client : joined.server;
        struct heard heard = listen_to(b);
        watch(&heard);
        for (int i = 0; i < RECORDS; i++)
            speak(a, b, "a record");
        /* A server's tickets are sealed under its first key, too. */
        check_that(heard.updates == (RECORDS - 1 + (server ? 2 : 0)) / LIMIT, "%u updates", heard.updates);
        assert_int_equal(heard.requests, 0);
        assert_int_equal(heard.most, LIMIT + 1); /* and the KeyUpdate itself */
        say_goodbye(&joined);
        part(&joined);
    }
}

static void a_key_for_each_record_is_possible(void **state)
{
    (void)state;
    struct joined joined = limited(ADIEU_TLS_1_3, 1);
    size_t said = 0, heard_size = 0;
    while (heard_size < 1 << 20) {
        fill(joined.server, &said);
        carry(joined.server, joined.client);
        check_pattern(joined.client, &heard_size);
    }
    say_goodbye(&joined);
    part(&joined);
}

static void an_update_on_request_starts_the_count_anew(void **state)
{
    (void)state;
    struct joined joined = limited(ADIEU_TLS_1_3, 4);
    struct heard heard = listen_to(joined.server);
    watch(&heard);
    for (int i = 0; i < 10; i++) {
        for (int record = 0; record < 4; record++)
            speak(joined.client, joined.server, "x");
        check_status(adieu_key_update(joined.client, false), ADIEU_OK);
    }
    carry(joined.client, joined.server);
    check_heard(&heard, 10, 0);
    part(&joined);
}

/* RFC 9846 5.5; the count is put forward, since nobody waits for sixteen million records. */
static void by_default_it_is_two_to_the_24(void **state)
{
    (void)state;
    struct joined joined = joined_by(ADIEU_TLS_1_3);
    struct heard heard = listen_to(joined.server);
    watch(&heard);
    speak(joined.client, joined.server, "x");
    stream_engine(joined.client)->keys.records = (1 << 24) - 1;
    speak(joined.client, joined.server, "the last under the old key");
    check_heard(&heard, 0, 0);
    speak(joined.client, joined.server, "the first under the new one");
    check_heard(&heard, 1, 0);
    assert_int_equal(stream_engine(joined.client)->keys.records, 1);
    part(&joined);
}

static void tls_1_2_ignores_the_limit(void **state)
{
    (void)state;
    struct joined joined = limited(ADIEU_TLS_1_2, 1);
    for (int i = 0; i < 10; i++) {
        speak(joined.client, joined.server, "x");
        speak(joined.server, joined.client, "y");
    }
    say_goodbye(&joined);
    part(&joined);
}

static void a_limit_is_one_to_two_to_the_24(void **state)
{
    (void)state;
    struct adieu_config *config = client_config(ADIEU_TLS_1_3);
    const uint64_t wrong[] = {0, (1 << 24) + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        check_status(adieu_config_key_limit(config, wrong[i]), ADIEU_FAIL);
        assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_ARGUMENT);
    }
    check_status(adieu_config_key_limit(config, 1), ADIEU_OK);
    check_status(adieu_config_key_limit(config, 1 << 24), ADIEU_OK);
    struct adieu_stream *s = adieu_client(config, HOST);
    check_status(adieu_config_key_limit(config, 1), ADIEU_FAIL);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_FROZEN);
    adieu_free(s);
    adieu_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_leaves_at_once_and_reads_nothing),
        cmocka_unit_test(the_key_really_changes),
        cmocka_unit_test(who_asks_gets_one_of_the_peers),
        cmocka_unit_test(who_asks_again_before_the_answer_asks_once),
        cmocka_unit_test(two_that_ask_each_other_come_to_rest),
        cmocka_unit_test(tls_1_2_has_none),
        cmocka_unit_test(full_queues_do_not_hinder_it),
        cmocka_unit_test(just_before_the_end_it_ends_well),
        cmocka_unit_test(half_of_a_message_makes_it_wait),
        cmocka_unit_test(so_many_records_make_a_new_key),
        cmocka_unit_test(a_key_for_each_record_is_possible),
        cmocka_unit_test(an_update_on_request_starts_the_count_anew),
        cmocka_unit_test(by_default_it_is_two_to_the_24),
        cmocka_unit_test(tls_1_2_ignores_the_limit),
        cmocka_unit_test(a_limit_is_one_to_two_to_the_24),
    };
    return cmocka_run_group_tests_name("key update", tests, setup_authority, teardown_authority);
}
