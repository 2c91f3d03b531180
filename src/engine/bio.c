/* SPDX-License-Identifier: MIT */
/*
 * The BIO between OpenSSL and the core. It never blocks on output, and it never shows an EOF: OpenSSL would take it
 * for a fatal error after which not even close_notify can be written. The core raises EOF by itself.
 */
#include <limits.h>

#include "openssl.h"

static int wire_read(BIO *bio, char *buf, size_t size, size_t *got)
{
    struct engine *engine = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got = stream_take(engine->stream, buf, size);
    if (*got)
        return 1;
    BIO_set_retry_read(bio);
    return 0;
}

static int wire_write(BIO *bio, const char *bytes, size_t size, size_t *put)
{
    struct engine *engine = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *put = 0;
    engine->refusal.swallowed = refusal_swallows(engine, bytes, size);
    if (!engine->refusal.swallowed && !later_put(engine, bytes, size))
        return 0;
    *put = size;
    return 1;
}

static long wire_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int wire_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *engine_wire_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "adieu");
    if (method && BIO_meth_set_read_ex(method, wire_read) && BIO_meth_set_write_ex(method, wire_write) &&
        BIO_meth_set_ctrl(method, wire_control) && BIO_meth_set_create(method, wire_create))
        return method;
    BIO_meth_free(method);
    return NULL;
}

struct engine *engine_of(const SSL *ssl)
{
    return BIO_get_data(SSL_get_rbio(ssl));
}
