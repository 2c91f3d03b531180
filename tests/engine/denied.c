/* SPDX-License-Identifier: MIT */
#include "denied.h"

#include <errno.h>
#include <stdarg.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ocsp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

const struct left reasons[REASONS] = {
    {0, 0},
    {ERR_LIB_SSL, ERR_R_INTERNAL_ERROR},
    {ERR_LIB_X509, ERR_R_MALLOC_FAILURE},
    {ERR_LIB_SYS, ENOMEM},
    {ERR_LIB_SYS, EIO},
};

static struct {
    size_t nth, seen;
    struct left left;
    bool here;
    const char *name;
} denied;

void deny_call(size_t nth, struct left left)
{
    denied.nth = nth;
    denied.seen = 0;
    denied.left = left;
    denied.name = NULL;
    denied.here = true;
}

void deny_here(bool here)
{
    denied.here = here;
}

const char *allow_calls(void)
{
    denied.here = false;
    return denied.name;
}

static bool fails(const char *name)
{
    if (!denied.here || denied.seen++ != denied.nth)
        return false;
    denied.name = name;
    if (denied.left.library) {
        ERR_new();
        ERR_set_error(denied.left.library, denied.left.reason, NULL);
        errno = denied.left.library == ERR_LIB_SYS ? denied.left.reason : errno;
    }
    return true;
}

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

/* ------------------------------------------------ the calls */

#define CALL(type, name, parameters, arguments, none)                                                                  \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return fails(#name) ? (none) : __real_##name arguments;                                                        \
    }
#define MEMORY(type, name, parameters, arguments)                                                                      \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return fails(#name) ? no_memory() : __real_##name arguments;                                                   \
    }
#define BY_HAND(type, name)
#include "denials.def"

EVP_PKEY *__real_EVP_PKEY_Q_keygen(OSSL_LIB_CTX *library, const char *wanted, const char *type, ...);
EVP_PKEY *__wrap_EVP_PKEY_Q_keygen(OSSL_LIB_CTX *library, const char *wanted, const char *type, ...);
long __real_SSL_ctrl(SSL *ssl, int command, long n, void *p);
long __wrap_SSL_ctrl(SSL *ssl, int command, long n, void *p);
long __real_SSL_CTX_ctrl(SSL_CTX *context, int command, long n, void *p);
long __wrap_SSL_CTX_ctrl(SSL_CTX *context, int command, long n, void *p);

/* Of a group, the only kind that the engine makes. */
EVP_PKEY *__wrap_EVP_PKEY_Q_keygen(OSSL_LIB_CTX *library, const char *wanted, const char *type, ...)
{
    va_list arguments;
    va_start(arguments, type);
    char *group = va_arg(arguments, char *);
    va_end(arguments);
    return fails("EVP_PKEY_Q_keygen") ? NULL : __real_EVP_PKEY_Q_keygen(library, wanted, type, group);
}

/* Most commands store or tell something, and cannot fail. */
long __wrap_SSL_ctrl(SSL *ssl, int command, long n, void *p)
{
    bool can_fail = command == SSL_CTRL_SET_TLSEXT_HOSTNAME;
    return can_fail && fails("SSL_ctrl") ? 0 : __real_SSL_ctrl(ssl, command, n, p);
}

long __wrap_SSL_CTX_ctrl(SSL_CTX *context, int command, long n, void *p)
{
    bool can_fail = command == SSL_CTRL_SET_MIN_PROTO_VERSION || command == SSL_CTRL_SET_MAX_PROTO_VERSION ||
                    command == SSL_CTRL_SET_TLSEXT_TICKET_KEYS || command == SSL_CTRL_GET_TLSEXT_TICKET_KEYS ||
                    command == SSL_CTRL_SET_GROUPS_LIST;
    return can_fail && fails("SSL_CTX_ctrl") ? 0 : __real_SSL_CTX_ctrl(context, command, n, p);
}
