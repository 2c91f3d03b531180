/* SPDX-License-Identifier: MIT */
/* The configs of adieu's subjects. */
#ifndef ADIEU_CONFIGS_H
#define ADIEU_CONFIGS_H

#include "adieu.h"

/* Of clients: one that makes each connection anew, one that resumes. */
extern struct adieu_config *client_config, *resuming_config;
extern struct adieu_config *server_config;

void configs_begin(const char *cert, const char *key);
void configs_end(void);

#endif
