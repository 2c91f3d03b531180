/* SPDX-License-Identifier: MIT */
/* The socket before TLS and behind it, when it is the caller's: bytes that he read too many, and giving it back. */
#include "fd.h"

#include <string.h>

/* ------------------------------------------------ before */

static enum adieu_status put_back(struct adieu_fd *fd, const void *bytes, size_t size)
{
    uint8_t *at;
    if (size == 0)
        return ADIEU_OK;
    if (adieu_wire_in(fd->stream, &at) < size)
        return ADIEU_FAIL; /* no memory, which the stream remembers */
    memcpy(at, bytes, size);
    adieu_wire_in_done(fd->stream, size);
    return ADIEU_OK;
}

enum adieu_status adieu_fd_put_back(struct adieu_fd *fd, const void *bytes, size_t size)
{
    if (!fd_enter(fd, SLOT_HANDSHAKE))
        return ADIEU_MISUSE;
    enum adieu_status status = ADIEU_MISUSE;
    if (!fd->socket.speaks && size <= adieu_wire_in(fd->stream, NULL))
        status = put_back(fd, bytes, size);
    fd_leave(fd, SLOT_HANDSHAKE);
    return status;
}

/* ------------------------------------------------ behind */

/* A thread that is still on its way out of a verb may look at the socket once more. */
static bool somebody_else_inside(const struct adieu_fd *fd)
{
    for (int i = 0; i < SLOT_COUNT; i++)
        if (i != SLOT_OPEN && fd->slots[i].busy)
            return true;
    return false;
}

static bool may_detach(const struct adieu_fd *fd)
{
    struct adieu_ending ending = adieu_ending(fd->stream);
    return fd->socket.descriptor >= 0 && !fd->goodbye.begun && !somebody_else_inside(fd) &&
           ending.sending == ADIEU_SENDING_CLOSED && ending.receiving == ADIEU_RECEIVING_CLOSED;
}

static int detach(struct adieu_fd *fd)
{
    int descriptor = fd->socket.descriptor;
    socket_tell(&fd->socket);
    fd->socket.descriptor = -1;
    fd->socket.in_over = fd->socket.out_over = true;
    fd->released = true;
    return descriptor;
}

enum adieu_status adieu_fd_detach(struct adieu_fd *fd, int *descriptor, const uint8_t **surplus, size_t *size)
{
    if (!fd_enter(fd, SLOT_OPEN))
        return ADIEU_MISUSE;
    enum adieu_status status = may_detach(fd) ? ADIEU_OK : ADIEU_MISUSE;
    if (status == ADIEU_OK) {
        *descriptor = detach(fd);
        *size = adieu_wire_surplus(fd->stream, surplus);
    }
    fd_leave(fd, SLOT_OPEN);
    return status;
}
