/* SPDX-License-Identifier: MIT */
#include "packet.h"

#define TCP 6
#define HEADER 20 /* of IPv4 and of TCP, without options */

static uint16_t two(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t four(const uint8_t *at)
{
    return (uint32_t)two(at) << 16 | two(at + 2);
}

bool packet_read(const uint8_t *bytes, size_t size, struct packet *packet)
{
    if (size < HEADER || bytes[0] >> 4 != 4 || bytes[9] != TCP)
        return false;
    size_t ip = (size_t)(bytes[0] & 15) * 4;
    if (size < ip + HEADER)
        return false;
    const uint8_t *tcp = bytes + ip;
    size_t headers = ip + (size_t)(tcp[12] >> 4) * 4;
    *packet = (struct packet){.from = two(tcp),
                              .to = two(tcp + 2),
                              .sequence = four(tcp + 4),
                              .acknowledges = four(tcp + 8),
                              .flags = tcp[13],
                              .payload = size > headers ? size - headers : 0};
    return true;
}

void packet_print(FILE *out, int64_t at_us, char side, const struct packet *packet, const char *word)
{
    static const struct {
        uint8_t flag;
        char letter;
    } letters[] = {{PACKET_SYN, 'S'}, {PACKET_FIN, 'F'}, {PACKET_RST, 'R'}, {PACKET_PSH, 'P'}, {PACKET_ACK, 'A'}};
    char flags[8] = "";
    size_t n = 0;
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        if (packet->flags & letters[i].flag)
            flags[n++] = letters[i].letter;
    (void)fprintf(out, "%9.3f %c %u>%u %-3s seq %u ack %u payload %zu%s%s\n", (double)at_us / 1000, side, packet->from,
                  packet->to, flags, packet->sequence, packet->acknowledges, packet->payload, word ? " " : "",
                  word ? word : "");
}
