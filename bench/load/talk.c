/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_NONBLOCK in one call, IP_BIND_ADDRESS_NO_PORT */
#include "talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * One source address has 28,000 ports on an ordinary Linux, and connect() looks for an even one first: with more than
 * half of them taken it goes through all of those each time.
 */
enum { PORTS_OF_ADDRESS = 8000 };

/* What is received lies here until the next one's comes: nobody looks at it. */
static uint8_t received[16384];

static const char *phase_name(enum phase phase)
{
    static const char *const names[] = {
        [PHASE_NONE] = "opening",     [PHASE_CONNECT] = "connecting",           [PHASE_HANDSHAKE] = "the handshake",
        [PHASE_SEND] = "the request", [PHASE_RECEIVE] = "the answer",           [PHASE_HELD] = "being held",
        [PHASE_END] = "the goodbye",  [PHASE_FIN] = "the end of the transport",
    };
    return names[phase];
}

enum step talk_fail(struct floor *floor, const struct talk *talk, const char *why)
{
    troubles_add(&floor->troubles, phase_name(talk->phase), why, talk->number);
    ERR_clear_error();
    return STEP_FAIL;
}

enum step talk_give_up(struct floor *floor, const struct talk *talk)
{
    return talk_fail(floor, talk, "nothing came while patience lasted");
}

/* Why OpenSSL's last call did not do what it should; os_error is errno as it was right behind it. */
static enum step judge(struct floor *floor, struct talk *talk, int result, int os_error)
{
    int error = SSL_get_error(talk->ssl, result);
    /* The hello has left. */
    if (talk->phase == PHASE_CONNECT && error != SSL_ERROR_SYSCALL)
        talk->phase = PHASE_HANDSHAKE;
    switch (error) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return STEP_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return STEP_END;
    case SSL_ERROR_SYSCALL:
        return talk_fail(floor, talk, os_error ? strerror(os_error) : "the transport ended");
    default: {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        return talk_fail(floor, talk, reason ? reason : "an error without a name");
    }
    }
}

/* 127.0.0.1 is what connect() takes by itself. */
static bool choose_address(const struct talk *talk, int descriptor)
{
    uint32_t which = talk->number / PORTS_OF_ADDRESS;
    if (which == 0)
        return true;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + which)};
    /* The port is chosen by connect(), which may take one that is in use towards another peer. */
    return setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int)) == 0 &&
           bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
}

static bool start_connecting(const struct floor *floor, int descriptor)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(floor->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS;
}

enum step talk_begin(struct floor *floor, struct talk *talk, uint32_t number)
{
    *talk = (struct talk){.number = number, .descriptor = -1};
    talk->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (talk->descriptor < 0 || !choose_address(talk, talk->descriptor))
        return talk_fail(floor, talk, strerror(errno));
    talk->phase = PHASE_CONNECT;
    if (!start_connecting(floor, talk->descriptor))
        return talk_fail(floor, talk, strerror(errno));
    /* Told once of each change, so this is the only call that a connection's events cost. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = talk};
    if (epoll_ctl(floor->epoll, EPOLL_CTL_ADD, talk->descriptor, &event))
        return talk_fail(floor, talk, strerror(errno));
    talk->ssl = SSL_new(floor->context);
    if (!talk->ssl || !SSL_set_fd(talk->ssl, talk->descriptor))
        return talk_fail(floor, talk, "no memory");
    return STEP_WAIT;
}

enum step talk_handshake(struct floor *floor, struct talk *talk)
{
    errno = 0;
    int result = SSL_connect(talk->ssl);
    return result == 1 ? STEP_DONE : judge(floor, talk, result, errno);
}

enum step talk_send(struct floor *floor, struct talk *talk, const void *bytes, uint32_t size)
{
    while (talk->moved < size) {
        size_t took;
        errno = 0;
        int result = SSL_write_ex(talk->ssl, (const uint8_t *)bytes + talk->moved, size - talk->moved, &took);
        if (result != 1)
            return judge(floor, talk, result, errno);
        talk->moved += (uint32_t)took;
    }
    talk->moved = 0;
    return STEP_DONE;
}

enum step talk_receive(struct floor *floor, struct talk *talk, uint32_t at_most)
{
    while (talk->moved < at_most) {
        size_t got;
        errno = 0;
        uint32_t room = at_most - talk->moved;
        int result = SSL_read_ex(talk->ssl, received, room < sizeof received ? room : sizeof received, &got);
        if (result != 1)
            return judge(floor, talk, result, errno);
        talk->moved += (uint32_t)got;
    }
    talk->moved = 0;
    return STEP_DONE;
}

enum step talk_say_end(struct floor *floor, struct talk *talk)
{
    talk->phase = PHASE_END;
    errno = 0;
    int result = SSL_shutdown(talk->ssl);
    if (result < 0)
        return judge(floor, talk, result, errno);
    (void)shutdown(talk->descriptor, SHUT_WR); /* ENOTCONN: it was reset, which reading will find */
    return STEP_DONE;
}

/* The kernel's word, past OpenSSL, which has come to its end. */
static enum step hear_fin(struct floor *floor, struct talk *talk)
{
    ssize_t got = recv(talk->descriptor, received, sizeof received, 0);
    if (got == 0)
        return STEP_DONE;
    if (got > 0)
        return talk_fail(floor, talk, "bytes behind close_notify");
    return errno == EAGAIN ? STEP_WAIT : talk_fail(floor, talk, strerror(errno));
}

enum step talk_hear_end(struct floor *floor, struct talk *talk)
{
    if (talk->phase == PHASE_END) {
        enum step step;
        while ((step = talk_receive(floor, talk, sizeof received)) == STEP_DONE)
            continue;
        if (step != STEP_END)
            return step;
        talk->phase = PHASE_FIN;
    }
    return hear_fin(floor, talk);
}

void talk_let_go(struct talk *talk)
{
    SSL_free(talk->ssl);
    talk->ssl = NULL;
    /* Out of the epoll set, too: nobody else has this socket. */
    if (talk->descriptor >= 0)
        close(talk->descriptor);
    talk->descriptor = -1;
}

void talk_request(uint8_t request[REQUEST_SIZE], uint32_t kind, uint32_t write, uint64_t up, uint64_t down)
{
    const uint64_t words[3] = {(uint64_t)kind << 32 | write, up, down};
    for (unsigned i = 0; i < REQUEST_SIZE; i++)
        request[i] = (uint8_t)(words[i / 8] >> (56 - 8 * (i % 8)));
}
