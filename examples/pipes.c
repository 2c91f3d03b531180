/* SPDX-License-Identifier: MIT */
/*
 * TLS over a pair of pipes: pipes TEXT. Two processes, two pipes, no socket anywhere; the child says back in capitals
 * what it hears.
 *
 * A pipe is a poorer transport than a socket. It cannot be reset: an abort only ends it, and the other side finds no
 * close_notify before that end: truncated, never a clean end. And it has no MSG_NOSIGNAL: SIGPIPE must be ignored.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "throwaway.h"

enum { PATIENCE_MS = 10000 };

/* The transport: bytes come from one pipe, and go to another. */
struct pipes {
    int in, out; /* -1: over */
};

static bool later(int error)
{
    return error == EAGAIN || error == EINTR;
}

static void end(int *descriptor)
{
    close(*descriptor);
    *descriptor = -1;
}

static void receive(struct pipes *pipes, struct adieu_stream *stream)
{
    uint8_t *at;
    size_t room = adieu_wire_in(stream, &at);
    if (room == 0)
        return;
    ssize_t n = read(pipes->in, at, room);
    int error = errno;
    adieu_wire_in_done(stream, n > 0 ? (size_t)n : 0);
    if (n > 0 || (n < 0 && later(error)))
        return;
    end(&pipes->in);
    if (n == 0)
        adieu_wire_eof(stream);
    else
        adieu_wire_reset(stream, error);
}

static void send_out(struct pipes *pipes, struct adieu_stream *stream)
{
    const uint8_t *at;
    size_t size = adieu_wire_out(stream, &at);
    ssize_t n = write(pipes->out, at, size);
    if (n >= 0) {
        adieu_wire_out_done(stream, (size_t)n);
    } else if (!later(errno)) {
        adieu_wire_out_failed(stream, errno);
        end(&pipes->out);
    }
}

/* Waits until bytes can move, and moves them. False: none can ever, or not in time. */
static bool move(struct pipes *pipes, struct adieu_stream *stream)
{
    bool in = pipes->in >= 0 && adieu_wire_in(stream, NULL) > 0;
    bool out = pipes->out >= 0 && adieu_wire_out(stream, NULL) > 0;
    struct pollfd wanted[] = {{.fd = in ? pipes->in : -1, .events = POLLIN},
                              {.fd = out ? pipes->out : -1, .events = POLLOUT}};
    if ((!in && !out) || (poll(wanted, 2, PATIENCE_MS) <= 0 && errno != EINTR))
        return false;
    if (wanted[0].revents)
        receive(pipes, stream);
    if (wanted[1].revents)
        send_out(pipes, stream);
    return true;
}

/* The goodbye: say what is queued, end our pipe (that is our FIN), and hear the other side to its end. */
static int finish(struct pipes *pipes, struct adieu_stream *stream, const char *who)
{
    enum adieu_last last;
    (void)!adieu_shutdown(stream); /* after a failure there is nothing to say: the ending knows */
    do {
        while (adieu_discard(stream, NULL) == ADIEU_OK)
            continue;
        last = adieu_wire_last(stream);
        if (last != ADIEU_LAST_GO_ON && pipes->out >= 0)
            end(&pipes->out);
    } while (last != ADIEU_LAST_RESET && move(pipes, stream));
    if (!adieu_ending(stream).decided)
        adieu_abort(stream, ADIEU_REASON_DEADLINE);
    struct adieu_ending ending = adieu_ending(stream);
    fprintf(stderr, "%s: %s\n", who, adieu_ending_text(&ending, (char[160]){0}, 160));
    return (int)adieu_ending_exit(&ending);
}

/* ------------------------------------------------ the two programs */

static bool shake_hands(struct pipes *pipes, struct adieu_stream *stream)
{
    enum adieu_status status;
    while ((status = adieu_handshake(stream)) == ADIEU_WAIT && move(pipes, stream))
        continue;
    return status == ADIEU_OK;
}

static bool say(struct pipes *pipes, struct adieu_stream *stream, const char *text, size_t size)
{
    enum adieu_status status = ADIEU_OK;
    for (size_t took = 0; size > 0; text += took, size -= took) {
        took = 0;
        status = adieu_write(stream, text, size, &took);
        if (status != ADIEU_OK && (status != ADIEU_WAIT || !move(pipes, stream)))
            return false;
    }
    return true;
}

/* OK, END or FAIL; WAIT: not in time. */
static enum adieu_status hear(struct pipes *pipes, struct adieu_stream *stream, char *buf, size_t size, size_t *got)
{
    enum adieu_status status;
    while ((status = adieu_read(stream, buf, size, got)) == ADIEU_WAIT && move(pipes, stream))
        continue;
    return status;
}

static void answer_in_capitals(struct pipes *pipes, struct adieu_stream *stream)
{
    char buf[1024];
    size_t got;
    if (!shake_hands(pipes, stream))
        return;
    while (hear(pipes, stream, buf, sizeof buf, &got) == ADIEU_OK) {
        for (size_t i = 0; i < got; i++)
            buf[i] = (char)toupper((unsigned char)buf[i]);
        if (!say(pipes, stream, buf, got))
            return;
    }
}

/* Says it all, ends, and only then listens: for a text that is larger than what the pipes hold, do both in turn. */
static void ask(struct pipes *pipes, struct adieu_stream *stream, const char *text)
{
    char buf[1024];
    size_t got;
    if (!shake_hands(pipes, stream) || !say(pipes, stream, text, strlen(text)) || adieu_shutdown(stream) != ADIEU_OK)
        return;
    while (hear(pipes, stream, buf, sizeof buf, &got) == ADIEU_OK)
        printf("%.*s", (int)got, buf);
    putchar('\n');
}

/* A new pipe, neither end of which waits or outlives an exec. */
static bool make_pipe(int ends[2])
{
    if (pipe(ends) < 0)
        return false;
    for (int i = 0; i < 2; i++)
        if (fcntl(ends[i], F_SETFL, O_NONBLOCK) < 0 || fcntl(ends[i], F_SETFD, FD_CLOEXEC) < 0)
            return false;
    return true;
}

static int child(struct adieu_config *config, struct pipes pipes)
{
    struct adieu_stream *stream = adieu_server(config);
    if (!stream)
        return ADIEU_EXIT_OTHER;
    answer_in_capitals(&pipes, stream);
    int status = finish(&pipes, stream, "child");
    adieu_free(stream);
    return status;
}

static int parent(struct adieu_config *config, struct pipes pipes, const char *text)
{
    struct adieu_stream *stream = adieu_client(config, "localhost");
    if (!stream)
        return ADIEU_EXIT_OTHER;
    ask(&pipes, stream, text);
    int status = finish(&pipes, stream, "parent");
    adieu_free(stream);
    return status;
}

int main(int argc, char **argv)
{
    struct adieu_config *client = NULL, *server = NULL;
    int there[2], back[2], status;
    if (argc != 2) {
        fputs("usage: pipes TEXT\n", stderr);
        return ADIEU_EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    if (!throwaway_pair(&client, &server) || !make_pipe(there) || !make_pipe(back))
        return ADIEU_EXIT_OTHER;
    pid_t pid = fork();
    if (pid < 0)
        return ADIEU_EXIT_OTHER;
    int *not_mine_in = pid ? &there[0] : &back[0], *not_mine_out = pid ? &back[1] : &there[1];
    end(not_mine_in); /* or the end of the other process would never show */
    end(not_mine_out);
    if (pid == 0)
        status = child(server, (struct pipes){there[0], back[1]});
    else
        status = parent(client, (struct pipes){back[0], there[1]}, argv[1]);
    adieu_config_free(client);
    adieu_config_free(server);
    if (pid == 0)
        return status;
    int childs;
    waitpid(pid, &childs, 0);
    return status ? status : WIFEXITED(childs) ? WEXITSTATUS(childs) : ADIEU_EXIT_OTHER;
}
