/* SPDX-License-Identifier: MIT */
/* Words that cross the end, or come right before it: tickets, a request for a certificate, the last record, an alert of our own fault. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RSA_METHOD: the one way to a key that breaks when it signs */
#include "support.h"

#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adieu_openssl.h"

static void hear(struct adieu_fd *fd, const char *text)
{
    char buf[64] = "";
    size_t got = 0, n;
    for (; got < strlen(text); got += n)
        assert_status(adieu_fd_read(fd, buf + got, sizeof buf - 1 - got, &n, soon()), ADIEU_OK);
    assert_string_equal(buf, text);
}

static void say(struct adieu_fd *fd, const char *text)
{
    size_t took;
    assert_status(adieu_fd_write(fd, text, strlen(text), &took, soon()), ADIEU_OK);
}

static enum adieu_status end_of(struct adieu_fd *fd)
{
    char byte;
    size_t got;
    return adieu_fd_read(fd, &byte, 1, &got, soon());
}

/* ------------------------------------------------ tickets */

static void count(void *context, const struct adieu_stream *stream, const uint8_t *session, size_t size)
{
    (void)stream, (void)session;
    *(unsigned *)context += size > 0;
}

/* Who says goodbye without a read is still given them, and nothing once it is over. */
static void tickets_that_lie_unread_are_told_by_the_goodbye(void **state)
{
    unsigned sessions = 0;
    struct adieu_config *client, *server;
    struct pair pair;
    (void)state;
    make_configs(ADIEU_TLS_1_3, &client, &server);
    assert_status(adieu_config_tickets(server, 3), ADIEU_OK);
    assert_status(adieu_config_on_session(client, count, &sessions), ADIEU_OK);
    pair_open_with(&pair, CARRIER_TCP, client, server, 0);
    pair_shake(&pair);
    struct reader reader = {.fd = pair.server, .answer = true};
    reader_start(&reader);
    say(pair.client, "a push");
    struct adieu_ending ending = close_of(pair.client, 5000);
    reader_join(&reader);
    assert_int_equal(sessions, 3);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.after, ADIEU_AFTER_EOF); /* and no reset for what lay unread */
    assert_status(reader.last, ADIEU_END);
    (void)close_of(pair.client, 0);
    assert_int_equal(sessions, 3);
    pair_free(&pair);
}

/* ------------------------------------------------ a request for a certificate */

/* It was on its way when we ended: nothing can be shown any more, and reading goes on. */
static void a_request_for_a_certificate_that_crosses_our_end_changes_nothing(void **state)
{
    struct adieu_config *client, *server;
    struct pair pair;
    (void)state;
    make_configs(ADIEU_TLS_1_3, &client, &server);
    assert_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_LATE), ADIEU_OK);
    assert_status(adieu_config_identity_throwaway(client, "a client"), ADIEU_OK);
    pair_open_with(&pair, CARRIER_TCP, client, server, 0);
    pair_shake(&pair);
    assert_status(adieu_fd_shutdown(pair.client, soon()), ADIEU_OK);
    assert_status(adieu_fd_ask_certificate(pair.server, soon()), ADIEU_OK); /* it has not read the end yet */
    say(pair.server, "and more");
    hear(pair.client, "and more");
    assert_ends(adieu_fd_ending(pair.client), "closed", "open");
    assert_status(end_of(pair.server), ADIEU_END);
    assert_int_equal(adieu_verified(adieu_fd_stream(pair.server)), ADIEU_VERIFIED_NO);
    assert_status(adieu_fd_shutdown(pair.server, soon()), ADIEU_OK);
    assert_status(end_of(pair.client), ADIEU_END);
    assert_ends(adieu_fd_ending(pair.client), "closed", "closed");
    pair_free(&pair);
}

/* ------------------------------------------------ the last record */

/* How long the end comes behind the last word, in ms; both are on the wire as soon as they are said. */
static int64_t end_behind_the_word(struct pair *pair)
{
    static uint8_t wire[4096];
    struct pollfd readable = {.fd = pair->server_raw, .events = POLLIN};
    size_t took, came = 0;
    assert_status(adieu_fd_write(pair->client, "small", 5, &took, soon()), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_int_equal(poll(&readable, 1, 5000), 1);
    int64_t before = adieu_fd_now();
    const size_t overhead = pair->version == ADIEU_TLS_1_3 ? 22 : 29, both = 5 + 2 + 2 * overhead;
    while (came < both) {
        ssize_t n = recv(pair->server_raw, wire, sizeof wire, 0);
        assert_true(n > 0);
        came += (size_t)n;
    }
    assert_int_equal(came, both);
    return adieu_fd_now() - before;
}

/* Were there Nagle's algorithm, a delayed acknowledgement would hold each of them up by 40 ms. */
static void the_end_does_not_wait_for_an_acknowledgement_of_the_last_word(void **state)
{
    (void)state;
    for (int version = 0; version < 2; version++) {
        int64_t least = INT64_MAX;
        for (int turn = 0; turn < 10 && least >= 20; turn++) {
            struct pair pair;
            pair_open(&pair, CARRIER_TCP, version ? ADIEU_TLS_1_3 : ADIEU_TLS_1_2, 0);
            pair_shake(&pair);
            int64_t took = end_behind_the_word(&pair);
            least = took < least ? took : least;
            pair_free(&pair);
        }
        assert_in_range(least, 0, 19);
    }
}

/* Nothing waits to be put together with more, and nothing is left behind. */
static void tiny_story(struct pair *pair)
{
    enum { WORDS = 1000 };
    size_t took;
    struct reader reader = {.fd = pair->server, .answer = true};
    reader_start(&reader);
    for (size_t i = 0; i < WORDS; i++) {
        const uint8_t byte = pattern(i);
        assert_status(adieu_fd_write(pair->client, &byte, 1, &took, soon()), ADIEU_OK);
    }
    struct adieu_ending ending = close_of(pair->client, 5000);
    reader_join(&reader);
    assert_int_equal(reader.got, WORDS);
    assert_true(reader.intact);
    assert_status(reader.last, ADIEU_END);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
}

static void a_thousand_tiny_words_and_a_goodbye_lose_nothing(void **state)
{
    (void)state;
    each_pair(tiny_story);
}

/* ------------------------------------------------ a cancel that came first */

/* It ends a wait, and no verb: what can be said at once is said, and the handshake goes on where it was. */
static void cancelled_story(struct pair *pair)
{
    struct pollfd heard = {.fd = pair->server_raw, .events = POLLIN};
    adieu_fd_cancel(pair->client);
    assert_status(adieu_fd_handshake(pair->client, soon()), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(pair->client), ADIEU_FD_WHY_CANCELLED);
    assert_int_equal(poll(&heard, 1, 0), 1);
    assert_ends(adieu_fd_ending(pair->client), "open", "open");
    pair_shake(pair);
}

static void a_cancel_that_came_first_ends_the_wait_and_not_the_handshake(void **state)
{
    (void)state;
    for (int carrier = 0; carrier < CARRIERS; carrier++) {
        struct pair pair;
        pair_open(&pair, (enum carrier)carrier, ADIEU_TLS_1_3, 0);
        cancelled_story(&pair);
        pair_free(&pair);
    }
}

/* ------------------------------------------------ a deadline, and something that lies there */

static void due_story(struct pair *pair)
{
    char buf[16];
    size_t got;
    struct pollfd readable = {.fd = adieu_fd_descriptor(pair->client), .events = POLLIN};
    say(pair->server, "now");
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    assert_int_equal(poll(&readable, 1, 5000), 1);
    rest_ms(20); /* of two segments the second */
    assert_status(adieu_fd_read(pair->client, buf, sizeof buf, &got, ADIEU_FD_NOW), ADIEU_OK);
    assert_int_equal(got, 3);
    assert_status(adieu_fd_read(pair->client, buf, sizeof buf, &got, adieu_fd_now() - 1), ADIEU_END);
    assert_status(adieu_fd_shutdown(pair->client, ADIEU_FD_NOW), ADIEU_OK);
}

static void what_can_be_done_at_once_is_done_though_the_deadline_has_passed(void **state)
{
    (void)state;
    each_pair(due_story);
}

static void a_deadline_in_words_that_cannot_be_is_the_nearest_that_can(void **state)
{
    (void)state;
    int64_t now = adieu_fd_now();
    assert_in_range(adieu_fd_in(-5) - now, 0, 1000);
    assert_in_range(adieu_fd_in(INT64_MIN) - now, 0, 1000);
    assert_true(adieu_fd_in(INT64_MAX) == ADIEU_FD_FOREVER);
    assert_true(adieu_fd_in(INT64_MAX - 1) == ADIEU_FD_FOREVER);
}

/* ------------------------------------------------ a fault of ours */

static int never_signs(int size, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
    (void)size, (void)from, (void)to, (void)rsa, (void)padding;
    return -1;
}

/* A certificate whose key is there, and breaks when it is to sign. The method is to outlive the context. */
static SSL_CTX *broken_context(RSA_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *good = EVP_RSA_gen(2048), *bad = EVP_PKEY_new();
    X509 *cert = X509_new();
    RSA *rsa = EVP_PKEY_get1_RSA(good);
    assert_true(context && good && bad && cert && rsa);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, good);
    assert_true(X509_sign(cert, good, EVP_sha256()) > 0);
    RSA_meth_set_priv_enc(method, never_signs);
    RSA_meth_set_sign(method, NULL);
    RSA_set_method(rsa, method);
    assert_int_equal(EVP_PKEY_assign_RSA(bad, rsa), 1);
    assert_int_equal(SSL_CTX_use_certificate(context, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, bad), 1);
    X509_free(cert);
    EVP_PKEY_free(good);
    EVP_PKEY_free(bad);
    return context;
}

static void *shake_and_close(void *context)
{
    struct reader *side = context;
    side->last = adieu_fd_handshake(side->fd, soon());
    (void)!adieu_fd_close(side->fd, patience_ms(2000), &side->ending);
    return NULL;
}

static void breaks(SSL_CTX *context, enum adieu_version version)
{
    struct adieu_config *client = adieu_config_new(), *server = adieu_config_adopt(context);
    struct pair pair;
    assert_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    assert_status(adieu_config_versions(client, version, version), ADIEU_OK);
    pair_open_with(&pair, CARRIER_TCP, client, server, 0);
    struct reader ours = {.fd = pair.server};
    assert_int_equal(pthread_create(&ours.thread, NULL, shake_and_close, &ours), 0);
    assert_status(adieu_fd_handshake(pair.client, soon()), ADIEU_FAIL);
    struct adieu_ending theirs = close_of(pair.client, 2000);
    reader_join(&ours);
    assert_status(ours.last, ADIEU_FAIL);
    assert_ends(ours.ending, "aborted", "abandoned");
    assert_int_equal(ours.ending.reason, ADIEU_REASON_FAULT);
    assert_int_equal(ours.ending.error, ADIEU_ERR_ENGINE);
    assert_int_equal(ours.ending.alert_sent.number, SSL_AD_INTERNAL_ERROR);
    assert_int_equal(adieu_ending_exit(&ours.ending), ADIEU_EXIT_OTHER);
    assert_ends(theirs, "failed", "alerted");
    assert_int_equal(theirs.alert_received.number, SSL_AD_INTERNAL_ERROR);
    pair_free(&pair);
}

static void a_key_that_breaks_when_it_signs_is_our_fault_and_the_client_is_told(void **state)
{
    (void)state;
    RSA_METHOD *method = RSA_meth_dup(RSA_get_default_method());
    SSL_CTX *context = broken_context(method);
    breaks(context, ADIEU_TLS_1_2);
    breaks(context, ADIEU_TLS_1_3);
    SSL_CTX_free(context);
    RSA_meth_free(method);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tickets_that_lie_unread_are_told_by_the_goodbye),
        cmocka_unit_test(a_request_for_a_certificate_that_crosses_our_end_changes_nothing),
        cmocka_unit_test(the_end_does_not_wait_for_an_acknowledgement_of_the_last_word),
        cmocka_unit_test(a_thousand_tiny_words_and_a_goodbye_lose_nothing),
        cmocka_unit_test(a_cancel_that_came_first_ends_the_wait_and_not_the_handshake),
        cmocka_unit_test(what_can_be_done_at_once_is_done_though_the_deadline_has_passed),
        cmocka_unit_test(a_deadline_in_words_that_cannot_be_is_the_nearest_that_can),
        cmocka_unit_test(a_key_that_breaks_when_it_signs_is_our_fault_and_the_client_is_told),
    };
    return cmocka_run_group_tests_name("fd last words", tests, NULL, NULL);
}
