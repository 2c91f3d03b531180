/* SPDX-License-Identifier: MIT */
/* Whether the peer is whom we trust. */
#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "openssl.h"

bool pin_of(const X509 *certificate, uint8_t pin[ADIEU_PIN_SIZE])
{
    uint8_t *key = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
    bool made = size > 0 && EVP_Digest(key, (size_t)size, pin, NULL, EVP_sha256(), NULL);
    OPENSSL_free(key);
    return made;
}

enum adieu_status pin_told(const X509 *certificate, uint8_t pin[ADIEU_PIN_SIZE])
{
    ERR_clear_error();
    bool told = certificate && pin_of(certificate, pin);
    ERR_clear_error();
    return told ? ADIEU_OK : ADIEU_FAIL;
}

bool trusts_pins_alone(const struct engine_config *config)
{
    return config->pin_count && !config->roots_named && !config->crls && !config->wants_staple;
}

static bool pins_hold(const struct engine_config *config, const X509 *leaf)
{
    uint8_t pin[ADIEU_PIN_SIZE];
    if (!config->pin_count)
        return true;
    for (size_t i = 0; leaf && pin_of(leaf, pin) && i < config->pin_count; i++)
        if (!memcmp(config->pins[i].bytes, pin, sizeof pin))
            return true;
    return false;
}

static void explain(struct engine *engine, long chain_error)
{
    bool another = chain_error == X509_V_ERR_HOSTNAME_MISMATCH || chain_error == X509_V_ERR_IP_ADDRESS_MISMATCH;
    const char *reason = revocation_problem(chain_error);
    if (!reason)
        reason = X509_verify_cert_error_string(chain_error);
    if (another && engine->name)
        engine_set_problem(engine, "its certificate is not for %.80s (%s)", engine->name, reason);
    else
        engine_set_problem(engine, "%s", reason);
}

/* The decision, given what the chain (or a resumed session) is worth. Fills verified and, if refused, problem. */
static bool decide(struct engine *engine, const struct engine_config *config, const X509 *leaf, long chain_error)
{
    bool pinned = pins_hold(config, leaf);
    bool chained = chain_error == X509_V_OK;
    bool chain_matters = !config->insecure && !trusts_pins_alone(config);
    if (!pinned)
        engine_set_problem(engine, "its key has another pin than the one trusted");
    else if (chain_matters && !chained)
        explain(engine, chain_error);
    if (!pinned || (chain_matters && !chained))
        return false;
    engine_set_problem(engine, NULL);
    if (chain_matters)
        engine->verified = engine->server ? ADIEU_VERIFIED_AUTHORITY : ADIEU_VERIFIED_NAME;
    else
        engine->verified = config->pin_count ? ADIEU_VERIFIED_PIN : ADIEU_VERIFIED_NO;
    return true;
}

struct question {
    struct engine *engine;
    const struct engine_config *config;
    X509 *leaf;
    bool accepted;
};

/* Who cannot be shown to the program, for lack of memory, is not accepted by it. */
static enum adieu_decision ask(void *arg)
{
    const struct question *question = arg;
    const struct engine_config *config = question->config;
    uint8_t *der = NULL;
    int size = i2d_X509(question->leaf, &der);
    if (size <= 0) {
        question->engine->starved = true;
        return ADIEU_REFUSE;
    }
    bool before = stream_enter_callback(question->engine->stream);
    enum adieu_decision decision =
        config->on_verify(config->on_verify_context, question->engine->stream, question->accepted,
                          engine_problem(question->engine), der, (size_t)size);
    stream_leave_callback(question->engine->stream, before);
    OPENSSL_free(der);
    return decision;
}

/*
 * The decision, and the application's word on it, if it wants one. What it accepts against our finding is not
 * verified.
 */
static enum adieu_decision settle(struct engine *engine, const struct engine_config *config, X509 *leaf,
                                  long chain_error)
{
    bool accepted = decide(engine, config, leaf, chain_error);
    bool chain_is_to_blame = chain_error != X509_V_OK && pins_hold(config, leaf);
    engine->blame = chain_is_to_blame ? (int)chain_error : X509_V_ERR_CERT_REJECTED;
    engine->refusal.alert = refusal_alert(engine->blame);
    if (!config->on_verify)
        return accepted ? ADIEU_ACCEPT : ADIEU_REFUSE;
    struct question question = {.engine = engine, .config = config, .leaf = leaf, .accepted = accepted};
    enum adieu_decision decision = stream_decision(engine->stream, ask, &question);
    if (decision == ADIEU_LATER && engine->server)
        later_begin(engine, accepted, engine->verified);
    if (decision != ADIEU_ACCEPT || !accepted)
        engine->verified = ADIEU_VERIFIED_NO;
    if (decision != ADIEU_ACCEPT && decision != ADIEU_LATER && accepted)
        engine_set_problem(engine, "the program does not accept its certificate");
    return decision;
}

/* Whether OpenSSL is to go on nevertheless, to where the refusal can be said: see refusal.c. */
static bool refuse_later(struct engine *engine, int chain_error, bool unsayable)
{
    /* These are not about the certificate: OpenSSL calls them an internal error, and so a fault of ours. */
    bool ours = engine->starved || chain_error == X509_V_ERR_UNSPECIFIED || chain_error == X509_V_ERR_INVALID_CALL ||
                chain_error == X509_V_ERR_STORE_LOOKUP;
    bool unreadable = !engine->server && SSL_version(engine->ssl) == TLS1_3_VERSION;
    engine->refusal.due = !ours && !stream_established(engine->stream) && (unreadable || unsayable);
    return engine->refusal.due;
}

/* The error chooses OpenSSL's alert: the application's, or, where the chain is not to blame, bad_certificate. */
static bool refuse_chain(struct engine *engine, X509_STORE_CTX *store, enum adieu_decision decision)
{
    int wanted = 0;
    uint8_t alert = refusal_wanted(decision, &wanted);
    int error = alert ? wanted : engine->blame;
    if (engine->starved)
        error = X509_V_ERR_OUT_OF_MEM;
    bool unsayable = error == X509_V_OK;
    X509_STORE_CTX_set_error(store, unsayable ? X509_V_ERR_CERT_REJECTED : error);
    if (alert)
        engine->refusal.alert = alert;
    return refuse_later(engine, error, unsayable);
}

bool engine_has_name(const struct engine *engine, X509 *leaf)
{
    if (!engine->name)
        return true;
    if (is_address(engine->name))
        return X509_check_ip_asc(leaf, engine->name, 0) > 0;
    return X509_check_host(leaf, engine->name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) > 0;
}

/*
 * Without memory OpenSSL verifies without the name or the purpose, and accepts: so nothing is accepted that was found
 * in want, and the name is looked at once more.
 */
static int verify_chain(struct engine *engine, const struct engine_config *config, X509_STORE_CTX *store)
{
    revocation_prepare(config, store);
    X509_verify_cert(store);
    engine_look_for_shortage(engine);
    int error = X509_STORE_CTX_get_error(store);
    if (error == X509_V_OK && engine->starved)
        error = X509_V_ERR_OUT_OF_MEM;
    else if (error == X509_V_OK && !engine->server && !engine_has_name(engine, X509_STORE_CTX_get0_cert(store)))
        error = X509_V_ERR_HOSTNAME_MISMATCH;
    X509_STORE_CTX_set_error(store, error);
    return error;
}

int engine_verify(X509_STORE_CTX *store, void *arg)
{
    const struct engine_config *config = arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct engine *engine = engine_of(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    int chain_error = verify_chain(engine, config, store);
    enum adieu_decision decision = settle(engine, config, leaf, chain_error);
    engine_look_for_shortage(engine);
    if (stream_established(engine->stream))
        late_verified(engine);
    switch (decision) {
    case ADIEU_ACCEPT: /* the chain's own error stays: it is what a session made now will be worth when resumed */
        return 1;
    case ADIEU_LATER: /* a client's handshake stops here, and comes here again; a server's goes on, but see later.c */
        if (!engine->server)
            SSL_set_retry_verify(ssl);
        return 1;
    default:
        return refuse_chain(engine, store, decision);
    }
}

/* ------------------------------------------------ behind OpenSSL's handshake */

static enum adieu_decision refuse(struct engine *engine, const char *problem)
{
    engine_set_problem(engine, "%s", problem);
    return ADIEU_REFUSE;
}

/*
 * An adopted context verifies the chain by itself, with callbacks of its owner's. The name is not theirs to forgive,
 * and where they accept what OpenSSL does not, nothing is verified.
 */
static enum adieu_decision trust_adopted(struct engine *engine, X509 *leaf)
{
    if (engine->config->insecure || !leaf || !(SSL_get_verify_mode(engine->ssl) & SSL_VERIFY_PEER))
        return ADIEU_ACCEPT;
    if (!engine->server && !engine_has_name(engine, leaf)) {
        explain(engine, X509_V_ERR_HOSTNAME_MISMATCH);
        return ADIEU_REFUSE;
    }
    /* Without a chain nobody has looked: OpenSSL's result is what it began with. */
    bool looked = SSL_session_reused(engine->ssl) || sk_X509_num(SSL_get0_verified_chain(engine->ssl)) > 0;
    if (looked && SSL_get_verify_result(engine->ssl) == X509_V_OK)
        engine->verified = engine->server ? ADIEU_VERIFIED_AUTHORITY : ADIEU_VERIFIED_NAME;
    return ADIEU_ACCEPT;
}

/*
 * OpenSSL verifies no certificate when it resumes: the session carries the one that was shown then, and what it was
 * found worth. The bytes come from the application, perhaps from a stream that verified less: so hold them against
 * this config.
 */
static enum adieu_decision trust_resumed(struct engine *engine, X509 *leaf)
{
    if (!engine_asks(engine))
        return ADIEU_ACCEPT;
    if (!leaf && engine->server) {
        engine->refusal.alert = SSL_AD_CERTIFICATE_REQUIRED;
        return engine_shown(engine)->client_auth == ADIEU_CLIENT_AUTH_REQUIRED
                   ? refuse(engine, "it showed no certificate")
                   : ADIEU_ACCEPT;
    }
    return settle(engine, engine_shown(engine), leaf, SSL_get_verify_result(engine->ssl));
}

enum adieu_decision engine_trusts(struct engine *engine)
{
    if (engine->refusal.due)
        return ADIEU_REFUSE;
    if (engine->later.decided)
        return ADIEU_ACCEPT;
    X509 *leaf = SSL_get0_peer_certificate(engine->ssl);
    if (!leaf && !engine->server && engine_asks(engine))
        return refuse(engine, "it showed no certificate");
    if (engine_shown(engine)->adopted)
        return trust_adopted(engine, leaf);
    return SSL_session_reused(engine->ssl) ? trust_resumed(engine, leaf) : ADIEU_ACCEPT;
}
