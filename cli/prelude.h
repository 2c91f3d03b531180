/* SPDX-License-Identifier: MIT */
/* What comes between the connection and TLS: the proxy's dialogue, and then that of --starttls. */
#ifndef ADIEU_CLI_PRELUDE_H
#define ADIEU_CLI_PRELUDE_H

#include "connection.h"
#include "dialogue.h"

struct prelude {
    bool through_proxy; /* that one is being led now; otherwise --starttls's */
    struct dialogue dialogue;
    char late[ADIEU_ERROR_TEXT];
};

/* Whether there is anything to say before TLS. */
bool prelude_wanted(const struct options *options);
/* OK: TLS can begin. WAIT: see prelude_interest. FAIL: the error is set. */
enum adieu_status prelude_step(struct connection *connection);
struct pollfd prelude_interest(const struct connection *connection);
/* What a passed deadline was waited for: "proxy …: the proxy's answer did not come within". */
const char *prelude_late(const struct connection *connection);
void prelude_free(struct connection *connection);

#endif
