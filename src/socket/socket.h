/* SPDX-License-Identifier: MIT */
/*
 * A stream's socket: what every transport over descriptors does alike. io.c moves bytes, delivery.c knows what the peer's
 * side has taken, socket.c begins and lets go, goodbye.c decides how it ends. Nothing here waits, keeps a lock or reads a
 * clock: how to wait is the transport's, and the time is handed in.
 */
#ifndef ADIEU_SOCKET_H
#define ADIEU_SOCKET_H

#include "adieu.h"

/* A loop over the wire looks up from it after so many turns: a peer that floods must not hold a verb beyond its deadline. */
#define TURNS 64
/* What raises no event is looked up after so long. */
#define LOOK_MS 20

/* What the kernel knows of the bytes that it took: whether the peer's side has them, and (all) our FIN. */
enum delivery { DELIVERY_UNKNOWN, DELIVERY_PENDING, DELIVERY_DATA, DELIVERY_ALL };

struct socket {
    struct adieu_stream *stream;
    int descriptor;         /* -1: none yet, released, or found to be another's */
    bool borrowed;          /* somebody else closes it, for purposes of his own */
    bool speaks;            /* the handshake was asked for: nothing leaves before */
    bool in_over, out_over; /* the socket delivers, takes no more */
    bool write_ended;       /* FIN was sent */
    bool came, left;        /* something was received, sent, or ended; for the transport to take back */
    bool drained;           /* the last receive got less than it had room for: there was no more */
    bool empty;             /* and found nothing, in this step of a goodbye */
    int direct_error;       /* the errno of a direct send that failed: to be told when what it left is sent */
    int reset_error;        /* the errno that send() was told of a reset, which recv() then shows as 0 */
    unsigned lent;          /* bytes that the last socket_lend() lent */
    uint64_t handed;        /* bytes that the kernel took */

    bool unix_socket, counts_acknowledged;
    bool all_acknowledged;      /* FIN, too: nothing can be added */
    uint64_t acknowledged_base; /* what tcpi_bytes_acked counts that was not ours: SYN, and what was said before us */
};

/* socket.c */
/* That many milliseconds later, or never (INT64_MAX) if it is beyond that. */
int64_t time_later(int64_t now, int64_t milliseconds);
int64_t time_earlier(int64_t a, int64_t b);
/* Zeroes it, and remembers whose socket it is: there is no descriptor yet. */
void socket_init(struct socket *socket, struct adieu_stream *stream);
/* It is this one from now on: connected, accepted or adopted. Sets TCP_NODELAY. */
void socket_begin(struct socket *socket, int descriptor, bool borrowed);
/* Bytes of the peer's that were received already, and come first; there is room for them. False: no memory, and the stream knows. */
bool socket_put_back(struct socket *socket, const void *bytes, size_t size);
/* The stream begins to speak, once: until now the socket was the caller's, who may have spoken plaintext over it. */
void socket_speak(struct socket *socket);
/* Ends the write side, once: FIN. */
void socket_end_write(struct socket *socket);
/* The error that the socket holds, taken out of it; 0: none. */
int socket_error(const struct socket *socket);
/*
 * The last that is done with it: with a reset, so that nothing looks like an end, or without, so that the kernel goes on
 * delivering. Returns the descriptor (-1: there is none), to be closed unless borrowed, or (borrowed, reset) shut down.
 */
int socket_release(struct socket *socket, bool reset);
/* Gives it up as it stands; returns the descriptor. */
int socket_detach(struct socket *socket);

/* io.c: each answers whether anything moved or changed */
bool socket_send(struct socket *socket);
/* For adieu_wire_direct: sends, as far as the socket takes it at once. context is the socket. */
size_t socket_send_directly(void *context, const uint8_t *bytes, size_t size);
/* Receives into the stream's own place, once. */
bool socket_receive(struct socket *socket);
/* Receives into a buffer of the transport's, once, and lends it to the stream: settle before the next. */
bool socket_lend(struct socket *socket, uint8_t *buf, size_t size);
/* Receives what the stream no longer wants, and throws it away. */
bool socket_drain(struct socket *socket);
/* Bytes wait that the socket may still take. */
bool socket_unsent(const struct socket *socket);
/* After something failed: reads on as far as the kernel has anything, so that the peer's alert is the explanation. */
void socket_look_behind(struct socket *socket);
/* What the stream needs of it: POLLIN, POLLOUT, both or neither. */
short socket_events(const struct socket *socket);

/* delivery.c */
/* Nothing was said, so nothing is acknowledged. */
void socket_silent(struct socket *socket);
/* The stream begins to speak: what left before is not its. */
void socket_first(struct socket *socket);
/* Tells the stream what the peer's TCP has acknowledged. */
void socket_tell(const struct socket *socket);
/* Looks, and tells the stream. *taken changes whenever the peer's side takes more; if nothing is known, when the kernel does. */
enum delivery socket_look(struct socket *socket, uint64_t *taken);

#endif
