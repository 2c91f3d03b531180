/* SPDX-License-Identifier: MIT */
/*
 * Which TCP connections are over: each side's FIN was acknowledged. What is repeated then, since an acknowledgement was late,
 * finds nobody, and is answered by a reset that hurts nobody (RFC 9293 3.10.7.1).
 */
#ifndef ADIEU_TESTS_RELAY_FLOW_H
#define ADIEU_TESTS_RELAY_FLOW_H

#include "network.h"
#include "packet.h"

struct flow {
    uint16_t ports[SIDES];
    uint32_t behind_fin[SIDES]; /* the sequence number that acknowledges it */
    bool fin[SIDES], acknowledged[SIDES];
};

/* Connections beyond so many push older ones out: their resets are then counted as if they hurt. */
#define FLOWS 4096

/* The packet's connection among FLOWS, as it was before the packet; a SYN begins it anew. */
struct flow *flow_of(struct flow *flows, enum side from, const struct packet *packet);
void flow_see(struct flow *flow, enum side from, const struct packet *packet);
bool flow_is_over(const struct flow *flow);

#endif
