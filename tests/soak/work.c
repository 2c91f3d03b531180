/* SPDX-License-Identifier: MIT */
/* soak stories | soak server KIND FOLDER | soak client KIND FOLDER SEED COUNT RATE PORT...: see README.md. A client waits for its g. */
#define _GNU_SOURCE /* malloc.h's mallinfo2 is glibc's; the extra is asked for in one place */
#include "work.h"

#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "adieu_fd.h"
#include "meddler.h"
#include "talk.h"
#include "trust.h"

/* A sanitizer's allocator, where there is one. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t heap_in_use(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void stand(const struct work *work, unsigned live)
{
    printf("stand live=%u heap=%zu handles=%u paused=%d next=%" PRIu64 "\n", live, heap_in_use(), work->handles,
           work->paused, work->seed);
    fflush(stdout);
}

void work_orders(struct work *work, unsigned live)
{
    struct pollfd input = {.events = POLLIN, .fd = STDIN_FILENO};
    char order;
    while (!work->quitting && poll(&input, 1, 0) > 0) {
        if (read(STDIN_FILENO, &order, 1) != 1)
            order = 'q';
        if (order == 's')
            stand(work, live);
        if (order == 'p' || order == 'g')
            work->paused = order == 'p';
        if (order == 'q')
            work->quitting = true;
    }
}

static int64_t interval_us(const struct work *work)
{
    return (int64_t)(1e6 / work->rate);
}

bool work_begins(struct work *work, unsigned live, struct plan *plan, unsigned *port)
{
    int64_t now = now_us();
    if (!work->client || work->paused || work->quitting || live >= MAX_LIVE || now < work->due_us)
        return false;
    /* What was missed is not made up for at once. */
    work->due_us = (now - work->due_us > 10 * interval_us(work) ? now : work->due_us) + interval_us(work);
    bool has_turn = false;
    while (!has_turn && !work->paused) {
        has_turn = plan_of(work->seed++, work->targets, plan);
        if (work->count > 0 && --work->count == 0)
            work->paused = true;
    }
    *port = work->ports[plan->target];
    if (stories[plan->story].wire != WIRE_STRAIGHT)
        *port = meddler_port(plan->target);
    return has_turn;
}

int work_timeout(const struct work *work)
{
    if (!work->client || work->paused || work->quitting)
        return 1000;
    int64_t left = (work->due_us - now_us() + 999) / 1000;
    return left < 1 ? 1 : left > 1000 ? 1000 : (int)left;
}

bool work_over(const struct work *work, unsigned live)
{
    return work->quitting && live == 0;
}

int work_listen(void)
{
    struct adieu_fd_address any = {.host = "0.0.0.0", .port = "0"};
    struct adieu_error error;
    int listener = adieu_fd_listen(&any, 128, adieu_fd_in(5000), &error);
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    if (listener < 0 || getsockname(listener, (struct sockaddr *)&at, &size) != 0) {
        fprintf(stderr, "soak: %s\n", error.text);
        exit(1);
    }
    printf("port %u\n", (unsigned)ntohs(at.sin_port));
    fflush(stdout);
    return listener;
}

static int usage(void)
{
    fputs("usage: soak stories\n"
          "       soak server fd|polled|uv FOLDER\n"
          "       soak client fd|polled|uv FOLDER SEED COUNT RATE PORT...\n",
          stderr);
    return 64;
}

static void run(struct work *work, const char *kind)
{
    if (work->client)
        trust_client(work->folder);
    else
        trust_server(work->folder);
    if (work->client)
        meddler_start(work->ports, work->targets);
    if (strcmp(kind, "fd") == 0)
        blocking_work(work);
    else if (strcmp(kind, "polled") == 0)
        polled_work(work);
    else
        uv_work(work);
    if (work->client)
        meddler_stop();
    trust_free();
}

int main(int argc, char **argv)
{
    struct work work = {.rate = 1, .due_us = now_us()};
    if (argc == 2 && strcmp(argv[1], "stories") == 0)
        return print_stories(), 0;
    if (argc < 4)
        return usage();
    work.client = work.paused = strcmp(argv[1], "client") == 0;
    work.folder = argv[3];
    if (work.client && (argc < 8 || argc > 7 + MAX_TARGETS))
        return usage();
    if (work.client) {
        work.seed = strtoull(argv[4], NULL, 10);
        work.count = strtoull(argv[5], NULL, 10);
        work.rate = strtod(argv[6], NULL);
        for (int i = 7; i < argc; i++)
            work.ports[work.targets++] = (unsigned)strtoul(argv[i], NULL, 10);
    }
    signal(SIGPIPE, SIG_IGN); /* the driver may be gone; the library needs no such thing */
    run(&work, argv[2]);
    return 0;
}
