/* SPDX-License-Identifier: MIT */
#ifndef ADIEU_TESTS_SOCKETS_CALLS_H
#define ADIEU_TESTS_SOCKETS_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* From now on new sockets, and the clock, are simulated ones; or real again. */
void calls_simulate(bool on, uint64_t seed);

#endif
