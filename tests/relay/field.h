/* SPDX-License-Identifier: MIT */
/* Where the tests' conversations take place: on loopback, or between two namespaces through a relay. */
#ifndef ADIEU_TESTS_RELAY_FIELD_H
#define ADIEU_TESTS_RELAY_FIELD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay.h"

/* Half of the round trip of 40 ms. */
#define DELAY_MS 20

struct field {
    const char *host; /* the server's address */
    struct network network;
    struct relay *relay; /* NULL: loopback */
    FILE *trace;         /* ADIEU_RELAY_TRACE in the environment: every packet is written there */
    const char *problem; /* why there is no relay */
};

/* cmocka's: a new network for each test, so that no packet of an old one is carried. */
int field_setup(void **state);
int field_teardown(void **state);

/* The test's field. It skips the test, by name and with the reason, where there can be none. */
struct field *field_of(void **state);
extern const struct field loopback;
/* Another network, into which no connection of an old one sends anything again. */
void field_renew(struct field *field);

/* The calling thread makes its sockets on that side from now on. */
void field_enter(const struct field *field, enum side side);

/* A goodbye that is in order puts no reset on the wire, but for one that comes too late to hurt: see flow.h. */
void assert_no_resets(const struct field *field);

/* How often: ADIEU_SOAK in the environment asks for the long form. Its value is the seed of what is lost. */
int rounds(int ordinary, int soak);

#define relay_test(function) cmocka_unit_test_setup_teardown(function, field_setup, field_teardown)

#endif
