/* SPDX-License-Identifier: MIT */
/* What the relay reads of an IPv4 packet with TCP in it. */
#ifndef ADIEU_TESTS_RELAY_PACKET_H
#define ADIEU_TESTS_RELAY_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* RFC 9293 3.1 */
enum packet_flag { PACKET_FIN = 1, PACKET_SYN = 2, PACKET_RST = 4, PACKET_PSH = 8, PACKET_ACK = 16 };

struct packet {
    uint16_t from, to; /* ports */
    uint32_t sequence, acknowledges;
    uint8_t flags;
    size_t payload;
};

/* False: it is something else. */
bool packet_read(const uint8_t *bytes, size_t size, struct packet *packet);

/* One line: "12.345 a 40000>443 FA seq 1 ack 2 payload 3", and a word on what became of it (may be NULL). */
void packet_print(FILE *out, int64_t at_us, char side, const struct packet *packet, const char *word);

#endif
