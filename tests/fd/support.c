/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int64_t soon(void)
{
    return adieu_fd_in(20000);
}

void rest_ms(int milliseconds)
{
    const struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};
    (void)nanosleep(&time, NULL);
}

int open_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    (void)closedir(directory);
    return count;
}

struct adieu_fd_patience patience_ms(int64_t quiet_ms)
{
    return (struct adieu_fd_patience){.quiet_ms = quiet_ms, .deadline = soon()};
}

struct adieu_ending close_of(struct adieu_fd *fd, int64_t quiet_ms)
{
    struct adieu_ending ending;
    assert_status(adieu_fd_close(fd, patience_ms(quiet_ms), &ending), ADIEU_OK);
    assert_true(ending.decided);
    assert_int_equal(adieu_fd_descriptor(fd), -1);
    return ending;
}

/* ------------------------------------------------ pairs */

void make_configs(enum adieu_version version, struct adieu_config **client, struct adieu_config **server)
{
    uint8_t pin[ADIEU_PIN_SIZE];
    *client = adieu_config_new();
    *server = adieu_config_new();
    assert_status(adieu_config_identity_throwaway(*server, "localhost"), ADIEU_OK);
    assert_status(adieu_config_identity_pin(*server, pin), ADIEU_OK);
    assert_status(adieu_config_trust_pin(*client, pin), ADIEU_OK);
    assert_status(adieu_config_versions(*client, version, version), ADIEU_OK);
}

struct adieu_config *the_client_config, *the_server_config;

int setup_configs(void **state)
{
    (void)state;
    make_configs(ADIEU_TLS_1_3, &the_client_config, &the_server_config);
    return 0;
}

int teardown_configs(void **state)
{
    (void)state;
    adieu_config_free(the_client_config);
    adieu_config_free(the_server_config);
    return 0;
}

struct adieu_fd *new_client(void)
{
    struct adieu_fd *fd = adieu_fd_client(the_client_config, "localhost");
    assert_non_null(fd);
    return fd;
}

/* The server's listener; where says where the client finds it. */
static int listen_for(enum carrier carrier, struct adieu_fd_address *where, char *place, size_t size,
                      int receive_buffer)
{
    struct adieu_error error;
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    *where = (struct adieu_fd_address){.host = "127.0.0.1", .port = "0"};
    if (carrier == CARRIER_UNIX) {
        (void)snprintf(place, size, "/tmp/adieu-test-XXXXXX");
        assert_non_null(mkdtemp(place));
        (void)strncat(place, "/s", size - strlen(place) - 1);
        *where = (struct adieu_fd_address){.path = place};
    }
    int listener = adieu_fd_listen(where, 5, ADIEU_FD_FOREVER, &error);
    if (listener < 0)
        fail_msg("%s", error.text);
    if (receive_buffer)
        assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer), 0);
    if (carrier == CARRIER_TCP) {
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
        (void)snprintf(place, size, "%u", (unsigned)ntohs(address.sin_port));
        where->port = place;
    }
    return listener;
}

static void forget_path(char *place)
{
    (void)unlink(place);
    *strrchr(place, '/') = '\0';
    (void)rmdir(place);
}

static void connect_pair(struct pair *pair, int receive_buffer)
{
    char place[64];
    struct adieu_fd_address where;
    int listener = listen_for(pair->carrier, &where, place, sizeof place, receive_buffer);
    assert_status(adieu_fd_connect(pair->client, &where, soon()), ADIEU_OK);
    pair->server_raw = accept(listener, NULL, NULL);
    assert_true(pair->server_raw >= 0);
    (void)close(listener);
    if (pair->carrier == CARRIER_UNIX)
        forget_path(place);
}

void pair_open_with(struct pair *pair, enum carrier carrier, struct adieu_config *client, struct adieu_config *server,
                    int receive_buffer)
{
    int both[2];
    *pair = (struct pair){.carrier = carrier, .client_config = client, .server_config = server};
    pair->client = adieu_fd_client(client, "localhost");
    pair->server = adieu_fd_server(server);
    assert_non_null(pair->client);
    assert_non_null(pair->server);
    if (carrier == CARRIER_SOCKETPAIR) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
        assert_status(adieu_fd_adopt(pair->client, both[0], ADIEU_FD_OWNED), ADIEU_OK);
        pair->server_raw = both[1];
    } else {
        connect_pair(pair, receive_buffer);
    }
    assert_status(adieu_fd_adopt(pair->server, pair->server_raw, ADIEU_FD_BORROWED), ADIEU_OK);
}

void pair_open(struct pair *pair, enum carrier carrier, enum adieu_version version, int receive_buffer)
{
    struct adieu_config *client, *server;
    make_configs(version, &client, &server);
    pair_open_with(pair, carrier, client, server, receive_buffer);
    pair->version = version;
}

static void *shake(void *context)
{
    return (void *)(intptr_t)adieu_fd_handshake(context, soon());
}

void pair_shake(struct pair *pair)
{
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, shake, pair->server), 0);
    enum adieu_status status = adieu_fd_handshake(pair->client, soon());
    assert_int_equal(pthread_join(thread, &result), 0);
    if (status != ADIEU_OK)
        fail_msg("client: %s", adieu_fd_error(pair->client).text);
    if ((enum adieu_status)(intptr_t)result != ADIEU_OK)
        fail_msg("server: %s", adieu_fd_error(pair->server).text);
}

void server_vanishes(struct pair *pair, bool reset)
{
    const struct linger linger = {.l_onoff = reset, .l_linger = 0};
    assert_int_equal(setsockopt(pair->server_raw, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(nothing >= 0);
    assert_true(dup2(nothing, pair->server_raw) >= 0);
    (void)close(nothing);
}

void pair_free(struct pair *pair)
{
    adieu_fd_free(pair->client);
    adieu_fd_free(pair->server);
    (void)close(pair->server_raw);
    adieu_config_free(pair->client_config);
    adieu_config_free(pair->server_config);
}

static void tell_one(void (*story)(struct pair *pair), enum carrier carrier, enum adieu_version version)
{
    struct pair pair;
    int before = open_descriptors();
    pair_open(&pair, carrier, version, 0);
    pair_shake(&pair);
    story(&pair);
    pair_free(&pair);
    assert_int_equal(open_descriptors(), before);
}

void each_pair(void (*story)(struct pair *pair))
{
    for (int carrier = 0; carrier < CARRIERS; carrier++) {
        tell_one(story, (enum carrier)carrier, ADIEU_TLS_1_2);
        tell_one(story, (enum carrier)carrier, ADIEU_TLS_1_3);
    }
}

void each_tcp_pair(void (*story)(struct pair *pair))
{
    tell_one(story, CARRIER_TCP, ADIEU_TLS_1_2);
    tell_one(story, CARRIER_TCP, ADIEU_TLS_1_3);
}

/* ------------------------------------------------ full queues */

/* Whether one more connection stays undecided. */
static bool stays_undecided(int other, const struct sockaddr *address, socklen_t size)
{
    struct pollfd done = {.fd = other, .events = POLLOUT};
    int failed = connect(other, address, size);
    return (failed && address->sa_family == AF_UNIX && errno == EAGAIN) || poll(&done, 1, 100) == 0;
}

void queue_fill(struct queue *queue, int listener)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    for (queue->count = 0; queue->count < (int)(sizeof queue->others / sizeof queue->others[0]);) {
        int other = queue->others[queue->count++] = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (stays_undecided(other, (struct sockaddr *)&address, size))
            return;
    }
    fail_msg("the queue does not fill");
}

void queue_empty(struct queue *queue, int listener)
{
    for (int i = 0; i < queue->count; i++)
        (void)close(queue->others[i]);
    for (int taken; (taken = accept(listener, NULL, NULL)) >= 0;)
        (void)close(taken);
    queue->count = 0;
}

/* ------------------------------------------------ what is sent */

uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 7 + at / 251 + at / 65521);
}

void *pattern_new(size_t size)
{
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern(i);
    return bytes;
}

enum adieu_status write_pattern(struct adieu_fd *fd, size_t size)
{
    uint8_t *bytes = pattern_new(size);
    enum adieu_status status = ADIEU_OK;
    for (size_t done = 0, took = 0; status == ADIEU_OK && done < size; done += took)
        status = adieu_fd_write(fd, bytes + done, size - done, &took, soon());
    free(bytes);
    return status;
}

static void *read_to_end(void *context)
{
    struct reader *reader = context;
    size_t size = reader->piece ? reader->piece : 65536, got;
    uint8_t *piece = malloc(size);
    reader->intact = true;
    rest_ms(reader->wait_first_ms);
    while ((reader->last = adieu_fd_read(reader->fd, piece, size, &got, soon())) == ADIEU_OK) {
        for (size_t i = 0; i < got; i++)
            reader->intact &= piece[i] == pattern(reader->got + i);
        reader->got += got;
        rest_ms(reader->wait_each_ms);
    }
    free(piece);
    if (reader->answer && adieu_fd_close(reader->fd, patience_ms(5000), &reader->ending) != ADIEU_OK)
        reader->last = ADIEU_MISUSE;
    return NULL;
}

void reader_start(struct reader *reader)
{
    assert_int_equal(pthread_create(&reader->thread, NULL, read_to_end, reader), 0);
}

void reader_join(struct reader *reader)
{
    assert_int_equal(pthread_join(reader->thread, NULL), 0);
}

uint64_t fill(struct adieu_fd *fd)
{
    enum { ENOUGH = 8 };
    static const char piece[65536];
    size_t took;
    int64_t deadline = soon();
    for (int full = 0; full < ENOUGH; assert_true(adieu_fd_now() < deadline))
        full = adieu_fd_write(fd, piece, sizeof piece, &took, adieu_fd_in(50)) == ADIEU_WAIT ? full + 1 : 0;
    return adieu_fd_ending(fd).taken;
}
