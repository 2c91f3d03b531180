/* SPDX-License-Identifier: MIT */
/* The directives of docs/errors.in.md: the list of errors, and the head of each paragraph. */
#include <stdio.h>
#include <string.h>

#include "print_docs.h"

struct error {
    const char *NAME, *name;
    int rank;
    const char *text;
};

static const struct error errors[] = {
#define ERROR(NAME, name, rank, text) {#NAME, name, rank, text},
#include "error.def"
};

enum { ERRORS = sizeof errors / sizeof *errors };
static int described[ERRORS];

static bool print_errors(const char *rest)
{
    (void)rest;
    puts("| code | name in reports | rank | text |\n| --- | --- | --- | --- |");
    for (const struct error *e = errors; e < errors + ERRORS; e++)
        printf("| `ADIEU_ERR_%s` | %s | %d | %s |\n", e->NAME, e->name, e->rank, e->text);
    return true;
}

/* @error NAME: the head of a paragraph by hand. */
static bool print_error(const char *rest)
{
    for (size_t i = 0; i < ERRORS; i++)
        if (!strcmp(errors[i].NAME, rest)) {
            described[i]++;
            printf("**%s**: %s.\n", errors[i].name, errors[i].text);
            return true;
        }
    return print_wrong("no such error", rest);
}

/* @all-errors: prints nothing, but every error must have had its paragraph. */
static bool check_errors(const char *rest)
{
    for (size_t i = 0; i < ERRORS; i++)
        if (described[i] != 1)
            return print_wrong("an error without a paragraph, or with two", errors[i].NAME);
    (void)rest;
    return true;
}

const struct directive error_directives[] = {
    {"errors", print_errors},
    {"error", print_error},
    {"all-errors", check_errors},
    {NULL, NULL},
};
