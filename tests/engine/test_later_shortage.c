/* SPDX-License-Identifier: MIT */
/*
 * Decisions that come later while memory is short: the nth allocation fails, for every n, in each step. Nobody is accepted of
 * whom that was not decided, and what is not accepted gets no byte but an alert.
 */
#include "joined.h"
#include "shortage.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum { ALERT = 7, SEALED_ALERT = ALERT + 1 + 16 };

static void check_shortage_told(struct adieu_stream *s)
{
    enum adieu_error_code code = adieu_error(s)->code;
    check_that(code == ADIEU_ERR_MEMORY || code == ADIEU_ERR_ENGINE, "allocation %zu: %s", shortage.nth,
               adieu_error(s)->text);
    CHECK_NAMED(adieu_verified_name, adieu_verified(s), ADIEU_VERIFIED_NO);
}

/*
 * Calls it with an allocation failing, once, and now and then all that follow, too; it answers whether one did. Each third, or (as in a
 * soak) each.
 */
static void for_each_allocation(bool (*step)(enum adieu_version version, size_t nth, bool for_ever),
                                enum adieu_version version)
{
    const char *all = getenv("ADIEU_SWEEP_ALL");
    size_t stride = (all && *all ? 1 : 3) * shortage_step();
    (void)step(version, SIZE_MAX, false); /* makes what stays */
    size_t nth = 0;
    while (step(version, nth, false)) {
        if (nth / stride % 5 == 0)
            (void)step(version, nth, true);
        nth += stride;
    }
    assert_in_range(nth, 1, 10000);
}

/* ------------------------------------------------ the configs, made once */

static struct {
    struct adieu_config *client, *server, *late, *choosing, *closed;
} kept;
static struct adieu_config *choice;

static enum adieu_decision later(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                 const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)stream, (void)verified, (void)problem;
    assert_true(leaf && leaf_size > 0); /* nobody is asked about a certificate that could not be shown */
    return ADIEU_LATER;
}

static struct adieu_config *choose(void *context, const char *name)
{
    (void)context, (void)name;
    return choice;
}

static void make_configs(enum adieu_version version)
{
    kept.client = client_config(version);
    identify(kept.client, &the_identity);
    kept.server = server_config(version);
    trust(kept.server, &the_authority);
    check_status(adieu_config_client_auth(kept.server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    check_status(adieu_config_insecure_on_verify(kept.server, later, NULL), ADIEU_OK);
    kept.late = server_config(version);
    trust(kept.late, &the_authority);
    check_status(adieu_config_client_auth(kept.late, ADIEU_CLIENT_AUTH_LATE), ADIEU_OK);
    kept.choosing = server_config(version);
    check_status(adieu_config_on_name(kept.choosing, choose, NULL), ADIEU_OK);
    kept.closed = server_config(version);
    trust(kept.closed, &the_authority);
    check_status(adieu_config_client_auth(kept.closed, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
}

static void free_configs(void)
{
    adieu_config_free(kept.client);
    adieu_config_free(kept.server);
    adieu_config_free(kept.late);
    adieu_config_free(kept.choosing);
    adieu_config_free(kept.closed);
}

static void with_configs(bool (*step)(enum adieu_version version, size_t nth, bool for_ever),
                         enum adieu_version version)
{
    make_configs(version);
    for_each_allocation(step, version);
    free_configs();
}

/* The client's last flight lies before the server. */
static struct joined before_asking(void)
{
    struct joined joined = join(adieu_config_ref(kept.client), adieu_config_ref(kept.server), HOST);
    for (int i = 0; i < 2; i++) {
        (void)!adieu_handshake(joined.client);
        carry(joined.client, joined.server);
        if (i == 0) {
            (void)!adieu_handshake(joined.server);
            carry(joined.server, joined.client);
        }
    }
    return joined;
}

/* Runs the server's step with the shortage. */
static enum adieu_status starving(struct adieu_stream *server, size_t nth, bool for_ever)
{
    pool_clear(config_pool(kept.server)); /* what the config keeps for its streams */
    begin_shortage(nth, for_ever);
    enum adieu_status status = adieu_handshake(server);
    end_shortage();
    assert_int_equal(ERR_peek_error(), 0);
    return status;
}

static void check_only_an_alert(struct joined *joined)
{
    size_t size = adieu_wire_out(joined->server, NULL);
    check_that(size == 0 || size == ALERT || size == SEALED_ALERT, "allocation %zu: %zu bytes leave", shortage.nth,
               size);
    assert_int_equal(adieu_ending(joined->server).phase, ADIEU_PHASE_HANDSHAKING);
}

/* ------------------------------------------------ the client */

static bool asked_without(enum adieu_version version, size_t nth, bool for_ever)
{
    (void)version;
    struct joined joined = before_asking();
    enum adieu_status status = starving(joined.server, nth, for_ever);
    bool came = shortage.came;
    check_only_an_alert(&joined);
    if (status == ADIEU_WAIT) {
        assert_int_equal(adieu_awaited(joined.server), ADIEU_AWAITED_VERIFY);
        assert_int_equal(adieu_wire_out(joined.server, NULL), 0);
    } else {
        check_status(status, ADIEU_FAIL);
        check_shortage_told(joined.server);
    }
    part(&joined);
    ERR_clear_error();
    return came;
}

static bool accepted_without(enum adieu_version version, size_t nth, bool for_ever)
{
    (void)version;
    struct joined joined = before_asking();
    check_status(adieu_handshake(joined.server), ADIEU_WAIT);
    check_status(adieu_decide(joined.server, ADIEU_ACCEPT), ADIEU_OK);
    enum adieu_status status = starving(joined.server, nth, for_ever);
    bool came = shortage.came;
    if (status == ADIEU_OK) {
        shake_hands(&joined);
        CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_AUTHORITY);
    } else {
        check_status(status, ADIEU_FAIL);
        check_shortage_told(joined.server);
    }
    part(&joined);
    ERR_clear_error();
    return came;
}

static bool refused_without(enum adieu_version version, size_t nth, bool for_ever)
{
    struct joined joined = before_asking();
    check_status(adieu_handshake(joined.server), ADIEU_WAIT);
    check_status(adieu_decide(joined.server, ADIEU_REFUSE), ADIEU_OK);
    check_status(starving(joined.server, nth, for_ever), ADIEU_FAIL);
    bool came = shortage.came;
    check_only_an_alert(&joined);
    check_receiving(joined.server, came && adieu_error(joined.server)->code != ADIEU_ERR_REFUSED
                                       ? ADIEU_RECEIVING_ABANDONED
                                       : ADIEU_RECEIVING_REJECTED);
    carry(joined.server, joined.client);
    if (version == ADIEU_TLS_1_2)
        check_that(adieu_handshake(joined.client) != ADIEU_OK, "allocation %zu: the client was welcomed", nth);
    part(&joined);
    ERR_clear_error();
    return came;
}

static void a_server_that_is_to_decide_welcomes_nobody_for_lack_of_memory(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++) {
        with_configs(asked_without, versions[i]);
        with_configs(accepted_without, versions[i]);
        with_configs(refused_without, versions[i]);
    }
}

/* ------------------------------------------------ the name */

/* A client without a certificate where, by its name, one is required: at once, or (for_ever) later. */
static bool chosen_without(enum adieu_version version, size_t nth, bool for_ever)
{
    struct adieu_config *client = client_config(version);
    struct joined joined = join(client, adieu_config_ref(kept.choosing), HOST);
    choice = nth % 2 ? kept.closed : adieu_config_later();
    (void)!adieu_handshake(joined.client);
    carry(joined.client, joined.server);
    enum adieu_status status = starving(joined.server, nth, for_ever);
    bool came = shortage.came;
    if (status == ADIEU_WAIT && adieu_awaited(joined.server) == ADIEU_AWAITED_NAME) {
        assert_int_equal(adieu_wire_out(joined.server, NULL), 0);
        check_status(adieu_choose(joined.server, kept.closed), ADIEU_OK);
        status = starving(joined.server, nth, for_ever);
        came = came || shortage.came;
    }
    if (status != ADIEU_WAIT)
        check_shortage_told(joined.server);
    shake(&joined);
    check_status(adieu_handshake(joined.server), ADIEU_FAIL); /* REFUSED, if memory was not short */
    part(&joined);
    ERR_clear_error();
    return came;
}

static void a_name_chosen_short_of_memory_opens_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < VERSIONS; i++)
        with_configs(chosen_without, versions[i]);
}

/* ------------------------------------------------ behind the handshake */

static void count(void *context, const struct adieu_stream *stream, enum adieu_news news,
                  const struct adieu_alert *alert)
{
    (void)stream, (void)alert;
    *(unsigned *)context += news == ADIEU_NEWS_CERTIFICATE;
}

static struct joined late(unsigned *answers)
{
    struct joined joined = join(adieu_config_ref(kept.client), adieu_config_ref(kept.late), HOST);
    *answers = 0;
    adieu_watch(joined.server, count, answers);
    shake_hands(&joined);
    return joined;
}

static bool asked_late_without(enum adieu_version version, size_t nth, bool for_ever)
{
    (void)version;
    unsigned answers;
    struct joined joined = late(&answers);
    pool_clear(config_pool(kept.late));
    begin_shortage(nth, for_ever);
    enum adieu_status status = adieu_ask_certificate(joined.server);
    bool came = end_shortage();
    assert_int_equal(ERR_peek_error(), 0);
    if (status == ADIEU_OK) {
        carry(joined.server, joined.client);
        check_status(listen_once(joined.client), ADIEU_WAIT);
        carry(joined.client, joined.server);
        check_status(listen_once(joined.server), ADIEU_WAIT);
        assert_int_equal(answers, 1);
    } else {
        check_status(status, ADIEU_FAIL);
        check_error(joined.server, ADIEU_ERR_MEMORY);
    }
    part(&joined);
    return came;
}

static bool answered_late_without(enum adieu_version version, size_t nth, bool for_ever)
{
    (void)version;
    unsigned answers;
    struct joined joined = late(&answers);
    check_status(adieu_ask_certificate(joined.server), ADIEU_OK);
    carry(joined.server, joined.client);
    check_status(listen_once(joined.client), ADIEU_WAIT);
    carry(joined.client, joined.server);
    pool_clear(config_pool(kept.late));
    begin_shortage(nth, for_ever);
    enum adieu_status status = listen_once(joined.server);
    bool came = end_shortage();
    assert_int_equal(answers, status == ADIEU_WAIT);
    if (status == ADIEU_WAIT) {
        CHECK_NAMED(adieu_verified_name, adieu_verified(joined.server), ADIEU_VERIFIED_AUTHORITY);
    } else {
        check_status(status, ADIEU_FAIL);
        check_shortage_told(joined.server);
        assert_int_equal(adieu_peer_certificate(joined.server, NULL, 0), 0);
    }
    part(&joined);
    ERR_clear_error();
    return came;
}

static void a_certificate_asked_for_late_short_of_memory_is_a_fault_or_proved(void **state)
{
    (void)state;
    with_configs(asked_late_without, ADIEU_TLS_1_3);
    with_configs(answered_late_without, ADIEU_TLS_1_3);
}

int main(void)
{
    if (!memory_begin())
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_to_decide_welcomes_nobody_for_lack_of_memory),
        cmocka_unit_test(a_name_chosen_short_of_memory_opens_nothing),
        cmocka_unit_test(a_certificate_asked_for_late_short_of_memory_is_a_fault_or_proved),
    };
    return cmocka_run_group_tests_name("engine later shortage", tests, setup_authority, teardown_authority);
}
