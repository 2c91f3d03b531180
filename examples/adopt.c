/* SPDX-License-Identifier: MIT */
/*
 * A program that has its own SSL_CTX keeps it: adopt HOST PORT ROOTS. adieu takes a reference, changes nothing in it,
 * and makes its streams from it; SSL_CTX and SSL stay there to be looked at.
 */
#include <stdio.h>

#include <adieu_fd.h>
#include <adieu_openssl.h>

enum { PATIENCE_MS = 10000 };

/* What such a program does already. The option is one that hides truncation: adieu's streams do not obey it. */
static SSL_CTX *context_of_the_program(const char *roots)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_load_verify_locations(context, roots, NULL) != 1) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    return context;
}

static enum adieu_status begin(struct adieu_fd *fd, const char *host, const char *port)
{
    const struct adieu_fd_address address = {.host = host, .port = port};
    int64_t deadline = adieu_fd_in(PATIENCE_MS);
    enum adieu_status status = adieu_fd_connect(fd, &address, deadline);
    return status == ADIEU_OK ? adieu_fd_handshake(fd, deadline) : status;
}

static enum adieu_exit talk(struct adieu_fd *fd, const char *host, const char *port)
{
    struct adieu_ending ending;
    char text[160];
    if (begin(fd, host, port) == ADIEU_OK)
        printf("%s\n", SSL_get_cipher(adieu_openssl_ssl(adieu_fd_stream(fd))));
    else
        fprintf(stderr, "adopt: %s\n", adieu_fd_error(fd).text);
    if (adieu_fd_close(fd, (struct adieu_fd_patience)ADIEU_FD_PATIENCE, &ending) != ADIEU_OK)
        return ADIEU_EXIT_OTHER;
    fprintf(stderr, "adopt: %s\n", adieu_ending_text(&ending, text, sizeof text));
    return adieu_ending_exit(&ending);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: adopt HOST PORT ROOTS\n", stderr);
        return ADIEU_EXIT_USAGE;
    }
    SSL_CTX *context = context_of_the_program(argv[3]);
    struct adieu_config *config = context ? adieu_config_adopt(context) : NULL;
    struct adieu_fd *fd = config ? adieu_fd_client(config, argv[1]) : NULL;
    enum adieu_exit status = fd ? talk(fd, argv[1], argv[2]) : ADIEU_EXIT_CONFIG;
    adieu_fd_free(fd);
    adieu_config_free(config); /* the program's own reference to the context is still its own */
    SSL_CTX_free(context);
    return (int)status;
}
