/* SPDX-License-Identifier: MIT */
/* The polled form: both ends in one loop over poll(), which waits for nothing but what the handles ask for. */
#include "support.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct both {
    struct adieu_config *client_config, *server_config;
    struct adieu_fd *client, *server;
    int turns; /* of the loop: a handle that lies about its interest makes many */
};

static void open_both(struct both *both, enum adieu_version version)
{
    int ends[2];
    *both = (struct both){0};
    make_configs(version, &both->client_config, &both->server_config);
    both->client = adieu_fd_client(both->client_config, "localhost");
    both->server = adieu_fd_server(both->server_config);
    adieu_fd_set_polled(both->client);
    adieu_fd_set_polled(both->server);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_status(adieu_fd_adopt(both->client, ends[0], ADIEU_FD_OWNED), ADIEU_OK);
    assert_status(adieu_fd_adopt(both->server, ends[1], ADIEU_FD_OWNED), ADIEU_OK);
}

static void free_both(struct both *both)
{
    adieu_fd_free(both->client);
    adieu_fd_free(both->server);
    adieu_config_free(both->client_config);
    adieu_config_free(both->server_config);
}

/* Waits until one of the two can go on. */
static void turn(struct both *both)
{
    int first, second;
    struct pollfd set[2] = {adieu_fd_interest(both->client, &first), adieu_fd_interest(both->server, &second)};
    int timeout = first < 0 ? second : second < 0 || first < second ? first : second;
    if (poll(set, 2, timeout < 0 ? 5000 : timeout) == 0 && timeout < 0)
        fail_msg("both ends wait, and nothing will ever come");
    assert_in_range(++both->turns, 1, 20000);
}

static void shake(struct both *both)
{
    enum adieu_status client = ADIEU_WAIT, server = ADIEU_WAIT;
    for (; client == ADIEU_WAIT || server == ADIEU_WAIT; turn(both)) {
        client = adieu_fd_handshake(both->client, ADIEU_FD_FOREVER);
        server = adieu_fd_handshake(both->server, ADIEU_FD_FOREVER);
        if (client == ADIEU_OK && server == ADIEU_OK)
            break;
    }
    assert_status(client, ADIEU_OK);
    assert_status(server, ADIEU_OK);
}

static void no_verb_waits(void **state)
{
    struct both both;
    char byte;
    size_t n;
    (void)state;
    open_both(&both, ADIEU_TLS_1_3);
    assert_status(adieu_fd_handshake(both.client, ADIEU_FD_FOREVER), ADIEU_WAIT);
    assert_int_equal(adieu_fd_why(both.client), ADIEU_FD_WHY_POLL);
    shake(&both);
    while (adieu_fd_read(both.client, &byte, 1, &n, ADIEU_FD_FOREVER) == ADIEU_OK)
        continue;
    assert_int_equal(adieu_fd_why(both.client), ADIEU_FD_WHY_POLL);
    free_both(&both);
}

/* As an event loop does that reads once for each event. */
static void who_reads_once_a_poll_is_not_sent_back(void **state)
{
    struct both both;
    char byte;
    size_t n;
    (void)state;
    open_both(&both, ADIEU_TLS_1_3);
    shake(&both);
    while (adieu_fd_read(both.client, &byte, 1, &n, ADIEU_FD_NOW) == ADIEU_OK) /* tickets */
        continue;
    for (int i = 0; i < 3; i++) {
        assert_status(adieu_fd_write(both.server, "x", 1, &n, ADIEU_FD_NOW), ADIEU_OK);
        struct pollfd what = adieu_fd_interest(both.client, NULL);
        assert_int_equal(poll(&what, 1, 5000), 1);
        assert_status(adieu_fd_read(both.client, &byte, 1, &n, ADIEU_FD_NOW), ADIEU_OK);
    }
    free_both(&both);
}

static void in_one_loop_all_arrives(void **state)
{
    (void)state;
    for (enum adieu_version version = ADIEU_TLS_1_2; version <= ADIEU_TLS_1_3; version++) {
        struct both both;
        const size_t size = 3000000;
        size_t sent = 0, came = 0, n;
        uint8_t *bytes = pattern_new(size), piece[30000];
        enum adieu_status client = ADIEU_WAIT, server = ADIEU_WAIT;
        struct adieu_ending mine, theirs;
        open_both(&both, version);
        shake(&both);
        for (;;) {
            if (sent < size && adieu_fd_write(both.client, bytes + sent, size - sent, &n, ADIEU_FD_NOW) == ADIEU_OK)
                sent += n;
            if (sent == size && client == ADIEU_WAIT)
                client = adieu_fd_close(both.client, patience_ms(5000), &mine);
            while (server == ADIEU_WAIT || server == ADIEU_OK) {
                server = adieu_fd_read(both.server, piece, sizeof piece, &n, ADIEU_FD_NOW);
                if (server != ADIEU_OK)
                    break;
                assert_memory_equal(piece, bytes + came, n);
                came += n;
            }
            if (server == ADIEU_END && adieu_fd_close(both.server, patience_ms(5000), &theirs) == ADIEU_OK &&
                client == ADIEU_OK)
                break;
            turn(&both);
        }
        assert_int_equal(came, size);
        assert_ends(mine, "closed", "closed");
        assert_ends(theirs, "closed", "closed");
        free(bytes);
        free_both(&both);
    }
}

static void an_idle_handle_is_taken_out_of_the_set(void **state)
{
    struct both both;
    char byte;
    size_t n;
    int timeout = 5;
    (void)state;
    open_both(&both, ADIEU_TLS_1_3);
    shake(&both);
    assert_int_equal(adieu_fd_interest(both.client, NULL).events, POLLIN);
    assert_status(adieu_fd_shutdown(both.server, ADIEU_FD_NOW), ADIEU_OK);
    assert_status(adieu_fd_read(both.client, &byte, 1, &n, ADIEU_FD_NOW), ADIEU_END);
    adieu_fd_free(both.server); /* HUP is there now, and would wake an empty mask again and again */
    both.server = NULL;
    struct pollfd idle = adieu_fd_interest(both.client, &timeout);
    assert_int_equal(idle.fd, -1);
    assert_int_equal(timeout, -1);
    assert_int_equal(poll(&idle, 1, 20), 0);
    free_both(&both);
}

static void with_a_full_queue_the_interest_is_to_send(void **state)
{
    struct both both;
    static const char piece[65536];
    size_t n;
    (void)state;
    open_both(&both, ADIEU_TLS_1_2);
    shake(&both);
    while (adieu_fd_write(both.client, piece, sizeof piece, &n, ADIEU_FD_NOW) == ADIEU_OK)
        continue;
    assert_int_equal(adieu_fd_why(both.client), ADIEU_FD_WHY_POLL);
    assert_int_equal(adieu_fd_interest(both.client, NULL).events, POLLIN | POLLOUT);
    free_both(&both);
}

static void what_a_poller_reads_while_it_closes_is_its_own(void **state)
{
    struct both both;
    const size_t size = 200000;
    size_t came = 0, n;
    uint8_t *bytes = pattern_new(size), piece[3000];
    enum adieu_status client = ADIEU_WAIT, server = ADIEU_WAIT, heard = ADIEU_WAIT;
    struct adieu_ending ending = {0};
    (void)state;
    open_both(&both, ADIEU_TLS_1_3);
    shake(&both);
    for (size_t sent = 0;;) {
        heard = adieu_fd_read(both.client, piece, sizeof piece, &n, ADIEU_FD_NOW); /* a piece each time */
        if (heard == ADIEU_OK) {
            assert_memory_equal(piece, bytes + came, n);
            came += n;
        }
        client = adieu_fd_close(both.client, patience_ms(5000), &ending);
        if (sent < size && adieu_fd_write(both.server, bytes + sent, size - sent, &n, ADIEU_FD_NOW) == ADIEU_OK)
            sent += n;
        if (sent == size)
            server = adieu_fd_close(both.server, patience_ms(5000), NULL);
        if (client != ADIEU_WAIT && server != ADIEU_WAIT)
            break;
        if (heard != ADIEU_OK) /* else there may be more, which wakes no poll */
            turn(&both);
    }
    assert_int_equal(came, size);
    assert_int_equal(ending.discarded, 0);
    assert_ends(ending, "closed", "closed");
    free(bytes);
    free_both(&both);
}

static void a_polled_goodbye_has_its_deadline(void **state)
{
    struct both both;
    struct adieu_ending ending;
    int timeout;
    (void)state;
    open_both(&both, ADIEU_TLS_1_3);
    shake(&both);
    int64_t before = adieu_fd_now();
    while (adieu_fd_close(both.client, patience_ms(100), &ending) == ADIEU_WAIT) {
        struct pollfd what = adieu_fd_interest(both.client, &timeout);
        assert_in_range(timeout, 0, 100);
        (void)poll(&what, 1, timeout);
        assert_in_range(++both.turns, 1, 200);
    }
    assert_in_range(adieu_fd_now() - before, 99, 3000);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    assert_int_equal(adieu_fd_interest(both.client, &timeout).fd, -1);
    free_both(&both);
}

static void a_polled_connect_and_accept_meet(void **state)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    char port[8];
    struct both both = {0};
    enum adieu_status client = ADIEU_WAIT, server = ADIEU_WAIT;
    (void)state;
    int listener =
        adieu_fd_listen(&(struct adieu_fd_address){.host = "127.0.0.1", .port = "0"}, 5, ADIEU_FD_FOREVER, NULL);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(port, sizeof port, "%u", (unsigned)ntohs(address.sin_port));
    const struct adieu_fd_address where = {.host = "localhost", .port = port};
    make_configs(ADIEU_TLS_1_3, &both.client_config, &both.server_config);
    both.client = adieu_fd_client(both.client_config, "localhost");
    both.server = adieu_fd_server(both.server_config);
    adieu_fd_set_polled(both.client);
    adieu_fd_set_polled(both.server);
    server = adieu_fd_accept(both.server, listener, ADIEU_FD_NOW);
    assert_status(server, ADIEU_WAIT);
    assert_int_equal(adieu_fd_interest(both.server, NULL).fd, listener);
    for (;;) {
        if (client == ADIEU_WAIT)
            client = adieu_fd_connect(both.client, &where, ADIEU_FD_NOW);
        if (server == ADIEU_WAIT)
            server = adieu_fd_accept(both.server, listener, ADIEU_FD_NOW);
        if (client != ADIEU_WAIT && server != ADIEU_WAIT)
            break;
        turn(&both);
    }
    assert_status(client, ADIEU_OK);
    assert_status(server, ADIEU_OK);
    shake(&both);
    free_both(&both);
    (void)close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_verb_waits),
        cmocka_unit_test(who_reads_once_a_poll_is_not_sent_back),
        cmocka_unit_test(in_one_loop_all_arrives),
        cmocka_unit_test(an_idle_handle_is_taken_out_of_the_set),
        cmocka_unit_test(with_a_full_queue_the_interest_is_to_send),
        cmocka_unit_test(what_a_poller_reads_while_it_closes_is_its_own),
        cmocka_unit_test(a_polled_goodbye_has_its_deadline),
        cmocka_unit_test(a_polled_connect_and_accept_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
