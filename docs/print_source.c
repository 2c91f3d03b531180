/* SPDX-License-Identifier: MIT */
/*
 * @source FILE FUNCTION: a function of a source file, with the comment above it, as a fenced block. So the code in a
 * document is code that is compiled and run.
 */
#include <stdio.h>
#include <string.h>

#include "print_docs.h"

enum { LINE = 256, LINES = 80 };

/* The comment that may stand above a function, kept until we know. */
static char comment[LINES][LINE];
static int comment_lines;

static void remember(const char *line)
{
    bool begins = !strncmp(line, "/*", 2), goes_on = comment_lines && !strncmp(line, " *", 2);
    if (!goes_on)
        comment_lines = 0;
    if ((begins || goes_on) && comment_lines < LINES)
        strcpy(comment[comment_lines++], line);
}

/* A definition begins in column 0, names the function before its parenthesis, and is no prototype. */
static bool defines(const char *line, const char *function)
{
    char call[LINE + 1];
    snprintf(call, sizeof call, "%s(", function);
    return line[0] != ' ' && line[0] != '/' && strstr(line, call) && !strchr(line, ';');
}

static bool print_function(FILE *file, const char *function)
{
    char line[LINE];
    bool inside = false;
    while (fgets(line, sizeof line, file)) {
        if (!inside && defines(line, function)) {
            inside = true;
            puts("```c");
            for (int i = 0; i < comment_lines; i++)
                fputs(comment[i], stdout);
        }
        if (!inside) {
            remember(line);
            continue;
        }
        fputs(line, stdout);
        if (line[0] == '}') {
            puts("```");
            return true;
        }
    }
    return print_wrong("no such function", function);
}

static bool print_source(const char *rest)
{
    char path[LINE], function[LINE];
    if (sscanf(rest, "%255s %255s", path, function) != 2)
        return print_wrong("FILE FUNCTION expected", rest);
    FILE *file = fopen(path, "r");
    if (!file)
        return print_wrong("cannot be read", path);
    comment_lines = 0;
    bool good = print_function(file, function);
    fclose(file);
    return good;
}

const struct directive source_directives[] = {
    {"source", print_source},
    {NULL, NULL},
};
