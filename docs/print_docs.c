/* SPDX-License-Identifier: MIT */
/* print_docs TEMPLATE > DOCUMENT, with the source folder as the current one. See print_docs.h. */
#include <stdio.h>
#include <string.h>

#include "print_docs.h"

static const struct directive *const lists[] = {ending_directives, error_directives, diagram_directives,
                                                source_directives};

bool print_wrong(const char *what, const char *rest)
{
    fprintf(stderr, "print_docs: %s: %s\n", what, rest);
    return false;
}

static bool obey(const char *line)
{
    size_t length = strcspn(line, " ");
    const char *rest = line + length + strspn(line + length, " ");
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct directive *d = lists[i]; d->name; d++)
            if (strlen(d->name) == length && memcmp(d->name, line, length) == 0)
                return d->print(rest);
    return print_wrong("no such directive", line);
}

static bool copy(FILE *template)
{
    char line[1024];
    while (fgets(line, sizeof line, template)) {
        if (!strchr(line, '\n'))
            return print_wrong("a line is too long, or has no end", line);
        if (line[0] != '@') {
            fputs(line, stdout);
            continue;
        }
        line[strcspn(line, "\n")] = '\0';
        if (!obey(line + 1))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: print_docs TEMPLATE, in the source folder\n", stderr);
        return 64;
    }
    FILE *template = fopen(argv[1], "r");
    if (!template) {
        perror(argv[1]);
        return 1;
    }
    bool good = copy(template) && !ferror(template);
    fclose(template);
    return good && fflush(stdout) == 0 ? 0 : 1;
}
