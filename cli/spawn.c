/* SPDX-License-Identifier: MIT */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "signals.h"

extern char **environ;

/* ---------------------------------------------------------------- the environment */

static bool is_named(const char *entry, const struct variable *variables, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(variables[i].name);
        if (strncmp(entry, variables[i].name, length) == 0 && entry[length] == '=')
            return true;
    }
    return false;
}

static char *entry(const struct variable *variable)
{
    size_t size = strlen(variable->name) + strlen(variable->value) + 2;
    char *text = malloc(size);
    if (text)
        snprintf(text, size, "%s=%s", variable->name, variable->value);
    return text;
}

static void free_environment(char **all, size_t own)
{
    for (size_t i = 0; i < own; i++)
        free(all[i]);
    free(all);
}

/* Ours come first: *own of them are to be freed. It is made before the fork, after which nothing may be allocated. */
static char **environment(const struct variable *variables, size_t count, size_t *own)
{
    size_t inherited = 0;
    while (environ[inherited])
        inherited++;
    char **all = calloc(count + inherited + 1, sizeof *all);
    *own = 0;
    for (size_t i = 0; all && i < count; i++) {
        if (!variables[i].value)
            continue;
        all[*own] = entry(&variables[i]);
        if (!all[(*own)++]) {
            free_environment(all, *own);
            return NULL;
        }
    }
    size_t at = *own;
    for (size_t i = 0; all && i < inherited; i++) {
        if (!is_named(environ[i], variables, count))
            all[at++] = environ[i];
    }
    return all;
}

/* ---------------------------------------------------------------- the process */

struct pipes {
    int to[2], from[2]; /* the process's input and output; read end, write end */
};

static void close_both(const int ends[2])
{
    if (ends[0] < 0)
        return;
    close(ends[0]);
    close(ends[1]);
}

static bool make_pipe(int ends[2])
{
    if (pipe(ends) != 0)
        return false;
    return fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0;
}

/* Our ends alone do not block: each end of a pipe has flags of its own. */
static bool make_pipes(struct pipes *pipes)
{
    *pipes = (struct pipes){.to = {-1, -1}, .from = {-1, -1}};
    return make_pipe(pipes->to) && make_pipe(pipes->from) && fcntl(pipes->to[1], F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(pipes->from[0], F_SETFL, O_NONBLOCK) == 0;
}

/* Should we be killed so that we cannot end it, the kernel does. */
static void die_with(pid_t parent)
{
#ifdef __linux__
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent)
        _exit(127);
}

/* Between fork and exec: nothing but system calls. */
static void become(const char *command, char **variables, const struct pipes *pipes, pid_t parent, const sigset_t *mask)
{
    static char shell[] = "/bin/sh", name[] = "sh", option[] = "-c";
    char *arguments[] = {name, option, (char *)(uintptr_t)command, NULL};
    (void)setpgid(0, 0);
    die_with(parent);
    signals_default();
    if (dup2(pipes->to[0], STDIN_FILENO) < 0 || dup2(pipes->from[1], STDOUT_FILENO) < 0)
        _exit(127);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    (void)execve(shell, arguments, variables);
    _exit(127);
}

/* No signal may come to a child that still has our handlers: it would be noticed by nobody. */
static pid_t start(const char *command, char **variables, const struct pipes *pipes)
{
    sigset_t all, mask;
    pid_t parent = getpid();
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &mask);
    pid_t pid = fork();
    if (pid == 0)
        become(command, variables, pipes, parent, &mask);
    int error = errno;
    if (pid > 0)
        (void)setpgid(pid, pid); /* here as well: whoever is first */
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    errno = error;
    return pid;
}

pid_t spawn(const char *command, const struct variable *variables, size_t count, int *input, int *output)
{
    struct pipes pipes;
    size_t own;
    char **all = environment(variables, count, &own);
    pid_t pid = make_pipes(&pipes) && all ? start(command, all, &pipes) : -1;
    int error = all ? errno : ENOMEM;
    if (all)
        free_environment(all, own);
    if (pid < 0) {
        close_both(pipes.to);
        close_both(pipes.from);
        errno = error;
        return -1;
    }
    close(pipes.to[0]);
    close(pipes.from[1]);
    *input = pipes.to[1];
    *output = pipes.from[0];
    return pid;
}
