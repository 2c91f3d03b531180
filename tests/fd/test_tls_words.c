/* SPDX-License-Identifier: MIT */
/* What TLS itself has to say goes over a descriptor as data does: key updates, and the request for a late certificate. */
#include "support.h"

static void echo(struct pair *pair, const char *text)
{
    char buf[64];
    size_t n, size = strlen(text);
    assert_int_equal(adieu_fd_write(pair->client, text, size, &n, soon()), ADIEU_OK);
    assert_int_equal(adieu_fd_read(pair->server, buf, sizeof buf, &n, soon()), ADIEU_OK);
    assert_int_equal(n, size);
    assert_memory_equal(buf, text, size);
    assert_int_equal(adieu_fd_write(pair->server, text, size, &n, soon()), ADIEU_OK);
    assert_int_equal(adieu_fd_read(pair->client, buf, sizeof buf, &n, soon()), ADIEU_OK);
    assert_memory_equal(buf, text, size);
}

static void new_keys(struct pair *pair)
{
    const bool has = pair->version == ADIEU_TLS_1_3;
    for (int asks = 0; asks < 2; asks++) {
        assert_int_equal(adieu_fd_key_update(pair->client, asks, soon()), has ? ADIEU_OK : ADIEU_MISUSE);
        assert_int_equal(adieu_fd_key_update(pair->server, asks, ADIEU_FD_NOW), has ? ADIEU_OK : ADIEU_MISUSE);
        echo(pair, "under the next keys");
    }
    assert_int_equal(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_int_equal(adieu_fd_key_update(pair->client, false, soon()), ADIEU_MISUSE);
}

static void a_new_key_is_taken_up_by_both_sides(void **state)
{
    (void)state;
    each_pair(new_keys);
}

/* A kernel and a queue that are full: it says nothing, and does not stay beyond its deadline. */
static void full(struct pair *pair)
{
    if (pair->version != ADIEU_TLS_1_3)
        return;
    size_t size = 32 << 20, took;
    void *bytes = pattern_new(size);
    assert_int_equal(adieu_fd_write(pair->client, bytes, size, &took, adieu_fd_in(50)), ADIEU_OK);
    assert_true(took < size);
    enum adieu_status status = ADIEU_OK;
    for (int i = 0; i < 10000 && status == ADIEU_OK; i++) /* the last small room in the queue */
        status = adieu_fd_key_update(pair->client, false, adieu_fd_in(20));
    assert_int_equal(status, ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(pair->client), ADIEU_FD_WHY_DEADLINE);
    free(bytes);
}

static void a_new_key_waits_for_room_until_its_deadline(void **state)
{
    (void)state;
    each_tcp_pair(full);
}

/* The server's answer is found by reading: the request has left when the verb is done. */
static void late(struct pair *pair)
{
    struct adieu_config *client, *server;
    struct pair other;
    char buf[16];
    size_t n;
    make_configs(pair->version, &client, &server);
    assert_int_equal(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_LATE), ADIEU_OK);
    assert_int_equal(adieu_config_identity_throwaway(client, "a client"), ADIEU_OK);
    uint8_t pin[ADIEU_PIN_SIZE];
    assert_int_equal(adieu_config_identity_pin(client, pin), ADIEU_OK);
    assert_int_equal(adieu_config_trust_pin(server, pin), ADIEU_OK);
    pair_open_with(&other, pair->carrier, client, server, 0);
    pair_shake(&other);
    const bool has = pair->version == ADIEU_TLS_1_3;
    assert_int_equal(adieu_fd_ask_certificate(other.server, soon()), has ? ADIEU_OK : ADIEU_MISUSE);
    assert_int_equal(adieu_fd_ask_certificate(other.client, soon()), ADIEU_MISUSE);
    assert_int_equal(adieu_fd_write(other.server, "x", 1, &n, soon()), ADIEU_OK);
    assert_int_equal(adieu_fd_read(other.client, buf, sizeof buf, &n, soon()), ADIEU_OK); /* and answers */
    assert_int_equal(adieu_fd_write(other.client, "y", 1, &n, soon()), ADIEU_OK);
    assert_int_equal(adieu_fd_read(other.server, buf, sizeof buf, &n, soon()), ADIEU_OK);
    assert_int_equal(adieu_verified(adieu_fd_stream(other.server)), has ? ADIEU_VERIFIED_PIN : ADIEU_VERIFIED_NO);
    pair_free(&other);
}

static void a_certificate_is_asked_for_late(void **state)
{
    (void)state;
    each_pair(late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_taken_up_by_both_sides),
        cmocka_unit_test(a_new_key_waits_for_room_until_its_deadline),
        cmocka_unit_test(a_certificate_is_asked_for_late),
    };
    return cmocka_run_group_tests_name("fd tls words", tests, NULL, NULL);
}
