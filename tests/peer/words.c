/* SPDX-License-Identifier: MIT */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------ lines */

/* The text with every $VARIABLE replaced. */
static char *substitute(const char *text, const char *variable, const char *value)
{
    struct bytes out = {0};
    size_t length = variable ? strlen(variable) : 0;
    while (*text != '\0') {
        bool here = length && *text == '$' && strncmp(text + 1, variable, length) == 0;
        bytes_add(&out, here ? value : text, here ? strlen(value) : 1);
        text += here ? 1 + length : 1;
    }
    bytes_add(&out, "", 1);
    return (char *)out.at;
}

/* Ends behind the word. NULL: the quote is not closed. */
static char *word_end(char *at)
{
    if (*at != '"')
        return at + strcspn(at, " \t");
    for (at++; *at != '"'; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        if (*at == '\0')
            return NULL;
    }
    return at + 1;
}

/* Whether another word follows; the line then begins with it. */
static bool skip_blanks(char **at)
{
    *at += strspn(*at, " \t");
    return **at != '\0' && **at != '#';
}

const char *line_split(struct line *line, const char *text, const char *variable, const char *value)
{
    line->store = substitute(text, variable, value);
    line->words = calloc(WORDS_MAX + 1, sizeof *line->words);
    char *at = line->store;
    while (skip_blanks(&at)) {
        if (line->count == WORDS_MAX)
            return "too many words in one line";
        char *end = word_end(at);
        if (!end)
            return "a quote is not closed";
        line->words[line->count++] = at;
        bool last = *end == '\0';
        if (!last && *end != ' ' && *end != '\t')
            return "a blank is missing behind a quote";
        *end = '\0';
        at = last ? end : end + 1;
    }
    return NULL;
}

void line_free(struct line *line)
{
    free(line->text);
    free(line->store);
    free(line->words);
}

/* ------------------------------------------------ words */

bool word_is(const char *word, const char *name)
{
    return word && strcmp(word, name) == 0;
}

bool word_alternative(const char **at, char *one, size_t size)
{
    if (**at == '\0')
        return false;
    size_t n = strcspn(*at, "|");
    snprintf(one, size, "%.*s", (int)n, *at);
    *at += n + ((*at)[n] == '|');
    return true;
}

bool word_among(const char *alternatives, const char *name)
{
    char one[WORD_MAX];
    for (const char *at = alternatives; word_alternative(&at, one, sizeof one);)
        if (strcmp(one, name) == 0 || strcmp(one, "any") == 0)
            return true;
    return false;
}

bool word_names(const char *alternatives, int (*number_of)(const char *name), int number)
{
    char one[WORD_MAX];
    for (const char *at = alternatives; word_alternative(&at, one, sizeof one);)
        if (number_of(one) == number || strcmp(one, "any") == 0)
            return true;
    return false;
}

bool word_number(const char *word, long *number)
{
    char *end;
    if (!word || *word == '\0')
        return false;
    *number = strtol(word, &end, 0);
    return *end == '\0';
}

/* ------------------------------------------------ bytes */

static int hex_digits(const char *at)
{
    static const char digits[] = "0123456789abcdef";
    int value = 0;
    for (int i = 0; i < 2; i++) {
        const char *digit = at[i] ? strchr(digits, at[i] | ('A' <= at[i] && at[i] <= 'F' ? 0x20 : 0)) : NULL;
        if (!digit)
            return -1;
        value = value * 16 + (int)(digit - digits);
    }
    return value;
}

static bool add_hex(const char **at, struct bytes *bytes)
{
    int value = hex_digits(*at);
    if (value < 0)
        return false;
    bytes_add_number(bytes, (uint64_t)value, 1);
    *at += 2;
    return true;
}

static bool add_escape(const char **at, struct bytes *bytes)
{
    static const char letters[] = "nrt\\\"", meanings[] = "\n\r\t\\\"";
    char letter = *(*at)++;
    if (letter == 'x')
        return add_hex(at, bytes);
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (found)
        bytes_add(bytes, &meanings[found - letters], 1);
    return found != NULL;
}

/* What stands between the quotes. */
static bool add_text(const char *at, struct bytes *bytes)
{
    while (*at != '"') {
        if (*at != '\\') {
            bytes_add(bytes, at++, 1);
            continue;
        }
        at++;
        if (!add_escape(&at, bytes))
            return false;
    }
    return true;
}

static bool add_pattern(long n, uint64_t *from, struct bytes *bytes)
{
    if (n < 0)
        return false;
    uint8_t *at = bytes_extend(bytes, (size_t)n);
    for (long i = 0; i < n; i++)
        at[i] = pattern((*from)++);
    return true;
}

bool word_bytes(const char *word, uint64_t *from, struct bytes *bytes)
{
    long n;
    if (!word)
        return false;
    bytes_extend(bytes, 0);
    if (*word == '"')
        return add_text(word + 1, bytes);
    if (strncmp(word, "hex:", 4) == 0) {
        for (word += 4; *word != '\0';)
            if (!add_hex(&word, bytes))
                return false;
        return true;
    }
    if (strncmp(word, "zero:", 5) == 0) {
        if (!word_number(word + 5, &n) || n < 0)
            return false;
        memset(bytes_extend(bytes, (size_t)n), 0, (size_t)n);
        return true;
    }
    return word_number(word, &n) && add_pattern(n, from, bytes);
}
