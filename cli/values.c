/* SPDX-License-Identifier: MIT */
#include "values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "options.h"

static bool is_digits(const char *text)
{
    return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* A billion seconds is 31 years: more is a slip of the finger. */
static bool whole_seconds(const char *text, size_t length, int64_t *seconds)
{
    int64_t value = 0;
    if (length > 9)
        return false;
    for (size_t i = 0; i < length; i++)
        value = value * 10 + (text[i] - '0');
    *seconds = value;
    return true;
}

/* Up, because a little time is not the same as none. */
static int64_t fraction_up(const char *digits)
{
    int64_t value = 0, place = 100;
    for (; *digits != '\0'; digits++) {
        value += (*digits - '0') * place;
        if (place == 0 && *digits != '0')
            return value + 1;
        place /= 10;
    }
    return value;
}

bool value_seconds(const char *text, int64_t *milliseconds)
{
    if (strcmp(text, "never") == 0) {
        *milliseconds = NEVER;
        return true;
    }
    size_t whole = strspn(text, "0123456789");
    const char *fraction = text[whole] == '.' ? text + whole + 1 : "";
    int64_t seconds;
    if (text[whole] != '\0' && !is_digits(fraction))
        return false;
    if (whole == 0 && *fraction == '\0')
        return false;
    if (!whole_seconds(text, whole, &seconds))
        return false;
    *milliseconds = seconds * 1000 + fraction_up(fraction);
    return true;
}

bool value_bytes(const char *text, uint64_t *bytes)
{
    if (!is_digits(text) || strlen(text) > 18)
        return false;
    *bytes = strtoull(text, NULL, 10);
    return true;
}

int value_hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));
    return at ? (int)(at - digits) : -1;
}

static bool pin_from_hex(const char *text, uint8_t pin[ADIEU_PIN_SIZE])
{
    uint8_t bytes[ADIEU_PIN_SIZE];
    for (size_t i = 0; i < ADIEU_PIN_SIZE; i++) {
        if (i > 0 && *text == ':')
            text++;
        int high = value_hex_digit(text[0]);
        int low = high < 0 ? -1 : value_hex_digit(text[1]);
        if (low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    if (*text != '\0')
        return false;
    memcpy(pin, bytes, sizeof bytes);
    return true;
}

/* 32 bytes are 43 digits of base64 and one '='; the last digit's two low bits are 0. */
static bool pin_from_base64(const char *text, uint8_t pin[ADIEU_PIN_SIZE])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[ADIEU_PIN_SIZE + 1] = {0};
    if (strlen(text) != 44 || text[43] != '=')
        return false;
    for (unsigned i = 0; i < 43; i++) {
        const char *at = strchr(digits, text[i]);
        if (!at)
            return false;
        unsigned bit = i * 6, value = (unsigned)(at - digits) << 10 >> (bit % 8);
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] | value >> 8);
        bytes[bit / 8 + 1] = (uint8_t)(bytes[bit / 8 + 1] | (value & 0xff));
    }
    if (bytes[ADIEU_PIN_SIZE] != 0)
        return false;
    memcpy(pin, bytes, ADIEU_PIN_SIZE);
    return true;
}

bool value_pin(const char *text, uint8_t pin[ADIEU_PIN_SIZE])
{
    if (strncmp(text, "sha256//", 8) == 0)
        return pin_from_base64(text + 8, pin);
    return pin_from_hex(text, pin);
}

char *value_pin_text(const uint8_t pin[ADIEU_PIN_SIZE], char text[PIN_TEXT])
{
    for (size_t i = 0; i < ADIEU_PIN_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", pin[i]);
    return text;
}

bool value_word(const char *text, const char *words, unsigned *index)
{
    size_t length = strlen(text);
    unsigned at = 0;
    for (;; at++) {
        size_t here = strcspn(words, "|");
        if (here == length && memcmp(words, text, length) == 0) {
            *index = at;
            return true;
        }
        if (words[here] == '\0')
            return false;
        words += here + 1;
    }
}

bool value_descriptor(const char *text, int *descriptor)
{
    if (strncmp(text, "fd:", 3) != 0 || !is_digits(text + 3) || strlen(text) > 3 + 6)
        return false;
    *descriptor = atoi(text + 3);
    return true;
}

bool value_port(const char *text, bool zero)
{
    if (is_digits(text))
        return strlen(text) <= 5 && atoi(text) <= 65535 && (zero || atoi(text) > 0);
    return *text != '\0' && getservbyname(text, "tcp") != NULL;
}

unsigned value_port_number(const char *text)
{
    const struct servent *service = is_digits(text) ? NULL : getservbyname(text, "tcp");
    return service ? ntohs((uint16_t)service->s_port) : (unsigned)atoi(text);
}

bool value_numeric_address(const char *text)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    if (getaddrinfo(text, NULL, &hints, &list) != 0)
        return false;
    freeaddrinfo(list);
    return true;
}

bool value_socket_path(const char *text)
{
    return *text != '\0' && strlen(text) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

static bool copy_part(char *to, size_t size, const char *from, size_t length)
{
    if (length >= size)
        return false;
    memcpy(to, from, length);
    to[length] = '\0';
    return true;
}

/* Sets *port behind the host, or NULL; returns what is wrong, or NULL. */
static const char *split_host(const char *text, char host[HOST_SIZE], const char **port)
{
    const char *start = text, *end = strrchr(text, ':');
    *port = end ? end + 1 : NULL;
    if (*text == '[') {
        start = text + 1;
        end = strchr(text, ']');
        if (!end)
            return "the bracket is not closed";
        if (end[1] != ':' && end[1] != '\0')
            return "a colon and the port must follow the bracket";
        *port = end[1] == ':' ? end + 2 : NULL;
    } else if (end && strchr(text, ':') != end) {
        return "put an IPv6 address in brackets: [::1]:443";
    }
    if (!end) {
        *port = text;
        host[0] = '\0';
        return NULL;
    }
    return copy_part(host, HOST_SIZE, start, (size_t)(end - start)) ? NULL : "the host is too long";
}

const char *value_address(const char *text, bool listening, char host[HOST_SIZE], char port_text[PORT_SIZE])
{
    bool bare = !strpbrk(text, ":[");
    const char *port;
    if (bare && !listening)
        return "the port is missing (HOST:PORT)";
    const char *wrong = split_host(text, host, &port);
    if (wrong)
        return wrong;
    if (!port)
        return listening ? "the port is missing ([HOST:]PORT)" : "the port is missing (HOST:PORT)";
    if (host[0] == '\0' && !bare)
        return listening ? "the host is empty; to listen on every address write '*:PORT'"
                         : "the host is empty (HOST:PORT)";
    if (!value_port(port, listening) || !copy_part(port_text, PORT_SIZE, port, strlen(port)))
        return listening ? "the port must be a number from 0 to 65535 or the name of a service"
                         : "the port must be a number from 1 to 65535 or the name of a service";
    return NULL;
}

/* Not memset: the compiler sees that nobody reads it again, and would leave it out. */
void value_wipe(void *secret, size_t size)
{
    volatile uint8_t *at = secret;
    while (size-- > 0)
        *at++ = 0;
}
