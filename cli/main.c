/* SPDX-License-Identifier: MIT */
/*
 * The command. Reading order: options.def is what can be asked for, options.c understands it; run.c is a run from start to
 * end, loop.c its poll loop, pipe.c what moves in it, clock.c its deadlines; verdict.c and report.c say how it ended.
 */
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "options.h"
#include "run.h"
#include "say.h"

static int local_failure(bool done)
{
    if (!done)
        say_error("standard output failed");
    return done ? ADIEU_EXIT_DELIVERED : ADIEU_EXIT_LOCAL_IO;
}

static int run(enum command command, int argc, char **argv)
{
    struct options options;
    if (!options_parse(&options, command, argc, argv))
        return ADIEU_EXIT_USAGE;
    if (options.help)
        return local_failure(help_print(command));
    if (options.version)
        return local_failure(help_print_version());
    return run_command(&options);
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "connect") == 0)
        return run(COMMAND_CONNECT, argc - 2, argv + 2);
    if (strcmp(command, "listen") == 0)
        return run(COMMAND_LISTEN, argc - 2, argv + 2);
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 || strcmp(command, "help") == 0)
        return local_failure(help_print(COMMAND_NONE));
    if (strcmp(command, "--version") == 0 || strcmp(command, "-V") == 0)
        return local_failure(help_print_version());
    if (*command == '\0')
        say_usage(COMMAND_NONE, "a command is missing: connect or listen");
    else
        say_usage(COMMAND_NONE, "there is no command '%s': connect and listen are", command);
    return ADIEU_EXIT_USAGE;
}
