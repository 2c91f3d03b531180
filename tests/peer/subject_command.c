/* SPDX-License-Identifier: MIT */
/* Adieu as the command, in a process of its own: what it is told goes through its standard input, output and signals. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "play.h"

extern char **environ;

/* Our ends of its pipes. */
enum pipe_name { PIPE_INPUT, PIPE_OUTPUT, PIPE_ERRORS, PIPE_REPORT, PIPES };

struct command {
    pid_t process;
    int pipes[PIPES];
    struct bytes said[PIPES]; /* what came out of them */
    bool ended[PIPES];
    bool signalled;
    bool reaped;
    int status;
};

/* ------------------------------------------------ pipes */

static void shut(struct command *command, int name)
{
    if (command->pipes[name] >= 0)
        close(command->pipes[name]);
    command->pipes[name] = -1;
    command->ended[name] = true;
}

static bool listen_to(struct command *command, int name)
{
    uint8_t buf[65536];
    bool moved = false;
    while (command->pipes[name] >= 0) {
        ssize_t n = read(command->pipes[name], buf, sizeof buf);
        if (n < 0)
            break; /* EAGAIN */
        bytes_add(&command->said[name], buf, (size_t)n);
        if (n == 0)
            shut(command, name);
        moved = true;
    }
    return moved;
}

static void reap(struct command *command, bool wait)
{
    int status;
    if (command->reaped || command->process <= 0 || waitpid(command->process, &status, wait ? 0 : WNOHANG) <= 0)
        return;
    command->reaped = true;
    command->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ------------------------------------------------ starting it */

static void add_words(const char **argv, int *argc, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        argv[(*argc)++] = words[i];
}

static void make_arguments(const struct play *play, const char **argv, const char *address)
{
    const struct settings *settings = &play->script->settings;
    const char *identity = play->stage->identities[IDENTITY_KNOWN].path;
    const char *const first[] = {play->stage->adieu, play->choice.adieu_is_server ? "listen" : "connect", address,
                                 "--report=fd:3"};
    const char *const server[] = {"--cert", identity}, *const client[] = {"--name", IDENTITY_NAME, "--ca", identity};
    const char *const stranger[] = {"--pin", "0000000000000000000000000000000000000000000000000000000000000000"};
    const char *const demand[] = {"--client-ca", identity};
    int argc = 0;
    add_words(argv, &argc, first, 4);
    if (play->choice.adieu_is_server)
        add_words(argv, &argc, server, 2);
    else
        add_words(argv, &argc, client, 4);
    if (settings->untrusted && !play->choice.adieu_is_server)
        add_words(argv, &argc, stranger, 2);
    if (settings->client_auth && play->choice.adieu_is_server)
        add_words(argv, &argc, demand, 2);
    const char *const versions[] = {"--min", settings->versions, "--max", settings->versions};
    const char *const alpn[] = {"--alpn", settings->alpn};
    add_words(argv, &argc, versions, settings->versions ? 4 : 0);
    add_words(argv, &argc, alpn, settings->alpn ? 2 : 0);
    add_words(argv, &argc, settings->options, settings->option_count);
}

/* Its ends in the order of its descriptors: 0, 1, 2 and the report's. */
static void make_pipes(struct command *command, int theirs[PIPES])
{
    for (int i = 0; i < PIPES; i++) {
        int ends[2];
        if (pipe(ends) != 0)
            abort();
        bool to_it = i == PIPE_INPUT;
        /* Out of the way: a pipe's own number may be the place of another. */
        theirs[i] = fcntl(ends[to_it ? 0 : 1], F_DUPFD_CLOEXEC, 64);
        close(ends[to_it ? 0 : 1]);
        command->pipes[i] = ends[to_it ? 1 : 0];
        fcntl(command->pipes[i], F_SETFD, FD_CLOEXEC);
        fcntl(command->pipes[i], F_SETFL, O_NONBLOCK);
    }
}

static bool spawn(struct play *play, struct command *command, const char *address)
{
    const char *argv[64] = {NULL};
    int theirs[PIPES];
    posix_spawn_file_actions_t actions;
    make_arguments(play, argv, address);
    make_pipes(command, theirs);
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < PIPES; i++)
        posix_spawn_file_actions_adddup2(&actions, theirs[i], i);
    int error = posix_spawn(&command->process, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < PIPES; i++)
        close(theirs[i]);
    return error == 0 || play_fail(play, "%s does not start: %s", argv[0], strerror(error));
}

/* ------------------------------------------------ connecting */

/* The port in "listening on 127.0.0.1:PORT", once that line is whole. */
static int port_said(struct command *command)
{
    static const char before[] = "listening on 127.0.0.1:";
    struct bytes *said = &command->said[PIPE_ERRORS];
    bytes_add(said, "", 1);
    const char *at = strstr((char *)said->at, before);
    int port = at && strchr(at, '\n') ? atoi(at + strlen(before)) : -1;
    said->size--;
    return port;
}

static int connect_to(struct play *play, struct command *command)
{
    int64_t by = adieu_fd_in(play->stage->bound);
    int port = -1;
    while (port < 0 && !command->ended[PIPE_ERRORS] && adieu_fd_now() < by) {
        struct pollfd errors = {.fd = command->pipes[PIPE_ERRORS], .events = POLLIN};
        poll(&errors, 1, 1000);
        listen_to(command, PIPE_ERRORS);
        port = port_said(command);
    }
    return port < 0 ? -1 : tcp_connect(port);
}

static bool start(struct play *play)
{
    char address[32];
    struct command *command = calloc(1, sizeof *command);
    bool listens = play->choice.adieu_is_server;
    play->adieu = command;
    snprintf(address, sizeof address, "127.0.0.1:%d", listens ? 0 : play->stage->port);
    if (!spawn(play, command, address))
        return false;
    play->wire.descriptor =
        listens ? connect_to(play, command) : tcp_accept(play->stage->listener, (int)play->stage->bound);
    if (play->wire.descriptor < 0) {
        listen_to(command, PIPE_ERRORS);
        return play_fail(play, "the command was not reached; it said: %.*s", (int)command->said[PIPE_ERRORS].size,
                         (char *)command->said[PIPE_ERRORS].at);
    }
    if (play->script->settings.buffers)
        tcp_buffers(play->wire.descriptor, (int)play->script->settings.buffers);
    return true;
}

/* ------------------------------------------------ acts */

static bool step_read(struct play *play, struct command *command)
{
    struct act *act = &play->act;
    struct bytes *said = &command->said[PIPE_OUTPUT];
    char found[40], wanted[40];
    size_t n = said->size < act->bytes.size ? said->size : act->bytes.size;
    if (act->wanted != ADIEU_OK) {
        act->over = act->wanted == ADIEU_WAIT || act->wanted == ADIEU_MISUSE || command->ended[PIPE_OUTPUT];
        return act->over && act->wanted != ADIEU_WAIT && said->size > 0 &&
               play_fail(play, "its standard output says more: \"%s\"",
                         bytes_show(said->at, said->size, found, sizeof found));
    }
    act->over = n == act->bytes.size;
    if (act->over && memcmp(said->at, act->bytes.at, n) != 0)
        return play_fail(play, "its standard output says \"%s\" and not \"%s\"",
                         bytes_show(said->at, n, found, sizeof found),
                         bytes_show(act->bytes.at, n, wanted, sizeof wanted));
    if (act->over)
        bytes_drop(said, n);
    else if (command->ended[PIPE_OUTPUT])
        play_fail(play, "its standard output ended after \"%s\"", bytes_show(said->at, n, found, sizeof found));
    return false;
}

static bool step_write(struct play *play, struct command *command)
{
    struct act *act = &play->act;
    size_t left = act->bytes.size - act->done;
    ssize_t n = left ? write(command->pipes[PIPE_INPUT], act->bytes.at + act->done, left) : 0;
    if (n > 0)
        act->done += (size_t)n;
    if (n < 0 && errno != EAGAIN)
        play_fail(play, "its standard input takes no more: %s", strerror(errno));
    act->over = act->wanted != ADIEU_OK || act->done == act->bytes.size;
    return n > 0;
}

static bool step_leave(struct play *play, struct command *command)
{
    if (play->act.kind == ACT_CLOSE) {
        shut(command, PIPE_INPUT);
    } else if (!command->signalled) {
        command->signalled = true;
        kill(command->process, SIGTERM);
    }
    /* Everything has been said when its pipes have ended; then it can be waited for. */
    if (command->ended[PIPE_OUTPUT] && command->ended[PIPE_ERRORS] && command->ended[PIPE_REPORT])
        reap(command, true);
    play->act.over = command->reaped;
    return false;
}

static bool act(struct play *play, struct command *command)
{
    switch (play->act.kind) {
    case ACT_READ:
        return step_read(play, command);
    case ACT_WRITE:
    case ACT_QUEUE:
        return step_write(play, command);
    case ACT_CLOSE:
    case ACT_ABORT:
        return step_leave(play, command);
    case ACT_SHUTDOWN:
        if (play->act.wanted == ADIEU_OK)
            shut(command, PIPE_INPUT);
        break;
    case ACT_FREE:
        return play_fail(play, "the command cannot be freed: leave it out");
    default: /* a handshake happens by itself, and nothing can be done again */
        break;
    }
    play->act.over = true;
    return false;
}

static bool step(struct play *play)
{
    struct command *command = play->adieu;
    bool moved = false;
    for (int i = PIPE_OUTPUT; i < PIPES; i++)
        moved |= listen_to(command, i);
    return (!play->act.over && act(play, command)) || moved;
}

static void await(struct play *play, struct pollfd *set, nfds_t *count, int *timeout)
{
    const struct command *command = play->adieu;
    (void)timeout;
    for (int i = PIPE_OUTPUT; i < PIPES; i++)
        set[(*count)++] = (struct pollfd){.fd = command->pipes[i], .events = POLLIN};
    if (!play->act.over && (play->act.kind == ACT_WRITE || play->act.kind == ACT_QUEUE))
        set[(*count)++] = (struct pollfd){.fd = command->pipes[PIPE_INPUT], .events = POLLOUT};
}

static bool outcome(struct play *play, struct outcome *outcome)
{
    struct command *command = play->adieu;
    struct bytes *report = &command->said[PIPE_REPORT];
    bytes_add(report, "", 1);
    outcome->exit = command->status;
    return outcome_read((char *)report->at, outcome) ||
           play_fail(play, "status %d and no report; it said: %.*s", command->status,
                     (int)command->said[PIPE_ERRORS].size, (char *)command->said[PIPE_ERRORS].at);
}

static void stop(struct play *play)
{
    struct command *command = play->adieu;
    if (!command)
        return;
    if (!command->reaped && command->process > 0)
        kill(command->process, SIGKILL);
    reap(command, true);
    for (int i = 0; i < PIPES; i++) {
        if (command->process > 0)
            shut(command, i);
        bytes_free(&command->said[i]);
    }
    free(command);
}

const struct subject subject_command = {start, step, await, outcome, stop};
