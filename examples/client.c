/* SPDX-License-Identifier: MIT */
/*
 * A blocking client: client HOST PORT < REQUEST > REPLY. It sends standard input, ends its side, hears the reply to its
 * authentic end, and says goodbye. The server must be one that the system's roots (or SSL_CERT_FILE) vouch for.
 * A server that answers at length before it has heard everything needs a second thread to read, or the polled form.
 */
#include <stdio.h>

#include <adieu_fd.h>

enum { PATIENCE_MS = 30000 };

/* Connects and shakes hands within one deadline. */
static enum adieu_status begin(struct adieu_fd *fd, const char *host, const char *port)
{
    const struct adieu_fd_address address = {.host = host, .port = port};
    int64_t deadline = adieu_fd_in(PATIENCE_MS);
    enum adieu_status status = adieu_fd_connect(fd, &address, deadline);
    return status == ADIEU_OK ? adieu_fd_handshake(fd, deadline) : status;
}

/* Writes all of it; each write has the whole patience, since a slow peer is not a dead one. */
static enum adieu_status say(struct adieu_fd *fd, const char *from, size_t size)
{
    enum adieu_status status = ADIEU_OK;
    for (size_t took = 0; status == ADIEU_OK && size > 0; from += took, size -= took) {
        took = 0;
        status = adieu_fd_write(fd, from, size, &took, adieu_fd_in(PATIENCE_MS));
    }
    return status;
}

/* Sends the whole of a file, then ends our side. What could not be read must not look like an end. */
static enum adieu_status say_file(struct adieu_fd *fd, FILE *file)
{
    char buf[16384];
    size_t n;
    enum adieu_status status = ADIEU_OK;
    while (status == ADIEU_OK && (n = fread(buf, 1, sizeof buf, file)) > 0)
        status = say(fd, buf, n);
    if (status == ADIEU_OK && ferror(file)) {
        adieu_fd_abort(fd, ADIEU_REASON_LOCAL_IO);
        return ADIEU_FAIL;
    }
    return status == ADIEU_OK ? adieu_fd_shutdown(fd, adieu_fd_in(PATIENCE_MS)) : status;
}

/* Hears the peer until it has ended, one way or another. */
static enum adieu_status hear(struct adieu_fd *fd, FILE *file)
{
    char buf[16384];
    size_t got;
    for (;;) {
        enum adieu_status status = adieu_fd_read(fd, buf, sizeof buf, &got, adieu_fd_in(PATIENCE_MS));
        switch (status) {
        case ADIEU_OK: /* more of the reply */
            if (fwrite(buf, 1, got, file) == got && fflush(file) == 0)
                break;
            adieu_fd_abort(fd, ADIEU_REASON_LOCAL_IO);
            return ADIEU_FAIL;
        case ADIEU_END: /* all of the reply */
            return status;
        case ADIEU_WAIT: /* the peer lives perhaps, but our patience has ended */
            adieu_fd_abort(fd, ADIEU_REASON_DEADLINE);
            return status;
        case ADIEU_FAIL:   /* some of the reply may be missing; the ending says why */
        case ADIEU_MISUSE: /* a bug of this program */
            return status;
        }
    }
}

/* The whole goodbye, and what it was all worth. */
static enum adieu_exit finish(struct adieu_fd *fd)
{
    struct adieu_ending ending;
    char text[160];
    if (adieu_fd_close(fd, (struct adieu_fd_patience)ADIEU_FD_PATIENCE, &ending) != ADIEU_OK)
        return ADIEU_EXIT_OTHER; /* cancelled, which nobody does here */
    fprintf(stderr, "client: %s\n", adieu_ending_text(&ending, text, sizeof text));
    return adieu_ending_exit(&ending);
}

/* There is no ending without a connection: the error alone says why. */
static enum adieu_exit unreached(struct adieu_fd *fd, enum adieu_status status)
{
    struct adieu_error error = adieu_fd_error(fd);
    fprintf(stderr, "client: %s\n", status == ADIEU_WAIT ? "nobody answered in time" : error.text);
    return status == ADIEU_WAIT ? ADIEU_EXIT_DEADLINE : ADIEU_EXIT_UNREACHED;
}

static enum adieu_exit talk(struct adieu_fd *fd, const char *host, const char *port)
{
    enum adieu_status status = begin(fd, host, port);
    if (adieu_fd_descriptor(fd) < 0)
        return unreached(fd, status);
    if (status == ADIEU_OK)
        status = say_file(fd, stdin);
    if (status == ADIEU_WAIT)
        adieu_fd_abort(fd, ADIEU_REASON_DEADLINE);
    else if (hear(fd, stdout) == ADIEU_FAIL)
        fprintf(stderr, "client: %s\n", adieu_fd_error(fd).text);
    return finish(fd);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: client HOST PORT < REQUEST > REPLY\n", stderr);
        return ADIEU_EXIT_USAGE;
    }
    struct adieu_config *config = adieu_config_new();
    struct adieu_fd *fd = config ? adieu_fd_client(config, argv[1]) : NULL;
    enum adieu_exit status = fd ? talk(fd, argv[1], argv[2]) : ADIEU_EXIT_OTHER;
    adieu_fd_free(fd);
    adieu_config_free(config);
    return (int)status;
}
