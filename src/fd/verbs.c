/* SPDX-License-Identifier: MIT */
/* The verbs: each tries as far as stream and socket go, and (blocking) waits and tries again. */
#include "fd.h"

#include <string.h>

/* ------------------------------------------------ handshake */

/*
 * What we had to say did not leave, and what had come does not explain it: the answer never will, so there is nothing to
 * wait for.
 */
static enum adieu_status no_answer(struct adieu_fd *fd)
{
    fd->socket.in_over = true;
    adieu_wire_reset(fd->stream, adieu_ending(fd->stream).os_error);
    return adieu_handshake(fd->stream);
}

static enum adieu_status try_handshake(struct adieu_fd *fd)
{
    enum adieu_status status;
    bool more = true;
    for (int turn = 0; more && turn <= TURNS; turn++) {
        status = adieu_handshake(fd->stream);
        socket_send(&fd->socket); /* also after FAIL: the alert that explains it to the peer */
        more = status == ADIEU_WAIT && socket_receive(&fd->socket);
    }
    return status == ADIEU_WAIT && !more && fd->socket.out_over ? no_answer(fd) : status;
}

/* Done here, but our last flight still waits: the peer would, too. What was said since is no part of it. */
static bool last_flight_waits(const struct adieu_fd *fd)
{
    struct adieu_ending ending = adieu_ending(fd->stream);
    return socket_unsent(&fd->socket) && ending.taken == 0 && ending.sending == ADIEU_SENDING_OPEN;
}

enum adieu_status adieu_fd_handshake(struct adieu_fd *fd, int64_t deadline)
{
    if (!fd_enter(fd, SLOT_HANDSHAKE))
        return ADIEU_MISUSE;
    enum adieu_status status = ADIEU_MISUSE;
    if (!fd->opening || fd->released) {
        socket_speak(&fd->socket);
        do
            status = try_handshake(fd);
        while ((status == ADIEU_WAIT || (status == ADIEU_OK && last_flight_waits(fd))) &&
               fd_wait_stream(fd, SLOT_HANDSHAKE, deadline));
    }
    fd_leave(fd, SLOT_HANDSHAKE);
    return status;
}

/* ------------------------------------------------ read */

/*
 * Polled, a read is called until it says WAIT. Behind one whose receive got all that there was it says so, once, without
 * asking the socket.
 */
static bool had_all(struct adieu_fd *fd)
{
    bool all = fd->had_all;
    fd->had_all = false;
    return all;
}

static enum adieu_status try_read(struct adieu_fd *fd, void *buf, size_t size, size_t *got)
{
    socket_send(&fd->socket);
    enum adieu_status status = adieu_read(fd->stream, buf, size, got);
    bool done = status == ADIEU_WAIT && had_all(fd);
    for (int turn = 0; !done && status == ADIEU_WAIT && turn < TURNS && socket_receive(&fd->socket); turn++) {
        status = adieu_read(fd->stream, buf, size, got);
        fd->had_all = fd->polled && status == ADIEU_OK && fd->socket.drained;
    }
    socket_send(&fd->socket); /* what the engine had to say to it: an alert, a KeyUpdate */
    return status;
}

enum adieu_status adieu_fd_read(struct adieu_fd *fd, void *buf, size_t size, size_t *got, int64_t deadline)
{
    if (!fd_enter(fd, SLOT_READ))
        return ADIEU_MISUSE;
    fd->heard = false;
    enum adieu_status status;
    do
        status = try_read(fd, buf, size, got);
    while (status == ADIEU_WAIT && fd_wait_stream(fd, SLOT_READ, deadline));
    fd->reads++; /* a goodbye asks whether somebody reads */
    if (!fd->polled || fd->goodbye.begun) {
        fd->read_at = adieu_fd_now();
        fd->reader = pthread_self();
    }
    fd_leave(fd, SLOT_READ);
    return status;
}

/* ------------------------------------------------ write */

static bool sending_stopped(const struct adieu_fd *fd)
{
    enum adieu_sending sending = adieu_sending(fd->stream);
    return sending == ADIEU_SENDING_FAILED || sending == ADIEU_SENDING_ABORTED;
}

static void note_heard(struct adieu_fd *fd)
{
    size_t got;
    fd->heard = adieu_read(fd->stream, NULL, 0, &got) != ADIEU_WAIT && fd->polled; /* the engine looks in any case */
}

static enum adieu_status fail_behind(struct adieu_fd *fd)
{
    socket_look_behind(&fd->socket);
    if (fd->socket.came)
        note_heard(fd);
    return ADIEU_FAIL;
}

/*
 * Receives while something waits to be sent, and lets the engine look: an alert ends the waiting, and the engine may need
 * the other half of a message before it says anything. Polled, what is received behind the program's back would not
 * wake its poll: the interest says once that it is time for a read.
 */
static bool hear(struct adieu_fd *fd)
{
    if (!socket_receive(&fd->socket))
        return false;
    note_heard(fd);
    return true;
}

/* A write that follows the interest: whoever reads has been told. */
static void forget_heard(struct adieu_fd *fd)
{
    fd->heard = fd->heard && !fd->heard_told;
    fd->heard_told = false;
}

/* A gathered write in progress. */
struct gathered {
    const struct adieu_piece *next;
    size_t count; /* from next on */
    size_t at;    /* so much of next was taken, */
    size_t taken; /* and of all pieces */
};

static void pass(struct gathered *gathered, size_t took)
{
    gathered->taken += took;
    gathered->at += took;
    while (gathered->count && gathered->at >= gathered->next->size) {
        gathered->at -= gathered->next->size;
        gathered->next++;
        gathered->count--;
    }
}

/* Where a write ended inside a piece, what is left of that and those behind it are copied together, as many as fit. */
static enum adieu_status write_left(struct adieu_fd *fd, const struct gathered *gathered, size_t *took)
{
    enum { AT_ONCE = 64 };
    if (!gathered->at)
        return adieu_writev(fd->stream, gathered->next, gathered->count, took);
    struct adieu_piece left[AT_ONCE];
    size_t count = gathered->count < AT_ONCE ? gathered->count : AT_ONCE;
    memcpy(left, gathered->next, count * sizeof *left);
    left[0].bytes = (const uint8_t *)left[0].bytes + gathered->at;
    left[0].size -= gathered->at;
    return adieu_writev(fd->stream, left, count, took);
}

/* One round: takes what there is room for, and sends. OK: all was taken, and the kernel has it. *moved: try again. */
static enum adieu_status write_round(struct adieu_fd *fd, struct gathered *gathered, bool *moved)
{
    size_t took = 0;
    enum adieu_status status = write_left(fd, gathered, &took);
    if (status == ADIEU_FAIL)
        return fail_behind(fd);
    if (status == ADIEU_MISUSE)
        return status;
    pass(gathered, took);
    *moved = socket_send(&fd->socket) || took > 0;
    if (sending_stopped(fd))
        return fail_behind(fd);
    return !gathered->count && !socket_unsent(&fd->socket) ? ADIEU_OK : ADIEU_WAIT;
}

static enum adieu_status try_write(struct adieu_fd *fd, struct gathered *gathered, bool *moved)
{
    enum adieu_status status;
    int turn = 0;
    do {
        status = write_round(fd, gathered, moved);
        if (status == ADIEU_WAIT && (!*moved || socket_unsent(&fd->socket))) /* what is left waits for the socket */
            *moved = hear(fd);
    } while (status == ADIEU_WAIT && *moved && turn++ < TURNS);
    return status;
}

enum adieu_status adieu_fd_writev(struct adieu_fd *fd, const struct adieu_piece *pieces, size_t count, size_t *took,
                                  int64_t deadline)
{
    if (!fd_enter(fd, SLOT_WRITE))
        return ADIEU_MISUSE;
    forget_heard(fd);
    struct gathered gathered = {.next = pieces, .count = count};
    pass(&gathered, 0);
    const bool nothing = !gathered.count;
    enum adieu_status status;
    bool moved = false;
    do /* where it still moves it is only the others' turn */
        status = try_write(fd, &gathered, &moved);
    while (status == ADIEU_WAIT &&
           fd_wait(fd, SLOT_WRITE, fd_need(fd), moved ? ADIEU_FD_NOW : ADIEU_FD_FOREVER, deadline));
    /* Part of it was taken, and leaves by itself. MISUSE then means that another thread shut down meanwhile. */
    if ((status == ADIEU_WAIT && nothing) || ((status == ADIEU_WAIT || status == ADIEU_MISUSE) && gathered.taken > 0))
        status = ADIEU_OK;
    if (status == ADIEU_OK)
        *took = gathered.taken;
    fd_leave(fd, SLOT_WRITE);
    return status;
}

enum adieu_status adieu_fd_write(struct adieu_fd *fd, const void *buf, size_t size, size_t *took, int64_t deadline)
{
    return adieu_fd_writev(fd, &(struct adieu_piece){.bytes = buf, .size = size}, 1, took, deadline);
}

/* ------------------------------------------------ shutdown */

static enum adieu_status try_shutdown(struct adieu_fd *fd)
{
    enum adieu_status status = adieu_shutdown(fd->stream);
    if (status == ADIEU_MISUSE)
        return status;
    int turn = 0;
    do {
        socket_send(&fd->socket);
        if (adieu_sending(fd->stream) == ADIEU_SENDING_CLOSED)
            return ADIEU_OK;
        if (status == ADIEU_FAIL || sending_stopped(fd))
            return fail_behind(fd);
    } while (turn++ < TURNS && hear(fd));
    return ADIEU_WAIT;
}

enum adieu_status adieu_fd_shutdown(struct adieu_fd *fd, int64_t deadline)
{
    if (!fd_enter(fd, SLOT_SHUTDOWN))
        return ADIEU_MISUSE;
    forget_heard(fd);
    enum adieu_status status;
    do
        status = try_shutdown(fd);
    while (status == ADIEU_WAIT && fd_wait_stream(fd, SLOT_SHUTDOWN, deadline));
    fd_leave(fd, SLOT_SHUTDOWN);
    return status;
}

/* ------------------------------------------------ what TLS itself has to say */

static enum adieu_status try_say(struct adieu_fd *fd, enum adieu_status (*verb)(struct adieu_stream *stream, bool how),
                                 bool how)
{
    enum adieu_status status;
    int turn = 0;
    do {
        status = verb(fd->stream, how);
        socket_send(&fd->socket);
    } while (status == ADIEU_WAIT && turn++ < TURNS && hear(fd));
    return status == ADIEU_FAIL ? fail_behind(fd) : status;
}

/* As a write says data: behind what was taken. */
static enum adieu_status say(struct adieu_fd *fd, enum adieu_status (*verb)(struct adieu_stream *stream, bool how),
                             bool how, int64_t deadline)
{
    if (!fd_enter(fd, SLOT_WRITE))
        return ADIEU_MISUSE;
    forget_heard(fd);
    enum adieu_status status;
    do
        status = try_say(fd, verb, how);
    while (status == ADIEU_WAIT && fd_wait_stream(fd, SLOT_WRITE, deadline));
    fd_leave(fd, SLOT_WRITE);
    return status;
}

enum adieu_status adieu_fd_key_update(struct adieu_fd *fd, bool ask_peer, int64_t deadline)
{
    return say(fd, adieu_key_update, ask_peer, deadline);
}

static enum adieu_status ask_certificate(struct adieu_stream *stream, bool how)
{
    (void)how;
    return adieu_ask_certificate(stream);
}

enum adieu_status adieu_fd_ask_certificate(struct adieu_fd *fd, int64_t deadline)
{
    return say(fd, ask_certificate, false, deadline);
}
