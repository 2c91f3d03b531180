/* SPDX-License-Identifier: MIT */
/* S72: alerts that OpenSSL would not send, sealed with B's keys by hand. */
#include "scene.h"

#define pattern peer_pattern /* it has one of its own */
#include "../peer/record.h"
#undef pattern

enum { WARNING = 1, CLOSE_NOTIFY = 0, USER_CANCELED = 90, UNRECOGNIZED_NAME = 112 };

static struct secrets secrets;

static void learn(const SSL *ssl, const char *line)
{
    (void)ssl;
    secrets_learn(&secrets, line);
}

static void meet_with_keys(struct scene *s)
{
    bool tls13 = s->version == ADIEU_TLS_1_3;
    secrets = (struct secrets){.suite = suite_named("aes128"), .tls13 = tls13};
    assert_non_null(secrets.suite);
    scene_prepare(s);
    assert_int_equal(SSL_CTX_set_ciphersuites(s->b.context, secrets.suite->tls13), 1);
    assert_int_equal(SSL_CTX_set_cipher_list(s->b.context, secrets.suite->tls12), 1);
    if (tls13)
        SSL_CTX_set_keylog_callback(s->b.context, learn);
    scene_open(s);
    scene_shake(s);
    if (tls13)
        return;
    SSL_SESSION_get_master_key(SSL_get_session(s->b.ssl), secrets.master.bytes, SECRET_MAX);
    SSL_get_client_random(s->b.ssl, secrets.client_random, sizeof secrets.client_random);
    SSL_get_server_random(s->b.ssl, secrets.server_random, sizeof secrets.server_random);
}

/* How many records B has sealed with these keys: its Finished in TLS 1.2, a server's tickets in TLS 1.3; and one of data. */
static uint64_t sealed_already(const struct scene *s)
{
    if (s->version == ADIEU_TLS_1_2)
        return 2;
    return s->server ? 1 : SSL_get_num_tickets(s->b.ssl) + 1;
}

/* These warnings, one behind the other, behind a byte of data. B's own SSL is no use afterwards. */
static void b_warns(struct scene *s, const uint8_t *numbers, size_t count)
{
    struct keys keys;
    struct bytes out = {0};
    if (secrets.tls13)
        keys_from_secret(&keys, secrets.suite, secrets.application[!s->server].bytes);
    else
        keys_from_master(&keys, &secrets, !s->server);
    b_says(s, 1);
    for (size_t i = 0; i < count; i++) {
        const uint8_t alert[2] = {WARNING, numbers[i]};
        const struct recipe recipe = {.type = RECORD_ALERT,
                                      .content = alert,
                                      .size = sizeof alert,
                                      .outer = AS_IT_IS,
                                      .version = AS_IT_IS,
                                      .length = AS_IT_IS};
        record_make(&keys, sealed_already(s) + i, &recipe, &out);
    }
    b_says_plain(s, out.at, out.size);
    bytes_free(&out);
    a_hears(s, 1);
}

static void s72_user_canceled_before_the_end_is_a_clean_end_with_its_reason(struct scene *s)
{
    meet_with_keys(s);
    b_warns(s, (const uint8_t[]){USER_CANCELED, CLOSE_NOTIFY}, 2);
    check_status(a_reads_to_end(s), ADIEU_END);
    check_a_ends(s, "open", "closed");
    assert_true(a_ending(s).user_canceled);
    check_a_error(s, ADIEU_ERR_NONE);
}

/* It asks for nothing and ends nothing: what follows is read. */
static void s72_user_canceled_alone_ends_nothing(struct scene *s)
{
    meet_with_keys(s);
    b_warns(s, (const uint8_t[]){USER_CANCELED}, 1);
    check_status(a_reads_all(s), ADIEU_WAIT);
    turns(s, 3);
    check_status(a_reads_all(s), ADIEU_WAIT);
    check_a_ends(s, "open", "open");
    a_says(s, 100);
    b_hears(s, 100);
    b_fin(s);
    check_status(a_reads_to_end(s), ADIEU_FAIL); /* and is no end */
    check_a_error(s, ADIEU_ERR_TRUNCATED);
    assert_true(a_ending(s).user_canceled);
}

static unsigned warned;

static void note_warning(void *context, const struct adieu_stream *stream, enum adieu_news news,
                         const struct adieu_alert *alert)
{
    (void)context, (void)stream;
    warned += news == ADIEU_NEWS_ALERT_RECEIVED && alert->level == WARNING && alert->number == UNRECOGNIZED_NAME;
}

/* TLS 1.3 has no other warnings: there each is fatal (RFC 9846 6). */
static void s72_any_other_warning_is_told_to_whoever_watches_and_ends_nothing(struct scene *s)
{
    meet_with_keys(s);
    warned = 0;
    adieu_watch(s->stream, note_warning, NULL);
    b_warns(s, (const uint8_t[]){UNRECOGNIZED_NAME, CLOSE_NOTIFY}, 2);
    check_status(a_reads_to_end(s), ADIEU_END);
    assert_int_equal(warned, 1);
    assert_false(a_ending(s).user_canceled);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        SCENARIO(s72_user_canceled_before_the_end_is_a_clean_end_with_its_reason, EVERYWHERE),
        SCENARIO(s72_user_canceled_alone_ends_nothing, EVERYWHERE),
        SCENARIO(s72_any_other_warning_is_told_to_whoever_watches_and_ends_nothing, EVERYWHERE & ~ON_13), /* has none */
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
