/* SPDX-License-Identifier: MIT */
/* Which option was meant. */
#include <string.h>

#include "options.h"

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters to change, add or leave out (Levenshtein); names longer than 31 are never like any. */
static unsigned distance(const char *a, const char *b, size_t a_length)
{
    unsigned row[32];
    size_t b_length = strlen(b);
    if (a_length > 31 || b_length > 31)
        return 99;
    for (unsigned j = 0; j <= b_length; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a_length; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b_length; j++) {
            unsigned above = row[j];
            row[j] = least(least(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

/* The beginning of a name is as good as a name with one slip. */
static unsigned unlikeness(const char *typed, size_t length, const char *name)
{
    if (length >= 3 && strncmp(typed, name, length) == 0)
        return 1;
    return distance(typed, name, length);
}

const char *option_nearest(enum command command, const char *typed)
{
    const char *best = NULL;
    size_t length = strcspn(typed, "=");
    unsigned best_distance = length < 6 ? 2 : 3;
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (!row->name || !(row->commands & (unsigned)command))
            continue;
        unsigned here = unlikeness(typed, length, row->name);
        if (here < best_distance) {
            best = row->name;
            best_distance = here;
        }
    }
    return best;
}
