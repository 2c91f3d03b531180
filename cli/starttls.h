/* SPDX-License-Identifier: MIT */
/* --starttls: asks a server in its own protocol to begin TLS on the connection that there is. */
#ifndef ADIEU_CLI_STARTTLS_H
#define ADIEU_CLI_STARTTLS_H

#include "dialogue.h"

enum starttls {
    STARTTLS_SMTP, /* in the order of the option's words */
    STARTTLS_IMAP,
    STARTTLS_POP3,
    STARTTLS_FTP,
    STARTTLS_LDAP,
    STARTTLS_XMPP,
    STARTTLS_POSTGRES,
    STARTTLS_NONE,
};

/* "smtp", …; none for NONE. */
extern const char *const starttls_names[STARTTLS_NONE];

/* Begins the dialogue. domain: whom an XMPP server is asked to be. The descriptor is asked for its own address (SMTP). */
void starttls_begin(struct dialogue *dialogue, enum starttls protocol, const char *domain, int descriptor);

/* Those that have files of their own. */
void ldap_begin(struct dialogue *dialogue);
void xmpp_begin(struct dialogue *dialogue, const char *domain);

#endif
