/* SPDX-License-Identifier: MIT */
/* The value of --proxy, and HTTP's CONNECT. */
#include "proxy.h"

#include <stdio.h>
#include <string.h>

#include "values.h"

#define QUOTE 60

/* ---------------------------------------------------------------- the value */

/* The byte at text, which may be written as %XX (RFC 3986 2.1); used says how much it took. -1: it is none. */
static int decode_one(const char *text, size_t length, size_t *used)
{
    *used = text[0] == '%' ? 3 : 1;
    if (text[0] != '%')
        return (unsigned char)text[0];
    int high = length < 3 ? -1 : value_hex_digit(text[1]), low = length < 3 ? -1 : value_hex_digit(text[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* False: it is too long, has a % that means nothing, or hides a NUL. */
static bool decode(const char *from, size_t length, char to[PROXY_SECRET])
{
    size_t at = 0, used;
    for (; length > 0 && at + 1 < PROXY_SECRET; from += used, length -= used) {
        int value = decode_one(from, length, &used);
        if (value <= 0)
            return false;
        to[at++] = (char)value;
    }
    to[at] = '\0';
    return length == 0;
}

static const char *parse_user(const char *text, size_t length, struct proxy *proxy)
{
    const char *colon = memchr(text, ':', length);
    size_t user = colon ? (size_t)(colon - text) : length;
    if (!colon || !decode(text, user, proxy->user) || !decode(colon + 1, length - user - 1, proxy->password))
        return "before the @ stand USER:PASSWORD, at most 255 bytes each, with %XX for what would be mistaken";
    if (proxy->kind == PROXY_HTTP && strchr(proxy->user, ':'))
        return "the user of an HTTP proxy cannot have a colon in its name"; /* RFC 7617 2 */
    if (proxy->kind == PROXY_SOCKS5 && (proxy->user[0] == '\0' || proxy->password[0] == '\0'))
        return "a SOCKS5 proxy takes no empty user or password"; /* RFC 1929 2 */
    proxy->has_user = true;
    return NULL;
}

static enum proxy_kind parse_kind(const char *text, const char **rest)
{
    static const struct {
        const char *scheme;
        enum proxy_kind kind;
    } schemes[] = {{"http://", PROXY_HTTP}, {"socks5://", PROXY_SOCKS5}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i].scheme);
        *rest = text + length;
        if (strncmp(text, schemes[i].scheme, length) == 0)
            return schemes[i].kind;
    }
    return PROXY_NONE;
}

/* What follows the host and port may be a lone slash, with which such addresses are often written. */
static const char *parse_place(const char *text, struct proxy *proxy)
{
    char place[sizeof proxy->host + sizeof proxy->port + 4];
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '/')
        length--;
    if (length >= sizeof place)
        return "the host is too long";
    memcpy(place, text, length);
    place[length] = '\0';
    return value_address(place, false, proxy->host, proxy->port);
}

const char *proxy_parse(const char *text, struct proxy *proxy)
{
    const char *rest;
    *proxy = (struct proxy){.kind = parse_kind(text, &rest)};
    if (proxy->kind == PROXY_NONE)
        return "http://HOST:PORT or socks5://HOST:PORT is needed";
    const char *at = strrchr(rest, '@'), *wrong = at ? parse_user(rest, (size_t)(at - rest), proxy) : NULL;
    return wrong ? wrong : parse_place(at ? at + 1 : rest, proxy);
}

bool proxy_host_is_fit(const char *host)
{
    for (const char *at = host; *at != '\0'; at++) {
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7f || strchr("/?#@\\", *at))
            return false;
    }
    return *host != '\0';
}

/* ---------------------------------------------------------------- CONNECT (RFC 9110 9.3.6) */

static void refused(struct dialogue *dialogue, const char *reason)
{
    bool shown = dialogue->proxy->has_user;
    if (dialogue->code == 407)
        dialogue_fail(dialogue, "it %s (HTTP 407)",
                      shown ? "does not accept this user and password"
                            : "wants a user and a password: --proxy http://USER:PASSWORD@HOST:PORT");
    else
        dialogue_fail(dialogue, "it did not connect us: HTTP %d %s", dialogue->code, reason);
}

/* The header goes up to an empty line; of what it says nothing is needed. */
static void header_came(struct dialogue *dialogue)
{
    if (strcmp((const char *)dialogue->reply, "\r\n") == 0 || strcmp((const char *)dialogue->reply, "\n") == 0)
        dialogue_agree(dialogue);
}

static bool is_status_line(const char *line)
{
    return strncmp(line, "HTTP/1.", 7) == 0 && strspn(line + 7, "0123456789") == 1 && line[8] == ' ' &&
           strspn(line + 9, "0123456789") == 3 && strchr(" \r\n", line[12]) && line[12] != '\0';
}

static void status_came(struct dialogue *dialogue)
{
    const char *line = (const char *)dialogue->reply;
    char quote[QUOTE];
    if (!is_status_line(line)) {
        dialogue_quote(line, dialogue->length, quote, sizeof quote);
        dialogue_fail(dialogue, "what it said is no answer of an HTTP proxy: \"%s\"", quote);
        return;
    }
    dialogue_await_to(dialogue, '\n', NULL, header_came);
    dialogue->code = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (dialogue->code / 100 != 2)
        refused(dialogue, dialogue_quote(line + 12 + (line[12] == ' '), dialogue->length, quote, sizeof quote));
}

/* RFC 4648 4; text has room for 4 * ((size + 2) / 3) + 1. */
static void base64(const uint8_t *bytes, size_t size, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        unsigned group =
            (unsigned)bytes[i] << 16 | (i + 1 < size ? bytes[i + 1] : 0u) << 8 | (i + 2 < size ? bytes[i + 2] : 0u);
        *text++ = digits[group >> 18];
        *text++ = digits[group >> 12 & 63];
        *text++ = i + 1 < size ? digits[group >> 6 & 63] : '=';
        *text++ = i + 2 < size ? digits[group & 63] : '=';
    }
    *text = '\0';
}

/* Basic (RFC 7617). Nothing protects it on its way to the proxy. */
static void say_user(struct dialogue *dialogue)
{
    char both[2 * PROXY_SECRET], text[4 * sizeof both / 3 + 4];
    int length = snprintf(both, sizeof both, "%s:%s", dialogue->proxy->user, dialogue->proxy->password);
    base64((const uint8_t *)both, (size_t)length, text);
    dialogue_say_text(dialogue, "Proxy-Authorization: Basic %s\r\n", text);
    value_wipe(both, sizeof both);
    value_wipe(text, sizeof text);
}

void connect_proxy_begin(struct dialogue *dialogue)
{
    char target[300];
    snprintf(target, sizeof target, strchr(dialogue->host, ':') ? "[%s]:%u" : "%s:%u", dialogue->host, dialogue->port);
    dialogue_say_text(dialogue, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", target, target);
    if (dialogue->proxy->has_user)
        say_user(dialogue);
    dialogue_say(dialogue, "\r\n", 2);
    dialogue_await_to(dialogue, '\n', "the proxy's answer", status_came);
}

void proxy_begin(struct dialogue *dialogue, const struct proxy *proxy, const char *host, unsigned port,
                 bool tls_follows)
{
    dialogue_begin(dialogue, tls_follows);
    dialogue->proxy = proxy;
    dialogue->host = host;
    dialogue->port = port;
    if (proxy->kind == PROXY_HTTP)
        connect_proxy_begin(dialogue);
    else
        socks5_begin(dialogue);
}
