/* SPDX-License-Identifier: MIT */
/*
 * The documentation's printer. A template (docs/NAME.in.EXT) is copied to standard output; a line that begins with @ is
 * a directive, replaced by what its function prints. So tables and diagram are the running data, and prose stays prose.
 */
#ifndef ADIEU_PRINT_DOCS_H
#define ADIEU_PRINT_DOCS_H

#include <stdbool.h>

/* print is given what follows the name on the line; false: that makes no sense here (it has said why). */
struct directive {
    const char *name;
    bool (*print)(const char *rest);
};

/* Each list ends with a NULL name. */
extern const struct directive ending_directives[];  /* print_endings.c */
extern const struct directive error_directives[];   /* print_errors.c */
extern const struct directive diagram_directives[]; /* print_diagram.c */
extern const struct directive source_directives[];  /* print_source.c */

/* Says what is wrong with a directive, on standard error; returns false. */
bool print_wrong(const char *what, const char *rest);

#endif
