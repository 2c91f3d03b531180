/* SPDX-License-Identifier: MIT */
#include "turns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h> /* the C library's struct tcp_info lacks the counts of bytes */
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <valgrind/callgrind.h>

#include "counts.h"

_Noreturn void give_up(const char *what)
{
    fprintf(stderr, "it went wrong: %s\n", what);
    exit(1);
}

/* ------------------------------------------------ the clock */

static int64_t now_ms = 1000000;

void time_passes(int milliseconds)
{
    now_ms += milliseconds;
}

/* The libraries', too: a program's own functions come before the C library's. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    *now = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
    return 0;
}

/* ------------------------------------------------ counting */

enum side counted_side;
bool turns_count;

void counting_begin(void)
{
    turns_count = true;
    CALLGRIND_ZERO_STATS;
}

void counting_end(const char *operation, unsigned times)
{
    static const char *const names[] = {"server", "client"};
    char label[100];
    turns_count = false;
    snprintf(label, sizeof label, "%s %s %u", operation, names[counted_side], times);
    CALLGRIND_DUMP_STATS_AT(label);
    if (counts_report)
        counts_report(operation, names[counted_side], times);
}

/* ------------------------------------------------ connections */

static int listening(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (listener < 0 || bind(listener, (struct sockaddr *)address, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)address, &size) != 0)
        give_up("listen");
    return listener;
}

static void prepare(int descriptor)
{
    int one = 1;
    if (fcntl(descriptor, F_SETFL, O_NONBLOCK) != 0 ||
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
        give_up("socket");
}

void connection_begin(struct connection *connection)
{
    struct sockaddr_in address;
    int listener = listening(&address);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, sizeof address) != 0)
        give_up("connect");
    connection->sockets[CLIENT] = client;
    connection->sockets[SERVER] = accept(listener, NULL, NULL);
    close(listener);
    for (enum side side = SERVER; side < SIDES; side++) {
        prepare(connection->sockets[side]);
        connection->ends[side] = calloc(1, end_size);
        if (!connection->ends[side])
            give_up("memory");
    }
}

void connection_end(struct connection *connection)
{
    for (enum side side = SERVER; side < SIDES; side++)
        free(connection->ends[side]);
}

/* ------------------------------------------------ turns */

static bool look_at(const struct connection *connection, enum side side, struct tcp_info *info)
{
    socklen_t size = sizeof *info;
    return getsockopt(connection->sockets[side], IPPROTO_TCP, TCP_INFO, info, &size) == 0;
}

/* Whether what this side's TCP has sent is at the other's, FIN included. */
static bool has_arrived(const struct connection *connection, enum side from)
{
    enum {
        FIN_WAIT1 = 4,
        LAST_ACK = 9,
        CLOSING = 11
    }; /* the kernel's numbers: FIN was sent, and is not acknowledged */
    struct tcp_info sender, receiver;
    if (!look_at(connection, from, &sender) || !look_at(connection, !from, &receiver))
        return true;
    bool fin_waits = sender.tcpi_state == FIN_WAIT1 || sender.tcpi_state == LAST_ACK || sender.tcpi_state == CLOSING;
    return receiver.tcpi_bytes_received >= sender.tcpi_bytes_sent && !fin_waits;
}

/* A turn must not find less because the kernel was busy. */
static void settle(const struct connection *connection)
{
    enum { PATIENCE_MS = 1000 };
    for (int waited = 0; waited < PATIENCE_MS; waited++) {
        if (has_arrived(connection, SERVER) && has_arrived(connection, CLIENT))
            return;
        (void)poll(NULL, 0, 1);
    }
}

static void enter(const struct connection *connection, enum side side)
{
    settle(connection);
    if (!turns_count || side != counted_side)
        return;
    if (counts_begin)
        counts_begin();
    CALLGRIND_TOGGLE_COLLECT;
}

static void leave(enum side side)
{
    if (!turns_count || side != counted_side)
        return;
    CALLGRIND_TOGGLE_COLLECT;
    if (counts_end)
        counts_end();
}

void turn_begin(struct connection *connection, enum side side, bool resumes)
{
    enter(connection, side);
    end_begin(connection->ends[side], side == SERVER, resumes, connection->sockets[side]);
    leave(side);
}

bool turn_handshake(struct connection *connection, enum side side)
{
    enter(connection, side);
    bool done = end_handshake(connection->ends[side]);
    leave(side);
    return done;
}

size_t turn_write(struct connection *connection, enum side side, const char *bytes, size_t size)
{
    enter(connection, side);
    size_t n = end_write(connection->ends[side], bytes, size);
    leave(side);
    return n;
}

size_t turn_read(struct connection *connection, enum side side)
{
    enter(connection, side);
    size_t n = end_read(connection->ends[side]);
    leave(side);
    return n;
}

size_t turn_echo(struct connection *connection, enum side side)
{
    enter(connection, side);
    size_t n = end_echo(connection->ends[side]);
    leave(side);
    return n;
}

void turn_rest(struct connection *connection, enum side side)
{
    enter(connection, side);
    end_rest(connection->ends[side]);
    leave(side);
}

bool turn_close(struct connection *connection, enum side side)
{
    enter(connection, side);
    bool done = end_close(connection->ends[side]);
    leave(side);
    return done;
}

void turn_end(struct connection *connection, enum side side)
{
    enter(connection, side);
    end_end(connection->ends[side]);
    leave(side);
}
