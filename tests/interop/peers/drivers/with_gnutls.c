/* SPDX-License-Identifier: MIT */
#include <gnutls/gnutls.h>

#include "driver.h"

static gnutls_session_t session;
static int wrong;

static bool good(int code)
{
    wrong = code;
    return code >= 0;
}

static bool identity(const struct given *given, gnutls_certificate_credentials_t credentials)
{
    return good(gnutls_certificate_set_x509_trust_file(credentials, given->ca, GNUTLS_X509_FMT_PEM)) &&
           (!given->cert ||
            good(gnutls_certificate_set_x509_key_file(credentials, given->cert, given->key, GNUTLS_X509_FMT_PEM)));
}

bool tls_begin(const struct given *given, int fd)
{
    gnutls_certificate_credentials_t credentials;
    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_init(&session, given->server ? GNUTLS_SERVER : GNUTLS_CLIENT);
    gnutls_priority_set_direct(
        session, given->version == 3 ? "NORMAL:-VERS-ALL:+VERS-TLS1.3" : "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL);
    if (!identity(given, credentials))
        return false;
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    if (given->ask)
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    if (given->ask || !given->server)
        gnutls_session_set_verify_cert(session, given->server ? NULL : "localhost", 0);
    gnutls_transport_set_int(session, fd);
    do
        wrong = gnutls_handshake(session);
    while (wrong < 0 && !gnutls_error_is_fatal(wrong));
    if (wrong < 0) /* its users are told to send it themselves */
        gnutls_alert_send_appropriate(session, wrong);
    return wrong >= 0;
}

long tls_read(void *buf, size_t size)
{
    ssize_t n;
    do
        n = gnutls_record_recv(session, buf, size);
    while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN);
    wrong = (int)n;
    return n < 0 ? -1 : n;
}

bool tls_write(const void *buf, size_t size)
{
    for (const char *at = buf; size > 0;) {
        ssize_t n = gnutls_record_send(session, at, size);
        if (!good((int)n))
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool tls_shutdown(void)
{
    return good(gnutls_bye(session, GNUTLS_SHUT_WR));
}

const char *tls_error(void)
{
    if (wrong == GNUTLS_E_FATAL_ALERT_RECEIVED || wrong == GNUTLS_E_WARNING_ALERT_RECEIVED)
        return gnutls_alert_get_name(gnutls_alert_get(session));
    return gnutls_strerror(wrong);
}
