/* SPDX-License-Identifier: MIT */
/*
 * What was read is wiped in OpenSSL's buffer. SSL_OP_CLEANSE_PLAINTEXT wipes what a read has taken out, and the whole
 * buffer when it is given back: a tenth of what it costs to read much, and more than all the rest of reading a byte. So
 * it is set for the last record of what came only. What lay in the buffer before that is written over; and where
 * something may be left of it, the buffer is wiped once, when it is given back.
 */
#include "openssl.h"

static void set(SSL *ssl, bool wipes)
{
    if (wipes)
        SSL_set_options(ssl, SSL_OP_CLEANSE_PLAINTEXT);
    else
        SSL_clear_options(ssl, SSL_OP_CLEANSE_PLAINTEXT);
}

void wiping_read(struct engine *engine)
{
    engine->unwiped = engine->unwiped || stream_waits(engine->stream) > SSL3_RT_MAX_PACKET_SIZE;
    set(engine->ssl, !engine->unwiped);
}

void wiping_rest(struct engine *engine)
{
    set(engine->ssl, engine->unwiped);
    engine->unwiped = false;
}

/* A record is decrypted whole, and some of the last one may not have been read. */
void wiping_end(struct engine *engine)
{
    set(engine->ssl, engine->unwiped || engine_inside_record(engine));
}
