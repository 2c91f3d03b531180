/* SPDX-License-Identifier: MIT */
/*
 * A client's certificate asked for behind the handshake (TLS 1.3, RFC 9846 4.7.2). The answer is Certificate,
 * CertificateVerify and Finished, perhaps in several reads: nothing of it counts before all of it has been proved.
 */
#include "openssl.h"

bool engine_may_ask(const struct engine *engine)
{
    const struct engine_config *shown = engine_shown(engine);
    return engine->server && !shown->adopted && shown->client_auth == ADIEU_CLIENT_AUTH_LATE && engine->late.offered &&
           !engine->late.asked && SSL_version(engine->ssl) == TLS1_3_VERSION;
}

/* Nothing is read for it, so the peer has no part in what goes wrong. */
enum engine_verdict engine_ask_certificate(struct engine *engine, struct adieu_error *error)
{
    engine_begin(engine);
    if (SSL_in_init(engine->ssl)) /* half of a message came */
        return ENGINE_WAIT;
    /* What is shown late is not remembered: OpenSSL would put it into new tickets. */
    SSL_set_num_tickets(engine->ssl, 0);
    SSL_set_verify(engine->ssl, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);
    enum engine_verdict verdict = keys_answer(engine, error);
    if (verdict != ENGINE_DONE)
        return verdict;
    bool made = SSL_verify_client_post_handshake(engine->ssl) == 1 && SSL_do_handshake(engine->ssl) == 1;
    return made && engine->late.asked ? engine_can(engine)
                                      : engine_cannot(engine, error, "ask for the client's certificate");
}

void late_saw(struct engine *engine, bool sent, uint8_t kind)
{
    struct late *late = &engine->late;
    if (sent && kind == SSL3_MT_CERTIFICATE_REQUEST && stream_established(engine->stream))
        late->asked = true; /* it was really put */
    if (sent || !late->asked)
        return;
    if (kind == SSL3_MT_CERTIFICATE) { /* OpenSSL forgets the last answer */
        late->unproved = true;
        late->finished = false;
        late->verified = engine->verified = ADIEU_VERIFIED_NO;
    }
    late->finished = late->finished || kind == SSL3_MT_FINISHED;
}

void late_verified(struct engine *engine)
{
    engine->late.verified = engine->verified;
    engine->verified = ADIEU_VERIFIED_NO;
}

void late_look(struct engine *engine, enum engine_verdict verdict)
{
    struct late *late = &engine->late;
    bool goes_on = verdict == ENGINE_DONE || verdict == ENGINE_WAIT || verdict == ENGINE_CLOSE_NOTIFY;
    if (!late->finished || !goes_on || SSL_in_init(engine->ssl))
        return;
    engine->verified = late->verified;
    late->asked = late->unproved = late->finished = false;
    stream_answered(engine->stream);
}

/* ------------------------------------------------ clients */

/*
 * Each request is answered at once, and a record has room for a thousand: so that a server cannot make us sign, and
 * queue our chain, as often as it likes, whoever asks more than this within one read is shown nothing any more
 * (4.4.2: an empty answer is one).
 */
static int answer_due(SSL *ssl, void *arg)
{
    enum { MOST_ANSWERS = 4 };
    (void)arg;
    struct engine *engine = engine_of(ssl);
    if (++engine->late.answers > MOST_ANSWERS)
        SSL_certs_clear(ssl);
    return 1;
}

void late_offer(struct engine *engine)
{
    if (engine->config->adopted || !engine->config->has_identity)
        return;
    SSL_set_post_handshake_auth(engine->ssl, 1);
    SSL_set_cert_cb(engine->ssl, answer_due, NULL);
}
