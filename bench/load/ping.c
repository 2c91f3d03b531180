/* SPDX-License-Identifier: MIT */
/* One connection; a byte there and back, again and again, each when the one before has come back. */
#include "load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "figures.h"

struct ping {
    struct floor *floor;
    struct talk talk;
    enum step step;
};

static void go_on(void *context, struct talk *talk)
{
    struct ping *ping = context;
    ping->step = talk_handshake(ping->floor, talk);
}

/* From here on every call waits, and there is nothing to ask the kernel for between them. */
static void begin_to_wait(int descriptor, int milliseconds)
{
    const struct timeval patience = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    fcntl(descriptor, F_SETFL, 0);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

static enum step send_all(struct ping *ping, const void *bytes, uint32_t size)
{
    ping->talk.phase = PHASE_SEND;
    enum step step = talk_send(ping->floor, &ping->talk, bytes, size);
    ping->talk.phase = PHASE_RECEIVE;
    return step;
}

static enum step exchange(struct ping *ping, struct figures *times, uint64_t count)
{
    uint8_t request[REQUEST_SIZE];
    talk_request(request, REQUEST_ECHO, 16384, 0, 0);
    enum step step = send_all(ping, request, sizeof request);
    for (uint64_t i = 0; i < count && step == STEP_DONE; i++) {
        uint64_t began = now();
        step = send_all(ping, "", 1);
        if (step == STEP_DONE)
            step = talk_receive(ping->floor, &ping->talk, 1);
        if (step == STEP_DONE)
            figures_add(times, now() - began);
    }
    return step;
}

static enum step goodbye(struct ping *ping)
{
    enum step step = talk_say_end(ping->floor, &ping->talk);
    return step == STEP_DONE ? talk_hear_end(ping->floor, &ping->talk) : step;
}

static void run(struct ping *ping, struct figures *times, uint64_t count)
{
    ping->step = talk_begin(ping->floor, &ping->talk, 1);
    while (ping->step == STEP_WAIT && floor_turn(ping->floor, ping->floor->patience_ms, go_on, ping))
        continue;
    if (ping->step == STEP_DONE) {
        begin_to_wait(ping->talk.descriptor, ping->floor->patience_ms);
        ping->step = exchange(ping, times, count);
    }
    if (ping->step == STEP_DONE)
        ping->step = goodbye(ping);
    if (ping->step == STEP_WAIT)
        talk_give_up(ping->floor, &ping->talk);
    if (ping->step == STEP_END)
        talk_fail(ping->floor, &ping->talk, "the server ended");
}

int work_ping(struct floor *floor, const struct order *order)
{
    struct ping ping = {.floor = floor};
    struct figures times = figures_new(order->count);
    uint64_t began = now();
    run(&ping, &times, order->count);
    talk_let_go(&ping.talk);
    printf("{\"work\": \"ping\", \"count\": %zu, \"failures\": %" PRIu64 ", ", times.count, floor->troubles.all);
    figures_print_time(seconds_since(began));
    printf(", ");
    figures_print(&times, "ping_us");
    printf("}\n");
    return floor->troubles.all ? DONE_WITH_FAILURES : DONE_WELL;
}
