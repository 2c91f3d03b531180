/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct figures figures_new(uint64_t room)
{
    struct figures figures = {.values = calloc(room ? room : 1, sizeof(uint64_t)), .room = room};
    if (figures.values)
        return figures;
    fputs("load: no memory\n", stderr);
    exit(EXIT_FAILURE);
}

void figures_add(struct figures *figures, uint64_t value)
{
    if (figures->count < figures->room)
        figures->values[figures->count++] = value;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* What so many of a hundred do not exceed. */
static double percentile(const struct figures *figures, unsigned percent)
{
    return (double)figures->values[(figures->count - 1) * percent / 100] / 1000;
}

void figures_print(struct figures *figures, const char *name)
{
    qsort(figures->values, figures->count, sizeof figures->values[0], compare);
    if (figures->count > 0)
        printf("\"%s\": {\"median\": %.1f, \"p99\": %.1f}", name, percentile(figures, 50), percentile(figures, 99));
    else
        printf("\"%s\": {\"median\": null, \"p99\": null}", name);
    free(figures->values);
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double seconds_since(uint64_t then)
{
    return (double)(now() - then) / 1e9;
}

void figures_print_time(double seconds)
{
    double cpu = (double)read_clock(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
    printf("\"seconds\": %.6f, \"load_cpu_seconds\": %.6f", seconds, cpu);
}
