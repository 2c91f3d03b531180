/* SPDX-License-Identifier: MIT */
/* The order in which errors, data and ends are told is Linux's: tcp_sendmsg(), tcp_recvmsg(), tcp_poll(). */
#define _GNU_SOURCE /* POLLRDHUP */
#include "kernel.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "actors.h"

#define RULE_CLOSED "a descriptor is closed exactly once, and never used afterwards"

struct moods moods;
struct defaults defaults;
static struct descriptor table[DESCRIPTORS];
static int used;
static struct random dice;

void kernel_reset(uint64_t seed)
{
    memset(table, 0, sizeof table);
    used = 0;
    dice = random_from(seed);
    moods = (struct moods){.interrupts = 0};
    defaults = (struct defaults){.side = 0};
}

/* ------------------------------------------------ descriptors */

bool is_simulated(int descriptor)
{
    return descriptor >= FIRST_DESCRIPTOR;
}

struct descriptor *descriptor_of(int number, const char *call)
{
    int index = number - FIRST_DESCRIPTOR;
    bool open = index >= 0 && index < used && !table[index].closed;
    if (!open)
        broken(RULE_CLOSED, "%s of descriptor %d, which is not open", call, number);
    return open ? &table[index] : NULL;
}

struct tcp *kernel_tcp(int number)
{
    struct descriptor *descriptor = descriptor_of(number, "look");
    return descriptor ? descriptor->tcp : NULL;
}

static int open_one(struct descriptor descriptor)
{
    if (used == DESCRIPTORS) {
        broken("the model has room", "more than %d descriptors", DESCRIPTORS);
        return -EMFILE;
    }
    table[used] = descriptor;
    return FIRST_DESCRIPTOR + used++;
}

int kernel_open(struct tcp *tcp)
{
    return open_one((struct descriptor){.kind = STREAM, .tcp = tcp});
}

int kernel_event(unsigned count)
{
    return open_one((struct descriptor){.kind = EVENT, .count = count});
}

int kernel_socket(bool blocks)
{
    struct tcp *tcp = tcp_new(defaults.side, defaults.send_room[defaults.side], defaults.receive_room[defaults.side]);
    int number = tcp ? kernel_open(tcp) : -ENFILE;
    if (number >= 0)
        table[number - FIRST_DESCRIPTOR].blocks = blocks;
    return number;
}

void kernel_pair(struct tcp *tcps[2], int numbers[2])
{
    for (int side = 0; side < 2; side++)
        tcps[side] = tcp_new(side, defaults.send_room[side], defaults.receive_room[side]);
    tcp_join(tcps[0], tcps[1]);
    for (int side = 0; side < 2; side++) {
        numbers[side] = kernel_open(tcps[side]);
        table[numbers[side] - FIRST_DESCRIPTOR].blocks = true;
    }
}

int kernel_still_open(void)
{
    int open = 0;
    for (int i = 0; i < used; i++)
        open += !table[i].closed;
    return open;
}

int kernel_close(int number)
{
    struct descriptor *descriptor = descriptor_of(number, "close");
    if (!descriptor)
        return -EBADF;
    descriptor->closed = true;
    if (descriptor->tcp)
        tcp_close(descriptor->tcp);
    return 0;
}

/* ------------------------------------------------ bytes */

static int take_error(struct tcp *tcp)
{
    int error = tcp->error;
    tcp->error = 0;
    return error;
}

static size_t less(size_t size, int64_t mood)
{
    return size > 1 && dice_hit(&dice, mood) ? 1 + (size_t)dice_below(&dice, (int64_t)size - 1) : size;
}

/* tcp_sendmsg(): what the socket holds comes first, once; then EPIPE, for ever. */
ssize_t kernel_send(int number, const void *bytes, size_t size, int flags)
{
    struct descriptor *descriptor = descriptor_of(number, "send");
    if (!descriptor)
        return -EBADF;
    if (!(flags & MSG_NOSIGNAL) || !(flags & MSG_DONTWAIT))
        broken("the socket calls raise no SIGPIPE, and each is non-blocking by itself", "send with flags %d", flags);
    struct tcp *tcp = descriptor->tcp;
    if (dice_hit(&dice, moods.interrupts))
        return -EINTR;
    if (tcp->error)
        return -take_error(tcp);
    if (tcp->says_not || tcp->state == TCP_NONE)
        return -EPIPE;
    size_t room = tcp->state == TCP_OPEN ? tcp_room(tcp) : 0;
    if (!room)
        return -EAGAIN;
    size = less(size < room ? size : room, moods.short_sends);
    tcp_write(tcp, bytes, size);
    return (ssize_t)size;
}

/* tcp_recvmsg(): data first; then FIN, whatever came behind it; then the error, once; then the end. */
ssize_t kernel_receive(int number, void *bytes, size_t size, int flags)
{
    struct descriptor *descriptor = descriptor_of(number, "recv");
    if (!descriptor)
        return -EBADF;
    if (!(flags & MSG_DONTWAIT))
        broken("each socket call is non-blocking by itself", "recv with flags %d", flags);
    struct tcp *tcp = descriptor->tcp;
    if (dice_hit(&dice, moods.interrupts))
        return -EINTR;
    if (tcp_unread(tcp))
        return (ssize_t)tcp_read(tcp, bytes, less(size, moods.short_reads));
    if (tcp->fin_came)
        return 0;
    if (tcp->error)
        return -take_error(tcp);
    if (tcp->hears_not)
        return 0;
    return tcp->state == TCP_NONE ? -ENOTCONN : -EAGAIN;
}

/* ------------------------------------------------ poll */

static short event_ready(const struct descriptor *descriptor)
{
    return descriptor->count ? POLLIN : 0;
}

static bool somebody_called(const struct tcp *listener)
{
    for (int i = 0; i < listener->queued; i++)
        if (listener->queue[i]->state != TCP_SYN_RECEIVED)
            return true;
    return false;
}

/* tcp_poll() */
static short tcp_ready(const struct tcp *tcp)
{
    if (tcp->state == TCP_LISTENS)
        return somebody_called(tcp) ? POLLIN : 0;
    short ready = tcp->error ? POLLERR : 0;
    if ((tcp->hears_not && tcp->says_not) || tcp->state == TCP_GONE || tcp->state == TCP_NONE)
        ready |= POLLHUP;
    if (tcp->hears_not)
        ready |= POLLIN | POLLRDHUP;
    if (tcp->state == TCP_SYN_SENT)
        return ready;
    if (tcp_unread(tcp))
        ready |= POLLIN;
    if (tcp->says_not || tcp->state == TCP_NONE || tcp_writable(tcp))
        ready |= POLLOUT;
    return ready;
}

short kernel_ready(int number, short events)
{
    struct descriptor *descriptor = descriptor_of(number, "poll");
    if (!descriptor)
        return POLLNVAL;
    short ready = descriptor->kind == EVENT ? event_ready(descriptor) : tcp_ready(descriptor->tcp);
    return (short)(ready & (events | POLLERR | POLLHUP));
}

/* ------------------------------------------------ beginning and ending */

int kernel_shutdown(int number, int how)
{
    struct descriptor *descriptor = descriptor_of(number, "shutdown");
    if (!descriptor)
        return -EBADF;
    struct tcp *tcp = descriptor->tcp;
    if (tcp->state == TCP_GONE || tcp->state == TCP_NONE)
        return -ENOTCONN;
    if (how != SHUT_WR)
        tcp->hears_not = true;
    if (how != SHUT_RD)
        tcp_end_write(tcp);
    return 0;
}

int kernel_listen(int number)
{
    kernel_tcp(number)->state = TCP_LISTENS;
    return 0;
}

int kernel_connect(int number, const struct sockaddr *address)
{
    struct descriptor *descriptor = descriptor_of(number, "connect");
    if (!descriptor)
        return -EBADF;
    struct tcp *tcp = descriptor->tcp;
    (void)address;
    if (tcp->state == TCP_SYN_SENT)
        return -EALREADY;
    if (!defaults.listener)
        return -ECONNREFUSED;
    tcp_connect(tcp, defaults.listener);
    return dice_hit(&dice, moods.interrupts) ? -EINTR : -EINPROGRESS;
}

int kernel_accept(int number)
{
    struct descriptor *descriptor = descriptor_of(number, "accept");
    if (!descriptor)
        return -EBADF;
    struct tcp *listener = descriptor->tcp;
    if (dice_hit(&dice, moods.interrupts))
        return -EINTR;
    for (int i = 0; i < listener->queued; i++) {
        struct tcp *child = listener->queue[i];
        if (child->state == TCP_SYN_RECEIVED)
            continue;
        listener->queued--;
        for (; i < listener->queued; i++)
            listener->queue[i] = listener->queue[i + 1];
        return kernel_open(child);
    }
    return -EAGAIN;
}

/* ------------------------------------------------ options */

int kernel_set_option(int number, int level, int name, const void *value, socklen_t size)
{
    struct descriptor *descriptor = descriptor_of(number, "setsockopt");
    if (!descriptor)
        return -EBADF;
    struct linger linger;
    if (level == SOL_SOCKET && name == SO_LINGER && size == sizeof linger) {
        memcpy(&linger, value, sizeof linger);
        descriptor->tcp->linger_0 = linger.l_onoff && linger.l_linger == 0;
        if (linger.l_onoff && linger.l_linger > 0)
            broken("no close() waits", "SO_LINGER of %d s", linger.l_linger);
    } else if (level == IPPROTO_TCP && name == TCP_NODELAY) {
        descriptor->no_delay = true;
    } else if (level != SOL_SOCKET || name != SO_REUSEADDR) {
        broken("the model knows all that is asked", "setsockopt(%d, %d)", level, name);
    }
    return 0;
}

static void tell(void *value, socklen_t *size, const void *what, size_t there)
{
    *size = *size < there ? *size : (socklen_t)there;
    memcpy(value, what, *size);
}

static bool socket_option(struct tcp *tcp, int name, int *answer)
{
    switch (name) {
    case SO_ERROR:
        *answer = take_error(tcp);
        return true;
    case SO_TYPE:
        *answer = SOCK_STREAM;
        return true;
    case SO_ACCEPTCONN:
        *answer = tcp->state == TCP_LISTENS;
        return true;
    default:
        return false;
    }
}

int kernel_option(int number, int level, int name, void *value, socklen_t *size)
{
    struct descriptor *descriptor = descriptor_of(number, "getsockopt");
    if (!descriptor)
        return -EBADF;
    int answer = 0;
    if (level == IPPROTO_TCP && name == TCP_INFO) {
        const struct tcp_info info = {.tcpi_bytes_acked = descriptor->tcp->bytes_acked};
        tell(value, size, &info, sizeof info);
    } else if (level == SOL_SOCKET && socket_option(descriptor->tcp, name, &answer)) {
        tell(value, size, &answer, sizeof answer);
    } else {
        broken("the model knows all that is asked", "getsockopt(%d, %d)", level, name);
    }
    return 0;
}

int kernel_ioctl(int number, unsigned long request, void *argument)
{
    struct descriptor *descriptor = descriptor_of(number, "ioctl");
    if (!descriptor)
        return -EBADF;
    if (request != SIOCOUTQ)
        broken("the model knows all that is asked", "ioctl(%lu)", request);
    const struct tcp *tcp = descriptor->tcp;
    const int held = (int)(tcp->written + tcp->fin - (tcp->una ? tcp->una : 1));
    memcpy(argument, &held, sizeof held);
    return 0;
}

int kernel_address(int number, bool peer, struct sockaddr *address, socklen_t *size)
{
    struct descriptor *descriptor = descriptor_of(number, peer ? "getpeername" : "getsockname");
    if (!descriptor)
        return -EBADF;
    const struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons(443), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (peer && (descriptor->tcp->state == TCP_GONE || descriptor->tcp->state == TCP_NONE))
        return -ENOTCONN;
    socklen_t there = *size;
    tell(address, &there, &here, sizeof here);
    *size = sizeof here;
    return 0;
}
