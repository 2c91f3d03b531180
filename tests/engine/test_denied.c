/* SPDX-License-Identifier: MIT */
/*
 * The nth call of the engine into OpenSSL fails in a setter or in a question, for every n, with one reason or another or none: it is
 * said, or done without, and done when it is asked again.
 */
#include "denied.h"
#include "setters.h"
#include "shortage.h"

#include <openssl/err.h>

/* ------------------------------------------------ setters */

/* The name of the call that failed; NULL: there are not so many. */
static const char *set_denied(const struct setter *setter, size_t nth, struct left left)
{
    struct adieu_config *config = adieu_config_new();
    assert_non_null(config);
    deny_call(nth, left);
    enum adieu_status status = setter->set(config);
    const char *call = allow_calls();
    check_that(call || status == ADIEU_OK, "%s: failed by itself", setter->name);
    const struct adieu_error *error = adieu_config_error(config);
    if (status != ADIEU_OK) {
        check_status(status, ADIEU_FAIL);
        check_that(error->code != ADIEU_ERR_NONE && error->text[0], "%s without %s: no reason", setter->name, call);
        status = setter->set(config);
        check_that(status == ADIEU_OK, "%s, after it was without %s: still %s", setter->name, call, error->text);
    }
    check_that(ERR_peek_error() == 0, "%s without %s leaves an entry in OpenSSL's queue", setter->name, call);
    adieu_config_free(config);
    return call;
}

static void a_setter_that_openssl_fails_says_so_and_can_be_called_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < setter_count; i++)
        for (int r = 0; r < REASONS; r++)
            for (size_t nth = 0; set_denied(&setters[i], nth, reasons[r]); nth += shortage_step())
                assert_in_range(nth, 0, 1000);
}

static void a_config_that_openssl_does_not_make_is_none(void **state)
{
    (void)state;
    const char *call;
    size_t nth = 0;
    do {
        deny_call(nth++, reasons[0]);
        struct adieu_config *config = adieu_config_new();
        call = allow_calls();
        check_that(config || call, "no config, though all went well");
        adieu_config_free(config);
    } while (call);
    assert_in_range(nth, 10, 100);
}

/* ------------------------------------------------ questions to a stream */

static struct kept session;

static enum adieu_status bind_both(struct joined *joined)
{
    enum adieu_status status = ADIEU_OK;
    for (int kind = ADIEU_BINDING_TLS_EXPORTER; kind <= ADIEU_BINDING_TLS_UNIQUE; kind++)
        for (int i = 0; i < 2; i++) {
            uint8_t binding[64];
            size_t got = 0;
            status = adieu_channel_binding(i ? joined->server : joined->client, (enum adieu_binding)kind, binding,
                                           sizeof binding, &got);
        }
    return status;
}

static enum adieu_status export(struct joined *joined) {
    uint8_t bytes[32]; return adieu_export(joined->client, "EXPORTER-test", NULL, 0, bytes, sizeof bytes);
}

static enum adieu_status pin(struct joined *joined)
{
    uint8_t bytes[ADIEU_PIN_SIZE];
    return adieu_peer_pin(joined->client, bytes);
}

static enum adieu_status own_pin(struct joined *joined)
{
    uint8_t bytes[ADIEU_PIN_SIZE];
    (void)joined;
    deny_here(false);
    struct adieu_config *config = server_config(0);
    deny_here(true);
    enum adieu_status status = adieu_config_identity_pin(config, bytes);
    adieu_config_free(config);
    return status;
}

static enum adieu_status show_certificates(struct joined *joined)
{
    uint8_t bytes[2000];
    size_t whole = adieu_peer_certificate(joined->client, bytes, sizeof bytes);
    size_t own = adieu_own_certificate(joined->server, bytes, sizeof bytes);
    assert_true(own == 0 || whole == 0 || own == whole);
    return whole && own ? ADIEU_OK : ADIEU_FAIL;
}

static enum adieu_status resume(struct joined *joined)
{
    (void)joined;
    deny_here(false);
    struct adieu_config *config = client_config(0);
    struct adieu_stream *client = adieu_client(config, HOST);
    deny_here(true);
    enum adieu_status status = adieu_resume(client, session.bytes, session.size);
    adieu_free(client);
    adieu_config_free(config);
    return status;
}

static enum adieu_status update_key(struct joined *joined)
{
    enum adieu_status status = adieu_key_update(joined->client, true);
    return status == ADIEU_MISUSE ? ADIEU_FAIL : status; /* TLS 1.2 has none */
}

/* The server owes the answer to a KeyUpdate, which it gives before. */
static enum adieu_status ask_late(struct joined *joined)
{
    deny_here(false);
    (void)!adieu_key_update(joined->client, true);
    carry(joined->client, joined->server);
    (void)listen_once(joined->server);
    deny_here(true);
    enum adieu_status status = adieu_ask_certificate(joined->server);
    return status == ADIEU_MISUSE ? ADIEU_FAIL : status;
}

static const struct question {
    const char *name;
    enum adieu_status (*ask)(struct joined *joined);
} questions[] = {
    {"channel_binding", bind_both},      {"export", export}, {"peer_pin", pin},          {"identity_pin", own_pin},
    {"certificates", show_certificates}, {"resume", resume}, {"key_update", update_key}, {"ask_certificate", ask_late},
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

static void check_own_fault(const struct adieu_stream *s, const char *name, const char *call)
{
    struct adieu_ending ending = adieu_ending(s);
    if (ending.error == ADIEU_ERR_NONE)
        return;
    check_that(ending.error == ADIEU_ERR_MEMORY || ending.error == ADIEU_ERR_ENGINE, "%s without %s: %s", name, call,
               adieu_error(s)->text);
    CHECK_NAMED(adieu_reason_name, ending.reason, ADIEU_REASON_FAULT);
}

static struct joined pair_of(enum adieu_version version)
{
    struct adieu_config *client = client_config(version), *server = server_config(version);
    identify(client, &the_identity);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_LATE), ADIEU_OK);
    check_status(adieu_config_on_session(client, keep_session, &session), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    shake_hands(&joined);
    return joined;
}

static const char *ask_denied(const struct question *question, enum adieu_version version, size_t nth, struct left left)
{
    struct joined joined = pair_of(version);
    deny_call(nth, left);
    enum adieu_status status = question->ask(&joined);
    const char *call = allow_calls();
    check_that(status == ADIEU_OK || status == ADIEU_FAIL, "%s without %s: %s", question->name, call,
               adieu_status_name(status));
    check_that(ERR_peek_error() == 0, "%s without %s leaves an entry in OpenSSL's queue", question->name, call);
    check_own_fault(joined.client, question->name, call);
    check_own_fault(joined.server, question->name, call);
    part(&joined);
    return call;
}

static void what_openssl_does_not_answer_is_not_answered(void **state)
{
    (void)state;
    for (int i = 0; i < QUESTIONS; i++)
        for (int v = 0; v < VERSIONS; v++)
            for (int r = 0; r < REASONS; r++)
                for (size_t nth = 0; ask_denied(&questions[i], versions[v], nth, reasons[r]); nth += shortage_step())
                    assert_in_range(nth, 0, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_config_that_openssl_does_not_make_is_none),
        cmocka_unit_test(a_setter_that_openssl_fails_says_so_and_can_be_called_again),
        cmocka_unit_test(what_openssl_does_not_answer_is_not_answered),
    };
    return cmocka_run_group_tests_name("engine denied", tests, setup_setters, teardown_setters);
}
