/* SPDX-License-Identifier: MIT */
/* A process of its own for --exec, with pipes to it. */
#ifndef ADIEU_CLI_SPAWN_H
#define ADIEU_CLI_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

/* A variable of the command's environment; value NULL: it has none of that name. */
struct variable {
    const char *name, *value;
};

/*
 * Runs /bin/sh -c command in a process group of its own. *input and *output: our ends of the pipes to its standard input and
 * from its standard output, close-on-exec and non-blocking. -1: errno.
 */
pid_t spawn(const char *command, const struct variable *variables, size_t count, int *input, int *output);

#endif
