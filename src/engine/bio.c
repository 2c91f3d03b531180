/* SPDX-License-Identifier: MIT */
/*
 * The BIO between OpenSSL and the core. It never blocks on output, and it never shows an EOF: OpenSSL would take it
 * for a fatal error after which not even close_notify can be written. The core raises EOF by itself.
 */
#include <limits.h>
#include <string.h>

#include "openssl.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * Behind the handshake OpenSSL reads ahead, and asks once for each record instead of once for its header and once for its
 * body. It is given what there is of the record at hand, and nothing behind it: nothing received may hide in the engine,
 * see dry in the core, and what lies behind close_notify is the program's. A length that is nonsense is found so by OpenSSL,
 * which wants nothing more then.
 */
static size_t take_record(struct engine *engine, char *buf, size_t size)
{
    struct record *record = &engine->record;
    size_t header = 0;
    if (!record->left) {
        header = stream_take(engine->stream, buf, least(size, sizeof record->header - record->given));
        memcpy(record->header + record->given, buf, header);
        record->given += (uint8_t)header;
        if (record->given < sizeof record->header)
            return header;
        record->given = 0;
        record->left = (uint16_t)(record->header[3] << 8 | record->header[4]);
    }
    size_t body = stream_take(engine->stream, buf + header, least(size - header, record->left));
    record->left -= (uint16_t)body;
    return header + body;
}

void engine_read_ahead(struct engine *engine)
{
    engine->reads_ahead = true;
    SSL_set_read_ahead(engine->ssl, 1);
}

static int wire_read(BIO *bio, char *buf, size_t size, size_t *got)
{
    struct engine *engine = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got = engine->reads_ahead ? take_record(engine, buf, size) : stream_take(engine->stream, buf, size);
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
