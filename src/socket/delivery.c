/* SPDX-License-Identifier: MIT */
/*
 * What the kernel knows of the bytes that we gave it. Linux: TCP_INFO counts what the peer's TCP acknowledged, and goes on
 * saying it after a reset; a Unix socket says how much of what we sent nobody has taken. Elsewhere: unknown.
 */
#include "socket.h"

#ifdef __linux__
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static bool bytes_acked(int descriptor, uint64_t *count)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
        return false;
    if (size < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked)
        return false;
    *count = info.tcpi_bytes_acked;
    return true;
}

/* What the kernel still holds of ours. TCP: unacknowledged bytes. Unix: memory, which is 0 when all was taken. */
static bool held(int descriptor, int *count)
{
    return ioctl(descriptor, SIOCOUTQ, count) == 0;
}
#else
static bool bytes_acked(int descriptor, uint64_t *count)
{
    (void)descriptor, (void)count;
    return false;
}

static bool held(int descriptor, int *count)
{
    (void)descriptor, (void)count;
    return false;
}
#endif

/*
 * tcpi_bytes_acked as it will be when all that was said before us is acknowledged: an adopted socket may have said much, and
 * one that we opened, too, before it went over to TLS.
 */
static bool base(int descriptor, uint64_t *count)
{
    uint64_t before, after;
    int waiting;
    if (held(descriptor, &waiting) && waiting == 0) /* as a rule: then nothing changes any more */
        return bytes_acked(descriptor, count);
    do { /* the two cannot be read at once */
        if (!bytes_acked(descriptor, &before) || !held(descriptor, &waiting) || !bytes_acked(descriptor, &after))
            return false;
    } while (before != after);
    *count = after + (uint64_t)waiting;
    return true;
}

void socket_silent(struct socket *socket)
{
    socket->counts_acknowledged = true;
    socket->acknowledged_base = UINT64_MAX;
}

void socket_first(struct socket *socket)
{
    socket->counts_acknowledged = base(socket->descriptor, &socket->acknowledged_base);
}

static bool acknowledged(const struct socket *socket, uint64_t *count)
{
    if (socket->descriptor < 0 || !socket->counts_acknowledged || !bytes_acked(socket->descriptor, count))
        return false;
    *count = *count > socket->acknowledged_base ? *count - socket->acknowledged_base : 0;
    return true;
}

void socket_tell(const struct socket *socket)
{
    uint64_t count;
    if (!socket->all_acknowledged && acknowledged(socket, &count))
        adieu_wire_acknowledged(socket->stream, count);
}

static enum delivery tcp_look(struct socket *socket, uint64_t count)
{
    adieu_wire_acknowledged(socket->stream, count);
    socket->all_acknowledged = socket->write_ended && count > socket->handed; /* FIN counts as one */
    if (socket->all_acknowledged)
        return DELIVERY_ALL;
    return count >= socket->handed ? DELIVERY_DATA : DELIVERY_PENDING;
}

enum delivery socket_look(struct socket *socket, uint64_t *taken)
{
    if (acknowledged(socket, taken))
        return tcp_look(socket, *taken);
    /* What the kernel takes is progress then, and so is what leaves a Unix socket's queue. */
    int queue = 0;
    bool known = socket->unix_socket && socket->descriptor >= 0 && held(socket->descriptor, &queue);
    *taken = socket->handed - (uint64_t)queue;
    if (!known)
        return DELIVERY_UNKNOWN;
    return queue > 0 ? DELIVERY_PENDING : socket->write_ended ? DELIVERY_ALL : DELIVERY_DATA;
}
