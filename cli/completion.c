/* SPDX-License-Identifier: MIT */
/*
 * Makes the completions for bash, zsh and fish (its one argument says which) from the option table. What completes a value is
 * told by how the table names it. Run by the build, not installed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_CONNECT 1u
#define COMMAND_LISTEN 2u

struct row {
    const char *name; /* NULL: a group's title */
    char letter;
    const char *argument;
    unsigned commands;
    const char *help;
};

static const struct row rows[] = {
#define GROUP(title) {NULL, 0, NULL, 0, title},
#define OPTION(name, letter, argument, commands, to, help, man) {name, letter, argument, commands, help},
#include "options.def"
};
#define ROWS (sizeof rows / sizeof rows[0])

static const struct {
    unsigned command;
    const char *name, *help, *operand;
} commands[] = {
    {COMMAND_CONNECT, "connect", "standard input to the peer, the peer to standard output", "HOST:PORT"},
    {COMMAND_LISTEN, "listen", "the other end: takes connections", "[HOST:]PORT"},
};

/* ---------------------------------------------------------------- values */

enum kind { KIND_NONE, KIND_WORDS, KIND_FILE, KIND_COMMAND, KIND_FREE };

/* Words are written small: "both|peer|self". */
static enum kind kind_of(const struct row *row)
{
    const char *argument = row->argument;
    if (!argument)
        return KIND_NONE;
    if (strstr(argument, "FILE") || strstr(argument, "PATH"))
        return KIND_FILE;
    if (strcmp(argument, "COMMAND") == 0)
        return KIND_COMMAND;
    if (strcmp(argument, "SECONDS") == 0 ||
        strspn(argument, "abcdefghijklmnopqrstuvwxyz0123456789.|") == strlen(argument))
        return KIND_WORDS;
    return KIND_FREE;
}

/* The words, with spaces between them. */
static void print_words(const struct row *row)
{
    if (strcmp(row->argument, "SECONDS") == 0) {
        fputs("never", stdout);
        return;
    }
    for (const char *at = row->argument; *at != '\0'; at++)
        putchar(*at == '|' ? ' ' : *at);
}

/* Letters that mean something there stand behind a backslash; a quote ends the quoted word, is said, and begins it again. */
static void print_quoted(const char *text, const char *special, const char *quote)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs(quote, stdout);
        else if (strchr(special, *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

/* ---------------------------------------------------------------- bash */

static void bash_options(unsigned command)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (!(rows[i].commands & command))
            continue;
        printf(" --%s", rows[i].name);
        if (rows[i].letter != '\0')
            printf(" -%c", rows[i].letter);
    }
}

static void bash_value(const struct row *row)
{
    printf("    --%s) ", row->name);
    switch (kind_of(row)) {
    case KIND_WORDS:
        fputs("_adieu_offer -W '", stdout);
        print_words(row);
        puts("' ;;");
        break;
    case KIND_FILE:
        puts("compopt -o filenames 2>/dev/null; _adieu_offer -f ;;");
        break;
    case KIND_COMMAND:
        puts("_adieu_offer -c ;;");
        break;
    case KIND_NONE:
    case KIND_FREE:
        puts(";;");
        break;
    }
}

/* "=" is a word of its own where it is in COMP_WORDBREAKS, as it is by default. */
static const char bash_head[] =
    "# bash completion of adieu(1), made from its option table\n"
    "_adieu_offer()\n"
    "{\n"
    "    local word\n"
    "    while IFS= read -r word; do\n"
    "        COMPREPLY+=(\"$prefix$word\")\n"
    "    done < <(compgen \"$@\" -- \"$current\")\n"
    "}\n"
    "\n"
    "_adieu()\n"
    "{\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} prefix=\n"
    "    COMPREPLY=()\n"
    "    if [[ $COMP_CWORD -eq 1 ]]; then\n"
    "        _adieu_offer -W 'connect listen --help --version'\n"
    "        return\n"
    "    fi\n"
    "    case $current in\n"
    "    =) current= ;;\n"
    "    --*=*)\n"
    "        before=${current%%=*} prefix=${current%%=*}=\n"
    "        current=${current#*=}\n"
    "        ;;\n"
    "    *) [[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]} ;;\n"
    "    esac\n"
    "    case $before in\n";

static void print_bash(void)
{
    fputs(bash_head, stdout);
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].argument)
            bash_value(&rows[i]);
    }
    fputs("    *)\n        case ${COMP_WORDS[1]} in\n", stdout);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        printf("        %s) _adieu_offer -W '", commands[i].name);
        bash_options(commands[i].command);
        puts("' ;;");
    }
    puts("        esac\n        ;;\n    esac\n}\n\ncomplete -F _adieu adieu");
}

/* ---------------------------------------------------------------- zsh */

static void zsh_value(const struct row *row)
{
    fputc(':', stdout);
    print_quoted(row->argument, ":", "");
    fputc(':', stdout);
    switch (kind_of(row)) {
    case KIND_WORDS:
        fputc('(', stdout);
        print_words(row);
        fputc(')', stdout);
        break;
    case KIND_FILE:
        fputs("_files", stdout);
        break;
    case KIND_COMMAND:
        fputs("_cmdstring", stdout);
        break;
    case KIND_NONE:
    case KIND_FREE:
        fputc(' ', stdout);
        break;
    }
}

/* "=" behind a name: the value may stand behind it, or be the next word. */
static void zsh_option(const struct row *row)
{
    fputs("        ", stdout);
    if (row->letter != '\0')
        printf("'(-%c --%s)'{-%c,--%s}'[", row->letter, row->name, row->letter, row->name);
    else
        printf("'*--%s%s[", row->name, row->argument ? "=" : "");
    print_quoted(row->help, "[]:\\", "'\\''");
    fputc(']', stdout);
    if (row->argument)
        zsh_value(row);
    puts("' \\");
}

static void zsh_command(size_t index)
{
    printf("    %s)\n        _arguments -s : \\\n", commands[index].name);
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].commands & commands[index].command)
            zsh_option(&rows[i]);
    }
    fputs("            '1:", stdout);
    print_quoted(commands[index].operand, ":", "");
    puts(": '\n        ;;");
}

static void print_zsh(void)
{
    puts("#compdef adieu\n# zsh completion of adieu(1), made from its option table\n"
         "local curcontext=$curcontext state line\n\n"
         "_arguments -C \\\n    '(- *)'{-h,--help}'[print the commands]' \\\n    '(- *)'{-V,--version}'[print the "
         "version]' \\");
    fputs("    '1:command:((", stdout);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        printf("%s%s\\:\"%s\"", i ? " " : "", commands[i].name, commands[i].help);
    puts("))' \\\n    '*::argument:->rest'\n\n[[ $state == rest ]] || return\ncase $words[1] in");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        zsh_command(i);
    puts("esac");
}

/* ---------------------------------------------------------------- fish */

static void fish_value(const struct row *row)
{
    switch (kind_of(row)) {
    case KIND_WORDS:
        fputs(" -x -a '", stdout);
        print_words(row);
        fputc('\'', stdout);
        break;
    case KIND_FILE:
        fputs(" -r -F", stdout);
        break;
    case KIND_COMMAND:
        fputs(" -x -a '(__fish_complete_command)'", stdout);
        break;
    case KIND_FREE:
        fputs(" -x", stdout);
        break;
    case KIND_NONE:
        break;
    }
}

static void fish_option(const struct row *row)
{
    const char *both = row->commands == (COMMAND_CONNECT | COMMAND_LISTEN) ? "connect listen"
                       : row->commands == COMMAND_CONNECT                  ? "connect"
                                                                           : "listen";
    printf("complete -c adieu -n '__fish_seen_subcommand_from %s' -l %s", both, row->name);
    if (row->letter != '\0')
        printf(" -s %c", row->letter);
    fish_value(row);
    fputs(" -d '", stdout);
    print_quoted(row->help, "\\", "\\'");
    puts("'");
}

static void print_fish(void)
{
    puts("# fish completion of adieu(1), made from its option table\ncomplete -c adieu -f");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        printf("complete -c adieu -n __fish_use_subcommand -a %s -d '%s'\n", commands[i].name, commands[i].help);
    puts("complete -c adieu -n __fish_use_subcommand -s h -l help -d 'Print the commands'\n"
         "complete -c adieu -n __fish_use_subcommand -s V -l version -d 'Print the version'");
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].name)
            fish_option(&rows[i]);
    }
}

/* ---------------------------------------------------------------- */

int main(int argc, char **argv)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (argc == 2 && strcmp(argv[1], shells[i].shell) == 0) {
            shells[i].print();
            return ferror(stdout) || fflush(stdout) != 0;
        }
    }
    return 64;
}
