/* SPDX-License-Identifier: MIT */
#include "flow.h"

struct flow *flow_of(struct flow *flows, enum side from, const struct packet *packet)
{
    uint16_t a = from == SIDE_A ? packet->from : packet->to, b = from == SIDE_A ? packet->to : packet->from;
    struct flow *flow = &flows[(a * 31U + b) % FLOWS];
    if (flow->ports[SIDE_A] != a || flow->ports[SIDE_B] != b || (packet->flags & PACKET_SYN))
        *flow = (struct flow){.ports = {[SIDE_A] = a, [SIDE_B] = b}};
    return flow;
}

void flow_see(struct flow *flow, enum side from, const struct packet *packet)
{
    enum side other = from == SIDE_A ? SIDE_B : SIDE_A;
    if (packet->flags & PACKET_FIN) {
        flow->fin[from] = true;
        flow->behind_fin[from] = packet->sequence + (uint32_t)packet->payload + 1;
    }
    if ((packet->flags & PACKET_ACK) && flow->fin[other] && packet->acknowledges == flow->behind_fin[other])
        flow->acknowledged[other] = true;
}

bool flow_is_over(const struct flow *flow)
{
    return flow->acknowledged[SIDE_A] && flow->acknowledged[SIDE_B];
}
