/* SPDX-License-Identifier: MIT */
/*
 * Which config a server shows by the name that its client asks for (SNI, RFC 6066 3), at once or later.
 *
 * It is asked for as soon as the ClientHello has come, before OpenSSL looks at anything in it: a session is taken up,
 * and a certificate asked for, only under the config that was chosen.
 */
#include <stdlib.h>
#include <string.h>

#include "openssl.h"

enum { MOST_NAME = TLSEXT_MAXLEN_host_name };

struct adieu_config *adieu_config_later(void)
{
    static max_align_t later; /* it is only an address */
    return (struct adieu_config *)(void *)&later;
}

struct engine_config *engine_shown(const struct engine *engine)
{
    return engine->chosen ? config_engine(engine->chosen) : engine->config;
}

/* ------------------------------------------------ the extension */

/* The size that the two bytes at *at say, if as many follow: they are skipped. */
static bool take_size(const uint8_t **at, size_t *left, size_t *size)
{
    if (*left < 2)
        return false;
    *size = (size_t)(*at)[0] << 8 | (*at)[1];
    *at += 2;
    *left -= 2;
    return *size <= *left;
}

/* A list of one name, of the only kind that there is; to OpenSSL, too. Returns an alert, or 0. */
static int parse_name(const uint8_t *at, size_t left, char name[MOST_NAME + 1])
{
    size_t size;
    if (!take_size(&at, &left, &size) || size != left || !left || *at != TLSEXT_NAMETYPE_host_name)
        return SSL_AD_DECODE_ERROR;
    at++;
    left--;
    if (!take_size(&at, &left, &size) || size != left)
        return SSL_AD_DECODE_ERROR;
    if (size > MOST_NAME || memchr(at, '\0', size))
        return SSL_AD_UNRECOGNIZED_NAME;
    memcpy(name, at, size);
    name[size] = '\0';
    return 0;
}

/* As it came; "" if none did. */
static int read_name(SSL *ssl, char name[MOST_NAME + 1])
{
    const uint8_t *extension;
    size_t size;
    name[0] = '\0';
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size))
        return 0;
    return parse_name(extension, size, name);
}

/* ------------------------------------------------ the choice */

/*
 * Ciphers stay the listener's; but where an SSL has no list of its own, OpenSSL looks into the context that is shown.
 */
static bool keep_ciphers(SSL *ssl)
{
    STACK_OF(SSL_CIPHER) *ciphers = SSL_get_ciphers(ssl);
    BIO *names = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool written = names != NULL;
    for (int i = 0; written && i < sk_SSL_CIPHER_num(ciphers); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
        if (strcmp(SSL_CIPHER_get_version(cipher), "TLSv1.3")) /* those are its own already */
            written = BIO_printf(names, "%s:", SSL_CIPHER_get_name(cipher)) > 0;
    }
    written = written && BIO_write(names, "", 1) == 1 && BIO_get_mem_data(names, &text) > 0 && text;
    bool kept = written && SSL_set_cipher_list(ssl, text);
    BIO_free(names);
    return kept;
}

/*
 * Its owner's callbacks are kept out of the way until OpenSSL would call that for the name, as it did before. With
 * the context OpenSSL takes over the roots, and not how chains are verified: revocation, depth, policies.
 */
static int show_adopted(SSL *ssl, int *alert, void *arg)
{
    (void)arg;
    struct engine *engine = engine_of(ssl);
    const struct engine_config *shown = engine_shown(engine);
    if (!shown->adopted) /* then it was chosen: a config that is asked by name is none */
        return SSL_TLSEXT_ERR_OK;
    if (SSL_set_SSL_CTX(ssl, shown->context) && SSL_set1_param(ssl, SSL_CTX_get0_param(shown->context)))
        return SSL_TLSEXT_ERR_OK;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool show(struct engine *engine, SSL *ssl)
{
    struct engine_config *shown = engine_shown(engine);
    if (!shown->has_identity || (engine_asks(engine) && !trust_load_system(shown)) || !keep_ciphers(ssl))
        return false;
    if (!shown->adopted && !SSL_set_SSL_CTX(ssl, shown->context))
        return false;
    engine_set_verify(engine);
    return engine_bind_sessions(engine);
}

/* config may be NULL: the client is refused. */
static void choose(struct engine *engine, struct adieu_config *config)
{
    engine->naming = NAMING_CHOSEN;
    if (!config)
        return;
    config_freeze(config);
    engine->chosen = adieu_config_ref(config);
}

static void ask(struct engine *engine, const char *name)
{
    const struct engine_config *config = engine->config;
    bool before = stream_enter_callback(engine->stream);
    struct adieu_config *chosen = config->on_name(config->on_name_context, name);
    stream_leave_callback(engine->stream, before);
    if (chosen != adieu_config_later()) {
        choose(engine, chosen);
        return;
    }
    engine->naming = NAMING_AWAITED;
    stream_await(engine->stream, ADIEU_AWAITED_NAME);
}

enum adieu_status adieu_choose(struct adieu_stream *stream, struct adieu_config *config)
{
    if (stream_in_callback(stream) || adieu_awaited(stream) != ADIEU_AWAITED_NAME || config == adieu_config_later())
        return ADIEU_MISUSE;
    choose(stream_engine(stream), config);
    stream_await(stream, ADIEU_AWAITED_NOTHING);
    return ADIEU_OK;
}

/* ------------------------------------------------ OpenSSL's callback */

/* The first ClientHello, until its config is chosen. Returns an alert, or 0. */
static int first_hello(struct engine *engine, SSL *ssl, const char *name)
{
    if (engine->naming == NAMING_NOT_YET) {
        engine->asked_for = strdup(name);
        if (!engine->asked_for)
            return SSL_AD_INTERNAL_ERROR;
        ask(engine, name);
    }
    if (engine->naming == NAMING_AWAITED)
        return 0;
    if (!engine->chosen) {
        engine_set_problem(engine, "the program shows nothing for %.100s", *name ? name : "who asks for no name");
        return SSL_AD_UNRECOGNIZED_NAME;
    }
    engine->naming = NAMING_SHOWN;
    return show(engine, ssl) ? 0 : SSL_AD_INTERNAL_ERROR; /* our own mistake: a fault */
}

/* RFC 9846 4.1.2: a second ClientHello, which a HelloRetryRequest asked for, says the same. The choice stands. */
static int second_hello(const struct engine *engine, const char *name)
{
    return strcmp(engine->asked_for, name) ? SSL_AD_ILLEGAL_PARAMETER : 0;
}

int engine_hello_came(SSL *ssl, int *alert, void *arg)
{
    (void)arg; /* the context's that is shown; the stream's own is asked */
    struct engine *engine = engine_of(ssl);
    const uint8_t *extension;
    size_t size;
    char name[MOST_NAME + 1];
    engine->late.offered = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_post_handshake_auth, &extension, &size) == 1;
    if (!engine->config->on_name)
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = read_name(ssl, name);
    if (!*alert)
        *alert = engine->naming == NAMING_SHOWN ? second_hello(engine, name) : first_hello(engine, ssl, name);
    if (*alert)
        return SSL_CLIENT_HELLO_ERROR;
    return engine->naming == NAMING_AWAITED ? SSL_CLIENT_HELLO_RETRY : SSL_CLIENT_HELLO_SUCCESS;
}

enum adieu_status adieu_config_on_name(struct adieu_config *config,
                                       struct adieu_config *(*function)(void *context, const char *name), void *context)
{
    if (!settings_open(config))
        return ADIEU_FAIL;
    struct engine_config *engine = config_engine(config);
    engine->on_name = function;
    engine->on_name_context = context;
    /* With one, OpenSSL also tells the client that its name was understood, and remembers it in sessions. */
    SSL_CTX_set_tlsext_servername_callback(engine->context, (function ? show_adopted : NULL));
    return ADIEU_OK;
}
