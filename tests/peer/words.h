/* SPDX-License-Identifier: MIT */
/* Lines into words. */
#ifndef ADIEU_TESTS_PEER_WORDS_H
#define ADIEU_TESTS_PEER_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

#define WORDS_MAX 512
#define WORD_MAX 80 /* of names and facts that are compared */

struct line {
    int number;
    char *text;   /* as it stands in the file, for people */
    char *store;  /* the words */
    char **words; /* ends with NULL; "a quoted word" keeps its first quote, so that it is told from a name */
    int count;
};

/* Splits; variable (may be NULL) is replaced by value. NULL: it is good; otherwise what is wrong. */
const char *line_split(struct line *line, const char *text, const char *variable, const char *value);
void line_free(struct line *line);

bool word_is(const char *word, const char *name); /* word may be NULL */
/* The next of a|b|c, which at points to; false: there are no more. */
bool word_alternative(const char **at, char *one, size_t size);
/* Whether the name is one of a|b|c, or that is any. */
bool word_among(const char *alternatives, const char *name);
/* The same where each alternative is a name or a number, which number_of knows. */
bool word_names(const char *alternatives, int (*number_of)(const char *name), int number);
bool word_number(const char *word, long *number);
/* "text", hex:0102, zero:5 or a number (of the pattern, which goes on at *at). False: it is none of them. */
bool word_bytes(const char *word, uint64_t *at, struct bytes *bytes);

#endif
