/* SPDX-License-Identifier: MIT */
#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"
#include "packet.h"

/* A bound on what is under way in one direction: 12 MB, more than two ends on one machine fill in 20 ms. */
#define QUEUE 8192
/* How many packets are read in one turn before the other side has its own. */
#define TURN 64

struct parcel {
    int64_t due_us;
    size_t size;
    uint8_t bytes[NETWORK_MTU];
};

/* One direction. */
struct lane {
    struct parcel *ring;
    size_t first, count;
    uint64_t chance; /* the state of its random numbers */
    struct counts counts;
};

struct relay {
    const struct network *network;
    pthread_t thread;
    int wake;
    int64_t began_us;
    struct lane lanes[SIDES]; /* by the side that they come from; the thread's own, but for the counts */
    pthread_mutex_t lock;     /* over what follows, and the counts */
    struct rules rules;
    enum hole hole;
    uint64_t hole_bytes;
    bool over;
    struct flow flows[FLOWS];
};

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ------------------------------------------------ what becomes of a packet */

/* splitmix64: small, and the same everywhere. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static bool unlucky(struct relay *relay, struct lane *lane)
{
    double dice = (double)(random_next(&lane->chance) >> 11) / 9007199254740992.0; /* 2^53 */
    return dice * 100 < relay->rules.loss;
}

static bool in_hole(struct relay *relay, const struct packet *packet)
{
    bool begins = (relay->hole == HOLE_FIN && (packet->flags & PACKET_FIN)) ||
                  (relay->hole == HOLE_BYTES && packet->payload > relay->hole_bytes);
    if (begins)
        relay->hole = HOLE_NOW;
    else if (relay->hole == HOLE_BYTES)
        relay->hole_bytes -= packet->payload;
    return relay->hole == HOLE_NOW;
}

static void count(struct relay *relay, enum side from, const struct packet *packet)
{
    struct counts *counts = &relay->lanes[from].counts;
    struct flow *flow = flow_of(relay->flows, from, packet);
    bool reset = packet->flags & PACKET_RST;
    counts->packets++;
    counts->fins += (packet->flags & PACKET_FIN) != 0;
    counts->resets += reset;
    counts->harmless += reset && flow_is_over(flow);
    flow_see(flow, from, packet);
}

/* What happens to the packet, in one word; NULL: it is carried. */
static const char *fate(struct relay *relay, struct lane *lane, const struct packet *packet)
{
    struct counts *counts = &lane->counts;
    bool lost = unlucky(relay, lane); /* always drawn, so that the hole does not change what comes after it */
    if (in_hole(relay, packet)) {
        counts->swallowed++;
        return "swallowed";
    }
    if (lost) {
        counts->lost++;
        return "lost";
    }
    if (lane->count == QUEUE) {
        counts->overflowed++;
        return "overflowed";
    }
    return NULL;
}

/* ------------------------------------------------ moving */

/* Takes one packet in, to where it waits. False: there is none. */
static bool take(struct relay *relay, enum side from)
{
    struct lane *lane = &relay->lanes[from];
    struct parcel spare, *parcel = lane->count < QUEUE ? &lane->ring[(lane->first + lane->count) % QUEUE] : &spare;
    ssize_t size = read(relay->network->tun[from], parcel->bytes, sizeof parcel->bytes);
    if (size <= 0)
        return false;
    struct packet packet;
    if (!packet_read(parcel->bytes, (size_t)size, &packet)) /* the kernel's own chatter, IPv6 for instance */
        return true;
    int64_t now = now_us();
    (void)pthread_mutex_lock(&relay->lock);
    count(relay, from, &packet);
    const char *word = fate(relay, lane, &packet);
    parcel->size = (size_t)size;
    parcel->due_us = now + (int64_t)relay->rules.delay_ms * 1000;
    if (!word)
        lane->count++;
    if (relay->rules.trace)
        packet_print(relay->rules.trace, now - relay->began_us, from == SIDE_A ? 'a' : 'b', &packet, word);
    (void)pthread_mutex_unlock(&relay->lock);
    return true;
}

static bool hand_over(struct relay *relay, enum side from)
{
    struct lane *lane = &relay->lanes[from];
    const struct parcel *parcel = &lane->ring[lane->first];
    if (lane->count == 0 || parcel->due_us > now_us())
        return false;
    ssize_t n;
    do
        n = write(relay->network->tun[from == SIDE_A ? SIDE_B : SIDE_A], parcel->bytes, parcel->size);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        (void)pthread_mutex_lock(&relay->lock);
        lane->counts.overflowed++;
        (void)pthread_mutex_unlock(&relay->lock);
    }
    lane->first = (lane->first + 1) % QUEUE;
    lane->count--;
    return true;
}

/* How long nothing is due, in whole milliseconds: late by one at most, never early. */
static int pause_ms(const struct relay *relay)
{
    int64_t due = INT64_MAX;
    for (int side = 0; side < SIDES; side++) {
        const struct lane *lane = &relay->lanes[side];
        if (lane->count > 0 && lane->ring[lane->first].due_us < due)
            due = lane->ring[lane->first].due_us;
    }
    if (due == INT64_MAX)
        return -1;
    int64_t left = due - now_us();
    return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

static bool is_over(struct relay *relay)
{
    (void)pthread_mutex_lock(&relay->lock);
    bool over = relay->over;
    (void)pthread_mutex_unlock(&relay->lock);
    return over;
}

static void *carry(void *context)
{
    struct relay *relay = context;
    struct pollfd set[] = {{.fd = relay->network->tun[SIDE_A], .events = POLLIN},
                           {.fd = relay->network->tun[SIDE_B], .events = POLLIN},
                           {.fd = relay->wake, .events = POLLIN}};
    while (!is_over(relay)) {
        (void)poll(set, 3, pause_ms(relay));
        for (int side = 0; side < SIDES; side++) {
            for (int turn = 0; turn < TURN && take(relay, (enum side)side); turn++)
                continue;
            while (hand_over(relay, (enum side)side))
                continue;
        }
    }
    return NULL;
}

/* ------------------------------------------------ from outside */

static void relay_free(struct relay *relay)
{
    for (int side = 0; side < SIDES; side++)
        free(relay->lanes[side].ring);
    if (relay->wake >= 0)
        (void)close(relay->wake);
    (void)pthread_mutex_destroy(&relay->lock);
    free(relay);
}

struct relay *relay_start(const struct network *network, struct rules rules)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (!relay)
        return NULL;
    relay->network = network;
    relay->rules = rules;
    relay->began_us = now_us();
    relay->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&relay->lock, NULL);
    bool ready = relay->wake >= 0;
    for (int side = 0; side < SIDES; side++) {
        struct lane *lane = &relay->lanes[side];
        lane->chance = rules.seed * SIDES + (uint64_t)side;
        lane->ring = calloc(QUEUE, sizeof *lane->ring);
        ready = ready && lane->ring;
    }
    if (ready && pthread_create(&relay->thread, NULL, carry, relay) == 0)
        return relay;
    relay_free(relay);
    return NULL;
}

void relay_stop(struct relay *relay)
{
    (void)pthread_mutex_lock(&relay->lock);
    relay->over = true;
    (void)pthread_mutex_unlock(&relay->lock);
    (void)eventfd_write(relay->wake, 1);
    (void)pthread_join(relay->thread, NULL);
    relay_free(relay);
}

void relay_delay(struct relay *relay, int delay_ms)
{
    (void)pthread_mutex_lock(&relay->lock);
    relay->rules.delay_ms = delay_ms;
    (void)pthread_mutex_unlock(&relay->lock);
}

void relay_loss(struct relay *relay, double percent)
{
    (void)pthread_mutex_lock(&relay->lock);
    relay->rules.loss = percent;
    (void)pthread_mutex_unlock(&relay->lock);
}

void relay_hole(struct relay *relay, enum hole hole, uint64_t bytes)
{
    (void)pthread_mutex_lock(&relay->lock);
    relay->hole = hole;
    relay->hole_bytes = bytes;
    (void)pthread_mutex_unlock(&relay->lock);
}

struct counts relay_counts(struct relay *relay, enum side from)
{
    (void)pthread_mutex_lock(&relay->lock);
    struct counts counts = relay->lanes[from].counts;
    (void)pthread_mutex_unlock(&relay->lock);
    return counts;
}
