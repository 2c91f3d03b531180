/* SPDX-License-Identifier: MIT */
/*
 * STARTTLS up and down and up again on one socket: starttls plays both sides, in two processes. Plaintext, TLS, both
 * directions closed, plaintext again, TLS again, plaintext.
 *
 * A side may read further than its line, and what it read too much belongs to whoever comes next: before TLS it is put
 * back (taking it for another command, inside TLS, is the old STARTTLS injection); behind TLS it is the surplus, the
 * peer's first plain words. That works only because each end is authentic: TLS is over when our close_notify has left
 * and the peer's was read, and nothing else says so.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <adieu_fd.h>

#include "throwaway.h"

enum { PATIENCE_MS = 10000 };

struct side {
    const char *name;
    struct adieu_config *config;
    bool is_server;
    int descriptor;
    char rest[4096]; /* read, and not used yet */
    size_t have;
};

/* ------------------------------------------------ plaintext */

static bool say_line(const struct side *side, const char *line)
{
    return send(side->descriptor, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line);
}

/* Prints the next line. It reads whatever comes, as everybody does. */
static bool hear_line(struct side *side)
{
    char *newline;
    while (!(newline = memchr(side->rest, '\n', side->have))) {
        ssize_t n = recv(side->descriptor, side->rest + side->have, sizeof side->rest - side->have, 0);
        if (n <= 0)
            return false;
        side->have += (size_t)n;
    }
    size_t length = (size_t)(newline - side->rest) + 1;
    printf("%s hears in plaintext: %.*s", side->name, (int)length, side->rest);
    side->have -= length;
    memmove(side->rest, newline + 1, side->have);
    return true;
}

/* ------------------------------------------------ TLS */

/* Says the text, ends, and hears the other side to its authentic end. */
static bool talk(const struct side *side, struct adieu_fd *fd, const char *text)
{
    int64_t deadline = adieu_fd_in(PATIENCE_MS);
    char buf[256];
    size_t took, got;
    if (adieu_fd_handshake(fd, deadline) != ADIEU_OK ||
        adieu_fd_write(fd, text, strlen(text), &took, deadline) != ADIEU_OK || took != strlen(text) ||
        adieu_fd_shutdown(fd, deadline) != ADIEU_OK)
        return false;
    enum adieu_status status;
    while ((status = adieu_fd_read(fd, buf, sizeof buf, &got, deadline)) == ADIEU_OK)
        printf("%s hears in TLS: %.*s", side->name, (int)got, buf);
    return status == ADIEU_END;
}

/* Gives the socket to TLS, with what was read too much. */
static bool enter_tls(struct side *side, struct adieu_fd *fd)
{
    if (adieu_fd_adopt(fd, side->descriptor, ADIEU_FD_OWNED) != ADIEU_OK)
        return false;
    side->descriptor = -1;
    size_t have = side->have;
    side->have = 0;
    return adieu_fd_put_back(fd, side->rest, have) == ADIEU_OK;
}

/* Takes the socket back, with what the peer said behind its end. */
static bool leave_tls(struct side *side, struct adieu_fd *fd)
{
    const uint8_t *surplus;
    if (adieu_fd_detach(fd, &side->descriptor, &surplus, &side->have) != ADIEU_OK || side->have > sizeof side->rest)
        return false;
    if (side->have)
        memcpy(side->rest, surplus, side->have);
    return true;
}

static bool tls(struct side *side, const char *text)
{
    struct adieu_fd *fd = side->is_server ? adieu_fd_server(side->config) : adieu_fd_client(side->config, "localhost");
    bool good = fd && enter_tls(side, fd) && talk(side, fd, text) && leave_tls(side, fd);
    if (fd && !good)
        fprintf(stderr, "%s: %s\n", side->name, adieu_fd_error(fd).text);
    adieu_fd_free(fd); /* without a detach before, a reset: TLS that was not ended must not look ended */
    return good;
}

/* ------------------------------------------------ the dialogue */

static bool be_client(struct side *side)
{
    return say_line(side, "STARTTLS\n") && tls(side, "one secret\n") && hear_line(side) &&
           say_line(side, "STARTTLS\n") && tls(side, "another secret\n") && hear_line(side);
}

static bool be_server(struct side *side)
{
    return hear_line(side) && tls(side, "an answer\n") && say_line(side, "that was the first time\n") &&
           hear_line(side) && tls(side, "another answer\n") && say_line(side, "goodbye\n");
}

static int run(struct side *side)
{
    bool good = side->is_server ? be_server(side) : be_client(side);
    if (side->descriptor >= 0)
        close(side->descriptor);
    return good && fflush(stdout) == 0 ? 0 : 1;
}

int main(void)
{
    struct side client = {.name = "client"}, server = {.name = "server", .is_server = true};
    int ends[2], childs = 1;
    if (!throwaway_pair(&client.config, &server.config) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 1;
    client.descriptor = ends[0];
    server.descriptor = ends[1];
    pid_t pid = fork();
    if (pid < 0)
        return 1;
    close(pid ? ends[1] : ends[0]);
    int status = run(pid ? &client : &server);
    if (pid)
        waitpid(pid, &childs, 0);
    adieu_config_free(client.config);
    adieu_config_free(server.config);
    return pid && childs ? 1 : status;
}
