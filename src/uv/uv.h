/* SPDX-License-Identifier: MIT */
/*
 * Inside the libuv transport. Reading order: loop.c runs what is due; request.c keeps what was asked for; turn.c does
 * it, by steps derived from how stream and transport stand, with say.c for what is written and read.c for what is
 * read; transport.c owns the libuv handle and its readiness; warm.c takes from the idle what only the busy need; open.c, connect.c (race.c: its attempts) and listen.c
 * bring a transport; handle.c is a handle's life.
 *
 * A call records what is asked and makes the handle due; all that moves bytes or calls back happens in handle_turn(),
 * which is never inside another. libuv only tells when the socket is ready: bytes are moved by src/socket, with
 * MSG_NOSIGNAL and exact errors (libuv's own write may raise SIGPIPE, and its read takes data and a reset in one turn
 * for an end).
 */
#ifndef ADIEU_UV_INTERNAL_H
#define ADIEU_UV_INTERNAL_H

#include "adieu_uv.h"
#include "goodbye.h"

/* What alloc is told. */
#define SUGGESTED ((size_t)65536)
/* A loop's receive buffer: as much as a stream takes at once. With 64 KB a receiver needed a tenth more CPU for a GB. */
#define RECEIVED ((size_t)(8 * 16640))
#define HANDSHAKE_MS 60000
/* When to try again where a descriptor or memory was lacking. */
#define RETRY_MS 20
/* A turn looks up from the wire after so many rounds: other handles are there, too. */
#define ROUNDS 16
/* The stream is given so many pieces of what is to be written at once, */
#define PIECES 32
/*
 * or so many bytes, which are then sent: four records. Less costs more calls; more was not cheaper on one core (CPU for a GB,
 * 16 KB 1.09, 32 KB 1.07, 48 and 64 KB 1.05, 128 KB 1.05 of naive OpenSSL), and wakes a peer on another core later.
 */
#define BATCH ((size_t)65536)

/* ---------------------------------------------------------------- loop.c */

struct adieu_uv_loop {
    uv_loop_t *uv;
    unsigned references; /* the program's, and one a handle */
    unsigned open;       /* libuv handles of its own that are not closed yet */
    uv_timer_t timer;
    uv_idle_t idle;   /* while something is due: the loop does not sleep, */
    uv_check_t check; /* and what became due while it polled is done behind that */
    struct adieu_uv *due, **due_end;
    struct adieu_uv **wakes; /* a heap by wake_at */
    size_t wake_count, wake_room;
    struct adieu_uv *warmest, *coldest; /* warm.c: those that moved last */
    size_t warm_count;
    uv_timer_t cooler; /* does not keep the loop from ending */
    uint8_t *buffer;   /* what is received is lent from here */
};

/* One more handle; false: no memory. */
bool loop_ref(struct adieu_uv_loop *loop);
void loop_unref(struct adieu_uv_loop *loop);
/* handle_turn() is called from the loop, soon. */
void loop_make_due(struct adieu_uv *uv);
/*
 * How far the turn in progress has come. What is asked for in its callbacks needs no other turn if the step that sees to it
 * is still to come.
 */
enum stage { STAGE_NONE, STAGE_ROUNDS, STAGE_SAY, STAGE_TELL };
/* A turn comes to that stage: the one in progress, or another. */
void loop_make_due_for(struct adieu_uv *uv, enum stage stage);
/* handle_turn() is called at that time; INT64_MAX: at no time. */
void loop_wake_at(struct adieu_uv *uv, int64_t when);
int64_t loop_now(const struct adieu_uv_loop *loop);

/* ---------------------------------------------------------------- requests */

enum request_kind { REQUEST_CONNECT, REQUEST_HANDSHAKE, REQUEST_WRITE, REQUEST_SHUTDOWN, REQUEST_CLOSE };

/* First in, first out. */
struct requests {
    struct adieu_uv_request *first, **end;
};

/* request.c */
void requests_init(struct requests *requests);
void requests_add(struct requests *requests, struct adieu_uv_request *request);
/* The first, no longer in it; NULL: there is none. */
struct adieu_uv_request *requests_take(struct requests *requests);
/* It is over, with that code: its callback is due. */
void request_over(struct adieu_uv_request *request, int status);
/* All that are in it. */
void requests_over(struct requests *requests, int status);
/* All that wait for something to be said, or for a connection. */
void requests_all_over(struct adieu_uv *uv, int status);

/* ---------------------------------------------------------------- the handle */

struct opening; /* connect.c: a connection that is being made */

struct adieu_uv {
    struct adieu_uv_loop *loop;
    void *data;
    struct socket socket;      /* and the stream */
    uv_stream_t *transport;    /* the socket's libuv handle */
    void *transport_data;      /* a borrowed one's own */
    struct opening *opening;   /* or one that is being made */
    struct adieu_error *error; /* of the transport, once one was being made (the stream has its own), */
    int error_code;            /* and libuv's word for it */
    int unconnected;           /* the same, for who reads and is to be told; 0 */
    bool gone;                 /* there was a connection, and it was let go: no other begins */

    bool polls_in;             /* libuv tells when the socket is readable */
    bool readable;             /* and has */
    bool full;                 /* the kernel takes no more, until libuv tells that it is writable */
    struct writable *writable; /* transport.c: once it was full */
    int64_t retry_at;          /* what could not be polled for is tried again; INT64_MAX */

    struct adieu_uv_request *connect;
    struct requests handshakes;
    struct requests says;   /* writes and shutdowns, in order: those that wait to be taken, */
    struct requests leaves; /* and those that were, and wait for the kernel */
    struct requests farewells, closes;
    struct requests over; /* callbacks that are due, but the closes' */
    size_t waiting;       /* plaintext in says */
    uint64_t taken;       /* and what the stream was given */
    unsigned taking;      /* so many of says are writes that the stream is being given, */
    bool taking_over;     /* and a callback of the stream cancelled one of them */

    bool asked;       /* for the handshake, and that was not cancelled */
    bool established; /* it is done */
    bool failed;      /* or never will be */

    bool shut;      /* nothing more may be asked to be said */
    bool said;      /* close_notify is sealed, or there was nobody to say it to */
    bool abort_due; /* asked for inside a callback of the stream */
    enum adieu_reason abort_reason;
    struct goodbye goodbye;

    bool reading;
    bool heard;      /* data, once */
    size_t foreseen; /* read.c: plaintext that is to be expected of what was received */
    void (*alloc)(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf);
    void (*read)(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf);

    uint64_t handshake_ms, idle_ms;
    int64_t handshake_at; /* when it must be done; INT64_MAX */
    int64_t moved_at;     /* when bytes last moved */
    void (*idle)(struct adieu_uv *uv);

    struct adieu_uv *next_due;
    struct adieu_uv *warmer, *colder; /* warm.c */
    size_t wake_index;                /* in the loop's heap, 1 and up; 0: not there */
    int64_t wake_at;
    unsigned entered; /* calls into this, one inside another: it must not go */
    enum stage stage;
    bool is_due, warm;
    bool in_verbs; /* the stream's verbs are at work: whoever calls is a callback of the stream */
    bool freed, farewell;
};

/* handle.c */
void handle_enter(struct adieu_uv *uv);
/* What handle_enter() kept from going may go. */
void handle_leave(struct adieu_uv *uv);
/* Ends both directions and lets the transport go. */
void handle_break_off(struct adieu_uv *uv, enum adieu_reason reason);
/* Before a connection is made, which may fail: false if there is no memory for the reason, and then that is the error. */
bool handle_may_fail(struct adieu_uv *uv);
/* It was made. */
void handle_did_not_fail(struct adieu_uv *uv);
/* Why it was not; returns code. */
int handle_fail(struct adieu_uv *uv, int code, enum adieu_error_code error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Why, as libuv's code; see the header. */
int handle_code(const struct adieu_uv *uv);
/*
 * The code of what waited, now that it waits for nothing any more: who broke off himself is not told how the peer
 * ended.
 */
int handle_over_code(const struct adieu_uv *uv);

/* say.c: writes and shutdowns */
/* Whether anything may still be said, or is on its way. */
bool say_lives(const struct adieu_uv *uv);
/* How much of what the stream was given was in records wholly handed to the kernel. */
uint64_t say_sent(const struct adieu_uv *uv);
/* Takes what waits, sends, and notes what is over. */
void say_send(struct adieu_uv *uv);

/* turn.c */
void handle_turn(struct adieu_uv *uv);

/* read.c: what was received goes to whoever reads */
/* Looks ahead into what was received and lent. */
void read_foresee(struct adieu_uv *uv, const uint8_t *bytes, size_t size);
void read_deliver(struct adieu_uv *uv);
void read_end(struct adieu_uv *uv);

/* warm.c */
/* Something moved. */
void warm_touch(struct adieu_uv *uv);
/* It goes. */
void warm_leave(struct adieu_uv *uv);

/* transport.c */
/*
 * The connection stands; stream is an open uv_tcp_t or uv_pipe_t. Not borrowed: it is on the heap, and freed with
 * free() once closed. 0 or a code: then it is still the caller's.
 */
int transport_begin(struct adieu_uv *uv, uv_stream_t *stream, bool borrowed);
/* Asks libuv to tell when the socket is readable, writable. */
void transport_poll(struct adieu_uv *uv, bool in, bool out);
/* It is idle: what is only needed by one that is full is given back. */
void transport_rest(struct adieu_uv *uv);
/* Lets it go, with a reset or without. */
void transport_release(struct adieu_uv *uv, bool reset);
/* The libuv handle, which this one knows no more. */
uv_stream_t *transport_detach(struct adieu_uv *uv);
/* A libuv handle on the heap, of type UV_TCP or UV_NAMED_PIPE. NULL: no memory. */
uv_stream_t *transport_new(uv_loop_t *loop, uv_handle_type type);
/* Closes such a handle, and frees it then. */
void transport_dispose(uv_stream_t *stream);

/* ---------------------------------------------------------------- connecting */

/*
 * connect.c. Begins; the strings are copied. 0, or a code. Then opening_result() is called once, from the loop, with
 * a connected handle on the heap, or with a code and an explanation in uv->error. Nothing is called after
 * opening_leave(), which gives up, and may be called when nothing is under way.
 */
int opening_start(struct adieu_uv *uv, const struct adieu_uv_address *address);
void opening_leave(struct adieu_uv *uv);
/* Time is up: puts into the error whom a connection was being made to, if one was. */
void opening_late(struct adieu_uv *uv);
/* open.c */
void opening_result(struct adieu_uv *uv, int status, uv_stream_t *stream);

#endif
