/* SPDX-License-Identifier: MIT */
/* The one frame round every call into OpenSSL, and the one place where its answers become verdicts. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "openssl.h"

/* To look is ten times cheaper than to clear what is empty already. */
static void forget_errors(void)
{
    if (ERR_peek_error())
        ERR_clear_error();
}

void engine_begin(struct engine *engine)
{
    forget_errors();
    engine->resting = false;
    engine->alert_in.seen = engine->alert_out.seen = engine->told = false;
    engine->record_size = SIZE_MAX;
    engine->starved = false;
    engine->late.answers = 0;
    errno = 0;
}

void engine_look_for_shortage(struct engine *engine)
{
    engine->starved = engine->starved || errno == ENOMEM;
}

static void saw_header(struct engine *engine, const uint8_t *header)
{
    bool changes = header[0] == SSL3_RT_CHANGE_CIPHER_SPEC && !engine->peer_keyed;
    engine->record_size = changes ? SIZE_MAX : (size_t)header[3] << 8 | header[4];
    engine->peer_keyed = engine->peer_keyed || changes;
}

/*
 * Whether this is a Certificate message that is not empty, as those with nothing to show send it. In TLS 1.3 a
 * context comes before the list, of no bytes in the handshake, and of some behind it.
 */
static bool shows_certificate(const SSL *ssl, const uint8_t *message, size_t size)
{
    enum { HEADER = 4, LIST_SIZE = 3 };
    if (size <= HEADER || message[0] != SSL3_MT_CERTIFICATE)
        return false;
    size_t context = SSL_version(ssl) == TLS1_3_VERSION ? 1 + (size_t)message[HEADER] : 0;
    return size > HEADER + context + LIST_SIZE;
}

/*
 * OpenSSL flushes an alert of its own before it tells of it. Behind what the peer does not get, the peer could not
 * read it.
 */
static void saw_alert(struct engine *engine, bool sent, const uint8_t *alert)
{
    const struct adieu_alert seen = {.seen = true, .level = alert[0], .number = alert[1]};
    if (sent && engine->refusal.swallowed) {
        if (engine->server)
            refusal_say(engine);
    } else if (sent && engine->later.holds) {
        engine->later.holds = false;
        later_forget(engine);
        refusal_say_alert(engine, seen.number);
    } else {
        *(sent ? &engine->alert_out : &engine->alert_in) = seen;
        engine->told = stream_alert(engine->stream, sent, seen.level, seen.number) && sent;
    }
}

static void saw_handshake(struct engine *engine, bool sent, const uint8_t *message, size_t size, const SSL *ssl)
{
    keys_saw(engine, sent, message[0]);
    late_saw(engine, sent, message[0]);
    if (sent) {
        engine->shown = engine->shown || shows_certificate(ssl, message, size);
        return;
    }
    engine->understood = true;
    stream_heard(engine->stream);
    if (message[0] == SSL3_MT_FINISHED)
        later_saw_finished(engine);
}

void engine_saw_message(int sent, int version, int type, const void *bytes, size_t size, SSL *ssl, void *arg)
{
    (void)version;
    struct engine *engine = arg;
    if (type == SSL3_RT_INNER_CONTENT_TYPE) /* once more for each record, and it tells nothing */
        return;
    engine_look_for_shortage(engine); /* before the BIO is called, for which OpenSSL sets errno to 0 */
    if (type == SSL3_RT_HEADER && sent)
        keys_saw_record(engine);
    else if (type == SSL3_RT_HEADER && size == SSL3_RT_HEADER_LENGTH)
        saw_header(engine, bytes);
    else if (type == SSL3_RT_HANDSHAKE && size)
        saw_handshake(engine, sent, bytes, size, ssl);
    else if (type == SSL3_RT_CHANGE_CIPHER_SPEC && sent)
        engine->refusal.changes = engine->refusal.due;
    else if (type == SSL3_RT_ALERT && size == 2)
        saw_alert(engine, sent, bytes);
}

/* ------------------------------------------------ what went wrong */

/* What the error queue says, read once and emptied. */
struct trouble {
    int reason; /* of the entry that explains it */
    bool memory;
    const char *text; /* static */
};

static bool is_lack_of_memory(unsigned long code)
{
    int reason = ERR_GET_REASON(code);
    return reason == ERR_R_MALLOC_FAILURE || (ERR_SYSTEM_ERROR(code) && reason == ENOMEM);
}

bool engine_lacked_memory(void)
{
    bool lacked = errno == ENOMEM;
    for (unsigned long code = ERR_get_error(); code; code = ERR_get_error())
        lacked = lacked || is_lack_of_memory(code);
    return lacked;
}

static struct trouble read_trouble(const struct engine *engine)
{
    struct trouble trouble = {.memory = engine->starved};
    for (unsigned long code = ERR_get_error(); code; code = ERR_get_error()) {
        bool ours =
            ERR_GET_LIB(code) == ERR_LIB_SSL || ERR_COMMON_ERROR(code); /* other libraries' numbers mean other things */
        trouble.memory = trouble.memory || is_lack_of_memory(code);
        if (!trouble.text || ERR_GET_LIB(code) == ERR_LIB_SSL) {
            trouble.reason = ours ? ERR_GET_REASON(code) : 0;
            trouble.text = ERR_reason_error_string(code);
        }
    }
    return trouble;
}

/* A received alert ended it. Its level tells nothing in TLS 1.3: it is fatal if the engine's error says so. */
static bool peer_gave_up(const struct engine *engine, const struct trouble *trouble)
{
    return engine->alert_in.seen && trouble->reason == SSL_AD_REASON_OFFSET + engine->alert_in.number;
}

static enum engine_verdict alerted(struct engine *engine, struct adieu_error *error)
{
    bool closes = engine->alert_in.number == SSL_AD_CLOSE_NOTIFY;
    error->code = closes ? ADIEU_ERR_CLOSED_EARLY : ADIEU_ERR_ALERTED;
    error->alert = engine->alert_in;
    snprintf(error->text, sizeof error->text, "%s (%u)", adieu_alert_name(error->alert.number), error->alert.number);
    if (!closes || !stream_established(engine->stream))
        return ENGINE_ALERT;
    error->code = ADIEU_ERR_SEND_FAILED;
    snprintf(error->text, sizeof error->text, "close_notify came as a fatal alert, after which nothing can be sent");
    return ENGINE_CLOSE_FATAL;
}

static bool not_tls(const struct engine *engine, int reason)
{
    return !engine->understood && (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST ||
                                   reason == SSL_R_WRONG_VERSION_NUMBER);
}

/*
 * In TLS 1.2 OpenSSL calls it an internal error of its own that a record is too short to be authenticated (explicit
 * nonce and tag: 24 bytes). It is the peer's doing, or that of somebody between, who must not be able to make us say
 * "fault".
 */
static bool too_short(const struct engine *engine)
{
    enum { NONCE_AND_TAG = 8 + 16 };
    return engine->peer_keyed && SSL_version(engine->ssl) == TLS1_2_VERSION && engine->record_size < NONCE_AND_TAG;
}

/* A server with nothing to show agrees with nobody. */
static bool has_nothing_to_show(const struct engine *engine, int reason)
{
    return engine->server && !SSL_get_certificate(engine->ssl) &&
           (reason == SSL_R_NO_SHARED_CIPHER || reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM);
}

/* Ours, not the peer's: memory, whatever alert was chosen for the lack of it, or an internal error. */
static bool is_fault(const struct engine *engine, const struct trouble *trouble)
{
    if (trouble->memory || has_nothing_to_show(engine, trouble->reason))
        return true;
    bool internal = engine->alert_out.seen ? engine->alert_out.number == SSL_AD_INTERNAL_ERROR
                                           : trouble->reason == ERR_R_INTERNAL_ERROR;
    return internal && !too_short(engine);
}

void engine_set_problem(struct engine *engine, const char *format, ...)
{
    enum { PROBLEM = 160 };
    if (!engine->problem && format)
        engine->problem = malloc(PROBLEM);
    engine->starved = engine->starved || (format && !engine->problem);
    if (engine->problem)
        engine->problem[0] = '\0';
    if (!format || !engine->problem)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(engine->problem, PROBLEM, format, arguments);
    va_end(arguments);
}

const char *engine_problem(const struct engine *engine)
{
    return engine->problem ? engine->problem : "";
}

void engine_explain(const struct engine *engine, struct adieu_error *error, const char *why)
{
    error->alert = engine->alert_out;
    if (engine->told)
        snprintf(error->text, sizeof error->text, "%s; the peer is told %s (%u)", why,
                 adieu_alert_name(error->alert.number), error->alert.number);
    else
        snprintf(error->text, sizeof error->text, "%s", why);
}

/* Everything else that the engine can dislike is the peer's doing, unless it says that it is its own. */
static enum engine_verdict failed(struct engine *engine, struct adieu_error *error)
{
    struct trouble trouble = read_trouble(engine);
    if (peer_gave_up(engine, &trouble))
        return alerted(engine, error);

    error->alert = engine->alert_out;
    const char *why = trouble.text ? trouble.text : "no reason given";
    if (is_fault(engine, &trouble)) {
        error->code = trouble.memory ? ADIEU_ERR_MEMORY : ADIEU_ERR_ENGINE;
        snprintf(error->text, sizeof error->text, "%s", why);
        return ENGINE_FAULT;
    }
    /* A refusal that is due came first, whatever broke while it waited. */
    bool unverified = engine->refusal.due || trouble.reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
                      trouble.reason == SSL_R_INVALID_STATUS_RESPONSE;
    bool unnamed = engine->naming == NAMING_CHOSEN && !engine->chosen;
    if (*engine_problem(engine) && (unverified || unnamed))
        why = engine_problem(engine);
    bool refused = unverified || trouble.reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    error->code = refused                           ? ADIEU_ERR_REFUSED
                  : not_tls(engine, trouble.reason) ? ADIEU_ERR_NOT_TLS
                                                    : ADIEU_ERR_VIOLATION;
    engine_explain(engine, error, why);
    return ENGINE_VIOLATION;
}

enum engine_verdict engine_can(struct engine *engine)
{
    engine_look_for_shortage(engine);
    forget_errors();
    return ENGINE_DONE;
}

enum engine_verdict engine_cannot(struct engine *engine, struct adieu_error *error, const char *what)
{
    engine_look_for_shortage(engine);
    error->code = engine_lacked_memory() || engine->starved ? ADIEU_ERR_MEMORY : ADIEU_ERR_ENGINE;
    snprintf(error->text, sizeof error->text, "it could not %s", what);
    cache_drop(engine);
    return ENGINE_FAULT;
}

/* Ours is for a name that is to be decided about. */
static enum engine_verdict not_awaited(const struct engine *engine, struct adieu_error *error)
{
    if (engine->naming == NAMING_AWAITED)
        return ENGINE_WAIT;
    error->code = ADIEU_ERR_ENGINE;
    snprintf(error->text, sizeof error->text, "a callback of the adopted context wants to be called again later");
    return ENGINE_FAULT;
}

/*
 * RFC 9846 5.1: nothing comes between the parts of a handshake message. OpenSSL notices only while it reads the
 * message's header; behind it, it takes close_notify for an end, and could never again say anything.
 */
static enum engine_verdict closed(struct engine *engine, struct adieu_error *error)
{
    if (!SSL_in_init(engine->ssl) || SSL_version(engine->ssl) != TLS1_3_VERSION)
        return ENGINE_CLOSE_NOTIFY;
    error->code = ADIEU_ERR_VIOLATION;
    snprintf(error->text, sizeof error->text, "close_notify came in the middle of a handshake message");
    return ENGINE_VIOLATION;
}

enum engine_verdict engine_end(struct engine *engine, int answer, struct adieu_error *error)
{
    enum engine_verdict verdict;
    engine_look_for_shortage(engine);
    switch (answer > 0 ? SSL_ERROR_NONE : SSL_get_error(engine->ssl, answer)) {
    case SSL_ERROR_NONE:
        verdict = ENGINE_DONE;
        break;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
    case SSL_ERROR_WANT_RETRY_VERIFY: /* a decision is awaited */
        verdict = ENGINE_WAIT;
        break;
    case SSL_ERROR_ZERO_RETURN: /* before the handshake is done that is no end, but the peer giving up */
        verdict = stream_established(engine->stream) ? closed(engine, error) : alerted(engine, error);
        break;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
    case SSL_ERROR_WANT_X509_LOOKUP:
    case SSL_ERROR_WANT_ASYNC:
    case SSL_ERROR_WANT_ASYNC_JOB:
        verdict = not_awaited(engine, error);
        break;
    default:
        verdict = failed(engine, error);
    }
    if (verdict == ENGINE_ALERT || verdict == ENGINE_VIOLATION || verdict == ENGINE_FAULT)
        cache_drop(engine);
    /* After a success there are none (looked at behind every call of all tests), but of an adopted context's owner. */
    if (answer <= 0 || engine->config->adopted)
        forget_errors();
    late_look(engine, verdict);
    return verdict;
}
