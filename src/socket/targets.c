/* SPDX-License-Identifier: MIT */
/* The addresses of a name: their order, and why none of them did. */
#include "targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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
bool targets_line_up(struct targets *targets, const struct addrinfo *list, const struct addrinfo *local)
{
    const int family = list->ai_family;
    const struct addrinfo *next[2] = {find(list, family, true, local), find(list, family, false, local)};
    targets->local = local;
    for (int turn = 0; next[0] || next[1]; turn = !turn) {
        if (!next[turn])
            turn = !turn;
        if (targets->count < TARGETS)
            targets->each[targets->count++] = (struct target){.address = next[turn]};
        else
            targets->left_out++;
        next[turn] = find(next[turn]->ai_next, family, turn == 0, local);
    }
    return targets->count > 0;
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
    return address_text(address->ai_addr, address->ai_addrlen, text, room);
}

/* All addresses that failed like this one, as far as there is room for them, and then why. */
static void say_alike(struct text *text, const struct targets *targets, size_t first)
{
    const struct target *target = &targets->each[first];
    size_t reserve = strlen(strerror(target->error)) + sizeof ",  and 16 more: ; 99 more were not tried", unnamed = 0;
    for (size_t i = first; i < targets->count; i++) {
        const struct target *each = &targets->each[i];
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
    say_reason(text, target, targets->local);
}

static bool said_before(const struct targets *targets, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (same_reason(&targets->each[i], &targets->each[index]))
            return true;
    return false;
}

int targets_explain(const struct targets *targets, char *room, size_t size)
{
    struct text text = {.at = room, .room = size};
    for (size_t i = 0; i < targets->count; i++) {
        if (said_before(targets, i))
            continue;
        say(&text, i ? "; " : "connect to ", "");
        say_alike(&text, targets, i);
    }
    if (targets->left_out)
        say_count(&text, "; ", targets->left_out, " more were not tried");
    return targets->each[targets->count - 1].error;
}

/* ------------------------------------------------ single ones */

bool unix_target(struct unix_target *target, const char *path)
{
    size_t size = strlen(path);
    *target = (struct unix_target){.address.sun_family = AF_UNIX};
    if (size >= sizeof target->address.sun_path)
        return false;
    memcpy(target->address.sun_path, path, size + 1);
    target->info = (struct addrinfo){.ai_family = AF_UNIX,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_addr = (struct sockaddr *)&target->address,
                                     .ai_addrlen = sizeof target->address};
    return true;
}

bool port_possible(const char *port)
{
    if (!port || port[0] == '\0' || port[strspn(port, "0123456789")] != '\0')
        return port && port[0] != '\0';
    return strlen(port) <= 5 && strtol(port, NULL, 10) <= 65535;
}

char *address_text(const struct sockaddr *address, socklen_t size, char *text, size_t room)
{
    char host[64], port[8];
    if (size < sizeof address->sa_family)
        (void)snprintf(text, room, "%s", "");
    else if (address->sa_family == AF_UNIX)
        (void)snprintf(text, room, "unix");
    else if (getnameinfo(address, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        (void)snprintf(text, room, "%s", "");
    else
        (void)snprintf(text, room, address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return text;
}
