/* SPDX-License-Identifier: MIT */
/*
 * adieu over libuv: TLS as naturally as TCP.
 *
 * A handle (struct adieu_uv) is a stream and the uv_tcp_t or uv_pipe_t that carries it. It speaks libuv's grammar:
 *
 *   requests   What waits is a request (struct adieu_uv_request), your memory until its callback. A call answers 0, or
 *              at once a negative libuv code: then nothing was begun, and nothing will be called.
 *   callbacks  None runs inside the call that asks: they run from the loop. Each request's runs exactly once.
 *   reentry    Any call is allowed in any callback of this header, adieu_uv_free included. In the callbacks of the
 *              stream (adieu_watch, and those of the config) too, but for adieu_uv_try_write.
 *   threads    One: the loop's. A config may be shared between loops.
 *
 * Everything may be pending at once, before there is a connection too: connect, handshake, writes, a shutdown and
 * reading can be asked for in one breath. Writes and the shutdown go in the order in which they were asked; what
 * waits for something that fails, fails with its code. docs/ordering.md says of each pair what the second does to
 * the first. What is over at the same time is told in this order: connect, handshake, writes and shutdowns, what was
 * read, the end of reading, close.
 *
 * Codes: 0, or where libuv has a word for it that word; adieu_uv_error() has the whole story.
 *
 *   UV_EOF           only the peer's authentic end: its close_notify
 *   UV_ECONNABORTED  truncated: the transport ended without close_notify
 *   UV_ECONNRESET    the transport failed (or another code of the system's)
 *   UV_EPIPE         nothing more can be sent: sending has ended, or the transport takes no more
 *   UV_EPROTO        the peer gave up (alert), or broke the protocol
 *   UV_EACCES        the peer is not whom we trust
 *   UV_ETIMEDOUT     time ran out, and the connection was broken off
 *   UV_ECANCELED     this request was cancelled, or the handle was aborted or closed before it could be done
 *   UV_EAI_…         the name could not be resolved
 *   UV_ENOTCONN      there is no connection, and none is being made
 *   UV_EALREADY      it was asked already, or it is too late for it
 *   UV_EINVAL        an argument cannot be, or the config does not do for this role
 *   UV_EIO           this side could not go on: the TLS engine, or an abort with ADIEU_REASON_LOCAL_IO
 *   UV_ENOMEM        no memory
 *
 * Signals: nothing here raises SIGPIPE. The clock is the loop's (uv_now). There is no thread but libuv's own, which
 * uv_getaddrinfo uses. In the steady state adieu itself allocates nothing for a read, or a write of up to four buffers
 * (OpenSSL takes small blocks for a record).
 */
#ifndef ADIEU_UV_H
#define ADIEU_UV_H

#include <uv.h>

#include "adieu.h"

#ifdef __cplusplus
extern "C" {
#endif

struct adieu_uv_loop;
struct adieu_uv;

/* ---------------------------------------------------------------- the loop */

/*
 * What the handles of one uv_loop_t share: one receive buffer, one timer, and the list of those that are due. Make
 * one a loop. NULL: no memory, or libuv cannot. While no handle has anything to do it does not keep uv_run() from
 * returning.
 */
ADIEU_API struct adieu_uv_loop *adieu_uv_loop_new(uv_loop_t *loop);
/*
 * Gives it back; it goes when its last handle has gone. Its own libuv handles close in the loop's next turns: run
 * the loop once more before uv_loop_close(). NULL is allowed.
 */
ADIEU_API void adieu_uv_loop_free(struct adieu_uv_loop *loop);
ADIEU_API uv_loop_t *adieu_uv_loop_uv(const struct adieu_uv_loop *loop);

/* ---------------------------------------------------------------- handles */

/*
 * A new handle with a stream (adieu_client, adieu_server) and no connection yet: give it one with adieu_uv_connect,
 * adieu_uv_accept, adieu_uv_open or adieu_uv_adopt. NULL only for lack of memory.
 */
ADIEU_API struct adieu_uv *adieu_uv_client(struct adieu_uv_loop *loop, struct adieu_config *config,
                                           const char *server_name);
ADIEU_API struct adieu_uv *adieu_uv_server(struct adieu_uv_loop *loop, struct adieu_config *config);

/*
 * Frees the handle: at any time, in any callback. Without a close before, the connection is reset, unless both
 * directions had ended: a forgotten goodbye must not look like an end. Requests that are pending are yours again at
 * once; neither their callbacks nor any other of the handle or (adieu_watch) its stream is called any more. NULL is
 * allowed.
 */
ADIEU_API void adieu_uv_free(struct adieu_uv *uv);

/* Anything of yours; NULL at first. */
ADIEU_API void adieu_uv_set_data(struct adieu_uv *uv, void *data);
ADIEU_API void *adieu_uv_data(const struct adieu_uv *uv);
ADIEU_API struct adieu_uv_loop *adieu_uv_loop_of(const struct adieu_uv *uv);

/* ---------------------------------------------------------------- requests */

/*
 * Something that waits. No need to zero it; not to be moved or used again before its callback ran. A request's
 * callback may be NULL: then nobody is told, and when it is over can be seen by what comes after it.
 */
struct adieu_uv_request {
    void *data;          /* yours: never touched */
    struct adieu_uv *uv; /* its handle, for the callback */
    /*
     * Of a write, counts of plaintext bytes: what the stream took of it, which leaves in order and which the peer
     * gets unless the ending says otherwise; and, of these, what was in records wholly handed to the kernel when the
     * callback ran (never too many).
     */
    size_t taken, sent;
    /* What follows is the library's. */
    struct adieu_uv_request *next;
    int kind, status;
    unsigned buf_count, buf_at;
    size_t buf_offset;
    uint64_t end;
    uv_buf_t *bufs, few[4];
    void (*done)(struct adieu_uv_request *request, int status);
    void (*closed)(struct adieu_uv_request *request, int status, const struct adieu_ending *ending);
    void *unused[4];
};

/*
 * Stops waiting: its callback comes with UV_ECANCELED from the loop. The stream is as it was, and no other request
 * is touched.
 *
 *   connect    the attempts end; another may be asked for
 *   handshake  it rests where it is, until it is asked for again; what waits behind it waits on, within the deadline
 *   write      what was taken of it (request->taken) leaves, and what was not never will: the peer gets exactly that
 *              much, and then the next write
 *   shutdown   if nothing was sealed yet it is withdrawn, and writes may follow again; if close_notify is sealed, it
 *              leaves
 *   close      the goodbye rests; reading is as before it; close again to go on
 *
 * 0, or UV_EALREADY: it is done already, and its callback is due.
 */
ADIEU_API int adieu_uv_cancel(struct adieu_uv_request *request);

/* ---------------------------------------------------------------- connections */

/* Where to connect to, or listen. Zero it and fill in what matters. */
struct adieu_uv_address {
    const char *host;      /* a name or a numeric address; NULL: any (to listen) or this machine (to connect) */
    const char *port;      /* a number or a service name; ignored for path */
    const char *path;      /* a Unix socket instead; host and port are then ignored */
    const char *bind_host; /* connect: the local address to use, numeric, or NULL */
    int family;            /* AF_UNSPEC (0), AF_INET or AF_INET6 */
};

/*
 * Resolves (uv_getaddrinfo) and connects. Of several addresses (at most 16) the next is tried 250 ms after the one
 * before, or at once when one has failed, while the earlier attempts go on; the first that connects is taken (RFC
 * 8305). The strings are copied. The request fails with the code of the resolver or of the last address;
 * adieu_uv_error() names the addresses that were tried, and why each did not do. Again after a failure or a cancel:
 * allowed. UV_EALREADY: there is a connection, or one is being made.
 */
ADIEU_API int adieu_uv_connect(struct adieu_uv_request *request, struct adieu_uv *uv,
                               const struct adieu_uv_address *address,
                               void (*done)(struct adieu_uv_request *request, int status));

/*
 * A listening uv_tcp_t or (path) uv_pipe_t, made here; cb is libuv's own, called with each connection: take it with
 * adieu_uv_accept(). Its data is yours: it is set to the one given. A host that is a name is resolved at once,
 * waiting for it. Without host and family one IPv6 socket hears both families, where there is IPv6. You may as well
 * listen with libuv's own calls.
 */
ADIEU_API int adieu_uv_listen(uv_loop_t *loop, const struct adieu_uv_address *address, int backlog, uv_connection_cb cb,
                              void *data, uv_stream_t **server);
/* Ends it and frees it; cb is called no more. A Unix path is removed (as libuv does). NULL is allowed. */
ADIEU_API void adieu_uv_unlisten(uv_stream_t *server);

/* Takes the next connection from a listening uv_tcp_t or uv_pipe_t, in its connection callback, as uv_accept(). */
ADIEU_API int adieu_uv_accept(struct adieu_uv *uv, uv_stream_t *server);

/* Takes a connected stream socket, which is the handle's from then on. If it fails the descriptor stays yours. */
ADIEU_API int adieu_uv_open(struct adieu_uv *uv, uv_os_sock_t descriptor);

/*
 * Uses a connected uv_tcp_t or uv_pipe_t (a Unix socket, not a FIFO) of yours, in the same loop, on which nothing is
 * being read or written: after a plaintext dialogue, for instance (STARTTLS). Its data is the library's until it is
 * yours again, and then as it was. It stays yours to close: after the callback of the close, adieu_uv_detach or
 * adieu_uv_free. At the end its write side is ended or, instead of a reset, both sides are, and SO_LINGER is set so
 * that your uv_close() resets it.
 */
ADIEU_API int adieu_uv_adopt(struct adieu_uv *uv, uv_stream_t *stream);

/*
 * Bytes of the peer's that you read already and that are TLS's (sniffed, or read too far in a plaintext dialogue):
 * copied, and read before what the socket has. Before adieu_uv_handshake; adds. UV_EALREADY: too late; UV_ENOBUFS:
 * more than fit (64 KiB).
 */
ADIEU_API int adieu_uv_put_back(struct adieu_uv *uv, const void *bytes, size_t size);

/*
 * Gives the transport back once both directions are closed: our close_notify has wholly left, and the peer's was
 * read. *stream is an open libuv handle, not reading: the one that was adopted or, otherwise, one that is now yours
 * to uv_close() and then to free(). *surplus are bytes that the peer said behind its close_notify, no longer TLS's;
 * they live until adieu_uv_free(), which is all that is left to call. Plaintext, or another TLS session, may follow.
 * UV_EBUSY: a direction is not closed, or a request is pending.
 */
ADIEU_API int adieu_uv_detach(struct adieu_uv *uv, uv_stream_t **stream, const uint8_t **surplus, size_t *size);

/* ---------------------------------------------------------------- verbs */

/*
 * The handshake, over the connection that there is or that is being made. Nothing leaves before it is asked for. Done
 * means done here: what it said last may still wait for the kernel, and leaves before anything else. Once done it
 * answers 0 again; after it failed, its code.
 */
ADIEU_API int adieu_uv_handshake(struct adieu_uv_request *request, struct adieu_uv *uv,
                                 void (*done)(struct adieu_uv_request *request, int status));

/*
 * Reads plaintext, as uv_read_start() reads bytes: alloc is asked for a buffer (uv_alloc_cb's rules; suggested is 64
 * KiB), read gets it back with
 *
 *   nread > 0       so many bytes are in it
 *   nread == 0      nothing, after all: what came was not data, or abort was called meanwhile
 *   UV_ENOBUFS      alloc gave no room; it will be asked again in the loop's next turn
 *   UV_EOF          the peer's authentic end, behind the last byte
 *   other < 0       receiving ended otherwise, behind the last byte that could be had
 *
 * The end is told once, with a buffer of size 0, and reading stops; started again, it is told again. Started before
 * the handshake is done, it waits for it. Again while reading: the callbacks are replaced. While nobody reads,
 * nothing is received beyond 64 KiB, and the peer's sending stops in the end: back-pressure.
 */
ADIEU_API int adieu_uv_read_start(struct adieu_uv *uv,
                                  void (*alloc)(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf),
                                  void (*read)(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf));
/*
 * From now on read is not called, but, where a callback of the stream asks for it while something is being read, once
 * for that. A buffer that alloc gives while it calls this stays its own. Always 0.
 */
ADIEU_API int adieu_uv_read_stop(struct adieu_uv *uv);

/*
 * Writes all the buffers. The array is copied; the bytes must stay until the callback, which comes when they were
 * handed to the kernel in whole records (0), or will not be (a code): request->taken and request->sent say how far
 * it came. Any number may be pending. No bytes: done in its turn. UV_EPIPE: sending has ended, or a shutdown or
 * close was asked for. Back-pressure: adieu_uv_write_queue_size() tells what waits; do not let it grow without
 * bound.
 */
ADIEU_API int adieu_uv_write(struct adieu_uv_request *request, struct adieu_uv *uv, const uv_buf_t *bufs,
                             unsigned count, void (*done)(struct adieu_uv_request *request, int status));
/*
 * Takes what can be taken at once and answers how many bytes; they leave in order like any others. UV_EAGAIN:
 * nothing, since something waits (a write, the handshake, the kernel). Other codes as adieu_uv_write. Not inside a
 * callback of the stream (UV_EAGAIN).
 */
ADIEU_API int adieu_uv_try_write(struct adieu_uv *uv, const uv_buf_t *bufs, unsigned count);
/* Plaintext bytes that wait to be in records wholly handed to the kernel. */
ADIEU_API size_t adieu_uv_write_queue_size(const struct adieu_uv *uv);

/*
 * Half-close (6.1): close_notify behind the writes that were asked for, and nothing after it; reading goes on. Done
 * when it has been handed to the kernel; the peer is not waited for. Twice is once: both callbacks come. The
 * socket's write side stays open until adieu_uv_close.
 */
ADIEU_API int adieu_uv_shutdown(struct adieu_uv_request *request, struct adieu_uv *uv,
                                void (*done)(struct adieu_uv_request *request, int status));

/* How long a goodbye may take. Negative: for ever. */
struct adieu_uv_patience {
    int64_t
        quiet_ms; /* without progress: counted from the last moment at which the peer's side took more of ours; nothing that the
                         peer sends moves it. 0: do not wait at all */
    int64_t total_ms; /* over everything */
};
/* Where nothing better is known: 10 s without progress, no bound over everything. */
#define ADIEU_UV_PATIENCE                                                                                              \
    {                                                                                                                  \
        10000, -1                                                                                                      \
    }

/*
 * The whole goodbye, as adieu_fd_close: the pending writes, close_notify, the end of the socket's write side; then
 * reads until the transport ends, or until receiving is closed and the peer's TCP has acknowledged everything and
 * 100 ms have passed, or until patience ends; then lets the transport go. The callback gets the ending, in which no
 * direction lives; it is the last of the handle's (of several closes, the last one's). Free the handle in it or
 * later. status is 0, or UV_ECANCELED with an ending that may still live (see adieu_uv_cancel).
 *
 * While somebody reads, what arrives is theirs; otherwise it is discarded and counted. When patience ends, or when
 * adieu_uv_abort is called, what is pending completes with UV_ETIMEDOUT or UV_ECANCELED. Before the handshake is
 * done it is an abort: there is no plaintext close_notify, ever. Again while one is pending: joins it; of both
 * patiences the shorter holds.
 */
ADIEU_API int adieu_uv_close(struct adieu_uv_request *request, struct adieu_uv *uv, struct adieu_uv_patience patience,
                             void (*closed)(struct adieu_uv_request *request, int status,
                                            const struct adieu_ending *ending));
/*
 * A close that is told early: the callback comes when close_notify has been handed to the kernel (0), or cannot be
 * any more (a code), with the ending as it then stands. From the call on the handle is the library's, which reads to
 * the end, lets go and frees it behind your back, within patience: after the call only the request may be used.
 * Pending requests complete as with adieu_uv_close; reading stops.
 */
ADIEU_API int
adieu_uv_farewell(struct adieu_uv_request *request, struct adieu_uv *uv, struct adieu_uv_patience patience,
                  void (*closed)(struct adieu_uv_request *request, int status, const struct adieu_ending *ending));

/*
 * Breaks off: adieu_abort, and the transport is reset at once. Everything that is pending completes from the loop
 * with UV_ECANCELED (UV_ETIMEDOUT for ADIEU_REASON_DEADLINE, UV_EIO for ADIEU_REASON_LOCAL_IO), a close with the
 * ending. Any time; twice is once.
 */
ADIEU_API void adieu_uv_abort(struct adieu_uv *uv, enum adieu_reason reason);

/* ---------------------------------------------------------------- deadlines */

/*
 * How long connecting and the handshake together may take, from the first call that asks for one of them; then the
 * connection is broken off with ADIEU_REASON_DEADLINE, unless what has come by then completes it. It also bounds a
 * decision that is awaited. Default 60 s; 0: for ever. Before that first call.
 */
ADIEU_API void adieu_uv_handshake_timeout(struct adieu_uv *uv, uint64_t milliseconds);
/*
 * function is called when nothing has moved on the wire, either way, for so long since the handshake was done;
 * nothing has ended: to say goodbye, abort, send a ping or do nothing is yours. Called again after as long again. 0
 * or NULL: no more. A goodbye has its patience instead.
 */
ADIEU_API void adieu_uv_on_idle(struct adieu_uv *uv, uint64_t milliseconds, void (*function)(struct adieu_uv *uv));

/* ---------------------------------------------------------------- asking */

/*
 * The stream, for the asking functions, adieu_watch, adieu_resume, adieu_decide and their like. After a call that
 * lets it go on or gives it something to say (adieu_decide, adieu_choose, adieu_key_update, adieu_ask_certificate)
 * call adieu_uv_wake(). Its reading, writing, closing and wire functions are the handle's. Who decides later watches for
 * ADIEU_NEWS_AWAITED, whose context can be the connection; a worker thread tells the loop by uv_async_send(), and the
 * loop looks whether the connection is still there.
 */
ADIEU_API struct adieu_stream *adieu_uv_stream(const struct adieu_uv *uv);
ADIEU_API void adieu_uv_wake(struct adieu_uv *uv);
/* The uv_tcp_t or uv_pipe_t, for its asking functions and its options; NULL: none yet, or let go. */
ADIEU_API uv_stream_t *adieu_uv_transport(const struct adieu_uv *uv);
/* How it stands, with acknowledged as the kernel has it now. */
ADIEU_API struct adieu_ending adieu_uv_ending(struct adieu_uv *uv);
/* Why something failed: in the transport, or the stream. Lives as long as the handle. */
ADIEU_API const struct adieu_error *adieu_uv_error(const struct adieu_uv *uv);

#ifdef __cplusplus
}
#endif
#endif
