/* SPDX-License-Identifier: MIT */
#include <cert.h>
#include <nss.h>
#include <pk11pub.h>
#include <private/pprio.h>
#include <prerror.h>
#include <prinit.h>
#include <prio.h>
#include <prnetdb.h>
#include <ssl.h>
#include <sslproto.h>
#include <stdio.h>
#include <stdlib.h>

#include "driver.h"

static PRFileDesc *session;

static bool good(SECStatus status)
{
    return status == SECSuccess;
}

/* The database (made with certutil and pk12util) lies beside the program's data, in NSS_DB; it holds the authority and, if there is
 * one, our certificate as "us". */
static bool identity(const struct given *given)
{
    if (!given->server || !given->cert)
        return true;
    CERTCertificate *cert = PK11_FindCertFromNickname("us", NULL);
    SECKEYPrivateKey *key = cert ? PK11_FindKeyByAnyCert(cert, NULL) : NULL;
    return key && good(SSL_ConfigServerCert(session, cert, key, NULL, 0));
}

/* NSS gives no way to say that the database's only certificate is meant, but this. */
static SECStatus choose(void *context, PRFileDesc *fd, CERTDistNames *names, CERTCertificate **cert,
                        SECKEYPrivateKey **key)
{
    (void)context, (void)fd, (void)names;
    *cert = PK11_FindCertFromNickname("us", NULL);
    *key = *cert ? PK11_FindKeyByAnyCert(*cert, NULL) : NULL;
    return *key ? SECSuccess : SECFailure;
}

static void settings(const struct given *given)
{
    PRUint16 version = given->version == 3 ? SSL_LIBRARY_VERSION_TLS_1_3 : SSL_LIBRARY_VERSION_TLS_1_2;
    SSL_VersionRangeSet(session, &(SSLVersionRange){version, version});
    SSL_OptionSet(session, SSL_SECURITY, PR_TRUE);
    SSL_OptionSet(session, SSL_NO_CACHE, PR_TRUE); /* a server without a configured cache divides by zero */
    SSL_OptionSet(session, SSL_ENABLE_FDX, PR_TRUE);
    SSL_OptionSet(session, given->server ? SSL_HANDSHAKE_AS_SERVER : SSL_HANDSHAKE_AS_CLIENT, PR_TRUE);
    if (given->ask) {
        SSL_OptionSet(session, SSL_REQUEST_CERTIFICATE, PR_TRUE);
        SSL_OptionSet(session, SSL_REQUIRE_CERTIFICATE, SSL_REQUIRE_ALWAYS);
    }
    if (!given->server) {
        SSL_SetURL(session, "localhost");
        SSL_GetClientAuthDataHook(session, choose, NULL);
    }
}

bool tls_begin(const struct given *given, int fd)
{
    PR_Init(PR_USER_THREAD, PR_PRIORITY_NORMAL, 0);
    PRFileDesc *tcp = PR_ImportTCPSocket(fd);
    PRSocketOptionData blocking = {.option = PR_SockOpt_Nonblocking, .value.non_blocking = PR_FALSE};
    PR_SetSocketOption(tcp, &blocking);
    if (!good(NSS_Init(getenv("NSS_DB"))) || !good(NSS_SetDomesticPolicy()))
        return false;
    session = SSL_ImportFD(NULL, tcp);
    if (!session || !identity(given))
        return false;
    settings(given);
    return good(SSL_ResetHandshake(session, given->server)) && good(SSL_ForceHandshake(session));
}

long tls_read(void *buf, size_t size)
{
    return PR_Recv(session, buf, (PRInt32)size, 0, PR_INTERVAL_NO_TIMEOUT);
}

bool tls_write(const void *buf, size_t size)
{
    return PR_Send(session, buf, (PRInt32)size, 0, PR_INTERVAL_NO_TIMEOUT) == (PRInt32)size;
}

bool tls_shutdown(void)
{
    return PR_Shutdown(session, PR_SHUTDOWN_SEND) == PR_SUCCESS;
}

const char *tls_error(void)
{
    static char words[256];
    const char *text = PR_ErrorToString(PR_GetError(), PR_LANGUAGE_I_DEFAULT);
    snprintf(words, sizeof words, "%s: %s", PR_ErrorToName(PR_GetError()), text);
    return words;
}
