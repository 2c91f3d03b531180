/* SPDX-License-Identifier: MIT */
/* Where both sides could wait for each other for ever, or one spin: half messages, full queues, data behind a write. */
#include "support.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <adieu_openssl.h>

static double processor_seconds(void)
{
    struct timespec time;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time), 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static enum adieu_status read_some(struct adieu_fd *fd, int64_t deadline)
{
    char bytes[4096];
    size_t got;
    return adieu_fd_read(fd, bytes, sizeof bytes, &got, deadline);
}

/* ------------------------------------------------ half of a message */

/* A client on one end of a socketpair; a server in memory whose bytes the test carries to the other end, or holds back. */
struct relay {
    struct adieu_config *client_config, *server_config;
    struct adieu_fd *client;
    struct adieu_stream *server;
    int raw;
};

static void carry_in(struct relay *relay)
{
    uint8_t *room;
    size_t size = adieu_wire_in(relay->server, &room);
    ssize_t n = recv(relay->raw, room, size, 0);
    assert_true(n > 0);
    adieu_wire_in_done(relay->server, (size_t)n);
}

static void carry_out(struct relay *relay, size_t most)
{
    const uint8_t *bytes;
    size_t size;
    while (most > 0 && (size = adieu_wire_out(relay->server, &bytes)) > 0) {
        ssize_t n = send(relay->raw, bytes, size < most ? size : most, MSG_NOSIGNAL);
        assert_true(n > 0);
        adieu_wire_out_done(relay->server, (size_t)n);
        most -= (size_t)n;
    }
}

static void relay_open(struct relay *relay, bool polled)
{
    int both[2];
    *relay = (struct relay){0};
    make_configs(ADIEU_TLS_1_3, &relay->client_config, &relay->server_config);
    assert_status(adieu_config_identity_throwaway(relay->client_config, "client"), ADIEU_OK);
    assert_status(adieu_config_insecure_no_verify(relay->server_config), ADIEU_OK);
    assert_status(adieu_config_client_auth(relay->server_config, ADIEU_CLIENT_AUTH_OPTIONAL), ADIEU_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
    relay->client = adieu_fd_client(relay->client_config, "localhost");
    relay->server = adieu_server(relay->server_config);
    relay->raw = both[1];
    if (polled)
        adieu_fd_set_polled(relay->client);
    assert_status(adieu_fd_adopt(relay->client, both[0], ADIEU_FD_OWNED), ADIEU_OK);
}

/*
 * After the handshake the client has half of a session ticket: the server's fragments are small, and the ticket carries the
 * client's certificate. OpenSSL then seals nothing before it has the other half.
 */
static void half_a_ticket(struct relay *relay, bool polled)
{
    enum { ONE_FRAGMENT = 5 + 512 + 1 + 16 };
    relay_open(relay, polled);
    assert_status(adieu_fd_handshake(relay->client, ADIEU_FD_NOW), ADIEU_WAIT);
    carry_in(relay);
    assert_status(adieu_handshake(relay->server), ADIEU_WAIT);
    carry_out(relay, SIZE_MAX);
    assert_status(adieu_fd_handshake(relay->client, soon()), ADIEU_OK);
    carry_in(relay);
    SSL_set_max_send_fragment(adieu_openssl_ssl(relay->server), 512);
    assert_status(adieu_handshake(relay->server), ADIEU_OK);
    assert_true(adieu_wire_out(relay->server, NULL) > ONE_FRAGMENT);
    carry_out(relay, ONE_FRAGMENT);
    assert_status(read_some(relay->client, ADIEU_FD_NOW), ADIEU_WAIT);
}

static void relay_close(struct relay *relay)
{
    adieu_fd_free(relay->client);
    adieu_free(relay->server);
    (void)close(relay->raw);
    adieu_config_free(relay->client_config);
    adieu_config_free(relay->server_config);
}

static void server_hears(struct relay *relay, const char *text)
{
    char bytes[64];
    size_t got = 0;
    carry_in(relay);
    assert_status(adieu_read(relay->server, bytes, sizeof bytes, &got), ADIEU_OK);
    assert_int_equal(got, strlen(text));
    assert_memory_equal(bytes, text, got);
}

static void *the_other_half_later(void *context)
{
    struct relay *relay = context;
    size_t took;
    while (adieu_fd_write(relay->client, "", 0, &took, ADIEU_FD_NOW) != ADIEU_MISUSE)
        rest_ms(1); /* until the other thread's write waits */
    rest_ms(700);   /* in which it may cost processor time, or not */
    carry_out(relay, SIZE_MAX);
    return NULL;
}

static void a_write_sleeps_until_the_other_half_of_a_message_comes(void **state)
{
    (void)state;
    struct relay relay;
    pthread_t thread;
    size_t took = 0;
    half_a_ticket(&relay, false);
    double before = processor_seconds();
    assert_int_equal(pthread_create(&thread, NULL, the_other_half_later, &relay), 0);
    enum adieu_status status = adieu_fd_write(relay.client, "hello", 5, &took, adieu_fd_in(10000));
    double used = processor_seconds() - before;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_status(status, ADIEU_OK);
    assert_int_equal(took, 5);
    assert_true(used < 0.5);
    server_hears(&relay, "hello");
    relay_close(&relay);
}

static void a_write_behind_half_a_message_ends_at_its_deadline(void **state)
{
    (void)state;
    struct relay relay;
    size_t took = 7;
    half_a_ticket(&relay, false);
    double before = processor_seconds();
    int64_t begun = adieu_fd_now();
    assert_status(adieu_fd_write(relay.client, "hello", 5, &took, adieu_fd_in(700)), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(relay.client), ADIEU_FD_WHY_DEADLINE);
    assert_in_range(adieu_fd_now() - begun, 699, 5000);
    assert_true(processor_seconds() - before < 0.5);
    carry_out(&relay, SIZE_MAX);
    assert_status(adieu_fd_write(relay.client, "hello", 5, &took, soon()), ADIEU_OK);
    assert_int_equal(took, 5);
    server_hears(&relay, "hello");
    relay_close(&relay);
}

static void a_shutdown_sleeps_until_the_other_half_of_a_message_comes(void **state)
{
    (void)state;
    struct relay relay;
    half_a_ticket(&relay, false);
    double before = processor_seconds();
    assert_status(adieu_fd_shutdown(relay.client, adieu_fd_in(700)), ADIEU_WAIT);
    assert_true(processor_seconds() - before < 0.5);
    carry_out(&relay, SIZE_MAX);
    assert_status(adieu_fd_shutdown(relay.client, soon()), ADIEU_OK);
    relay_close(&relay);
}

/* Calls it until it does not say WAIT, as the header tells a poller to: only this verb, whenever the interest fires. */
static enum adieu_status poll_for(struct relay *relay, bool shut, int *turns)
{
    enum adieu_status status;
    size_t took;
    int64_t deadline = adieu_fd_in(3000);
    for (*turns = 0; adieu_fd_now() < deadline; ++*turns) {
        int timeout;
        status = shut ? adieu_fd_shutdown(relay->client, ADIEU_FD_NOW)
                      : adieu_fd_write(relay->client, "hello", 5, &took, ADIEU_FD_NOW);
        if (status != ADIEU_WAIT)
            return status;
        struct pollfd interest = adieu_fd_interest(relay->client, &timeout);
        assert_int_equal(interest.events, POLLIN);
        assert_true(poll(&interest, 1, timeout < 0 || timeout > 500 ? 500 : timeout) >= 0);
    }
    return ADIEU_WAIT;
}

static void a_poller_behind_half_a_message_waits_for_input_and_does_not_spin(void **state)
{
    (void)state;
    for (int shut = 0; shut < 2; shut++) {
        struct relay relay;
        int turns;
        half_a_ticket(&relay, true);
        assert_status(poll_for(&relay, shut, &turns), ADIEU_WAIT);
        assert_in_range(turns, 1, 20);
        carry_out(&relay, SIZE_MAX);
        assert_status(poll_for(&relay, shut, &turns), ADIEU_OK);
        assert_in_range(turns, 0, 20);
        relay_close(&relay);
    }
}

/* ------------------------------------------------ data behind a write */

/* A pair whose client is polled, has read all there was, and cannot write any more; what the server said is behind that. */
static void write_until_full(struct pair *pair, enum carrier carrier)
{
    static const char much[65536];
    size_t n;
    struct adieu_config *client, *server;
    make_configs(ADIEU_TLS_1_3, &client, &server);
    pair_open_with(pair, carrier, client, server, 0);
    pair_shake(pair);
    adieu_fd_set_polled(pair->client);
    while (read_some(pair->client, ADIEU_FD_NOW) == ADIEU_OK)
        continue;
    assert_status(adieu_fd_write(pair->server, "STOP", 4, &n, soon()), ADIEU_OK);
    while (adieu_fd_write(pair->client, much, sizeof much, &n, ADIEU_FD_NOW) == ADIEU_OK)
        continue;
}

static void what_came_behind_a_polled_write_wakes_the_poll(void **state)
{
    (void)state;
    for (int carrier = 0; carrier < CARRIERS; carrier++) {
        struct pair pair;
        char word[8];
        size_t n;
        int timeout;
        write_until_full(&pair, (enum carrier)carrier);
        struct pollfd interest = adieu_fd_interest(pair.client, &timeout);
        if (timeout != 0)
            assert_int_equal(poll(&interest, 1, 2000), 1);
        assert_status(adieu_fd_read(pair.client, word, sizeof word, &n, ADIEU_FD_NOW), ADIEU_OK);
        assert_int_equal(n, 4);
        pair_free(&pair);
    }
}

/* A program that has only writing to do calls only write, whatever fires. */
static void a_poller_that_only_writes_is_not_kept_busy_by_what_came(void **state)
{
    (void)state;
    for (int carrier = 0; carrier < CARRIERS; carrier++) {
        struct pair pair;
        int turns = 0;
        write_until_full(&pair, (enum carrier)carrier);
        for (int64_t until = adieu_fd_in(1000); adieu_fd_now() < until; turns++) {
            int timeout;
            size_t n;
            struct pollfd interest = adieu_fd_interest(pair.client, &timeout);
            assert_true(poll(&interest, 1, timeout < 0 || timeout > 200 ? 200 : timeout) >= 0);
            (void)!adieu_fd_write(pair.client, "x", 1, &n, ADIEU_FD_NOW);
        }
        assert_in_range(turns, 1, 100);
        pair_free(&pair);
    }
}

/* ------------------------------------------------ full on both sides */

static void *write_all(void *context)
{
    return (void *)(intptr_t)write_pattern(context, 2000000);
}

/* A client that negotiates a small record, as some do. */
static struct adieu_config *small_records(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_non_null(context);
    assert_int_equal(SSL_CTX_set_tlsext_max_fragment_length(context, TLSEXT_max_fragment_length_512), 1);
    struct adieu_config *config = adieu_config_adopt(context);
    SSL_CTX_free(context);
    assert_non_null(config);
    assert_status(adieu_config_insecure_no_verify(config), ADIEU_OK);
    return config;
}

/* Until the count of what that side has taken stands still. */
static void until_full(struct adieu_fd *fd)
{
    uint64_t before, now = adieu_fd_ending(fd).taken;
    do {
        before = now;
        rest_ms(100);
        now = adieu_fd_ending(fd).taken;
    } while (now == 0 || now != before);
}

static void both_write_then_both_read(struct pair *pair)
{
    pthread_t writers[2];
    struct reader readers[2] = {{.fd = pair->client}, {.fd = pair->server}};
    void *status;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_all, readers[i].fd), 0);
    until_full(pair->client);
    until_full(pair->server);
    for (int i = 0; i < 2; i++)
        reader_start(&readers[i]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(writers[i], &status), 0);
        assert_status((enum adieu_status)(intptr_t)status, ADIEU_OK);
        assert_status(adieu_fd_shutdown(readers[i].fd, soon()), ADIEU_OK);
    }
    for (int i = 0; i < 2; i++) {
        reader_join(&readers[i]);
        assert_status(readers[i].last, ADIEU_END);
        assert_int_equal(readers[i].got, 2000000);
        assert_true(readers[i].intact);
    }
}

static void two_full_sides_with_the_smallest_queue_do_not_wait_for_each_other(void **state)
{
    (void)state;
    for (int small = 0; small < 2; small++) {
        struct pair pair;
        struct adieu_config *client, *server;
        make_configs(ADIEU_TLS_1_3, &client, &server);
        if (small) {
            adieu_config_free(client);
            client = small_records();
        }
        assert_status(adieu_config_queue_limit(client, 1), ADIEU_OK);
        assert_status(adieu_config_queue_limit(server, 1), ADIEU_OK);
        pair_open_with(&pair, CARRIER_SOCKETPAIR, client, server, 0);
        pair_shake(&pair);
        both_write_then_both_read(&pair);
        pair_free(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_sleeps_until_the_other_half_of_a_message_comes),
        cmocka_unit_test(a_write_behind_half_a_message_ends_at_its_deadline),
        cmocka_unit_test(a_shutdown_sleeps_until_the_other_half_of_a_message_comes),
        cmocka_unit_test(a_poller_behind_half_a_message_waits_for_input_and_does_not_spin),
        cmocka_unit_test(what_came_behind_a_polled_write_wakes_the_poll),
        cmocka_unit_test(a_poller_that_only_writes_is_not_kept_busy_by_what_came),
        cmocka_unit_test(two_full_sides_with_the_smallest_queue_do_not_wait_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
