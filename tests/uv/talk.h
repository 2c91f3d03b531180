/* SPDX-License-Identifier: MIT */
/* Two handles that talk to each other in one loop, and what one of them hears. */
#ifndef ADIEU_TESTS_UV_TALK_H
#define ADIEU_TESTS_UV_TALK_H

#include "support.h"

/* More than any kernel holds of these small sockets: who writes so much waits. */
#define BIG ((size_t)1 << 20)

/* Those in the_loop that a test looks at; each role is us once. */
struct talk {
    enum carrier carrier;
    enum adieu_version version;
    bool we_serve;
    struct adieu_uv *us, *peer; /* NULL: freed by the test */
};

/* A program's setup and teardown: the configs of both versions. */
int setup_talks(void **state);
int teardown_talks(void **state);

/* The two handles, without a connection; then with one, and no handshake was asked for. */
void talk_make(struct talk *talk);
void talk_open(struct talk *talk);
void talk_shake(struct talk *talk);
/* Frees who is left, and the loop does the rest: before a story's own requests go, if some are pending. */
void talk_free(struct talk *talk);
/* A pair of connected sockets with small buffers. */
void connected_sockets(enum carrier carrier, int sockets[2]);
/* Over TCP and over a socket pair, in each version and each role, each in a loop of its own: after the handshake, or before. */
void each_talk(void (*story)(struct talk *talk));
void each_early_talk(void (*story)(struct talk *talk));
/* Two of them, for stories that take their time. */
void some_talks(void (*story)(struct talk *talk));
void some_early_talks(void (*story)(struct talk *talk));
/* One of them, 0 to 7. */
void early_talk(int which, void (*story)(struct talk *talk));

/* What a handle reads: the pattern, from its beginning. */
struct ear {
    size_t got;
    bool intact; /* it was the pattern */
    unsigned calls, ends;
    bool ended;
    int end; /* the code of the last end */
    char room[65536];
};
/* Reads into the ear, which becomes the handle's data. */
void hear(struct adieu_uv *uv, struct ear *ear);
/* As hear, for those who mix callbacks. */
void ear_alloc(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf);
void ear_read(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf);

/* That much of the pattern, from there on. */
uv_buf_t pattern_buf(size_t from, size_t size);
/* Asks for a write of that much of the pattern, from there on; it must be allowed. */
void say(struct waiter *waiter, struct adieu_uv *uv, size_t from, size_t size);
/* A big one, from the beginning; returns when the kernel takes no more of it. */
void say_too_much(struct waiter *waiter, struct adieu_uv *uv);
/* Says goodbye; the waiter gets the ending. */
void part(struct waiter *waiter, struct adieu_uv *uv);

/* Breaks the connection below TLS: FIN; or a reset, and the handle is gone. */
void cut(struct adieu_uv *uv);
void reset_it(struct adieu_uv **uv);
/* Puts a record of nonsense on the wire, as if it had said it. */
void say_nonsense(struct adieu_uv *uv);

#endif
