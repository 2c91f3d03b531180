/* SPDX-License-Identifier: MIT */
/*
 * adieu over stream sockets: TCP, Unix, socketpair.
 *
 * A handle (struct adieu_fd) is a stream and a descriptor. It is used in one of two ways:
 *
 *   blocking   the default: every verb waits, until it is done, its deadline passes, or somebody cancels. Several
 *              threads may use it: one lock, never held while waiting; one thread may read while another writes; two at
 *              once in the same verb: the second is MISUSE.
 *   polled     after adieu_fd_set_polled(): no verb waits, whatever its deadline; after WAIT put adieu_fd_interest()
 *              into your own poll loop and call the verb again when it fires. No lock is taken: one thread. Call a verb
 *              until it says WAIT before you poll: what lies in the stream already wakes no poll.
 *
 * WAIT from a verb here: nothing has ended, the stream is as it was, no byte is lost; adieu_fd_why() says which. Only
 * adieu_fd_close() turns a deadline into an ending.
 *
 * Callbacks of the stream (adieu_watch and those of the config) run inside the verbs, under the lock: there the
 * asking functions may be called, the verbs are MISUSE, and adieu_fd_abort does nothing.
 *
 * Deadlines are absolute, in milliseconds of CLOCK_MONOTONIC (adieu_fd_in() makes them); ADIEU_FD_NOW never waits,
 * ADIEU_FD_FOREVER waits for ever, and has to be spelled out.
 *
 * The socket calls raise no SIGPIPE. The flags of a borrowed descriptor are not touched (every call is made
 * non-blocking by itself); TCP_NODELAY is set on every TCP socket.
 */
#ifndef ADIEU_FD_H
#define ADIEU_FD_H

#include <poll.h>

#include "adieu.h"

#ifdef __cplusplus
extern "C" {
#endif

struct adieu_fd;

#define ADIEU_FD_NOW INT64_C(0)
#define ADIEU_FD_FOREVER INT64_MAX

/* Now, in milliseconds of CLOCK_MONOTONIC. */
ADIEU_API int64_t adieu_fd_now(void);
/* The deadline that many milliseconds from now; a negative count is 0, an overflow is FOREVER. */
ADIEU_API int64_t adieu_fd_in(int64_t milliseconds);

/* ---------------------------------------------------------------- handles */

/*
 * A new handle with a stream (adieu_client, adieu_server) and no descriptor yet: give it one with adieu_fd_connect,
 * adieu_fd_accept or adieu_fd_adopt. NULL only for lack of memory.
 *
 * Nothing leaves and nothing is received before the first adieu_fd_handshake, even if adieu_handshake() was called on
 * the stream (to find early what is wrong with a config). Until then you may speak plaintext (STARTTLS, a proxy's
 * CONNECT) over adieu_fd_descriptor(), which is non-blocking unless you adopted it. Take exactly the bytes of that
 * dialogue: what is left in the socket is TLS's; or put back what you took too many (adieu_fd_put_back). acknowledged
 * does not count what you sent. Nobody may abort or close meanwhile: you would be left with a number that is
 * another's.
 */
ADIEU_API struct adieu_fd *adieu_fd_client(struct adieu_config *config, const char *server_name);
ADIEU_API struct adieu_fd *adieu_fd_server(struct adieu_config *config);

/*
 * Frees the handle. Without adieu_fd_close before, the connection is reset, unless both directions had ended: a
 * forgotten goodbye must not look like an end. NULL is allowed. No other thread may be inside a verb. A handle
 * belongs to the process that made it: in a forked child this frees the copy, says nothing and resets nothing, and is
 * all that may be called.
 */
ADIEU_API void adieu_fd_free(struct adieu_fd *fd);

/*
 * No verb waits any more, and none takes the lock. Before the first verb; for ever. WAIT then says POLL, or DEADLINE
 * once a deadline other than NOW has passed. adieu_fd_cancel does nothing: there is no wait.
 */
ADIEU_API void adieu_fd_set_polled(struct adieu_fd *fd);

/* Whose a descriptor is. */
enum adieu_fd_owner {
    ADIEU_FD_OWNED,    /* the handle's: released (closed) by it exactly once, also when a call fails */
    ADIEU_FD_BORROWED, /* the caller's: never closed; at the end its write side is ended or, instead of a reset, both are
                          shut down and SO_LINGER is set so that the caller's close resets it */
};

/*
 * Uses a connected stream socket. OK, or FAIL with ADIEU_ERR_SOCKET (no stream socket). MISUSE: there is one already;
 * the descriptor then stays the caller's.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_adopt(struct adieu_fd *fd, int descriptor,
                                                            enum adieu_fd_owner owner);

/*
 * Before the first adieu_fd_handshake: gives the stream bytes of the peer's that you have read from the socket
 * already, and that are TLS's (looking at the first ones to see what comes, or reading ahead in a dialogue). They are
 * copied, and come before what the socket still has; again adds behind. OK; FAIL: no memory, and the handshake will
 * say so; MISUSE: too late, or more than adieu_wire_in(adieu_fd_stream(fd), NULL) says there is room for: 133,120
 * bytes at first.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_put_back(struct adieu_fd *fd, const void *bytes, size_t size);

/* Where to connect to, or listen. Zero it and fill in what matters. */
struct adieu_fd_address {
    const char *host;      /* a name or a numeric address; NULL: any (to listen) or this machine (to connect) */
    const char *port;      /* a number or a service name; ignored for path */
    const char *path;      /* a Unix socket instead; host and port are then ignored */
    const char *bind_host; /* connect: the local address to use, numeric, or NULL */
    int family;            /* AF_UNSPEC (0), AF_INET or AF_INET6 */
};

/*
 * Resolves and connects. Of several addresses (at most 16) the next is tried 250 ms after the one before, or at once
 * when one has failed, while the earlier attempts go on; the first that connects is taken, the others are closed (RFC
 * 8305, happy eyeballs). The order is that of getaddrinfo() (RFC 6724), with the families taking turns. Addresses of
 * another family than bind_host's are left out. getaddrinfo() has both families' addresses at once: a slow AAAA
 * answer is waited for. The strings are copied. OK: connected (no TLS yet). WAIT: the deadline passed or somebody
 * cancelled (polled: not yet); the attempts go on; call again to go on waiting, with NULL for address or the same
 * one. FAIL: ADIEU_ERR_RESOLVE or _CONNECT, for ever; the text names the addresses that were tried, and why each did
 * not do. MISUSE: there is or was a connection already, or another address is being connected to. A name is resolved
 * by a helper thread, which is left behind when the handle is freed because getaddrinfo() cannot be cancelled; a
 * numeric address never needs one.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_connect(struct adieu_fd *fd,
                                                              const struct adieu_fd_address *address, int64_t deadline);

/*
 * A listening descriptor, close-on-exec, SO_REUSEADDR, non-blocking; yours to close. A Unix path must not exist; it
 * stays yours to unlink. Without host and family one IPv6 socket hears both families, where there is IPv6. Only a
 * host that is a name is waited for, until the deadline or a signal. -1: *error (may be NULL) says why:
 * ADIEU_ERR_RESOLVE (EINTR: a signal), _SOCKET, or _DEADLINE.
 */
ADIEU_API int adieu_fd_listen(const struct adieu_fd_address *address, int backlog, int64_t deadline,
                              struct adieu_error *error);
/*
 * Takes the next connection from a listening descriptor, which stays the caller's. OK; WAIT: deadline, cancelled, or
 * (polled) nobody yet: poll the listener (adieu_fd_interest names it); FAIL: ADIEU_ERR_SOCKET, about the listener
 * (too many open files, perhaps): the handle may try again; MISUSE: there is or was a connection already. A listener
 * that several threads or processes accept from must be non-blocking, or a wait may outlast its deadline.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_accept(struct adieu_fd *fd, int listener, int64_t deadline);

/* ---------------------------------------------------------------- verbs */

/*
 * As adieu_handshake, with a deadline. FAIL: what explains it has been sent as far as the socket takes it; close
 * still.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_handshake(struct adieu_fd *fd, int64_t deadline);
/* As adieu_read, with a deadline. size 0 waits, too, until a read would say something. */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_read(struct adieu_fd *fd, void *buf, size_t size, size_t *got,
                                                           int64_t deadline);
/*
 * As adieu_write, with a deadline. Blocking: returns OK when all size bytes were taken and the kernel has them, or,
 * when the wait ended before that, with what was taken so far (it leaves by itself with the next verbs); WAIT if
 * nothing was taken. Polled: OK with what could be taken now. FAIL after a failed send comes only after what had
 * already arrived was looked at, so that the peer's alert, not our EPIPE, is the explanation; an alert behind data
 * that nobody has read is found by reading. FAIL says nothing of *took: adieu_fd_ending() knows how much was taken
 * and sent. size 0 (buf may be NULL) takes nothing, but moves what was taken before as any write does (blocking:
 * until the kernel has it, or the wait ends): OK either way.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_write(struct adieu_fd *fd, const void *buf, size_t size,
                                                            size_t *took, int64_t deadline);
/* As adieu_writev, with a deadline: what is said of adieu_fd_write holds for all pieces together. */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_writev(struct adieu_fd *fd, const struct adieu_piece *pieces,
                                                             size_t count, size_t *took, int64_t deadline);
/*
 * As adieu_shutdown: the half-close. OK: close_notify has left (sending is closed), reading goes on. WAIT: it is
 * queued, and leaves with the next verbs; call again to go on waiting. FAIL: sending failed. The socket's write side
 * stays open: see adieu_fd_close.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_shutdown(struct adieu_fd *fd, int64_t deadline);
/*
 * As adieu_key_update and adieu_ask_certificate, with a deadline; in the place of a write, so that a second thread that
 * writes is MISUSE. OK: sealed, and sent as far as the kernel takes it; the rest leaves with the next verbs. WAIT:
 * nothing was said. The answer to a request is found by reading.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_key_update(struct adieu_fd *fd, bool ask_peer, int64_t deadline);
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_ask_certificate(struct adieu_fd *fd, int64_t deadline);

/* How long a goodbye may take. */
struct adieu_fd_patience {
    int64_t quiet_ms; /* without progress: counted from the last moment at which the peer's TCP acknowledged more of
                         ours; nothing that the peer sends moves it. 0: do not wait at all; negative: for ever */
    int64_t deadline; /* over everything, absolute; ADIEU_FD_FOREVER: none. (0 is ADIEU_FD_NOW: do not wait) */
};
/* Where nothing better is known: 10 s without progress, no bound over everything. */
#define ADIEU_FD_PATIENCE                                                                                              \
    {                                                                                                                  \
        10000, ADIEU_FD_FOREVER                                                                                        \
    }

/*
 * The whole goodbye: shutdown, end the write side of the socket, read until the transport ends (not merely
 * close_notify), or until receiving is closed (or the peer gave up) and its TCP has acknowledged everything, FIN
 * included, and 100 ms more have passed, or until patience ends; then releases the socket. The transport has ended
 * when the peer's FIN has come and its TCP has acknowledged all that we said (a Unix socket: it was read), or by a
 * reset. OK: done, *ending (may be NULL) holds the ending, and no direction of it is live. WAIT: cancelled (polled:
 * not yet); nothing is lost, call again. Again after OK: OK, the same ending.
 *
 * What arrives meanwhile belongs to a read that waits, or is called, meanwhile; otherwise it is discarded and counted.
 * So that a reader finds no gap, nothing is discarded for one second after another thread's read (polled: after a read
 * that was called since the goodbye began: a loop reads first, and then calls this). Waits in other verbs end
 * (adieu_fd_why() says CLOSING); a read that waits stays, and gets what arrives. When patience ends: what still lives
 * is aborted (ADIEU_REASON_DEADLINE); if sending was closed, the socket is released without a reset, so that the kernel
 * goes on delivering (as long as the peer says nothing more); if not, it is reset. After a failure it delivers the
 * alert that explains it: flush, end the write side, drain. Before the handshake is done (and has not failed) it is
 * adieu_fd_abort: there is no plaintext close_notify, ever.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_close(struct adieu_fd *fd, struct adieu_fd_patience patience,
                                                            struct adieu_ending *ending);

/*
 * Breaks off: adieu_abort, and the socket is reset at once; but where both directions had ended, and ours not by an abort,
 * it is released as it is, so that the kernel goes on delivering. Ends every wait. Any thread; twice is once.
 */
ADIEU_API void adieu_fd_abort(struct adieu_fd *fd, enum adieu_reason reason);

/*
 * Instead of adieu_fd_close, where both sides go on without TLS or with another session on the same connection: gives
 * the socket back once TLS has ended both ways (sending and receiving are closed). OK: *descriptor is yours to use
 * and to close, owned or borrowed; there is nothing of TLS in it any more, and its flags and options are as they were
 * (connected or accepted here: non-blocking; TCP_NODELAY). What was received behind the peer's close_notify is at
 * *surplus (NULL if *size is 0) until adieu_fd_free: the peer's next words come first there, then from the socket.
 * Another handle may adopt the descriptor, with the surplus put back. This one has none any more: asking goes on,
 * adieu_fd_close says OK, adieu_fd_free sends nothing. MISUSE: not both are closed (shut down, and read the end), a
 * goodbye has begun, or another thread is inside a verb. A reset that came meanwhile is the socket's to tell.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_fd_detach(struct adieu_fd *fd, int *descriptor,
                                                             const uint8_t **surplus, size_t *size);

/*
 * Ends every wait in progress with WAIT or, if there is none, the next one. The stream is unharmed. Any thread; not
 * in a signal handler.
 */
ADIEU_API void adieu_fd_cancel(struct adieu_fd *fd);

/* Why the last WAIT came. With several threads it is the last of any of them. */
enum adieu_fd_why {
    ADIEU_FD_WHY_NOTHING,   /* none came */
    ADIEU_FD_WHY_DEADLINE,  /* the deadline passed */
    ADIEU_FD_WHY_CANCELLED, /* adieu_fd_cancel */
    ADIEU_FD_WHY_CLOSING,   /* another thread closes */
    ADIEU_FD_WHY_POLL,      /* polled: wait for adieu_fd_interest */
    ADIEU_FD_WHY_DECISION,  /* the handshake waits for adieu_decide or adieu_choose, see adieu_awaited */
};
ADIEU_API enum adieu_fd_why adieu_fd_why(const struct adieu_fd *fd);
ADIEU_API const char *adieu_fd_why_name(enum adieu_fd_why value);

/* ---------------------------------------------------------------- polled */

/*
 * What to wait for, now: a descriptor with POLLIN and POLLOUT as the stream needs them. fd is -1 where there is
 * nothing to wait for: take it out of your set (poll() ignores it), because even an empty mask wakes for HUP. It may
 * change with every verb; two that differ and follow each other differ in number. While connecting it is the
 * resolver's, then the newest attempt's (while several are undecided timeout_ms is 20 at most, since the others are
 * looked at only); while accepting the listener. timeout_ms: -1, or after how many milliseconds to call the verb
 * again although nothing fired; 0 also says that a write has received what a read would find, which no poll tells any
 * more, and a stream that has been busy wants to be looked at a little later, so as to give its buffers (34 KB) back
 * if it is idle by then. A loop has to honour it; NULL is for who only looks at the descriptor, and the buffers go now.
 * Your own deadlines are not in it. Level-triggered polling is meant.
 */
ADIEU_API struct pollfd adieu_fd_interest(struct adieu_fd *fd, int *timeout_ms);

/* ---------------------------------------------------------------- asking */

/*
 * The stream, for the asking functions (while no other thread is inside a verb). In the polled form its verbs may be
 * used too; wire functions are the handle's, but for adieu_wire_rest: a blocking handle that was busy and will not be
 * waited on for long (in a pool of connections, say) gives 34 KB back by it. A wait of 20 ms does that by itself.
 */
ADIEU_API struct adieu_stream *adieu_fd_stream(struct adieu_fd *fd);
/* The descriptor, or -1: none yet, released, or found to be another's (somebody closed it). */
ADIEU_API int adieu_fd_descriptor(const struct adieu_fd *fd);
/* How it stands, with acknowledged read from TCP_INFO (or unknown: not TCP, not Linux). */
ADIEU_API struct adieu_ending adieu_fd_ending(struct adieu_fd *fd);
/*
 * A number that changes whenever the peer's side takes more of what we sent (TCP: acknowledges; Unix: reads), as far
 * as the kernel tells; bytes on the wire, not plaintext. It raises no event: look at it now and then. A sign of life,
 * for deadlines of your own.
 */
ADIEU_API uint64_t adieu_fd_progress(struct adieu_fd *fd);
/* Why something failed, in the transport or the stream. Copied out, since another thread may be at work. */
ADIEU_API struct adieu_error adieu_fd_error(struct adieu_fd *fd);
/* The peer, as "127.0.0.1:443", "[::1]:443", "unix" or ""; cut to size. Kept after release. Returns text. */
ADIEU_API char *adieu_fd_peer(const struct adieu_fd *fd, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
