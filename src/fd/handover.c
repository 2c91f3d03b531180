/* SPDX-License-Identifier: MIT */
/* The socket before TLS and behind it, when it is the caller's: bytes that he read too many, and giving it back. */
#include "fd.h"

/* ------------------------------------------------ before */

enum adieu_status adieu_fd_put_back(struct adieu_fd *fd, const void *bytes, size_t size)
{
    if (!fd_enter(fd, SLOT_HANDSHAKE))
        return ADIEU_MISUSE;
    enum adieu_status status = ADIEU_MISUSE;
    if (!fd->socket.speaks && size <= adieu_wire_in(fd->stream, NULL))
        status = socket_put_back(&fd->socket, bytes, size) ? ADIEU_OK : ADIEU_FAIL;
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

enum adieu_status adieu_fd_detach(struct adieu_fd *fd, int *descriptor, const uint8_t **surplus, size_t *size)
{
    if (!fd_enter(fd, SLOT_OPEN))
        return ADIEU_MISUSE;
    enum adieu_status status = may_detach(fd) ? ADIEU_OK : ADIEU_MISUSE;
    if (status == ADIEU_OK) {
        *descriptor = socket_detach(&fd->socket);
        fd->released = true;
        *size = adieu_wire_surplus(fd->stream, surplus);
    }
    fd_leave(fd, SLOT_OPEN);
    return status;
}
