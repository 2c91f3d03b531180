/* SPDX-License-Identifier: MIT */
/*
 * What all C peers of the bench do alike, whatever their TLS: the words of the command line, the port, the orders, and
 * the conversation (../README.md). Nothing here knows of TLS.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- words */

enum cipher { CIPHER_AES128, CIPHER_AES256, CIPHER_CHACHA };

struct arguments {
    bool serves;
    const char *cert, *key;
    int tls; /* 12 or 13 */
    enum cipher cipher;
    int deadline_ms;
    unsigned port;
    uint32_t write;
    uint64_t up, down;
    unsigned long requests;
};

/* Ends the program (64) where the words are wrong. */
struct arguments arguments_read(int argc, char **argv);
/* The suite in OpenSSL's notation, for the version that is asked for. */
const char *arguments_suite(const struct arguments *arguments);

/* Ends the program: with 77, this peer cannot do it; with 1, it went wrong. One line on standard error. */
void peer_cannot(const char *why) __attribute__((noreturn));
void peer_failed(const char *what) __attribute__((noreturn));

/* ---------------------------------------------------------------- sockets */

/* As many descriptors as the system allows. */
void peer_raise_limit(void);
/* Listens on 127.0.0.1, on any port, without waiting; raises the limit. */
int peer_listen(void);
/* A new epoll set with the listener, whose data is NULL, and standard input, whose data is orders. */
int peer_epoll(int listener, void *orders);
/* Tells the driver which port it is. */
void peer_print_port(int listener);
/* The next connection, without waiting and without Nagle; -1: nobody. */
int peer_accept(int listener);
/* Connected, without waiting from now on and without Nagle. */
int peer_connect(const struct arguments *arguments);

/* ---------------------------------------------------------------- orders */

/* What a server does when it is told to. */
struct orders {
    const size_t *open; /* how many connections are past their handshake and have not ended */
    void (*broadcast)(void), (*close_all)(void);
};

/* Reads what there is of standard input, and obeys. False at its end. */
bool orders_read(const struct orders *orders);
/* Prints "WORD COUNT", or with the milliseconds since then. */
void orders_say(const char *word, size_t count);
void orders_say_since(const char *word, size_t count, double since_ms);
double peer_now_ms(void);

/* What is done of an order that takes a while. */
struct orders_work {
    const char *word;
    size_t count, left; /* connections */
    double since;
};

/* Begins with so many; at once done if there are none. */
void orders_begin(struct orders_work *work, const char *word, size_t count);
/* One less is left. When the last is done prints "WORD COUNT MS". */
void orders_done(struct orders_work *work);

/* ---------------------------------------------------------------- the conversation */

enum {
    REQUEST = 24,
    BROADCAST = 1024,
    MOST = 1 << 20, /* bytes a call, at most */
    TURN = 1 << 18, /* bytes each way, after which it is another connection's turn */
};

enum kind { KIND_EXCHANGE = 1, KIND_ECHO = 2 };

/* Where everybody reads to, and what everybody says: one for all connections, since what the bytes are does not matter. */
extern uint8_t incoming[MOST], outgoing[MOST + REQUEST];

struct talk {
    uint64_t to_say, to_hear; /* of the exchange */
    uint32_t write;           /* bytes a call, each way */
    bool echo;
    uint8_t said; /* up to REQUEST: a client's first bytes are its request */
    uint8_t have; /* of the request */
    uint8_t request[REQUEST];
};

void talk_init(struct talk *talk);
/* A server heard n bytes. Returns how many were the exchange's: those behind them are to go back at once. */
size_t talk_hear(struct talk *talk, const uint8_t *bytes, size_t n);
/* A client begins with an exchange. */
void talk_ask(struct talk *talk, const struct arguments *arguments);
/* What to say next: how many bytes, 0 for none, and where they are. They are the same until talk_said. */
size_t talk_next(const struct talk *talk, const uint8_t **at);
void talk_said(struct talk *talk, size_t n);

#ifdef __cplusplus
}
#endif
#endif
