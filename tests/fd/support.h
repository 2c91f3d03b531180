/* SPDX-License-Identifier: MIT */
/* What the tests of the descriptor transport share: two ends that know each other, threads, and bounds on every wait. */
#ifndef ADIEU_TESTS_FD_SUPPORT_H
#define ADIEU_TESTS_FD_SUPPORT_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adieu_fd.h"

/* What carries a pair. */
enum carrier { CARRIER_TCP, CARRIER_UNIX, CARRIER_SOCKETPAIR, CARRIERS };

/* A client and a server over one connection. The server's descriptor is borrowed, so that a test can do with it as it likes. */
struct pair {
    enum carrier carrier;
    enum adieu_version version;
    struct adieu_config *client_config, *server_config;
    struct adieu_fd *client, *server;
    int server_raw;
};

/* No wait of a test lasts longer. */
int64_t soon(void);
void rest_ms(int milliseconds);
int open_descriptors(void);

/* A server's config with an identity of its own, and a client's that trusts it. */
void make_configs(enum adieu_version version, struct adieu_config **client, struct adieu_config **server);

/* The same for all tests of a program, as its group's setup; and a client of them. */
extern struct adieu_config *the_client_config, *the_server_config;
int setup_configs(void **state);
int teardown_configs(void **state);
struct adieu_fd *new_client(void);

/* A connected pair without handshake; receive_buffer (0: the system's) is the server's. */
void pair_open(struct pair *pair, enum carrier carrier, enum adieu_version version, int receive_buffer);
/* The same around other configs, which it takes over. */
void pair_open_with(struct pair *pair, enum carrier carrier, struct adieu_config *client, struct adieu_config *server,
                    int receive_buffer);
/* Both handshakes, the server's in a thread. */
void pair_shake(struct pair *pair);
/* Closes the server's socket behind adieu's back, with or without a reset; the number stays taken. */
void server_vanishes(struct pair *pair, bool reset);
void pair_free(struct pair *pair);

/* Each story over every carrier and version, after the handshake; no descriptor may be left over. */
void each_pair(void (*story)(struct pair *pair));
/* TCP only, both versions. */
void each_tcp_pair(void (*story)(struct pair *pair));

/* Those who wait for a listener that takes nobody: when it is full, a connection stays undecided. */
struct queue {
    int others[16];
    int count;
};
void queue_fill(struct queue *queue, int listener);
/* They leave, and the listener takes what is left: the kernel then takes the next one. */
void queue_empty(struct queue *queue, int listener);

/* The byte at a place of the pattern that tests send. */
uint8_t pattern(size_t at);
void *pattern_new(size_t size);
/* Writes that many bytes of the pattern, in pieces as the kernel takes them. The last status. */
enum adieu_status write_pattern(struct adieu_fd *fd, size_t size);

/* A server in a thread that reads the pattern to the end and remembers what it saw. */
struct reader {
    struct adieu_fd *fd;
    pthread_t thread;
    int wait_first_ms; /* before the first read */
    int wait_each_ms;  /* after each */
    size_t piece;      /* of one read */
    bool answer;       /* close after the end */
    /* results */
    size_t got;
    bool intact;
    enum adieu_status last;
    struct adieu_ending ending;
};
void reader_start(struct reader *reader);
void reader_join(struct reader *reader);

/* A goodbye of a test: that long without progress. */
struct adieu_fd_patience patience_ms(int64_t quiet_ms);
/* Says it, and checks that the ending is one. */
struct adieu_ending close_of(struct adieu_fd *fd, int64_t quiet_ms);

#define assert_status(got, expected) assert_string_equal(adieu_status_name(got), adieu_status_name(expected))
#define assert_ends(ending, s, r)                                                                                      \
    do {                                                                                                               \
        assert_string_equal(adieu_sending_name((ending).sending), s);                                                  \
        assert_string_equal(adieu_receiving_name((ending).receiving), r);                                              \
    } while (0)

/* Writes until neither the kernel nor the stream takes more, for a while: TCP's buffers grow late. Returns what was taken. */
uint64_t fill(struct adieu_fd *fd);

#endif
