/* SPDX-License-Identifier: MIT */
/*
 * S54: TLS up, down, and up again on one connection; with plaintext before, between and behind, also in the segment that ended
 * the session. Bytes that were read too early are put back; those that came too early are given back.
 */
#include "fd.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ------------------------------------------------ the socket, without TLS */

static void raw_say(int descriptor, const char *text)
{
    assert_int_equal(send(descriptor, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void wait_for(int descriptor, short events)
{
    struct pollfd what = {.fd = descriptor, .events = events};
    assert_int_equal(poll(&what, 1, 20000), 1);
}

/* Exactly this text comes: first from what was given back, then from the socket. */
static void raw_hear(int descriptor, const uint8_t *surplus, size_t size, const char *text)
{
    size_t length = strlen(text);
    assert_true(size <= length);
    if (size > 0)
        assert_memory_equal(surplus, text, size);
    while (size < length) {
        char buf[256];
        wait_for(descriptor, POLLIN);
        ssize_t n = recv(descriptor, buf, length - size, MSG_DONTWAIT);
        assert_true(n > 0);
        assert_memory_equal(buf, text + size, (size_t)n);
        size += (size_t)n;
    }
}

/* ------------------------------------------------ TLS */

static void say(struct adieu_fd *fd, const char *text)
{
    size_t took;
    assert_status(adieu_fd_write(fd, text, strlen(text), &took, soon()), ADIEU_OK);
    assert_int_equal(took, strlen(text));
}

static void hear(struct adieu_fd *fd, const char *text)
{
    char buf[256];
    for (size_t got, length = strlen(text); length > 0; length -= got, text += got) {
        assert_status(adieu_fd_read(fd, buf, length, &got, soon()), ADIEU_OK);
        assert_memory_equal(buf, text, got);
    }
}

static enum adieu_status read_end(struct adieu_fd *fd)
{
    char buf[16];
    size_t got;
    return adieu_fd_read(fd, buf, sizeof buf, &got, soon());
}

/* What detaching gave. */
struct given {
    int descriptor;
    const uint8_t *surplus;
    size_t size;
};

static struct given detach(struct adieu_fd *fd)
{
    struct given given = {-1, NULL, 77};
    assert_status(adieu_fd_detach(fd, &given.descriptor, &given.surplus, &given.size), ADIEU_OK);
    assert_true(given.descriptor >= 0);
    assert_true(given.size == 0 ? given.surplus == NULL : given.surplus != NULL);
    return given;
}

static void assert_not_given(struct adieu_fd *fd, enum adieu_status why)
{
    struct given given = {-7, NULL, 77};
    assert_status(adieu_fd_detach(fd, &given.descriptor, &given.surplus, &given.size), why);
    assert_int_equal(given.descriptor, -7);
    assert_int_equal(given.size, 77);
}

/* One side ends, and goes on in plaintext in the same segment; the other answers likewise. */
static void take_down(struct adieu_fd *first, struct adieu_fd *second, struct given *one, struct given *two)
{
    assert_status(adieu_fd_shutdown(first, soon()), ADIEU_OK);
    raw_say(adieu_fd_descriptor(first), "plain behind the end");
    assert_status(read_end(second), ADIEU_END);
    assert_not_given(second, ADIEU_MISUSE); /* its own end has not left */
    assert_status(adieu_fd_shutdown(second, soon()), ADIEU_OK);
    *two = detach(second);
    raw_hear(two->descriptor, two->surplus, two->size, "plain behind the end");
    raw_say(two->descriptor, "heard in plain");
    assert_status(read_end(first), ADIEU_END);
    *one = detach(first);
    raw_hear(one->descriptor, one->surplus, one->size, "heard in plain");
}

/* A new session on the same connection, around descriptors that were given back. */
static void take_up(struct pair *pair, struct given client, struct given server)
{
    struct adieu_fd *old_client = pair->client, *old_server = pair->server;
    pair->client = adieu_fd_client(pair->client_config, "localhost");
    pair->server = adieu_fd_server(pair->server_config);
    assert_status(adieu_fd_adopt(pair->client, client.descriptor, ADIEU_FD_OWNED), ADIEU_OK);
    assert_status(adieu_fd_adopt(pair->server, server.descriptor, ADIEU_FD_BORROWED), ADIEU_OK);
    assert_status(adieu_fd_put_back(pair->client, client.surplus, client.size), ADIEU_OK);
    assert_status(adieu_fd_put_back(pair->server, server.surplus, server.size), ADIEU_OK);
    adieu_fd_free(old_client);
    adieu_fd_free(old_server);
    pair_shake(pair);
}

static void assert_delivered(struct pair *pair, uint64_t said)
{
    struct adieu_ending ending = adieu_fd_ending(pair->client);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.taken, said);
    if (pair->carrier == CARRIER_TCP)
        assert_int_equal(ending.acknowledged, said);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
}

/* ------------------------------------------------ up, down, and up again */

static void up_down_and_up(struct pair *pair, bool client_first)
{
    struct given client, server;
    for (int round = 0; round < 3; round++) {
        say(pair->client, "a question");
        hear(pair->server, "a question");
        say(pair->server, "an answer");
        hear(pair->client, "an answer");
        if (client_first)
            take_down(pair->client, pair->server, &client, &server);
        else
            take_down(pair->server, pair->client, &server, &client);
        assert_delivered(pair, strlen("a question"));
        for (int i = 0; i < 3; i++) {
            raw_say(client.descriptor, "plain question");
            raw_hear(server.descriptor, NULL, 0, "plain question");
            raw_say(server.descriptor, "plain answer");
            raw_hear(client.descriptor, NULL, 0, "plain answer");
        }
        client.size = server.size = 0; /* it was heard */
        take_up(pair, client, server);
    }
}

static void client_ends_first(struct pair *pair)
{
    up_down_and_up(pair, true);
}

static void server_ends_first(struct pair *pair)
{
    up_down_and_up(pair, false);
}

static void tls_goes_up_down_and_up_again(void **state)
{
    (void)state;
    each_pair(client_ends_first);
    each_pair(server_ends_first);
}

/* The server's bytes in one segment: its end, and the hello of the next session, in which it is the client. */
static void hello_behind_the_end(struct pair *pair)
{
    struct adieu_fd *next_client = adieu_fd_client(pair->client_config, "localhost");
    struct adieu_fd *next_server = adieu_fd_server(pair->server_config);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_status(read_end(pair->server), ADIEU_END);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    struct given server = detach(pair->server);
    assert_status(adieu_fd_adopt(next_client, server.descriptor, ADIEU_FD_BORROWED), ADIEU_OK);
    assert_status(adieu_fd_handshake(next_client, ADIEU_FD_NOW), ADIEU_WAIT); /* the hello leaves */

    assert_status(read_end(pair->client), ADIEU_END);
    struct given client = detach(pair->client);
    assert_status(adieu_fd_adopt(next_server, client.descriptor, ADIEU_FD_OWNED), ADIEU_OK);
    assert_status(adieu_fd_put_back(next_server, client.surplus, client.size), ADIEU_OK);
    adieu_fd_free(pair->client);
    adieu_fd_free(pair->server);
    pair->client = next_client; /* pair_free does not mind who is who */
    pair->server = next_server;
    pair_shake(pair);
    say(next_client, "the roles have changed");
    hear(next_server, "the roles have changed");
    assert_true(client.size > 0);
}

static void a_hello_in_the_segment_of_the_end_is_put_back(void **state)
{
    (void)state;
    each_pair(hello_behind_the_end);
}

/* ------------------------------------------------ when it is allowed */

static void before_both_ends(struct pair *pair)
{
    assert_not_given(pair->client, ADIEU_MISUSE);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    assert_not_given(pair->client, ADIEU_MISUSE);
    assert_status(read_end(pair->client), ADIEU_END);
    assert_not_given(pair->client, ADIEU_MISUSE);
    say(pair->client, "all the while it is usable");
    hear(pair->server, "all the while it is usable");
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    struct given given = detach(pair->client);
    assert_not_given(pair->client, ADIEU_MISUSE); /* nothing is left to give */
    (void)close(given.descriptor);
}

static void before_both_ends_it_is_misuse(void **state)
{
    (void)state;
    struct adieu_fd *fd = new_client();
    assert_not_given(fd, ADIEU_MISUSE);
    adieu_fd_free(fd);
    each_pair(before_both_ends);
}

static void end_both(struct pair *pair)
{
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    assert_status(read_end(pair->client), ADIEU_END);
    assert_status(read_end(pair->server), ADIEU_END);
}

static void in_a_goodbye(struct pair *pair)
{
    end_both(pair);
    adieu_fd_cancel(pair->client); /* its first wait */
    assert_status(adieu_fd_close(pair->client, patience_ms(10000), NULL), ADIEU_WAIT);
    assert_true(adieu_fd_descriptor(pair->client) >= 0);
    assert_not_given(pair->client, ADIEU_MISUSE);
}

static void after_a_goodbye_has_begun_it_is_misuse(void **state)
{
    (void)state;
    each_pair(in_a_goodbye);
}

/* In truth for a moment only: a reader whose poll() has not returned, while a writer has found the end. */
static void somebody_inside(struct pair *pair)
{
    end_both(pair);
    pair->client->slots[SLOT_READ].busy = true;
    assert_not_given(pair->client, ADIEU_MISUSE);
    pair->client->slots[SLOT_READ].busy = false;
    (void)close(detach(pair->client).descriptor);
}

static void while_another_thread_is_inside_it_is_misuse(void **state)
{
    (void)state;
    each_pair(somebody_inside);
}

static void unclean(struct pair *pair)
{
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    server_vanishes(pair, false);
    assert_status(read_end(pair->client), ADIEU_FAIL);
    assert_not_given(pair->client, ADIEU_MISUSE);
    assert_true(adieu_fd_descriptor(pair->client) >= 0); /* close still */
}

static void after_another_end_it_is_misuse(void **state)
{
    (void)state;
    each_pair(unclean);
}

static void reset_behind_the_end(struct pair *pair)
{
    char byte;
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_status(read_end(pair->server), ADIEU_END);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    server_vanishes(pair, true);
    assert_status(read_end(pair->client), ADIEU_END);
    struct given given = detach(pair->client);
    wait_for(given.descriptor, POLLIN);
    assert_int_equal(recv(given.descriptor, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, ECONNRESET);
    (void)close(given.descriptor);
}

static void a_reset_behind_the_end_is_the_sockets_to_tell(void **state)
{
    (void)state;
    each_tcp_pair(reset_behind_the_end);
}

/* ------------------------------------------------ what remains */

static void asked_afterwards(struct pair *pair)
{
    struct adieu_ending before, ending;
    char peer[64], still[64], byte;
    size_t n;
    int timeout;
    say(pair->client, "x");
    hear(pair->server, "x");
    end_both(pair);
    (void)adieu_fd_peer(pair->client, peer, sizeof peer);
    before = adieu_fd_ending(pair->client);
    struct given given = detach(pair->client);
    assert_int_equal(adieu_fd_descriptor(pair->client), -1);
    assert_string_equal(adieu_fd_peer(pair->client, still, sizeof still), peer);
    assert_int_equal(adieu_fd_interest(pair->client, &timeout).fd, -1);
    assert_int_equal(timeout, -1);
    assert_status(adieu_fd_read(pair->client, &byte, 1, &n, soon()), ADIEU_END);
    assert_status(adieu_fd_write(pair->client, "x", 1, &n, soon()), ADIEU_MISUSE);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_status(adieu_fd_adopt(pair->client, given.descriptor, ADIEU_FD_OWNED), ADIEU_MISUSE);
    assert_status(adieu_fd_put_back(pair->client, "x", 1), ADIEU_MISUSE);
    assert_status(adieu_fd_close(pair->client, patience_ms(1000), &ending), ADIEU_OK);
    assert_int_equal(ending.reason, ADIEU_REASON_NONE);
    assert_int_equal(ending.taken, before.taken);
    assert_int_equal(ending.acknowledged, before.acknowledged);
    adieu_fd_abort(pair->client, ADIEU_REASON_REQUEST);
    adieu_fd_free(pair->client);
    pair->client = NULL;
    raw_say(given.descriptor, "it was neither closed nor reset");
    raw_hear(pair->server_raw, NULL, 0, "it was neither closed nor reset");
    (void)close(given.descriptor);
}

static void the_handle_answers_on_without_its_socket(void **state)
{
    (void)state;
    each_pair(asked_afterwards);
}

/* Both forms of being somebody's. */
static void flags_stay(struct pair *pair)
{
    int before = fcntl(adieu_fd_descriptor(pair->client), F_GETFL);
    assert_int_equal((before & O_NONBLOCK) != 0, pair->carrier != CARRIER_SOCKETPAIR);
    end_both(pair);
    struct given client = detach(pair->client), server = detach(pair->server);
    assert_int_equal(fcntl(client.descriptor, F_GETFL), before);
    assert_int_equal(fcntl(server.descriptor, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(server.descriptor, pair->server_raw);
    adieu_fd_free(pair->server);
    pair->server = NULL;
    raw_say(server.descriptor, "and its own end is still to come");
    raw_hear(client.descriptor, NULL, 0, "and its own end is still to come");
    (void)close(client.descriptor);
}

static void the_sockets_flags_are_as_they_were(void **state)
{
    (void)state;
    each_pair(flags_stay);
}

/* Much plaintext: what the stream has no room for stays in the socket. */
static void much_behind_the_end(struct pair *pair)
{
    enum { MUCH = 300000 };
    uint8_t *plain = pattern_new(MUCH), *heard = malloc(MUCH);
    size_t sent = 0;
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    for (ssize_t n; sent < MUCH && (n = send(pair->server_raw, plain + sent, MUCH - sent, MSG_DONTWAIT)) > 0;)
        sent += (size_t)n;
    assert_status(read_end(pair->client), ADIEU_END);
    struct given given = detach(pair->client);
    assert_in_range(given.size, 1, sent);
    memcpy(heard, given.surplus, given.size);
    for (size_t size = given.size; size < sent;) {
        wait_for(given.descriptor, POLLIN);
        ssize_t n = recv(given.descriptor, heard + size, sent - size, MSG_DONTWAIT);
        assert_true(n > 0);
        size += (size_t)n;
    }
    assert_memory_equal(heard, plain, sent);
    free(plain);
    free(heard);
    (void)close(given.descriptor);
}

static void what_there_is_no_room_for_stays_in_the_socket(void **state)
{
    (void)state;
    each_pair(much_behind_the_end);
}

/* ------------------------------------------------ polled */

static void polled_shake(struct pair *pair)
{
    enum adieu_status client, server;
    do {
        client = adieu_fd_handshake(pair->client, ADIEU_FD_NOW);
        server = adieu_fd_handshake(pair->server, ADIEU_FD_NOW);
    } while (client == ADIEU_WAIT || server == ADIEU_WAIT);
    assert_status(client, ADIEU_OK);
    assert_status(server, ADIEU_OK);
}

static void polled_down(struct pair *pair)
{
    size_t got;
    char buf[16];
    int timeout;
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    raw_say(pair->server_raw, "plain");
    while (adieu_fd_read(pair->client, buf, sizeof buf, &got, ADIEU_FD_NOW) == ADIEU_WAIT)
        wait_for(adieu_fd_interest(pair->client, &timeout).fd, POLLIN);
    assert_status(adieu_fd_read(pair->client, buf, sizeof buf, &got, ADIEU_FD_NOW), ADIEU_END);
    assert_int_equal(adieu_fd_interest(pair->client, &timeout).fd, -1); /* plaintext that waits wakes nobody */
    assert_not_given(pair->client, ADIEU_MISUSE);
    while (adieu_fd_shutdown(pair->client, ADIEU_FD_NOW) == ADIEU_WAIT)
        wait_for(adieu_fd_interest(pair->client, &timeout).fd, POLLOUT);
    struct given given = detach(pair->client);
    assert_int_equal(adieu_fd_interest(pair->client, &timeout).fd, -1);
    assert_int_equal(timeout, -1);
    raw_hear(given.descriptor, given.surplus, given.size, "plain");
    (void)close(given.descriptor);
}

static void polled_it_is_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * CARRIERS; i++) {
        struct pair pair;
        pair_open(&pair, (enum carrier)(i / 2), i % 2 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3, 0);
        adieu_fd_set_polled(pair.client);
        polled_shake(&pair);
        polled_down(&pair);
        pair_free(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_goes_up_down_and_up_again),
        cmocka_unit_test(a_hello_in_the_segment_of_the_end_is_put_back),
        cmocka_unit_test(before_both_ends_it_is_misuse),
        cmocka_unit_test(after_a_goodbye_has_begun_it_is_misuse),
        cmocka_unit_test(while_another_thread_is_inside_it_is_misuse),
        cmocka_unit_test(after_another_end_it_is_misuse),
        cmocka_unit_test(a_reset_behind_the_end_is_the_sockets_to_tell),
        cmocka_unit_test(the_handle_answers_on_without_its_socket),
        cmocka_unit_test(the_sockets_flags_are_as_they_were),
        cmocka_unit_test(what_there_is_no_room_for_stays_in_the_socket),
        cmocka_unit_test(polled_it_is_the_same),
    };
    return cmocka_run_group_tests_name("fd detach", tests, setup_configs, teardown_configs);
}
