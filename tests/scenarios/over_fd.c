/* SPDX-License-Identifier: MIT */
/* A is a polled adieu_fd, over TCP or a pair of Unix sockets. */
#include "scene.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ------------------------------------------------ sockets */

static void make_narrow(int descriptor)
{
    int small = 4096;
    assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
}

static int tcp_socket(const struct scene *s)
{
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(descriptor >= 0);
    if (s->narrow)
        make_narrow(descriptor);
    return descriptor;
}

void join_by_tcp(const struct scene *s, int ends[2])
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *where = (struct sockaddr *)&address;
    socklen_t size = sizeof address;
    int listener = tcp_socket(s);
    assert_int_equal(bind(listener, where, size), 0);
    assert_int_equal(getsockname(listener, where, &size), 0);
    assert_int_equal(listen(listener, 1), 0);
    ends[0] = tcp_socket(s);
    assert_int_equal(connect(ends[0], where, size), 0);
    ends[1] = accept(listener, NULL, NULL);
    assert_true(ends[1] >= 0);
    assert_int_equal(setsockopt(ends[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    (void)close(listener);
}

static void join_by_pair(const struct scene *s, int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    for (int i = 0; s->narrow && i < 2; i++)
        make_narrow(ends[i]);
}

static void fd_begin(struct scene *s, int descriptor)
{
    s->fd = s->server ? adieu_fd_server(s->config) : adieu_fd_client(s->config, s->name);
    assert_non_null(s->fd);
    if (!s->waits)
        adieu_fd_set_polled(s->fd);
    assert_status(adieu_fd_adopt(s->fd, descriptor, s->borrowed ? ADIEU_FD_BORROWED : ADIEU_FD_OWNED), ADIEU_OK);
    s->stream = adieu_fd_stream(s->fd);
}

static void fd_open(struct scene *s, void (*join_by)(const struct scene *s, int ends[2]))
{
    int ends[2];
    join_by(s, ends);
    s->b.line.descriptor = ends[1];
    fd_begin(s, ends[0]);
}

static void tcp_open(struct scene *s)
{
    fd_open(s, join_by_tcp);
}

static void unix_open(struct scene *s)
{
    fd_open(s, join_by_pair);
}

/* ------------------------------------------------ verbs */

static enum adieu_status fd_handshake(struct scene *s, int64_t deadline)
{
    enum adieu_status status = adieu_fd_handshake(s->fd, deadline);
    enum adieu_fd_why why = adieu_fd_why(s->fd);
    bool late = why == ADIEU_FD_WHY_DEADLINE || (why == ADIEU_FD_WHY_DECISION && adieu_fd_now() >= deadline);
    if (status != ADIEU_WAIT || !late)
        return status;
    adieu_fd_abort(s->fd, ADIEU_REASON_DEADLINE);
    return adieu_fd_handshake(s->fd, deadline);
}

static enum adieu_status fd_read(struct scene *s, void *buf, size_t size, size_t *got)
{
    return adieu_fd_read(s->fd, buf, size, got, ADIEU_FD_FOREVER);
}

static enum adieu_status fd_write(struct scene *s, const void *buf, size_t size, size_t *took)
{
    return adieu_fd_write(s->fd, buf, size, took, ADIEU_FD_FOREVER);
}

static enum adieu_status fd_shutdown(struct scene *s)
{
    return adieu_fd_shutdown(s->fd, ADIEU_FD_FOREVER);
}

static enum adieu_status fd_close(struct scene *s, struct adieu_fd_patience patience, struct adieu_ending *ending)
{
    return adieu_fd_close(s->fd, patience, ending);
}

static void fd_abort(struct scene *s, enum adieu_reason reason)
{
    adieu_fd_abort(s->fd, reason);
}

/* A handshake that is done says OK for ever, and sends what waits. Where threads wait they move A, and nobody helps them. */
static void fd_tick(struct scene *s)
{
    if (!s->waits && adieu_fd_ending(s->fd).phase >= ADIEU_PHASE_ESTABLISHED)
        (void)!adieu_fd_handshake(s->fd, ADIEU_FD_NOW);
}

static short wishes(const struct raw *b)
{
    bool hears = !b->deaf && !b->line.a_ended && !b->line.a_reset;
    bool speaks = !b->mute && !b->line.b_ended && BIO_ctrl_pending(b->out) > 0;
    return (short)((hears ? POLLIN : 0) | (speaks ? POLLOUT : 0));
}

static void fd_idle(struct scene *s)
{
    int timeout;
    struct pollfd set[2] = {adieu_fd_interest(s->fd, &timeout), {s->b.line.descriptor, wishes(&s->b), 0}};
    if (s->waits)
        set[0].fd = -1;
    if (!set[1].events)
        set[1].fd = -1;
    (void)poll(set, 2, timeout < 0 || timeout > 5 ? 5 : timeout);
}

static void fd_cut(struct scene *s, int how)
{
    assert_int_equal(shutdown(adieu_fd_descriptor(s->fd), how), 0);
}

static bool fd_released(struct scene *s)
{
    return adieu_fd_descriptor(s->fd) < 0;
}

static struct adieu_ending fd_ending(struct scene *s)
{
    return adieu_fd_ending(s->fd);
}

static struct adieu_error fd_error(struct scene *s)
{
    return adieu_fd_error(s->fd);
}

static void fd_free(struct scene *s)
{
    adieu_fd_free(s->fd);
    if (s->surplus && s->given_back >= 0)
        (void)close(s->given_back);
    s->fd = NULL;
}

/* ------------------------------------------------ given back */

static void fd_give_back(struct scene *s)
{
    const uint8_t *at;
    size_t n;
    assert_status(adieu_fd_detach(s->fd, &s->given_back, &at, &n), ADIEU_OK);
    s->surplus = BIO_new(BIO_s_mem());
    BIO_write(s->surplus, at, (int)n);
}

static size_t fd_plain_read(struct scene *s, void *buf, size_t size)
{
    int n = BIO_read(s->surplus, buf, (int)size);
    if (n > 0)
        return (size_t)n;
    ssize_t came = recv(s->given_back, buf, size, MSG_DONTWAIT);
    return came > 0 ? (size_t)came : 0;
}

static void fd_plain_say(struct scene *s, const void *bytes, size_t size)
{
    assert_int_equal(send(s->given_back, bytes, size, MSG_NOSIGNAL), size);
}

static void fd_restart(struct scene *s)
{
    uint8_t buf[16384];
    adieu_fd_free(s->fd);
    fd_begin(s, s->given_back);
    s->given_back = -1; /* the handle's again */
    for (int n; (n = BIO_read(s->surplus, buf, sizeof buf)) > 0;)
        assert_status(adieu_fd_put_back(s->fd, buf, (size_t)n), ADIEU_OK);
}

#define FD_VERBS                                                                                                       \
    .handshake = fd_handshake, .read = fd_read, .write = fd_write, .shutdown = fd_shutdown, .close = fd_close,         \
    .abort = fd_abort, .tick = fd_tick, .idle = fd_idle, .cut = fd_cut, .released = fd_released, .ending = fd_ending,  \
    .error = fd_error, .free = fd_free, .give_back = fd_give_back, .plain_read = fd_plain_read,                        \
    .plain_say = fd_plain_say, .restart = fd_restart

const struct driver over_tcp = {.name = "tcp", .where = OVER_TCP, .open = tcp_open, FD_VERBS};
const struct driver over_unix = {.name = "unix", .where = OVER_UNIX, .open = unix_open, FD_VERBS};
