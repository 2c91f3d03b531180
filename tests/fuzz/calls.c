/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ------------------------------------------------ the network */

struct network network;

ssize_t fuzz_recv(int descriptor, void *buf, size_t size, int flags)
{
    size_t n = network.arrived < size ? network.arrived : size;
    bool over = network.in.left == 0 && network.ended && !network.reset;
    claim(descriptor == CONNECTION && size > 0, "it asks the connection, and has room");
    claim(flags & MSG_DONTWAIT, "it waits for nobody");
    errno = network.in.left == 0 && network.ended ? ECONNRESET : EAGAIN;
    if (n == 0)
        return over ? 0 : -1;
    memcpy(buf, network.in.at, n);
    if (flags & MSG_PEEK)
        return (ssize_t)n;
    network.in.at += n;
    network.in.left -= n;
    network.arrived -= n;
    return (ssize_t)n;
}

ssize_t fuzz_send(int descriptor, const void *buf, size_t size, int flags)
{
    claim(descriptor == CONNECTION && (flags & MSG_DONTWAIT), "it tells the connection, and waits for nobody");
    claim(flags & MSG_NOSIGNAL, "it raises no signal");
    claim(network.said + size <= sizeof network.words, "it does not talk for ever");
    memcpy(network.words + network.said, buf, size);
    network.said += size;
    return (ssize_t)size;
}

/* ------------------------------------------------ standard error, the report */

char told[16384];
size_t told_size;

int fuzz_poll(struct pollfd *set, nfds_t count, int timeout)
{
    (void)timeout;
    for (nfds_t i = 0; i < count; i++)
        set[i].revents = set[i].events;
    return (int)count;
}

ssize_t fuzz_write(int descriptor, const void *bytes, size_t size)
{
    claim(descriptor == STDERR_FILENO || descriptor == REPORT, "it says it on standard error, or in the report");
    claim(size <= sizeof told - told_size, "it says no more than can be read");
    memcpy(told + told_size, bytes, size);
    told_size += size;
    return (ssize_t)size;
}

/* ------------------------------------------------ names */

/* /etc/services is another one on each machine. */
struct servent *fuzz_getservbyname(const char *name, const char *protocol)
{
    static struct servent https = {.s_port = 0xbb01};
    claim(strcmp(protocol, "tcp") == 0, "it asks for a port of TCP");
    return strcmp(name, "https") == 0 ? &https : NULL;
}
