/* SPDX-License-Identifier: MIT */
/* One stream's SSL: made from the config, run without ever waiting. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "openssl.h"

/* ------------------------------------------------ names */

bool is_address(const char *name)
{
    uint8_t address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool is_host_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    size_t size = strlen(name);
    if (!size || size > 253 || name[0] == '.' || name[0] == '-' || name[size - 1] == '.')
        return false;
    return strspn(name, allowed) == size && !strstr(name, "..");
}

/*
 * A copy without what certificates do not carry: the dot that makes a name absolute, and the zone of an IPv6 address,
 * which means something on this machine only (RFC 6874). NULL: no memory.
 */
static char *copy_name(const char *name)
{
    size_t size = strlen(name);
    if (size > 1 && name[size - 1] == '.')
        size--;
    if (strchr(name, ':'))
        size = strcspn(name, "%");
    char *copy = malloc(size + 1);
    if (copy) {
        memcpy(copy, name, size);
        copy[size] = '\0';
    }
    return copy;
}

/* Whether the peer must prove a name. */
static bool asks_for_name(const struct engine_config *config)
{
    return !config->insecure && !trusts_pins_alone(config);
}

/* RFC 6066 3: an address is not sent as server name; RFC 6125 6.4.3: wildcards stand for whole labels. */
static bool set_name(struct engine *engine, const char *name)
{
    bool address = is_address(name);
    if (!address && !SSL_set_tlsext_host_name(engine->ssl, name))
        return false;
    if (!asks_for_name(engine->config))
        return true;
    X509_VERIFY_PARAM *param = SSL_get0_param(engine->ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return address ? X509_VERIFY_PARAM_set1_ip_asc(param, name) : X509_VERIFY_PARAM_set1_host(param, name, 0);
}

static bool prepare_name(struct engine *engine, const char *name, struct adieu_error *error)
{
    if (!name) {
        if (!asks_for_name(engine->config))
            return true;
        error_set(error, ADIEU_ERR_NO_NAME, 0, NULL);
        return false;
    }
    engine->name = copy_name(name);
    if (!engine->name) {
        error_set(error, ADIEU_ERR_MEMORY, 0, NULL);
        return false;
    }
    if (!is_address(engine->name) && !is_host_name(engine->name)) {
        if (!asks_for_name(engine->config))
            return true; /* and none is sent */
        error_set(error, ADIEU_ERR_BAD_NAME, 0, "\"%.100s\"", name);
        return false;
    }
    if (set_name(engine, engine->name))
        return true;
    error_set(error, ADIEU_ERR_MEMORY, 0, NULL);
    return false;
}

/* ------------------------------------------------ life */

/* Set on the SSL, not only on the context, because an adopted context may say otherwise and is not ours to change. */
static void insist(SSL *ssl)
{
    SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_clear_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    SSL_set_mode(ssl, SSL_MODE_AUTO_RETRY);
    SSL_clear_mode(ssl, SSL_MODE_ASYNC | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    SSL_set_quiet_shutdown(ssl, 0);
    SSL_set_read_ahead(ssl, 0); /* nothing received may hide in the engine: see bio.c */
    SSL_set_max_send_fragment(ssl, SSL3_RT_MAX_PLAIN_LENGTH);
    if (SSL_get_min_proto_version(ssl) < TLS1_2_VERSION)
        SSL_set_min_proto_version(ssl, TLS1_2_VERSION);
}

static void set_verify_adopted(struct engine *engine, const struct engine_config *config)
{
    if (engine->server)
        SSL_set_verify(engine->ssl, SSL_CTX_get_verify_mode(config->context),
                       SSL_CTX_get_verify_callback(config->context));
    else
        SSL_set_verify(engine->ssl, config->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       SSL_get_verify_callback(engine->ssl));
}

/* Late, a certificate is not asked for yet: with SSL_VERIFY_POST_HANDSHAKE OpenSSL would ask at once in TLS 1.2. */
void engine_set_verify(struct engine *engine)
{
    const struct engine_config *config = engine_shown(engine);
    if (config->adopted) {
        set_verify_adopted(engine, config);
        return;
    }
    int mode = SSL_VERIFY_PEER;
    if (engine->server &&
        (config->client_auth == ADIEU_CLIENT_AUTH_NONE || config->client_auth == ADIEU_CLIENT_AUTH_LATE))
        mode = SSL_VERIFY_NONE;
    if (config->client_auth == ADIEU_CLIENT_AUTH_REQUIRED)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_set_verify(engine->ssl, mode, NULL);
}

/* Whether the peer's certificate is to be verified at all. */
bool engine_asks(const struct engine *engine)
{
    const struct engine_config *config = engine_shown(engine);
    if (engine->server)
        return config->client_auth != ADIEU_CLIENT_AUTH_NONE;
    return !config->insecure || config->pin_count;
}

/*
 * A client that resumes shows no certificate: its session says who it is. So a session is good only where the same
 * are trusted; and nowhere where on_name has chosen, since names may share roots, and not what on_verify makes of
 * them.
 */
bool engine_bind_sessions(struct engine *engine)
{
    const struct engine_config *config = engine_shown(engine);
    bool adopted_asks = config->adopted && SSL_CTX_get_verify_mode(config->context) != SSL_VERIFY_NONE;
    if (engine->chosen ? !adopted_asks && !engine_asks(engine) : config->adopted || !engine_asks(engine))
        return true;
    if (engine->chosen || config->trust_unknown) {
        SSL_set_options(engine->ssl, SSL_OP_NO_TICKET);
        SSL_set_num_tickets(engine->ssl, 0);
    }
    return SSL_set_session_id_context(engine->ssl, config->trust, sizeof config->trust) == 1;
}

static bool prepare(struct engine *engine, const char *name, struct adieu_error *error)
{
    struct engine_config *config = engine->config;
    bool chooses = engine->server && config->on_name; /* then it is the chosen one's that are needed */
    bool ready =
        (chooses || !engine_asks(engine) || trust_load_system(config)) && (engine->server || engine_want_keys(config));
    engine->ssl = ready ? SSL_new(config->context) : NULL;
    BIO *bio = engine->ssl ? BIO_new(config->wire) : NULL;
    if (!bio) {
        error_set(error, ADIEU_ERR_MEMORY, 0, NULL);
        return false;
    }
    BIO_set_data(bio, engine);
    SSL_set_bio(engine->ssl, bio, bio);
    SSL_set_msg_callback(engine->ssl, engine_saw_message);
    SSL_set_msg_callback_arg(engine->ssl, engine);
    insist(engine->ssl);
    engine_set_verify(engine);
    if (!engine->server) {
        SSL_set_connect_state(engine->ssl);
        late_offer(engine);
        return prepare_name(engine, name, error);
    }
    SSL_set_accept_state(engine->ssl);
    if (!chooses && !engine_bind_sessions(engine)) {
        error_set(error, ADIEU_ERR_MEMORY, 0, NULL);
        return false;
    }
    if (config->has_identity || config->on_name)
        return true;
    error_set(error, ADIEU_ERR_NO_IDENTITY, 0, NULL);
    return false;
}

struct engine *engine_new(struct adieu_stream *stream, struct adieu_config *config, bool server, const char *name,
                          struct adieu_error *error)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        error_set(error, ADIEU_ERR_MEMORY, 0, NULL);
        return NULL;
    }
    engine->stream = stream;
    engine->config = config_engine(config);
    engine->server = server;
    ERR_clear_error();
    bool prepared = prepare(engine, name, error);
    ERR_clear_error();
    if (prepared)
        return engine;
    engine_free(engine);
    return NULL;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    if (engine->ssl)
        wiping_end(engine);
    refusal_forget(engine);
    later_forget(engine);
    SSL_free(engine->ssl);
    adieu_config_free(engine->chosen);
    free(engine->asked_for);
    free(engine->name);
    free(engine->alpn);
    free(engine->problem);
    free(engine);
}

/* ------------------------------------------------ running */

/* A shortage is no refusal: it only looks like one. */
static enum engine_verdict refuse(struct engine *engine, struct adieu_error *error)
{
    cache_drop(engine);
    if (engine->refusal.due)
        refusal_say(engine);
    error->code = engine->starved ? ADIEU_ERR_MEMORY : ADIEU_ERR_REFUSED;
    engine_explain(engine, error, engine_problem(engine));
    return engine->starved ? ENGINE_FAULT : ENGINE_VIOLATION;
}

/* By us, and not by OpenSSL. */
static enum engine_verdict refuse_by(struct engine *engine, enum adieu_decision decision, struct adieu_error *error)
{
    engine_look_for_shortage(engine);
    int unused;
    uint8_t wanted = refusal_wanted(decision, &unused);
    if (wanted)
        engine->refusal.alert = wanted;
    if (engine->server && engine->starved)
        engine->refusal.alert = SSL_AD_INTERNAL_ERROR;
    engine->refusal.due |= engine->server;
    if (!*engine_problem(engine)) /* nothing was found in want */
        engine_set_problem(engine, "the program does not accept its certificate");
    return refuse(engine, error);
}

/* OpenSSL is done; what it does not look at is still to be trusted. */
static enum engine_verdict established(struct engine *engine, struct adieu_error *error)
{
    errno = 0;
    enum adieu_decision decision = engine_trusts(engine);
    switch (decision) {
    case ADIEU_ACCEPT:
        (void)later_release(engine); /* the core knows if it could not */
        return ENGINE_DONE;
    case ADIEU_LATER:
        return ENGINE_WAIT;
    default:
        return refuse_by(engine, decision, error);
    }
}

/* One step, after which the application may have to decide. */
static enum engine_verdict shake(struct engine *engine, struct adieu_error *error)
{
    enum engine_verdict verdict = engine_end(engine, SSL_do_handshake(engine->ssl), error);
    bool goes_on = verdict == ENGINE_DONE || verdict == ENGINE_WAIT;
    if (!goes_on)
        stream_await(engine->stream, ADIEU_AWAITED_NOTHING);
    if (goes_on && engine->later.asked)
        return ENGINE_WAIT;
    if (goes_on && refusal_can_be_said(engine))
        return refuse(engine, error);
    return verdict == ENGINE_DONE ? established(engine, error) : verdict;
}

enum engine_verdict engine_handshake(struct engine *engine, struct adieu_error *error)
{
    if (!engine->started && !engine->server)
        cache_lend(engine);
    engine->started = true;
    engine_begin(engine);
    enum engine_verdict verdict = ENGINE_WAIT;
    enum adieu_decision decision = later_decided(engine);
    if (decision == ADIEU_ACCEPT)
        verdict = shake(engine, error);
    else if (decision != ADIEU_LATER)
        verdict = refuse_by(engine, decision, error);
    ERR_clear_error();
    if (verdict != ENGINE_WAIT)
        refusal_forget(engine);
    if (verdict == ENGINE_DONE)
        engine_read_ahead(engine);
    return verdict;
}

bool engine_refused(struct engine *engine, struct adieu_error *error)
{
    if (!engine->refusal.due)
        return false;
    engine_begin(engine);
    (void)refuse(engine, error);
    ERR_clear_error();
    return true;
}

enum engine_verdict engine_read(struct engine *engine, void *buf, size_t size, size_t *got, struct adieu_error *error)
{
    engine_begin(engine);
    wiping_read(engine);
    return engine_end(engine, SSL_read_ex(engine->ssl, buf, size, got), error);
}

enum engine_verdict engine_peek(struct engine *engine, struct adieu_error *error)
{
    uint8_t byte;
    size_t got;
    engine_begin(engine);
    return engine_end(engine, SSL_peek_ex(engine->ssl, &byte, sizeof byte, &got), error);
}

enum engine_verdict engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error)
{
    size_t written = 0;
    engine_begin(engine);
    enum engine_verdict verdict = keys_before_write(engine, error);
    if (verdict != ENGINE_DONE)
        return verdict;
    verdict = engine_end(engine, SSL_write_ex(engine->ssl, buf, size, &written), error);
    if (verdict != ENGINE_DONE || written == size)
        return verdict;
    return engine_cannot(engine, error, "seal a whole record");
}

bool engine_holds(const struct engine *engine)
{
    return SSL_has_pending(engine->ssl);
}

/* "RH": a record's header is awaited, and not its body ("RB"). */
bool engine_inside_record(const struct engine *engine)
{
    return SSL_has_pending(engine->ssl) || SSL_rstate_string(engine->ssl)[1] != 'H';
}

/*
 * SSL_MODE_RELEASE_BUFFERS would do it by itself, but after every record: an allocation for each, and 16 KB wiped.
 * Between records only: before 3.0.14 SSL_free_buffers frees a buffer that still holds a header.
 */
void engine_rest(struct engine *engine)
{
    if (engine->resting || engine_inside_record(engine))
        return;
    wiping_rest(engine);
    (void)SSL_free_buffers(engine->ssl);
    engine->resting = true;
}

enum engine_verdict engine_shutdown(struct engine *engine, struct adieu_error *error)
{
    engine_begin(engine);
    if (SSL_in_init(engine->ssl)) /* half of a message came: SSL_shutdown would refuse, and send nothing */
        return ENGINE_WAIT;
    int answer = SSL_shutdown(engine->ssl);
    bool put = engine->alert_out.seen && engine->alert_out.number == SSL_AD_CLOSE_NOTIFY;
    return answer >= 0 && put ? engine_can(engine) : engine_cannot(engine, error, "make close_notify");
}
