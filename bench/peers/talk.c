/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "peer.h"

uint8_t incoming[MOST], outgoing[MOST + REQUEST];

static size_t smaller(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

static uint64_t read_integer(const uint8_t *at, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

static void write_integer(uint8_t *at, int size, uint64_t value)
{
    for (int i = size - 1; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}

void talk_init(struct talk *talk)
{
    *talk = (struct talk){.write = 16384};
}

static void begin(struct talk *talk)
{
    uint64_t write = read_integer(talk->request + 4, 4);
    talk->echo = read_integer(talk->request, 4) == KIND_ECHO;
    if (write)
        talk->write = (uint32_t)smaller(write, MOST);
    talk->to_hear = read_integer(talk->request + 8, 8);
    talk->to_say += read_integer(talk->request + 16, 8);
    talk->have = 0;
}

size_t talk_hear(struct talk *talk, const uint8_t *bytes, size_t n)
{
    size_t at = 0;
    while (at < n && !talk->echo) {
        size_t some = smaller(talk->to_hear, n - at);
        talk->to_hear -= some;
        at += some;
        some = smaller((uint64_t)(REQUEST - talk->have), n - at);
        memcpy(talk->request + talk->have, bytes + at, some);
        talk->have = (uint8_t)(talk->have + some);
        at += some;
        if (talk->have == REQUEST)
            begin(talk);
    }
    return at;
}

void talk_ask(struct talk *talk, const struct arguments *arguments)
{
    *talk = (struct talk){.to_say = REQUEST + arguments->up, .to_hear = arguments->down, .write = arguments->write};
    write_integer(outgoing, 4, KIND_EXCHANGE);
    write_integer(outgoing + 4, 4, arguments->write);
    write_integer(outgoing + 8, 8, arguments->up);
    write_integer(outgoing + 16, 8, arguments->down);
}

size_t talk_next(const struct talk *talk, const uint8_t **at)
{
    *at = outgoing + talk->said % REQUEST;
    return smaller(talk->write, talk->to_say);
}

void talk_said(struct talk *talk, size_t n)
{
    talk->to_say -= n;
    talk->said = (uint8_t)smaller(talk->said + n, REQUEST);
}
