/* SPDX-License-Identifier: MIT */
/* Who is who: configs of clients and servers, from the files that soak-identities made. */
#ifndef ADIEU_TESTS_SOAK_TRUST_H
#define ADIEU_TESTS_SOAK_TRUST_H

#include "adieu.h"

#include "stories.h"

/* Reads what is needed from the folder; ends the program if that fails. */
void trust_client(const char *folder);
void trust_server(const char *folder);
void trust_free(void);

/* The client's config for a plan, and the name that it asks for. They stay the module's. */
struct adieu_config *trust_config(const struct plan *plan, const char **name);
/* The server's, which chooses by name. */
struct adieu_config *trust_serving(void);

#endif
