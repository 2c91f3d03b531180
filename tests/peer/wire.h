/* SPDX-License-Identifier: MIT */
/* The peer's end of the wire: TCP, or the queues of memory. */
#ifndef ADIEU_TESTS_PEER_WIRE_H
#define ADIEU_TESTS_PEER_WIRE_H

#include "bytes.h"

enum wire_end { WIRE_LIVES, WIRE_FIN, WIRE_RESET };

/* Between the peer and adieu in memory. Segments keep their bounds on the way to adieu. */
#define SEGMENTS 65536
struct link {
    struct bytes to_adieu, to_peer;
    size_t segments[SEGMENTS]; /* sizes of what lies in to_adieu; a ring */
    size_t first, count;
    enum wire_end peer_end, adieu_end; /* what each has done; behind its bytes */
};

struct wire {
    int descriptor;    /* TCP, or -1 */
    struct link *link; /* memory, or NULL */
    struct bytes in;   /* what has come and was not looked at */
    enum wire_end end; /* how adieu ended it, behind what came */
    bool deaf;
    bool gone;        /* the peer itself has reset it */
    size_t deaf_room; /* memory: what the way to a deaf peer takes */
};

/* One segment. False: adieu's side takes nothing any more. */
bool wire_send(struct wire *wire, const uint8_t *at, size_t size);
void wire_fin(struct wire *wire);
void wire_reset(struct wire *wire);
/* False: there is no urgent data here. */
bool wire_urgent(struct wire *wire, const uint8_t *at, size_t size);
/* Takes what has come. True: something did. */
bool wire_listen(struct wire *wire);
/* The descriptor to wait for, or -1. */
int wire_awaits(const struct wire *wire);
void wire_free(struct wire *wire);

/* TCP on loopback. A listener that both carriers of a descriptor use; its port. -1: errno. */
int tcp_listen(void);
int tcp_port(int listener);
/* Waits for a connection, with a bound. */
int tcp_accept(int listener, int milliseconds);
int tcp_connect(int port);
void tcp_buffers(int descriptor, int size);

#endif
