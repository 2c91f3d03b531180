/* SPDX-License-Identifier: MIT */
/* No TLS at all: what the sockets alone cost. The peer's FIN is its end. */
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

#include "polled.h"

/* The session is the descriptor's number plus one, since NULL is none. */
static int descriptor_of(const void *tls)
{
    return (int)(intptr_t)tls - 1;
}

void tls_begin(const struct arguments *arguments)
{
    (void)arguments;
}

void *tls_new(int descriptor)
{
    return (void *)((intptr_t)descriptor + 1);
}

void tls_free(void *tls)
{
    (void)tls;
}

ssize_t tls_handshake(void *tls)
{
    (void)tls;
    return 0;
}

ssize_t tls_read(void *tls, void *buf, size_t size)
{
    ssize_t n = recv(descriptor_of(tls), buf, size, 0);
    if (n > 0)
        return n;
    return n == 0 ? ENDED : errno == EAGAIN ? WANTS_READ : BROKEN;
}

bool tls_holds(void *tls)
{
    (void)tls;
    return false;
}

ssize_t tls_write(void *tls, const void *buf, size_t size)
{
    ssize_t n = send(descriptor_of(tls), buf, size, 0);
    if (n >= 0)
        return n;
    return errno == EAGAIN ? WANTS_WRITE : BROKEN;
}

ssize_t tls_goodbye(void *tls)
{
    return shutdown(descriptor_of(tls), SHUT_WR) == 0 ? 0 : BROKEN;
}
