/* SPDX-License-Identifier: MIT */
/* Times, and what is said of many of them. */
#ifndef BENCH_LOAD_FIGURES_H
#define BENCH_LOAD_FIGURES_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds, as many as there is room for. */
struct figures {
    uint64_t *values;
    size_t count, room;
};

/* Ends the program if there is no memory. */
struct figures figures_new(uint64_t room);
void figures_add(struct figures *figures, uint64_t value);
/* Prints "NAME":{"median":..,"p99":..} in microseconds, null where there are none, and frees. */
void figures_print(struct figures *figures, const char *name);

/* Nanoseconds of a clock that is never set. */
uint64_t now(void);
/* Seconds since then. */
double seconds_since(uint64_t then);
/* Prints "seconds":..,"cpu_seconds":..: since then, and of this whole process. */
void figures_print_time(double seconds);

#endif
