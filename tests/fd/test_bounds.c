/* SPDX-License-Identifier: MIT */
/*
 * How much memory a connection takes, exactly: counted are the usable bytes (malloc_usable_size) of every block that adieu's
 * objects ask malloc for (the linker sends them through counting.c), and of every block that OpenSSL asks for
 * (CRYPTO_set_mem_functions). Beside these a connection has nothing on the heap. What several connections share is made
 * before the counting by some that come and go: the configs, their few blocks, what OpenSSL keeps for its context.
 */
#include "support.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/socket.h>

#include <openssl/crypto.h>

#include "counting.h"

/* ------------------------------------------------ counting */

/* What OpenSSL holds, and how often it asked: for a piece, or for as much as a record. */
static size_t openssl_bytes, openssl_pieces, openssl_buffers;

enum { A_PIECE = 1024 };

/* Past the wrapping, which is for what is adieu's. */
void *__real_malloc(size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);

static void *noted(void *block, size_t size)
{
    openssl_bytes += malloc_usable_size(block);
    ++*(size <= A_PIECE ? &openssl_pieces : &openssl_buffers);
    return block;
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return noted(__real_malloc(size), size);
}

static void *openssl_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    openssl_bytes -= malloc_usable_size(block);
    return noted(__real_realloc(block, size), size);
}

static void openssl_free(void *block, const char *file, int line)
{
    (void)file, (void)line;
    openssl_bytes -= malloc_usable_size(block);
    __real_free(block);
}

static size_t heap(void)
{
    return counting_bytes() + openssl_bytes;
}

/* ------------------------------------------------ two ends in one thread */

static char bytes[1 << 20];

struct end {
    struct adieu_fd *fd;
    size_t held; /* what this end's calls have left on the heap */
};

static struct end end_new(struct adieu_config *config, bool server, int descriptor)
{
    struct end end = {.held = 0 - heap()};
    end.fd = server ? adieu_fd_server(config) : adieu_fd_client(config, "localhost");
    adieu_fd_set_polled(end.fd);
    assert_status(adieu_fd_adopt(end.fd, descriptor, ADIEU_FD_OWNED), ADIEU_OK);
    end.held += heap();
    return end;
}

/* Everything that it held must be the connection's own: with the handle it goes. */
static void end_free(struct end *end)
{
    size_t before = heap();
    adieu_fd_free(end->fd);
    assert_int_equal(before - heap(), end->held);
}

static enum adieu_status shake(struct end *end)
{
    end->held -= heap();
    enum adieu_status status = adieu_fd_handshake(end->fd, ADIEU_FD_NOW);
    end->held += heap();
    return status;
}

static size_t say_some(struct end *end, size_t size)
{
    size_t took = 0;
    end->held -= heap();
    enum adieu_status status = adieu_fd_write(end->fd, bytes, size, &took, ADIEU_FD_NOW);
    end->held += heap();
    assert_true(status == ADIEU_OK || status == ADIEU_WAIT);
    return took;
}

/* Reads until there is nothing more to read. */
static size_t hear_some(struct end *end)
{
    static char piece[65536];
    size_t got = 0, total = 0;
    enum adieu_status status;
    end->held -= heap();
    while ((status = adieu_fd_read(end->fd, piece, sizeof piece, &got, ADIEU_FD_NOW)) == ADIEU_OK)
        total += got;
    end->held += heap();
    assert_status(status, ADIEU_WAIT);
    return total;
}

/* A read sends, too, what a write has left behind. */
static void tell(struct end *from, struct end *to, size_t size)
{
    for (size_t said = 0, heard = 0; heard < size; heard += hear_some(to)) {
        if (said < size)
            said += say_some(from, size - said);
        assert_int_equal(hear_some(from), 0);
    }
}

struct both {
    struct adieu_config *client_config, *server_config;
    struct end client, server;
};

static void meet(struct both *both)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    both->server = end_new(both->server_config, true, pair[0]);
    both->client = end_new(both->client_config, false, pair[1]);
    enum adieu_status client = ADIEU_WAIT, server = ADIEU_WAIT;
    while (client == ADIEU_WAIT || server == ADIEU_WAIT) {
        client = shake(&both->client);
        server = shake(&both->server);
    }
    assert_status(client, ADIEU_OK);
    assert_status(server, ADIEU_OK);
}

/* It goes to its poll, and nobody comes back without an event. */
static void settle(struct end *end)
{
    end->held -= heap();
    assert_int_equal(adieu_fd_interest(end->fd, NULL).events, POLLIN);
    end->held += heap();
}

static void talk(struct both *both, size_t size)
{
    tell(&both->client, &both->server, size);
    tell(&both->server, &both->client, size);
}

static void part(struct both *both)
{
    end_free(&both->client);
    end_free(&both->server);
}

/* Configs that some connections have used already. */
static struct both warm(enum adieu_version version)
{
    struct both both;
    make_configs(version, &both.client_config, &both.server_config);
    size_t before = counting_bytes();
    struct adieu_stream *stream = adieu_server(both.server_config);
    assert_true(counting_bytes() > before); /* or the linker has not sent the core's calls here */
    adieu_free(stream);
    for (int i = 0; i < 3; i++) {
        meet(&both);
        talk(&both, 300000);
        adieu_fd_free(both.client.fd);
        adieu_fd_free(both.server.fd);
    }
    return both;
}

static void forget(struct both *both)
{
    adieu_config_free(both->client_config);
    adieu_config_free(both->server_config);
}

/* ------------------------------------------------ idle connections */

enum { SERVER_MOST = 16 << 10, CLIENT_MOST = 20 << 10 };

static void check_idle(enum adieu_version version)
{
    struct both both = warm(version);
    meet(&both);
    talk(&both, 16384);
    settle(&both.client);
    settle(&both.server);
    if (getenv("ADIEU_TEST_VERBOSE"))
        fprintf(stderr, "idle: server %zu, client %zu\n", both.server.held, both.client.held);
    assert_in_range(both.server.held, 1000, SERVER_MOST);
    assert_in_range(both.client.held, 1000, CLIENT_MOST);
    part(&both);
    forget(&both);
}

/* A goodbye that waits for its peer. */
static void check_closing(enum adieu_version version)
{
    struct both both = warm(version);
    meet(&both);
    talk(&both, 16384);
    both.client.held -= heap();
    assert_status(adieu_fd_close(both.client.fd, patience_ms(10000), NULL), ADIEU_WAIT);
    assert_int_equal(adieu_fd_interest(both.client.fd, NULL).events, POLLIN);
    both.client.held += heap();
    assert_in_range(both.client.held, 1000, CLIENT_MOST);
    part(&both);
    forget(&both);
}

static void so_does_one_that_says_goodbye(void **state)
{
    (void)state;
    check_closing(ADIEU_TLS_1_2);
    check_closing(ADIEU_TLS_1_3);
}

static void an_idle_connection_holds_little(void **state)
{
    (void)state;
    check_idle(ADIEU_TLS_1_2);
    check_idle(ADIEU_TLS_1_3);
}

/* ------------------------------------------------ busy connections */

/*
 * adieu takes nothing. OpenSSL takes pieces of 40 bytes as it seals and opens a record, for which there is no remedy, and
 * two buffers (one to seal, one to open) for what it is given between two rests: a batch, of eight records.
 */
enum { RECORD = 16384, BATCH = 8 * RECORD, PIECES_A_RECORD = 4, BUFFERS_A_BATCH = 2 };

static size_t parts(size_t whole, size_t part)
{
    return (whole + part - 1) / part;
}

static void check_busy(enum adieu_version version)
{
    static const size_t sizes[] = {1, 100, RECORD, 65536, sizeof bytes};
    struct both both = warm(version);
    meet(&both);
    talk(&both, sizeof bytes);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        counting_fail(SIZE_MAX, false); /* counts from here */
        openssl_pieces = openssl_buffers = 0;
        talk(&both, sizes[i]);
        assert_int_equal(counting_asked(), 0);
        assert_in_range(openssl_pieces, 0, 2 * parts(sizes[i], RECORD) * PIECES_A_RECORD);
        assert_in_range(openssl_buffers, 0, 2 * parts(sizes[i], BATCH) * BUFFERS_A_BATCH);
    }
    part(&both);
    forget(&both);
}

static void reading_and_writing_take_no_memory_of_ours_and_little_of_openssls(void **state)
{
    (void)state;
    check_busy(ADIEU_TLS_1_2);
    check_busy(ADIEU_TLS_1_3);
}

static void check_waiting(enum adieu_version version)
{
    char byte;
    size_t n;
    struct both both = warm(version);
    meet(&both);
    talk(&both, 1);
    counting_fail(SIZE_MAX, false);
    openssl_pieces = openssl_buffers = 0;
    for (int i = 0; i < 100; i++) {
        assert_status(adieu_fd_read(both.server.fd, &byte, 1, &n, ADIEU_FD_NOW), ADIEU_WAIT);
        assert_status(adieu_fd_read(both.client.fd, NULL, 0, &n, ADIEU_FD_NOW), ADIEU_WAIT);
        settle(&both.client);
    }
    assert_int_equal(counting_asked() + openssl_pieces + openssl_buffers, 0);
    part(&both);
    forget(&both);
}

static void waiting_takes_no_memory_at_all(void **state)
{
    (void)state;
    check_waiting(ADIEU_TLS_1_2);
    check_waiting(ADIEU_TLS_1_3);
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_holds_little),
        cmocka_unit_test(so_does_one_that_says_goodbye),
        cmocka_unit_test(reading_and_writing_take_no_memory_of_ours_and_little_of_openssls),
        cmocka_unit_test(waiting_takes_no_memory_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
