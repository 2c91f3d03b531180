/* SPDX-License-Identifier: MIT */
/*
 * Happy eyeballs (RFC 8305): the addresses of a name are tried a little after one another, while the earlier attempts go on;
 * the first that connects wins. So an address that swallows everything costs 250 ms, not a time-out.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#include "fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool in_flight(const struct target *target)
{
    return target->attempt >= 0 && !target->error;
}

/* ------------------------------------------------ the order */

/* The next address of this family (or of the others) that can be reached from local. */
static const struct addrinfo *find(const struct addrinfo *from, int family, bool of_family,
                                   const struct addrinfo *local)
{
    while (from && ((from->ai_family == family) != of_family || (local && local->ai_family != from->ai_family)))
        from = from->ai_next;
    return from;
}

/* RFC 8305 4: the families take turns, the first address's first; each keeps the order of getaddrinfo() (RFC 6724). */
bool attempts_line_up(struct attempts *attempts, const struct addrinfo *list, const struct addrinfo *local)
{
    const int family = list->ai_family;
    const struct addrinfo *next[2] = {find(list, family, true, local), find(list, family, false, local)};
    attempts->local = local;
    for (int turn = 0; next[0] || next[1]; turn = !turn) {
        if (!next[turn])
            turn = !turn;
        if (attempts->count < TARGETS)
            attempts->targets[attempts->count++] = (struct target){.address = next[turn], .attempt = -1};
        else
            attempts->left_out++;
        next[turn] = find(next[turn]->ai_next, family, turn == 0, local);
    }
    return attempts->count > 0;
}

/* ------------------------------------------------ one attempt */

/* The next one need not wait then. The socket stays until that one's is there: see attempts_step. */
static void fail(struct attempts *attempts, struct target *target, int error)
{
    target->error = error;
    attempts->next_at = ADIEU_FD_NOW;
}

static void call_connect(struct attempts *attempts, struct target *target)
{
    int failed = connect(target->attempt, target->address->ai_addr, target->address->ai_addrlen);
    target->try_again = failed && errno == EAGAIN && target->address->ai_family == AF_UNIX;
    if (failed && errno != EINPROGRESS && errno != EINTR && !target->try_again)
        fail(attempts, target, errno);
}

static void begin(struct attempts *attempts, struct target *target)
{
    const struct addrinfo *local = attempts->local;
    attempts->begun++;
    attempts->next_at = adieu_fd_in(ATTEMPT_DELAY_MS);
    target->attempt = socket(target->address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    target->local = local && target->attempt >= 0 && bind(target->attempt, local->ai_addr, local->ai_addrlen) < 0;
    if (target->attempt < 0 || target->local)
        fail(attempts, target, errno);
    else
        call_connect(attempts, target);
}

static bool is_connected(struct attempts *attempts, struct target *target)
{
    int error = 0;
    socklen_t size = sizeof error;
    struct pollfd ready = {.fd = target->attempt, .events = POLLOUT};
    if (target->try_again)
        call_connect(attempts, target);
    if (target->error || target->try_again || poll(&ready, 1, 0) != 1)
        return false;
    if (getsockopt(target->attempt, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    /* Whoever refuses us says ECONNREFUSED: this one took the connection, and may have said why it reset it. */
    if (error == ECONNRESET)
        attempts->reset = error;
    else if (error)
        fail(attempts, target, error);
    return !error || attempts->reset;
}

/* ------------------------------------------------ all of them */

static int take_connected(struct attempts *attempts)
{
    for (size_t i = 0; i < attempts->begun; i++) {
        struct target *target = &attempts->targets[i];
        if (!in_flight(target) || !is_connected(attempts, target))
            continue;
        int descriptor = target->attempt;
        target->attempt = -1;
        return descriptor;
    }
    return -1;
}

static size_t count_in_flight(const struct attempts *attempts)
{
    size_t count = 0;
    for (size_t i = 0; i < attempts->begun; i++)
        count += in_flight(&attempts->targets[i]);
    return count;
}

/* From that one on. */
static void close_decided(struct attempts *attempts, size_t from)
{
    for (size_t i = from; i < attempts->begun; i++) {
        struct target *target = &attempts->targets[i];
        if (target->attempt < 0 || in_flight(target))
            continue;
        (void)close(target->attempt);
        target->attempt = -1;
    }
}

void attempts_stop(struct attempts *attempts)
{
    for (size_t i = 0; i < attempts->begun; i++)
        if (attempts->targets[i].attempt >= 0)
            (void)close(attempts->targets[i].attempt);
    *attempts = (struct attempts){.count = 0};
}

/* ------------------------------------------------ why none did */

/* A text that grows in a room. */
struct text {
    char *at;
    size_t used, room;
};

static void say(struct text *text, const char *first, const char *second)
{
    int size = snprintf(text->at + text->used, text->room - text->used, "%s%s", first, second);
    text->used += size > 0 ? (size_t)size : 0;
    if (text->used >= text->room)
        text->used = text->room - 1;
}

static void say_count(struct text *text, const char *before, size_t count, const char *after)
{
    char number[24];
    (void)snprintf(number, sizeof number, "%zu", count);
    say(text, before, number);
    say(text, after, "");
}

static bool same_reason(const struct target *one, const struct target *other)
{
    return one->error == other->error && one->local == other->local;
}

static void say_reason(struct text *text, const struct target *target, const struct addrinfo *local)
{
    char from[80];
    if (target->local) {
        (void)getnameinfo(local->ai_addr, local->ai_addrlen, from, sizeof from, NULL, 0, NI_NUMERICHOST);
        say(text, ": from ", from);
    }
    say(text, ": ", strerror(target->error));
}

static const char *name_of(const struct addrinfo *address, char *text, size_t room)
{
    if (address->ai_family == AF_UNIX)
        return ((const struct sockaddr_un *)address->ai_addr)->sun_path;
    return fd_address_text(address->ai_addr, address->ai_addrlen, text, room);
}

/* All addresses that failed like this one, as far as there is room for them, and then why. */
static void say_alike(struct text *text, const struct attempts *attempts, size_t first)
{
    const struct target *target = &attempts->targets[first];
    size_t reserve = strlen(strerror(target->error)) + sizeof ",  and 16 more: ; 99 more were not tried", unnamed = 0;
    for (size_t i = first; i < attempts->count; i++) {
        const struct target *each = &attempts->targets[i];
        if (!same_reason(each, target))
            continue;
        char room[128];
        const char *name = name_of(each->address, room, sizeof room);
        if (i == first || text->used + strlen(name) + reserve < text->room)
            say(text, i == first ? "" : ", ", name);
        else
            unnamed++;
    }
    if (unnamed)
        say_count(text, " and ", unnamed, " more");
    say_reason(text, target, attempts->local);
}

static enum adieu_status none_did(const struct attempts *attempts, struct adieu_error *error)
{
    struct text text = {.at = error->text, .room = sizeof error->text};
    *error = (struct adieu_error){.code = ADIEU_ERR_CONNECT};
    for (size_t i = 0; i < attempts->count; i++) {
        bool said = false;
        for (size_t j = 0; j < i; j++)
            said |= same_reason(&attempts->targets[j], &attempts->targets[i]);
        if (said)
            continue;
        say(&text, i ? "; " : "connect to ", "");
        say_alike(&text, attempts, i);
        error->os_error = attempts->targets[i].error;
    }
    if (attempts->left_out)
        say_count(&text, "; ", attempts->left_out, " more were not tried");
    return ADIEU_FAIL;
}

/* ------------------------------------------------ the race */

/*
 * What adieu_fd_interest() has named is closed later than the next one's socket was opened: of two in a row none may have the
 * number of the other, or an epoll set would not notice that it is another. What began in this step it has not named.
 */
enum adieu_status attempts_step(struct attempts *attempts, int *descriptor, struct adieu_error *error)
{
    const size_t unnamed = attempts->begun;
    int winner = take_connected(attempts);
    while (winner < 0 && attempts->begun < attempts->count && adieu_fd_now() >= attempts->next_at) {
        begin(attempts, &attempts->targets[attempts->begun]);
        winner = take_connected(attempts);
        close_decided(attempts, unnamed);
    }
    close_decided(attempts, 0);
    *descriptor = winner;
    if (winner >= 0)
        return ADIEU_OK;
    return count_in_flight(attempts) > 0 ? ADIEU_WAIT : none_did(attempts, error);
}

/* The newest attempt's socket. The others are looked at, since there is one descriptor to poll. */
struct pollfd attempts_need(const struct attempts *attempts, int64_t *until)
{
    struct pollfd what = {.fd = -1};
    bool looks = count_in_flight(attempts) > 1;
    *until = attempts->begun < attempts->count ? attempts->next_at : ADIEU_FD_FOREVER;
    for (size_t i = 0; i < attempts->begun; i++) {
        const struct target *target = &attempts->targets[i];
        if (in_flight(target) && !target->try_again)
            what = (struct pollfd){.fd = target->attempt, .events = POLLOUT};
        looks |= target->try_again;
    }
    int64_t look_at = adieu_fd_in(LOOK_MS);
    if (looks && look_at < *until)
        *until = look_at;
    return what;
}
