/* SPDX-License-Identifier: MIT */
/*
 * What the kernel knows of the bytes that we gave it. Linux: TCP_INFO counts what the peer's TCP acknowledged, and goes on
 * saying it after a reset; a Unix socket says how much of what we sent nobody has taken. Elsewhere: unknown.
 */
#include "fd.h"

#include <netinet/in.h>
#include <sys/ioctl.h>

#ifdef __linux__
#include <linux/sockios.h>
#include <linux/tcp.h>
#else
#include <netinet/tcp.h>
#endif

#ifdef __linux__
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
    do { /* the two cannot be read at once */
        if (!bytes_acked(descriptor, &before) || !held(descriptor, &waiting) || !bytes_acked(descriptor, &after))
            return false;
    } while (before != after);
    *count = after + (uint64_t)waiting;
    return true;
}

void tcp_begin(struct adieu_fd *fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    (void)getsockname(fd->descriptor, (struct sockaddr *)&address, &size);
    fd->unix_socket = address.ss_family == AF_UNIX;
    if (address.ss_family != AF_INET && address.ss_family != AF_INET6)
        return;
    const int on =
        1; /* a small last word must not wait behind Nagle for an acknowledgement, and be purged by a reset */
    if (setsockopt(fd->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
        tcp_first(fd);
}

void tcp_first(struct adieu_fd *fd)
{
    fd->counts_acknowledged = base(fd->descriptor, &fd->acknowledged_base);
}

static bool acknowledged(const struct adieu_fd *fd, uint64_t *count)
{
    if (fd->descriptor < 0 || !fd->counts_acknowledged || !bytes_acked(fd->descriptor, count))
        return false;
    *count = *count > fd->acknowledged_base ? *count - fd->acknowledged_base : 0;
    return true;
}

void tcp_tell(struct adieu_fd *fd)
{
    uint64_t count;
    if (acknowledged(fd, &count))
        adieu_wire_acknowledged(fd->stream, count);
}

static enum delivery tcp_look(struct adieu_fd *fd, uint64_t count, bool *progress)
{
    adieu_wire_acknowledged(fd->stream, count);
    *progress = count > fd->taken_seen;
    fd->taken_seen = count;
    if (fd->goodbye.write_ended && count > fd->handed) /* FIN counts as one */
        return DELIVERY_ALL;
    return count >= fd->handed ? DELIVERY_DATA : DELIVERY_PENDING;
}

enum delivery tcp_delivery(struct adieu_fd *fd, bool *progress)
{
    uint64_t count;
    if (acknowledged(fd, &count))
        return tcp_look(fd, count, progress);
    /* What the kernel takes is progress then, and so is what leaves a Unix socket's queue. */
    int queue = 0;
    bool known = fd->unix_socket && fd->descriptor >= 0 && held(fd->descriptor, &queue);
    *progress = fd->handed > fd->taken_seen || queue < fd->queue_seen;
    fd->taken_seen = fd->handed;
    fd->queue_seen = queue;
    if (!known)
        return DELIVERY_UNKNOWN;
    return queue > 0 ? DELIVERY_PENDING : fd->goodbye.write_ended ? DELIVERY_ALL : DELIVERY_DATA;
}

uint64_t adieu_fd_progress(struct adieu_fd *fd)
{
    bool locked = fd_lock(fd);
    uint64_t count = 0;
    int queue = 0;
    if (!acknowledged(fd, &count)) {
        bool known = fd->unix_socket && fd->descriptor >= 0 && held(fd->descriptor, &queue);
        count = known ? fd->handed - (uint64_t)queue : fd->handed;
    }
    fd_unlock(fd, locked);
    return count;
}

int tcp_error(const struct adieu_fd *fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd->descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : 0;
}
