/* SPDX-License-Identifier: MIT */
/* Bare OpenSSL on a descriptor, as its manual has it: poll, SSL_read until it wants more, SSL_write. */
#include "figures.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

struct end {
    SSL *ssl;
    int descriptor;
    bool said, heard; /* close_notify */
    bool over;        /* the peer's FIN came */
};

static SSL_CTX *client_context, *server_context;
static SSL_SESSION *last_session;
static char room[READ_SIZE];

/* ------------------------------------------------ contexts */

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(last_session);
    last_session = session;
    return 1;
}

static SSL_CTX *context(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (!context || !SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"))
        give_up("SSL_CTX");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (getenv("RELEASE_BUFFERS"))
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return context;
}

void subject_begin(const char *cert, const char *key)
{
    server_context = context(TLS_server_method());
    client_context = context(TLS_client_method());
    if (SSL_CTX_use_certificate_chain_file(server_context, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(server_context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(client_context, cert, NULL) != 1)
        give_up("certificate");
    SSL_CTX_set_session_cache_mode(server_context, SSL_SESS_CACHE_OFF); /* tickets hold the sessions */
    SSL_CTX_set_session_id_context(server_context, (const unsigned char *)"bare", 4);
    SSL_CTX_set_verify(client_context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(client_context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client_context, keep_session);
}

void subject_end(void)
{
    SSL_SESSION_free(last_session);
    SSL_CTX_free(client_context);
    SSL_CTX_free(server_context);
}

/* ------------------------------------------------ ends */

const size_t end_size = sizeof(struct end);

void end_begin(struct end *end, bool server, bool resumes, int descriptor)
{
    end->descriptor = descriptor;
    end->ssl = SSL_new(server ? server_context : client_context);
    if (!end->ssl || !SSL_set_fd(end->ssl, descriptor))
        give_up("SSL_new");
    if (server) {
        SSL_set_accept_state(end->ssl);
        return;
    }
    SSL_set_connect_state(end->ssl);
    SSL_set_tlsext_host_name(end->ssl, "localhost");
    SSL_set1_host(end->ssl, "localhost");
    if (resumes && last_session)
        SSL_set_session(end->ssl, last_session);
}

void end_end(struct end *end)
{
    SSL_free(end->ssl);
}

static void look(const struct end *end)
{
    struct pollfd what = {.fd = end->descriptor, .events = POLLIN};
    (void)poll(&what, 1, 0);
}

static void must_be(const struct end *end, int answer, int expected)
{
    if (SSL_get_error(end->ssl, answer) != expected)
        give_up("OpenSSL");
}

bool end_handshake(struct end *end)
{
    look(end);
    int answer = SSL_do_handshake(end->ssl);
    if (answer != 1)
        must_be(end, answer, SSL_ERROR_WANT_READ);
    return answer == 1;
}

bool end_resumed(const struct end *end)
{
    return SSL_session_reused(end->ssl);
}

size_t end_write(struct end *end, const char *bytes, size_t size)
{
    size_t said = 0;
    while (said < size) {
        int n = SSL_write(end->ssl, bytes + said, (int)(size - said));
        if (n <= 0) {
            must_be(end, n, SSL_ERROR_WANT_WRITE);
            break;
        }
        said += (size_t)n;
    }
    return said;
}

size_t end_read(struct end *end)
{
    size_t heard = 0;
    int n;
    look(end);
    while ((n = SSL_read(end->ssl, room, sizeof room)) > 0)
        heard += (size_t)n;
    int error = SSL_get_error(end->ssl, n);
    end->heard = error == SSL_ERROR_ZERO_RETURN;
    if (!end->heard && error != SSL_ERROR_WANT_READ)
        give_up("SSL_read");
    return heard;
}

size_t end_echo(struct end *end)
{
    size_t n = end_read(end);
    return n ? end_write(end, room, n) : 0;
}

void end_rest(struct end *end)
{
    look(end);
}

/* ------------------------------------------------ the goodbye */

/* close_notify, the end of the write side, reading on to the end of the peer's. */
bool end_close(struct end *end)
{
    if (!end->said) {
        if (SSL_shutdown(end->ssl) < 0)
            give_up("SSL_shutdown");
        shutdown(end->descriptor, SHUT_WR);
        end->said = true;
    }
    look(end);
    while (!end->heard && SSL_read(end->ssl, room, sizeof room) > 0)
        ;
    end->heard = end->heard || SSL_get_shutdown(end->ssl) & SSL_RECEIVED_SHUTDOWN;
    if (!end->heard)
        return false;
    ssize_t n;
    while ((n = recv(end->descriptor, room, sizeof room, MSG_DONTWAIT)) > 0)
        ;
    if (n < 0)
        return false;
    close(end->descriptor);
    return true;
}
