/* SPDX-License-Identifier: MIT */
/* What the engine notes of the messages and records that pass it: call.c's message callback and bio.c, seen from inside. */
#include "joined.h"

#include <errno.h>
#include <string.h>

#include "openssl.h"

enum { CERTIFICATE = 11, FINISHED = 20, DECODE_ERROR = 50 };

static void see(struct engine *engine, bool sent, int type, const void *bytes, size_t size)
{
    engine_saw_message(sent, TLS1_2_VERSION, type, bytes, size, engine->ssl, engine);
}

/* ------------------------------------------------ records */

static void the_size_of_a_record_is_its_headers(void **state)
{
    (void)state;
    static const uint8_t header[] = {23, 3, 3, 0x12, 0x34}, other[] = {23, 3, 3, 0x01, 0x02};
    struct joined joined = joined_fresh(0);
    struct engine *engine = stream_engine(joined.client);
    see(engine, false, SSL3_RT_HEADER, header, sizeof header);
    assert_int_equal(engine->record_size, 0x1234);
    assert_false(engine->peer_keyed);
    see(engine, true, SSL3_RT_HEADER, other, sizeof other);
    see(engine, false, SSL3_RT_HEADER, other, sizeof other - 1);
    assert_int_equal(engine->record_size, 0x1234);
    assert_int_equal(engine->keys.records, 1);
    part(&joined);
}

/* It is one byte, and no record that is too short to be sealed. */
static void the_first_change_cipher_spec_is_no_short_record(void **state)
{
    (void)state;
    static const uint8_t change[] = {20, 3, 3, 0, 1};
    struct joined joined = joined_fresh(0);
    struct engine *engine = stream_engine(joined.client);
    see(engine, false, SSL3_RT_HEADER, change, sizeof change);
    assert_true(engine->record_size == SIZE_MAX);
    assert_true(engine->peer_keyed);
    see(engine, false, SSL3_RT_HEADER, change, sizeof change);
    assert_int_equal(engine->record_size, 1);
    assert_true(engine->peer_keyed);
    part(&joined);
}

static void our_change_cipher_spec_counts_while_a_refusal_is_due(void **state)
{
    (void)state;
    struct joined joined = joined_fresh(0);
    struct engine *engine = stream_engine(joined.client);
    see(engine, true, SSL3_RT_CHANGE_CIPHER_SPEC, "\1", 1);
    assert_false(engine->refusal.changes);
    engine->refusal.due = true;
    see(engine, false, SSL3_RT_CHANGE_CIPHER_SPEC, "\1", 1);
    assert_false(engine->refusal.changes);
    see(engine, true, SSL3_RT_CHANGE_CIPHER_SPEC, "\1", 1);
    assert_true(engine->refusal.changes);
    part(&joined);
}

/* ------------------------------------------------ handshake messages */

static void only_what_the_peer_says_is_understood(void **state)
{
    (void)state;
    static const uint8_t message[] = {FINISHED, 0, 0, 0};
    struct joined joined = joined_fresh(0);
    struct engine *engine = stream_engine(joined.client);
    see(engine, true, SSL3_RT_HANDSHAKE, message, sizeof message);
    see(engine, false, SSL3_RT_HANDSHAKE, message, 0);
    see(engine, false, SSL3_RT_ALERT, message, sizeof message);
    assert_false(engine->understood);
    see(engine, false, SSL3_RT_HANDSHAKE, message, sizeof message);
    assert_true(engine->understood);
    part(&joined);
}

static void check_shown(enum adieu_version version, bool sent, uint8_t kind, uint8_t context, size_t size, bool shown)
{
    const uint8_t message[16] = {kind, 0, 0, 0, context};
    struct joined joined = joined_by(version);
    struct engine *engine = stream_engine(joined.client);
    assert_false(engine->shown);
    see(engine, sent, SSL3_RT_HANDSHAKE, message, size);
    assert_int_equal(engine->shown, shown);
    part(&joined);
}

static void an_empty_certificate_shows_nothing(void **state)
{
    (void)state;
    check_shown(ADIEU_TLS_1_2, true, CERTIFICATE, 0, 7, false);
    check_shown(ADIEU_TLS_1_2, true, CERTIFICATE, 0, 8, true);
    check_shown(ADIEU_TLS_1_2, true, CERTIFICATE + 1, 0, 8, false);
    check_shown(ADIEU_TLS_1_2, false, CERTIFICATE, 0, 8, false);
    check_shown(ADIEU_TLS_1_3, true, CERTIFICATE, 0, 8, false);
    check_shown(ADIEU_TLS_1_3, true, CERTIFICATE, 0, 9, true);
    check_shown(ADIEU_TLS_1_3, true, CERTIFICATE, 2, 10, false);
    check_shown(ADIEU_TLS_1_3, true, CERTIFICATE, 2, 11, true);
}

static void what_was_shown_stays_shown(void **state)
{
    (void)state;
    static const uint8_t certificate[8] = {CERTIFICATE}, no_context[4] = {CERTIFICATE};
    struct joined joined = joined_by(ADIEU_TLS_1_2);
    struct engine *engine = stream_engine(joined.client);
    see(engine, true, SSL3_RT_HANDSHAKE, no_context, sizeof no_context);
    assert_false(engine->shown);
    see(engine, true, SSL3_RT_HANDSHAKE, certificate, sizeof certificate);
    see(engine, true, SSL3_RT_HANDSHAKE, no_context, sizeof no_context);
    assert_true(engine->shown);
    part(&joined);
}

static void a_shortage_is_noted_with_whatever_message_passes(void **state)
{
    (void)state;
    struct joined joined = joined_fresh(0);
    struct engine *engine = stream_engine(joined.client);
    see(engine, false, SSL3_RT_HEADER, "", 0);
    assert_false(engine->starved);
    errno = ENOMEM;
    see(engine, false, SSL3_RT_HEADER, "", 0);
    errno = 0;
    see(engine, false, SSL3_RT_HEADER, "", 0);
    assert_true(engine->starved);
    part(&joined);
}

/* ------------------------------------------------ alerts */

static void check_alert(const struct adieu_alert *alert, bool seen, uint8_t level, uint8_t number)
{
    assert_int_equal(alert->seen, seen);
    assert_int_equal(alert->level, level);
    assert_int_equal(alert->number, number);
}

static void an_alert_is_noted_in_its_direction(void **state)
{
    (void)state;
    struct joined joined = joined_fresh(0);
    struct engine *engine = stream_engine(joined.client);
    see(engine, false, SSL3_RT_ALERT, "\2\62", 1);
    see(engine, false, SSL3_RT_HEADER, "\2\62", 2);
    check_alert(&engine->alert_in, false, 0, 0);
    see(engine, false, SSL3_RT_ALERT, "\2\62", 2);
    check_alert(&engine->alert_in, true, 2, DECODE_ERROR);
    check_alert(&engine->alert_out, false, 0, 0);
    assert_false(engine->told);
    see(engine, true, SSL3_RT_ALERT, "\1\63", 2);
    check_alert(&engine->alert_in, true, 2, DECODE_ERROR);
    check_alert(&engine->alert_out, true, 1, DECODE_ERROR + 1);
    assert_true(engine->told);
    part(&joined);
}

static void what_an_aborted_stream_says_is_not_told(void **state)
{
    (void)state;
    struct joined joined = joined_fresh(0);
    adieu_abort(joined.client, ADIEU_REASON_NONE);
    see(stream_engine(joined.client), true, SSL3_RT_ALERT, "\2\62", 2);
    assert_false(stream_engine(joined.client)->told);
    part(&joined);
}

/* What the peer did not get stands before it. */
static void a_clients_alert_that_was_swallowed_is_none(void **state)
{
    (void)state;
    struct joined joined = joined_fresh(0);
    struct engine *engine = stream_engine(joined.client);
    engine->refusal.swallowed = true;
    see(engine, false, SSL3_RT_ALERT, "\2\63", 2);
    check_alert(&engine->alert_in, true, 2, DECODE_ERROR + 1);
    see(engine, true, SSL3_RT_ALERT, "\2\62", 2);
    check_alert(&engine->alert_out, false, 0, 0);
    check_waits(joined.client, NULL, 0);
    part(&joined);
}

static void a_servers_alert_that_was_swallowed_is_said_as_the_refusal(void **state)
{
    (void)state;
    static const uint8_t plain[] = {21, 3, 3, 0, 2, 2, 44};
    struct joined joined = joined_fresh(0);
    struct engine *engine = stream_engine(joined.server);
    engine->refusal.swallowed = engine->later.holds = true;
    engine->refusal.alert = 44;
    assert_true(later_put(engine, "held", 4));
    see(engine, true, SSL3_RT_ALERT, "\2\62", 2);
    check_alert(&engine->alert_out, true, 2, 44);
    check_waits(joined.server, plain, sizeof plain);
    assert_null(engine->later.bytes);
    assert_false(engine->later.holds);
    assert_true(engine->told);
    part(&joined);
}

static void an_alert_behind_what_is_held_takes_its_place(void **state)
{
    (void)state;
    static const uint8_t plain[] = {21, 3, 3, 0, 2, 2, DECODE_ERROR};
    struct joined joined = joined_fresh(0);
    struct engine *engine = stream_engine(joined.server);
    engine->later.holds = true;
    assert_true(later_put(engine, "held", 4));
    see(engine, false, SSL3_RT_ALERT, "\1\63", 2);
    assert_true(engine->later.holds);
    see(engine, true, SSL3_RT_ALERT, "\2\62", 2);
    assert_false(engine->later.holds);
    assert_null(engine->later.bytes);
    check_waits(joined.server, plain, sizeof plain);
    check_alert(&engine->alert_out, true, 2, DECODE_ERROR);
    part(&joined);
}

/* What a server that resumes holds, it holds from the client's Finished on, and not from a second ClientHello. */
static void who_resumes_by_a_second_hello_gets_on(void **state)
{
    (void)state;
    struct kept kept = {.came = 0};
    struct adieu_config *client = client_config(ADIEU_TLS_1_3), *server = server_config(ADIEU_TLS_1_3);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    check_status(adieu_config_groups(client, "X25519:P-256"), ADIEU_OK);
    check_status(adieu_config_groups(server, "P-256"), ADIEU_OK);
    identify(client, &the_identity);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
    shake_hands(&joined);
    part(&joined);
    joined = join(client, server, HOST);
    check_status(adieu_resume(joined.client, kept.bytes, kept.size), ADIEU_OK);
    shake_hands(&joined);
    assert_true(adieu_resumed(joined.server));
    part(&joined);
}

/* ------------------------------------------------ the wire */

static void receive(struct adieu_stream *s, const uint8_t *bytes, size_t size)
{
    uint8_t *at = NULL;
    assert_true(adieu_wire_in(s, &at) >= size);
    memcpy(at, bytes, size);
    adieu_wire_in_done(s, size);
}

/* As OpenSSL would: at most size bytes, of which so many come. */
static void check_takes(struct adieu_stream *s, size_t size, const uint8_t *wanted, size_t come)
{
    BIO *bio = SSL_get_rbio(stream_engine(s)->ssl);
    uint8_t bytes[600];
    size_t got = 77;
    assert_int_equal(BIO_read_ex(bio, bytes, size, &got), come > 0);
    assert_int_equal(got, come);
    assert_int_equal(BIO_should_read(bio) != 0, come == 0);
    if (come)
        assert_memory_equal(bytes, wanted, come);
}

static const uint8_t two_records[] = {23, 3, 3, 0, 3, 'a', 'b', 'c', 23, 3, 3, 0, 1, 'd'};

static void openssl_is_given_a_record_at_once_and_nothing_behind_it(void **state)
{
    (void)state;
    struct joined joined = joined_by(ADIEU_TLS_1_3);
    struct adieu_stream *s = joined.client;
    assert_int_equal(SSL_get_read_ahead(stream_engine(s)->ssl), 1);
    check_takes(s, 100, NULL, 0);
    receive(s, two_records, sizeof two_records);
    check_takes(s, 100, two_records, 8);
    check_takes(s, 100, two_records + 8, 6);
    check_takes(s, 100, NULL, 0);
    part(&joined);
}

static void a_record_may_come_and_be_asked_for_in_any_pieces(void **state)
{
    (void)state;
    struct joined joined = joined_by(ADIEU_TLS_1_3);
    struct adieu_stream *s = joined.client;
    receive(s, two_records, 4);
    check_takes(s, 2, two_records, 2);
    check_takes(s, 100, two_records + 2, 2);
    check_takes(s, 100, NULL, 0);
    receive(s, two_records + 4, sizeof two_records - 4);
    check_takes(s, 1, two_records + 4, 1);
    check_takes(s, 1, two_records + 5, 1);
    check_takes(s, 100, two_records + 6, 2);
    check_takes(s, 6, two_records + 8, 6);
    receive(s, two_records, sizeof two_records);
    check_takes(s, 2, two_records, 2);
    check_takes(s, 100, two_records + 2, 6);
    check_takes(s, 5, two_records + 8, 5);
    check_takes(s, 100, two_records + 13, 1);
    receive(s, two_records, 8);
    check_takes(s, 7, two_records, 7);
    check_takes(s, 100, two_records + 7, 1);
    part(&joined);
}

static void both_bytes_of_a_records_size_count(void **state)
{
    (void)state;
    struct joined joined = joined_by(ADIEU_TLS_1_3);
    uint8_t record[5 + 0x102 + 5] = {23, 3, 3, 1, 2};
    receive(joined.client, record, sizeof record);
    check_takes(joined.client, 600, record, 5 + 0x102);
    part(&joined);
}

/* There OpenSSL asks for what it wants, and not for more. */
static void in_the_handshake_it_is_given_what_it_asks_for(void **state)
{
    (void)state;
    struct joined joined = joined_fresh(0);
    receive(joined.client, two_records, sizeof two_records);
    check_takes(joined.client, 3, two_records, 3);
    check_takes(joined.client, 100, two_records + 3, sizeof two_records - 3);
    part(&joined);
}

static void the_wire_takes_all_that_is_written_or_swallows_it(void **state)
{
    (void)state;
    struct joined joined = joined_fresh(0);
    struct engine *engine = stream_engine(joined.client);
    BIO *bio = SSL_get_wbio(engine->ssl);
    size_t put = 77;
    BIO_set_retry_read(bio);
    assert_int_equal(BIO_write_ex(bio, "abc", 3, &put), 1);
    assert_int_equal(put, 3);
    assert_false(BIO_should_retry(bio));
    engine->refusal.due = true;
    assert_int_equal(BIO_write_ex(bio, "de", 2, &put), 1);
    assert_int_equal(put, 2);
    assert_true(engine->refusal.swallowed);
    check_waits(joined.client, (const uint8_t *)"abc", 3);
    assert_int_equal(BIO_flush(bio), 1);
    assert_int_equal(BIO_eof(bio), 0);
    part(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_size_of_a_record_is_its_headers),
        cmocka_unit_test(the_first_change_cipher_spec_is_no_short_record),
        cmocka_unit_test(our_change_cipher_spec_counts_while_a_refusal_is_due),
        cmocka_unit_test(only_what_the_peer_says_is_understood),
        cmocka_unit_test(an_empty_certificate_shows_nothing),
        cmocka_unit_test(what_was_shown_stays_shown),
        cmocka_unit_test(a_shortage_is_noted_with_whatever_message_passes),
        cmocka_unit_test(an_alert_is_noted_in_its_direction),
        cmocka_unit_test(what_an_aborted_stream_says_is_not_told),
        cmocka_unit_test(a_clients_alert_that_was_swallowed_is_none),
        cmocka_unit_test(a_servers_alert_that_was_swallowed_is_said_as_the_refusal),
        cmocka_unit_test(an_alert_behind_what_is_held_takes_its_place),
        cmocka_unit_test(who_resumes_by_a_second_hello_gets_on),
        cmocka_unit_test(openssl_is_given_a_record_at_once_and_nothing_behind_it),
        cmocka_unit_test(a_record_may_come_and_be_asked_for_in_any_pieces),
        cmocka_unit_test(both_bytes_of_a_records_size_count),
        cmocka_unit_test(in_the_handshake_it_is_given_what_it_asks_for),
        cmocka_unit_test(the_wire_takes_all_that_is_written_or_swallows_it),
    };
    return cmocka_run_group_tests_name("verdict seen", tests, setup_authority, teardown_authority);
}
