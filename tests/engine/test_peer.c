/* SPDX-License-Identifier: MIT */
/*
 * A peer that does what adieu would not: plain OpenSSL over memory, whose SSL the test may drive as it likes. Key updates,
 * renegotiation, empty records, alerts, and what is left of them on our side.
 */
#include "joined.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

struct foreign {
    struct adieu_stream *me;
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* its ends of the wire */
};

/* What it sent comes to me. */
static void hear(struct foreign *peer)
{
    uint8_t *at = NULL;
    while (BIO_pending(peer->out) > 0) {
        size_t room = adieu_wire_in(peer->me, &at);
        if (!room)
            return;
        int n = BIO_read(peer->out, at, (int)room);
        adieu_wire_in_done(peer->me, n > 0 ? (size_t)n : 0);
    }
}

/* What I sent comes to it. */
static size_t tell(struct foreign *peer)
{
    const uint8_t *at = NULL;
    size_t told = 0;
    for (size_t n; (n = adieu_wire_out(peer->me, &at)) > 0; told += n) {
        assert_int_equal(BIO_write(peer->in, at, (int)n), (int)n);
        adieu_wire_out_done(peer->me, n);
    }
    return told;
}

/* It reads; what SSL_get_error says. */
static int foreign_reads(struct foreign *peer, char *buf, int size)
{
    ERR_clear_error();
    int n = SSL_read(peer->ssl, buf, size);
    return SSL_get_error(peer->ssl, n);
}

static struct foreign meet(enum adieu_version version, bool i_am_server)
{
    struct foreign peer = {.context = SSL_CTX_new(TLS_method())};
    SSL_CTX_set_min_proto_version(peer.context, (int)version);
    SSL_CTX_set_max_proto_version(peer.context, (int)version);
    identify_context(peer.context);
    peer.ssl = SSL_new(peer.context);
    peer.in = BIO_new(BIO_s_mem());
    peer.out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(peer.in, -1);
    SSL_set_bio(peer.ssl, peer.in, peer.out);
    struct adieu_config *config = i_am_server ? server_config(version) : client_config(version);
    peer.me = i_am_server ? adieu_server(config) : adieu_client(config, HOST);
    adieu_config_free(config);
    if (i_am_server)
        SSL_set_connect_state(peer.ssl);
    else
        SSL_set_accept_state(peer.ssl);
    for (int i = 0; i < 5; i++) {
        (void)!adieu_handshake(peer.me);
        tell(&peer);
        SSL_do_handshake(peer.ssl);
        hear(&peer);
    }
    check_status(adieu_handshake(peer.me), ADIEU_OK);
    check_status(listen_once(peer.me), ADIEU_WAIT);
    tell(&peer);
    char c;
    assert_int_equal(foreign_reads(&peer, &c, 1), SSL_ERROR_WANT_READ);
    return peer;
}

static void leave(struct foreign *peer)
{
    adieu_free(peer->me);
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
}

static void for_both_roles(enum adieu_version version, void (*check)(struct foreign *peer))
{
    for (int server = 0; server < 2; server++) {
        struct foreign peer = meet(version, server);
        check(&peer);
        leave(&peer);
    }
}

static void for_all(void (*check)(struct foreign *peer))
{
    for (int i = 0; i < VERSIONS; i++)
        for_both_roles(versions[i], check);
}

static void foreign_says(struct foreign *peer, const char *text)
{
    assert_int_equal(SSL_write(peer->ssl, text, (int)strlen(text)), (int)strlen(text));
    hear(peer);
}

/* ------------------------------------------------ key updates */

/* Two in a row: OpenSSL 3.0 answers the first of them when the second one comes, inside our read. */
static void ask_for_key_updates(struct foreign *peer)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(SSL_key_update(peer->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(peer->ssl), 1);
    }
    hear(peer);
}

static void answers_key_update(struct foreign *peer)
{
    ask_for_key_updates(peer);
    foreign_says(peer, "under new keys");
    check_hears(peer->me, "under new keys");
    assert_true(adieu_wire_out(peer->me, NULL) > 0);
    say(peer->me, "ours too");
    tell(peer);
    char buf[8];
    assert_int_equal(foreign_reads(peer, buf, sizeof buf), SSL_ERROR_NONE);
    assert_memory_equal(buf, "ours too", sizeof buf);
}

static void a_key_update_is_answered(void **state)
{
    (void)state;
    for_both_roles(ADIEU_TLS_1_3, answers_key_update);
}

static void swallows_answer(struct foreign *peer)
{
    say(peer->me, "the last");
    check_status(adieu_shutdown(peer->me), ADIEU_OK);
    size_t before = adieu_wire_out(peer->me, NULL);
    ask_for_key_updates(peer);
    foreign_says(peer, "more");
    check_hears(peer->me, "more");
    assert_int_equal(adieu_wire_out(peer->me, NULL), before); /* nothing may follow close_notify */
    check_sending(peer->me, ADIEU_SENDING_CLOSING);
    tell(peer);
    check_sending(peer->me, ADIEU_SENDING_CLOSED);
    char buf[8];
    assert_int_equal(foreign_reads(peer, buf, sizeof buf), SSL_ERROR_NONE);
    assert_int_equal(foreign_reads(peer, buf, sizeof buf), SSL_ERROR_ZERO_RETURN);
    ask_for_key_updates(peer);
    check_status(listen_once(peer->me), ADIEU_WAIT);
    assert_int_equal(adieu_wire_out(peer->me, NULL), 0);
    assert_int_equal(SSL_shutdown(peer->ssl), 1);
    hear(peer);
    check_status(listen_once(peer->me), ADIEU_END);
    check_ends(peer->me, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
}

static void a_key_update_after_our_end_is_swallowed(void **state)
{
    (void)state;
    for_both_roles(ADIEU_TLS_1_3, swallows_answer);
}

enum { FLOOD = 100000 };

static void bounds_flood(struct foreign *peer)
{
    for (size_t asked = 0; asked < FLOOD && adieu_wire_in(peer->me, NULL); asked++) {
        SSL_key_update(peer->ssl, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(peer->ssl);
        if (asked % 100 == 0) {
            hear(peer);
            check_status(listen_once(peer->me), ADIEU_WAIT);
        }
    }
    const uint8_t *at = NULL;
    size_t queued = 0;
    assert_true(adieu_wire_out(peer->me, NULL) > 0);
    for (size_t n; (n = adieu_wire_out(peer->me, &at)) > 0; queued += n)
        adieu_wire_out_done(peer->me, n);
    assert_true(queued <= 8 * 16640 + 65536);
}

static void a_flood_of_key_updates_is_bounded(void **state)
{
    (void)state;
    for_both_roles(ADIEU_TLS_1_3, bounds_flood);
}

/* ------------------------------------------------ renegotiation */

static void note_alert(void *context, const struct adieu_stream *s, enum adieu_news news,
                       const struct adieu_alert *alert)
{
    (void)s;
    int *number = context;
    if (news == ADIEU_NEWS_ALERT_SEALED)
        *number = alert->number;
}

/* The peer starts one; we answer no_renegotiation (100), and no handshake. */
static void refuses_renegotiation(struct foreign *peer)
{
    int number = -1;
    adieu_watch(peer->me, note_alert, &number);
    SSL_clear_options(peer->ssl, SSL_OP_NO_RENEGOTIATION);
    assert_int_equal(SSL_renegotiate(peer->ssl), 1);
    SSL_do_handshake(peer->ssl);
    assert_true(BIO_pending(peer->out) > 0);
    hear(peer);
    assert_int_not_equal(listen_once(peer->me), ADIEU_END);
    assert_int_equal(number, 100);
    adieu_watch(peer->me, NULL, NULL);
}

static void renegotiation_is_refused(void **state)
{
    (void)state;
    for_both_roles(ADIEU_TLS_1_2, refuses_renegotiation);
}

/* ------------------------------------------------ ends */

static void ends_with_openssl(struct foreign *peer)
{
    char c;
    say(peer->me, "x");
    check_status(adieu_shutdown(peer->me), ADIEU_OK);
    tell(peer);
    assert_int_equal(foreign_reads(peer, &c, 1), SSL_ERROR_NONE);
    assert_int_equal(foreign_reads(peer, &c, 1), SSL_ERROR_ZERO_RETURN);
    foreign_says(peer, "a late reply"); /* half-close, also in 1.2 */
    check_hears(peer->me, "a late reply");
    assert_int_equal(SSL_shutdown(peer->ssl), 1);
    hear(peer);
    check_status(listen_once(peer->me), ADIEU_END);
    check_ends(peer->me, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    struct adieu_ending ending = adieu_ending(peer->me);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
}

static void both_ends_are_understood_by_openssl(void **state)
{
    (void)state;
    for_all(ends_with_openssl);
}

/* The trap: after our close_notify a peer's fatal alert makes SSL_shutdown answer 1, and sets "received shutdown". */
static void alert_after_our_end(struct foreign *peer)
{
    check_status(adieu_shutdown(peer->me), ADIEU_OK);
    tell(peer);
    char c = 0;
    assert_int_equal(foreign_reads(peer, &c, 1), SSL_ERROR_ZERO_RETURN);
    static const char garbage[] = "\27\3\3\0\4abcd"; /* data that nobody sealed */
    BIO_write(peer->in, garbage, sizeof garbage - 1);
    SSL_set_shutdown(peer->ssl, 0);
    foreign_reads(peer, &c, 1);
    hear(peer);
    check_status(listen_once(peer->me), ADIEU_FAIL);
    check_ends(peer->me, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_ALERTED);
    assert_true(adieu_ending(peer->me).alert_received.seen);
    assert_int_not_equal(adieu_ending(peer->me).alert_received.number, 0);
}

static void an_alert_after_our_end_is_no_end(void **state)
{
    (void)state;
    for_all(alert_after_our_end);
}

/* ------------------------------------------------ the error queue */

static void poison(void)
{
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
    ERR_raise(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + 48);
    ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
}

static void converses_poisoned(struct foreign *peer)
{
    size_t n = 0;
    char buf[5];
    poison();
    check_status(listen_once(peer->me), ADIEU_WAIT);
    poison();
    check_status(adieu_read(peer->me, NULL, 0, &n), ADIEU_WAIT);
    poison();
    check_status(adieu_write(peer->me, "hello", 5, &n), ADIEU_OK);
    tell(peer);
    foreign_says(peer, "hello");
    poison();
    check_status(adieu_read(peer->me, buf, sizeof buf, &n), ADIEU_OK);
    poison();
    check_status(adieu_shutdown(peer->me), ADIEU_OK);
    tell(peer);
    ERR_clear_error();
    SSL_shutdown(peer->ssl);
    hear(peer);
    poison();
    check_status(listen_once(peer->me), ADIEU_END);
    check_ends(peer->me, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    check_error(peer->me, ADIEU_ERR_NONE);
    ERR_clear_error();
}

static void a_poisoned_error_queue_changes_nothing(void **state)
{
    (void)state;
    for_all(converses_poisoned);
}

static void a_poisoned_queue_does_not_change_a_handshake(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = join(client_config(versions[i]), server_config(versions[i]), HOST);
        for (int turns = 0; turns < 4; turns++) {
            poison();
            assert_int_not_equal(adieu_handshake(joined.client), ADIEU_FAIL);
            carry(joined.client, joined.server);
            poison();
            assert_int_not_equal(adieu_handshake(joined.server), ADIEU_FAIL);
            carry(joined.server, joined.client);
        }
        ERR_clear_error();
        shake_hands(&joined);
        part(&joined);
    }
}

/* ------------------------------------------------ large records and silence */

static void reads_whole_records(struct foreign *peer)
{
    static char sent[16384], got[16384];
    memset(sent, 'r', sizeof sent);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(SSL_write(peer->ssl, sent, sizeof sent), (int)sizeof sent);
        hear(peer);
        size_t n = 0;
        check_status(adieu_read(peer->me, got, sizeof got, &n), ADIEU_OK);
        assert_int_equal(n, sizeof got);
        assert_memory_equal(sent, got, sizeof got);
    }
}

static void a_record_of_the_greatest_size_is_read(void **state)
{
    (void)state;
    for_all(reads_whole_records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_update_is_answered),
        cmocka_unit_test(a_key_update_after_our_end_is_swallowed),
        cmocka_unit_test(a_flood_of_key_updates_is_bounded),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(both_ends_are_understood_by_openssl),
        cmocka_unit_test(an_alert_after_our_end_is_no_end),
        cmocka_unit_test(a_poisoned_error_queue_changes_nothing),
        cmocka_unit_test(a_poisoned_queue_does_not_change_a_handshake),
        cmocka_unit_test(a_record_of_the_greatest_size_is_read),
    };
    return cmocka_run_group_tests_name("engine peer", tests, setup_authority, teardown_authority);
}
