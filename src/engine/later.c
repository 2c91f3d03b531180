/* SPDX-License-Identifier: MIT */
/*
 * A server's decision about its client that comes later.
 *
 * OpenSSL cannot pause a server where it verifies (SSL_set_retry_verify() means "accepted" there). So it goes on, and
 * does not get anywhere: from that moment what it writes is held back here, and the handshake is not done. ACCEPT
 * lets leave what was held. REFUSE wipes it; to the client, the server's last word was the one before the question,
 * and so the alert is sealed here as the first one behind that: in plaintext in TLS 1.2 (change_cipher_spec was
 * held), as the first record under the server's application traffic keys in TLS 1.3 (only tickets were held, and
 * nothing is written before the client's Finished).
 *
 * Where a session is resumed OpenSSL verifies nothing, and we decide behind its handshake: in TLS 1.3 it is held back
 * from the client's Finished on. In TLS 1.2 nothing follows that, and the server's own Finished has gone before it.
 */
#include <stdlib.h>
#include <string.h>

#include "openssl.h"

void later_forget(struct engine *engine)
{
    struct later *later = &engine->later;
    if (later->bytes)
        OPENSSL_cleanse(later->bytes, later->size);
    free(later->bytes);
    later->bytes = NULL;
    later->size = 0;
}

bool later_put(struct engine *engine, const void *bytes, size_t size)
{
    struct later *later = &engine->later;
    if (!later->holds)
        return stream_put(engine->stream, bytes, size);
    uint8_t *grown = malloc(later->size + size);
    if (!grown) {
        engine->starved = true;
        return false;
    }
    if (later->size)
        memcpy(grown, later->bytes, later->size);
    memcpy(grown + later->size, bytes, size);
    size += later->size;
    later_forget(engine);
    later->bytes = grown;
    later->size = size;
    return true;
}

bool later_release(struct engine *engine)
{
    struct later *later = &engine->later;
    later->holds = false;
    bool put = stream_put(engine->stream, later->bytes, later->size);
    later_forget(engine);
    return put;
}

void later_saw_finished(struct engine *engine)
{
    bool resumes = engine->server && !stream_established(engine->stream) && SSL_session_reused(engine->ssl);
    if (resumes && engine_asks(engine) && SSL_version(engine->ssl) == TLS1_3_VERSION)
        engine->later.holds = true;
}

void later_begin(struct engine *engine, bool accepted, enum adieu_verified verified)
{
    engine->later.asked = engine->later.holds = true;
    engine->later.verified = accepted ? verified : ADIEU_VERIFIED_NO;
}

enum adieu_decision later_decided(struct engine *engine)
{
    struct later *later = &engine->later;
    if (!later->asked)
        return ADIEU_ACCEPT;
    enum adieu_decision decision = stream_decided(engine->stream);
    later->asked = decision == ADIEU_LATER;
    if (decision == ADIEU_ACCEPT) {
        later->decided = true;
        engine->verified = later->verified;
        (void)later_release(engine); /* the core knows if it could not */
    }
    return decision;
}
