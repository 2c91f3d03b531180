/* SPDX-License-Identifier: MIT */
/* --proxy: asks a proxy for a connection to the target: HTTP's CONNECT (RFC 9110 9.3.6), SOCKS5 (RFC 1928, 1929). */
#ifndef ADIEU_CLI_PROXY_H
#define ADIEU_CLI_PROXY_H

#include "dialogue.h"
#include "values.h"

enum proxy_kind { PROXY_NONE, PROXY_HTTP, PROXY_SOCKS5 };

/* What both can carry; RFC 1929 allows no more. */
#define PROXY_SECRET 256

struct proxy {
    enum proxy_kind kind;
    bool has_user;
    char host[HOST_SIZE], port[PORT_SIZE];
    char user[PROXY_SECRET], password[PROXY_SECRET]; /* secret: in no message */
};

/*
 * http://[USER:PASSWORD@]HOST:PORT or socks5://…; in USER and PASSWORD %XX stands for a byte. NULL: done; otherwise what is
 * wrong with it, as the end of a sentence that does not show the text, in which there may be a password.
 */
const char *proxy_parse(const char *text, struct proxy *proxy);
/* Whether a proxy can be asked for this host: it must not break the line in which it is named. */
bool proxy_host_is_fit(const char *host);

/*
 * Begins the dialogue that asks for host and port. tls_follows: nothing may stand behind the proxy's answer. proxy and host
 * are kept, and must live as long as the dialogue.
 */
void proxy_begin(struct dialogue *dialogue, const struct proxy *proxy, const char *host, unsigned port,
                 bool tls_follows);

/* The two kinds. */
void connect_proxy_begin(struct dialogue *dialogue);
void socks5_begin(struct dialogue *dialogue);

#endif
