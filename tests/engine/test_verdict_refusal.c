/* SPDX-License-Identifier: MIT */
/* A refusal's parts, one by one: its key, what it swallows, when it can be said, and what is then put. Seen from inside. */
#include "joined.h"

#include <stdio.h>
#include <string.h>

#include "openssl.h"

/* ------------------------------------------------ the key */

/* Of so many bytes. */
static size_t noted(struct engine *engine, const char *label, size_t size)
{
    char line[300];
    size_t at = (size_t)snprintf(line, sizeof line, "%s 00 ", label);
    memset(line + at, '7', 2 * size);
    line[at + 2 * size] = '\0';
    refusal_note_key(engine, line);
    ERR_clear_error();
    return engine->refusal.secret_size;
}

static void a_secret_that_cannot_be_one_is_none(void **state)
{
    (void)state;
    struct joined joined = joined_fresh(ADIEU_TLS_1_3);
    struct engine *client = stream_engine(joined.client);
    assert_int_equal(noted(client, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", EVP_MAX_MD_SIZE), EVP_MAX_MD_SIZE);
    assert_int_equal(client->refusal.secret[EVP_MAX_MD_SIZE - 1], 0x77);
    assert_int_equal(noted(client, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", EVP_MAX_MD_SIZE + 1), 0);
    refusal_note_key(client, "CLIENT_HANDSHAKE_TRAFFIC_SECRET");
    assert_int_equal(client->refusal.secret_size, 0);
    part(&joined);
}

static void a_server_keeps_a_secret_only_where_it_may_refuse(void **state)
{
    (void)state;
    for (int asks = 0; asks < 2; asks++) {
        struct adieu_config *server = server_config(ADIEU_TLS_1_3);
        trust(server, &the_authority);
        if (asks)
            check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
        struct joined joined = join(client_config(ADIEU_TLS_1_3), server, HOST);
        struct engine *engine = stream_engine(joined.server);
        assert_int_equal(noted(engine, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", 32), 0);
        assert_int_equal(noted(engine, "SERVER_TRAFFIC_SECRET_0", 32), asks ? 32 : 0);
        refusal_forget(engine);
        assert_int_equal(engine->refusal.secret_size, 0);
        assert_int_equal(engine->refusal.secret[0], 0);
        part(&joined);
    }
}

/* ------------------------------------------------ what leaves */

static void while_a_refusal_is_due_only_a_plain_alert_leaves(void **state)
{
    (void)state;
    static const uint8_t alert[9] = {21, 3, 3, 0, 2, 2, 42};
    struct engine engine = {.refusal.due = true};
    assert_false(refusal_swallows(&engine, alert, 7));
    assert_true(refusal_swallows(&engine, alert, 8));
    assert_true(refusal_swallows(&engine, alert, 6));
    assert_true(refusal_swallows(&engine, alert, 3));
    for (int i = 0; i < 5; i++) {
        uint8_t other[7];
        memcpy(other, alert, sizeof other);
        other[i] ^= 1;
        assert_true(refusal_swallows(&engine, other, sizeof other));
    }
    engine.refusal.due = false;
    assert_false(refusal_swallows(&engine, alert, 7));
    assert_false(refusal_swallows(&engine, alert, 8));
}

static void a_client_of_tls_1_3_waits_for_its_keys_and_nobody_else_does(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = joined_by(versions[i]);
        for (int server = 0; server < 2; server++) {
            struct engine *engine = stream_engine(server ? joined.server : joined.client);
            assert_false(refusal_can_be_said(engine));
            engine->refusal.due = true;
            assert_int_equal(refusal_can_be_said(engine), server || versions[i] == ADIEU_TLS_1_2);
            engine->refusal.due = false;
        }
        part(&joined);
    }
}

/* ------------------------------------------------ what is put */

static void without_a_key_the_alert_is_plain_and_has_no_change_cipher_spec(void **state)
{
    (void)state;
    static const uint8_t plain[] = {21, 3, 3, 0, 2, 2, 49};
    for (int changes = 0; changes < 2; changes++) {
        struct joined joined = joined_fresh(ADIEU_TLS_1_3);
        struct engine *engine = stream_engine(joined.client);
        engine->refusal.changes = changes;
        refusal_say_alert(engine, 49);
        check_waits(joined.client, plain, sizeof plain);
        assert_true(engine->told);
        assert_true(engine->alert_out.seen);
        assert_int_equal(engine->alert_out.level, 2);
        assert_int_equal(engine->alert_out.number, 49);
        part(&joined);
    }
}

static void what_was_held_is_wiped_before_the_refusal_is_said(void **state)
{
    (void)state;
    static const uint8_t plain[] = {21, 3, 3, 0, 2, 2, 44};
    struct joined joined = joined_by(ADIEU_TLS_1_2);
    struct engine *engine = stream_engine(joined.server);
    engine->later.holds = true;
    engine->refusal.alert = 44;
    assert_true(later_put(engine, "held", 4));
    refusal_say(engine);
    assert_false(engine->later.holds);
    assert_null(engine->later.bytes);
    check_waits(joined.server, plain, sizeof plain);
    part(&joined);
}

static void a_new_handshake_has_words_on_both_sides(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = joined_by(versions[i]);
        for (int server = 0; server < 2; server++) {
            struct adieu_stream *s = server ? joined.server : joined.client;
            refusal_say(stream_engine(s));
            assert_int_equal(adieu_wire_out(s, NULL), 7);
        }
        part(&joined);
    }
}

/* In TLS 1.2 a server has said its last before anybody is asked. */
static void a_resumed_server_of_tls_1_2_has_no_words_and_all_others_have(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct kept kept = {.came = 0};
        struct adieu_config *client = client_config(versions[i]), *server = server_config(versions[i]);
        struct joined joined = joined_again(client, server, &kept);
        shake_hands(&joined);
        assert_true(adieu_resumed(joined.server));
        refusal_say(stream_engine(joined.client));
        refusal_say(stream_engine(joined.server));
        assert_int_equal(adieu_wire_out(joined.client, NULL), 7);
        assert_int_equal(adieu_wire_out(joined.server, NULL), versions[i] == ADIEU_TLS_1_2 ? 0 : 7);
        part(&joined);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_that_cannot_be_one_is_none),
        cmocka_unit_test(a_server_keeps_a_secret_only_where_it_may_refuse),
        cmocka_unit_test(while_a_refusal_is_due_only_a_plain_alert_leaves),
        cmocka_unit_test(a_client_of_tls_1_3_waits_for_its_keys_and_nobody_else_does),
        cmocka_unit_test(without_a_key_the_alert_is_plain_and_has_no_change_cipher_spec),
        cmocka_unit_test(what_was_held_is_wiped_before_the_refusal_is_said),
        cmocka_unit_test(a_new_handshake_has_words_on_both_sides),
        cmocka_unit_test(a_resumed_server_of_tls_1_2_has_no_words_and_all_others_have),
    };
    return cmocka_run_group_tests_name("verdict refusal", tests, setup_authority, teardown_authority);
}
