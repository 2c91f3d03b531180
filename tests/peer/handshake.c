/* SPDX-License-Identifier: MIT */
#include "handshake.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

static void on_key(const SSL *ssl, const char *line)
{
    struct handshake *handshake = SSL_get_app_data(ssl);
    struct secrets *secrets = &handshake->secrets;
    if (secrets->tls13)
        secrets_learn(secrets, line);
}

/* One protocol, as it is on the wire: its length, then its name. */
static bool set_alpn(SSL_CTX *context, const char *name)
{
    uint8_t protocols[64];
    size_t length = strlen(name);
    if (length >= sizeof protocols)
        return false;
    protocols[0] = (uint8_t)length;
    memcpy(protocols + 1, name, length);
    return SSL_CTX_set_alpn_protos(context, protocols, (unsigned)length + 1) == 0;
}

static SSL_CTX *context_new(const struct identity *identity, const struct handshake_options *options)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    int version = options->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    const struct suite *suite = options->suite;
    if (!context || !SSL_CTX_set_min_proto_version(context, version) ||
        !SSL_CTX_set_max_proto_version(context, version) || !SSL_CTX_set_ciphersuites(context, suite->tls13) ||
        !SSL_CTX_set_cipher_list(context, suite->tls12) || !SSL_CTX_set_num_tickets(context, options->tickets))
        abort();
    if (identity &&
        (!SSL_CTX_use_certificate(context, identity->certificate) || !SSL_CTX_use_PrivateKey(context, identity->key)))
        abort();
    if ((options->groups && !SSL_CTX_set1_groups_list(context, options->groups)) ||
        (options->alpn && !set_alpn(context, options->alpn)))
        abort();
    SSL_CTX_set_keylog_callback(context, on_key);
    return context;
}

void handshake_begin(struct handshake *handshake, const struct identity *identity,
                     const struct handshake_options *options)
{
    *handshake = (struct handshake){.secrets = {.suite = options->suite, .tls13 = options->tls13},
                                    .context = context_new(identity, options),
                                    .in = BIO_new(BIO_s_mem()),
                                    .out = BIO_new(BIO_s_mem())};
    handshake->ssl = SSL_new(handshake->context);
    BIO_set_mem_eof_return(handshake->in, -1);
    SSL_set_bio(handshake->ssl, handshake->in, handshake->out);
    SSL_set_app_data(handshake->ssl, handshake);
    if (options->server) {
        SSL_set_accept_state(handshake->ssl);
    } else {
        SSL_set_connect_state(handshake->ssl);
        SSL_set_tlsext_host_name(handshake->ssl, IDENTITY_NAME);
    }
}

void handshake_feed(struct handshake *handshake, const struct bytes *raw)
{
    BIO_write(handshake->in, raw->at, (int)raw->size);
}

/* The key log tells TLS 1.2's only with our own Finished, which may be too late to read the other side's. */
static void learn_master(struct handshake *handshake)
{
    struct secrets *secrets = &handshake->secrets;
    SSL_SESSION *session = SSL_get_session(handshake->ssl);
    if (secrets->tls13 || secrets->master.known || !session)
        return;
    secrets->master.known = SSL_SESSION_get_master_key(session, secrets->master.bytes, SECRET_MAX) == SECRET_MAX;
    SSL_get_client_random(handshake->ssl, secrets->client_random, sizeof secrets->client_random);
    SSL_get_server_random(handshake->ssl, secrets->server_random, sizeof secrets->server_random);
}

void handshake_go(struct handshake *handshake, struct bytes *out)
{
    if (!handshake->done && !handshake->failed) {
        ERR_clear_error();
        int result = SSL_do_handshake(handshake->ssl);
        handshake->done = result == 1;
        handshake->failed = result != 1 && SSL_get_error(handshake->ssl, result) != SSL_ERROR_WANT_READ;
        ERR_clear_error();
        learn_master(handshake);
    }
    size_t n = BIO_ctrl_pending(handshake->out);
    if (n)
        BIO_read(handshake->out, bytes_extend(out, n), (int)n);
}

void handshake_end(struct handshake *handshake)
{
    SSL_free(handshake->ssl);
    SSL_CTX_free(handshake->context);
    *handshake = (struct handshake){0};
}
