/* SPDX-License-Identifier: MIT */
/* GnuTLS over the descriptor, with tickets, as a server of it is set up as a rule. */
#include <stdio.h>

#include <gnutls/gnutls.h>

#include "polled.h"

static gnutls_certificate_credentials_t credentials;
static gnutls_priority_t priority;
static gnutls_datum_t ticket_key;
static bool serves;

/* NORMAL, but for the one suite. */
static bool set_suite(const struct arguments *arguments)
{
    static const char *const ciphers[] = {"AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"};
    char text[128];
    (void)snprintf(text, sizeof text, "NORMAL:-VERS-ALL:+VERS-TLS1.%d:-CIPHER-ALL:+%s%s", arguments->tls - 10,
                   ciphers[arguments->cipher], arguments->tls == 12 ? ":-KX-ALL:+ECDHE-ECDSA" : "");
    return gnutls_priority_init(&priority, text, NULL) == 0;
}

void tls_begin(const struct arguments *arguments)
{
    serves = arguments->serves;
    bool done = gnutls_certificate_allocate_credentials(&credentials) == 0 && set_suite(arguments);
    if (done && serves)
        done = gnutls_certificate_set_x509_key_file(credentials, arguments->cert, arguments->key,
                                                    GNUTLS_X509_FMT_PEM) == 0 &&
               gnutls_session_ticket_key_generate(&ticket_key) == 0;
    if (!done)
        peer_failed("GnuTLS does not take the certificate, the key or the suite");
}

static bool set_up(gnutls_session_t session, int descriptor)
{
    gnutls_transport_set_int(session, descriptor);
    return gnutls_priority_set(session, priority) == 0 &&
           gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) == 0 &&
           (!serves || gnutls_session_ticket_enable_server(session, &ticket_key) == 0);
}

void *tls_new(int descriptor)
{
    gnutls_session_t session;
    unsigned role = serves ? GNUTLS_SERVER : GNUTLS_CLIENT;
    if (gnutls_init(&session, role | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0)
        return NULL;
    if (set_up(session, descriptor))
        return session;
    gnutls_deinit(session);
    return NULL;
}

void tls_free(void *tls)
{
    gnutls_deinit(tls);
}

/* What a call that moved nothing wants. */
static ssize_t what(void *tls, ssize_t answer)
{
    if (answer == GNUTLS_E_AGAIN || answer == GNUTLS_E_INTERRUPTED)
        return gnutls_record_get_direction(tls) ? WANTS_WRITE : WANTS_READ;
    return answer == 0 ? ENDED : BROKEN;
}

ssize_t tls_handshake(void *tls)
{
    int answer = gnutls_handshake(tls);
    while (answer < 0 && !gnutls_error_is_fatal(answer) && answer != GNUTLS_E_AGAIN)
        answer = gnutls_handshake(tls); /* a warning, or a signal */
    return answer == 0 ? 0 : what(tls, answer);
}

ssize_t tls_read(void *tls, void *buf, size_t size)
{
    ssize_t n = gnutls_record_recv(tls, buf, size);
    return n > 0 ? n : what(tls, n);
}

bool tls_holds(void *tls)
{
    return gnutls_record_check_pending(tls) > 0;
}

ssize_t tls_write(void *tls, const void *buf, size_t size)
{
    ssize_t n = gnutls_record_send(tls, buf, size);
    return n > 0 ? n : what(tls, n);
}

ssize_t tls_goodbye(void *tls)
{
    int answer = gnutls_bye(tls, GNUTLS_SHUT_WR);
    return answer == 0 ? 0 : what(tls, answer);
}
