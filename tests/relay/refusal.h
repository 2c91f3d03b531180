/* SPDX-License-Identifier: MIT */
/* Stories in which one end does not trust the other, and both have to say so. */
#ifndef ADIEU_TESTS_RELAY_REFUSAL_H
#define ADIEU_TESTS_RELAY_REFUSAL_H

#include "play.h"

/* cmocka's, for the group. */
int refusal_setup(void **state);
int refusal_teardown(void **state);

/* A server that asks for a certificate of ours, and a client with none or with a stranger's that pushes that much. */
struct story refusal_of_client(bool stranger, enum adieu_version version, size_t size);
/* A client that does not know who has signed for the server. */
struct story refusal_of_server(enum adieu_version version);

/* Plays it, checks both ends, and frees its configs. */
void refuse_clients(const struct field *field, struct story story, int count);
void refuse_servers(const struct field *field, struct story story, int count);

/* The one that is refused names the alert, exit status 5. */
bool was_told(const struct end *end);

#endif
