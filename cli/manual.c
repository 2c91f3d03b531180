/* SPDX-License-Identifier: MIT */
/*
 * Makes the man page's source: copies standard input, and puts the option table in the place of the line @OPTIONS@ and the exit
 * statuses in the place of @EXITS@. Run by the build, not installed.
 */
#include <adieu.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_CONNECT 1u
#define COMMAND_LISTEN 2u

static void print_group(const char *title)
{
    printf("\n## %s\n\n", title);
}

static void print_option(const char *name, char letter, const char *argument, unsigned commands, const char *man)
{
    const char *only = commands == COMMAND_CONNECT  ? " (*connect* only)"
                       : commands == COMMAND_LISTEN ? " (*listen* only)"
                                                    : "";
    if (letter != '\0')
        printf("*-%c*, ", letter);
    printf("*--%s*%s%s%s%s\n\t%s\n\n", name, argument ? "=_" : "", argument ? argument : "", argument ? "_" : "", only,
           man);
}

static void print_options(void)
{
#define GROUP(title) print_group(title);
#define OPTION(name, letter, argument, commands, to, help, man) print_option(name, letter, argument, commands, man);
#include "options.def"
}

static void print_exits(void)
{
#define EXIT(STATUS, meaning) printf("*%d*\n\t%s\n\n", (int)(STATUS), meaning);
#include "exits.def"
}

int main(void)
{
    char line[1024];
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "@OPTIONS@\n") == 0)
            print_options();
        else if (strcmp(line, "@EXITS@\n") == 0)
            print_exits();
        else
            fputs(line, stdout);
    }
    return ferror(stdin) || fflush(stdout) != 0;
}
