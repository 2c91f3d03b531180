/* SPDX-License-Identifier: MIT */
/* --help and --version, from the tables. */
#include "help.h"

#include <stdio.h>
#include <string.h>

#define COLUMN 34

static void print_head(enum command command)
{
    if (command == COMMAND_CONNECT)
        puts("usage: adieu connect [OPTION...] HOST:PORT\n\n"
             "Standard input to the peer, the peer to standard output, over TLS. The end of input is said to the peer, "
             "and its\n"
             "reply is still read. The exit status tells how it ended.");
    else
        puts("usage: adieu listen [OPTION...] [HOST:]PORT\n\n"
             "Takes one connection (--keep: many), then as 'adieu connect'. HOST is this machine alone (127.0.0.1) "
             "unless it is\n"
             "given; '*' is every address; PORT 0 is any free one. Without --cert it prints the line with which "
             "'adieu connect'\n"
             "will trust it.");
}

static void print_option(const struct option_row *row)
{
    char left[80];
    char letter[8] = "    ";
    if (row->letter != '\0')
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name, row->argument ? "=" : "",
             row->argument ? row->argument : "");
    if (strlen(left) < COLUMN)
        printf("%-*s%s\n", COLUMN, left, row->help);
    else
        printf("%s\n%*s%s\n", left, COLUMN, "", row->help);
}

/* A group without an option of this command has no title either. */
static bool group_is_empty(size_t title, enum command command)
{
    for (size_t i = title + 1; i < option_row_count && option_rows[i].name; i++) {
        if (option_rows[i].commands & (unsigned)command)
            return false;
    }
    return true;
}

static void print_options(enum command command)
{
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (!row->name && !group_is_empty(i, command))
            printf("\n%s\n", row->help);
        else if (row->name && (row->commands & (unsigned)command))
            print_option(row);
    }
}

static void print_exits(void)
{
    puts("\nExit status");
#define EXIT(STATUS, meaning) printf("  %2d  %s\n", (int)(STATUS), meaning);
#include "exits.def"
    puts("  SIGINT, SIGTERM and SIGHUP break the connection off, write the report, and then kill the command.");
}

static void print_commands(void)
{
    puts("usage: adieu COMMAND [OPTION...]\n\n"
         "TLS whose end is a result: how each direction ended, who ended it, and whether anything can be missing.\n\n"
         "  adieu connect HOST:PORT     standard input to the peer, the peer to standard output\n"
         "  adieu listen [HOST:]PORT    the other end: takes one connection, or with --keep many\n"
         "  adieu COMMAND --help        the options of a command\n"
         "  adieu --version");
}

static bool written(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}

bool help_print(enum command command)
{
    if (command == COMMAND_NONE) {
        print_commands();
    } else {
        print_head(command);
        print_options(command);
    }
    print_exits();
    return written();
}

bool help_print_version(void)
{
    puts("adieu " ADIEU_CLI_VERSION);
    return written();
}
