/* SPDX-License-Identifier: MIT */
/*
 * The program that everybody writes around a TLS library with calls like read() and write(): epoll, level-triggered. The
 * library is bound when it is linked: openssl.c, gnutls.c, or plain.c, which has none.
 */
#ifndef POLLED_H
#define POLLED_H

#include <sys/types.h>

#include "links.h"
#include "peer.h"

/* What a call answers instead of a count of bytes. */
enum { WANTS_READ = -1, WANTS_WRITE = -2, ENDED = -3, BROKEN = -4 };

/* Once, before all else. What this library cannot do ends the program. */
void tls_begin(const struct arguments *arguments);
/* A session over the descriptor, which stays the caller's. NULL: it cannot be made. */
void *tls_new(int descriptor);
void tls_free(void *tls);
/* 0: done. */
ssize_t tls_handshake(void *tls);
/* ENDED: the peer's authentic end. */
ssize_t tls_read(void *tls, void *buf, size_t size);
/* There are bytes that were received, and that no poll tells of. */
bool tls_holds(void *tls);
/* After WANTS_ the same bytes again. */
ssize_t tls_write(void *tls, const void *buf, size_t size);
/* Says close_notify. 0: done. */
ssize_t tls_goodbye(void *tls);

/* ---------------------------------------------------------------- one connection: connection.c */

enum phase { SHAKING, TALKING, LEAVING };

struct connection {
    struct link link; /* the first; among the open or the leaving ones */
    void *tls;
    int descriptor;
    enum phase phase;
    uint32_t events;  /* that the set waits for */
    bool wants_write; /* the last call said so */
    bool half_said;   /* a write is to be called again before anything else is said */
    bool goodbye_said, peer_ended;
    bool broadcasts;
    double due; /* when it is let go, leaving */
    struct talk talk;
    uint8_t *echo; /* what could not go back at once */
    size_t echo_size;
};

struct connection *connection_new(int descriptor);
void connection_free(struct connection *connection);

/* How a step went. */
enum step { GOES_ON, IS_OVER };

/* Each goes as far as the socket lets it, or until it is another connection's turn. */
enum step connection_shake(struct connection *connection);
enum step connection_hear(struct connection *connection);
enum step connection_say(struct connection *connection);
/* close_notify, the end of the write side, and reading on to the peer's end. */
enum step connection_leave(struct connection *connection);
/* What to poll for: EPOLLIN, EPOLLOUT. */
uint32_t connection_events(const struct connection *connection);

/* ---------------------------------------------------------------- the two sides: serving.c, asking.c */

int serve(const struct arguments *arguments);
int ask(const struct arguments *arguments);

#endif
