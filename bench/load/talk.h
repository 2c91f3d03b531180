/* SPDX-License-Identifier: MIT */
/* One connection, as a client on bare OpenSSL: connect, handshake, bytes, the end. */
#ifndef BENCH_LOAD_TALK_H
#define BENCH_LOAD_TALK_H

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "troubles.h"

/* How far a connection is. */
enum phase { PHASE_NONE, PHASE_CONNECT, PHASE_HANDSHAKE, PHASE_SEND, PHASE_RECEIVE, PHASE_HELD, PHASE_END, PHASE_FIN };

/* What a step came to. */
enum step {
    STEP_DONE,
    STEP_WAIT, /* for an event */
    STEP_END,  /* the peer's close_notify */
    STEP_FAIL, /* counted among the troubles */
};

/* 200,000 of these are in memory at once. */
struct talk {
    SSL *ssl;
    int descriptor;
    uint32_t number; /* from 1 on */
    uint32_t moved;  /* bytes of the phase */
    enum phase phase;
};

/* What all connections share. */
struct floor {
    uint16_t port;
    int epoll;
    int patience_ms; /* how long nothing at all may happen where something is awaited */
    SSL_CTX *context;
    struct troubles troubles;
};

/* false: told. tls and cipher may be NULL. */
bool floor_open(struct floor *floor, uint16_t port, const char *tls, const char *cipher);
void floor_close(struct floor *floor);
/*
 * Waits for events and lets each one's owner go on; talk is NULL for standard input. false: nothing happened for so
 * many milliseconds (-1: for ever).
 */
bool floor_turn(struct floor *floor, int milliseconds, void (*go_on)(void *work, struct talk *talk), void *work);

/* Begins to connect; what comes of it is an event. */
enum step talk_begin(struct floor *floor, struct talk *talk, uint32_t number);
enum step talk_handshake(struct floor *floor, struct talk *talk);
/* Sends what size bytes have left, counting in moved; DONE when all have left. */
enum step talk_send(struct floor *floor, struct talk *talk, const void *bytes, uint32_t size);
/* Receives as much as comes, counting in moved. Never DONE. */
enum step talk_receive(struct floor *floor, struct talk *talk, uint32_t at_most);
/* Says close_notify, and ends the write side. */
enum step talk_say_end(struct floor *floor, struct talk *talk);
/* Throws away what comes before the peer's close_notify, and then waits for the end of its transport. */
enum step talk_hear_end(struct floor *floor, struct talk *talk);
/* Frees and closes. Again does nothing. */
void talk_let_go(struct talk *talk);
/* It failed, for a reason that OpenSSL does not know. */
enum step talk_fail(struct floor *floor, const struct talk *talk, const char *why);
/* It failed, because what was awaited did not come while the floor's patience lasted. */
enum step talk_give_up(struct floor *floor, const struct talk *talk);

/* A request of the bench's protocol. */
enum { REQUEST_SIZE = 24, REQUEST_EXCHANGE = 1, REQUEST_ECHO = 2 };
void talk_request(uint8_t request[REQUEST_SIZE], uint32_t kind, uint32_t write, uint64_t up, uint64_t down);

#endif
