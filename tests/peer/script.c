/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const subject_names[SUBJECTS] = {"fd", "uv", "memory", "command"};
const char *const cipher_names[CIPHERS] = {"aes128", "aes256", "chacha"};
static const char *const role_names[2] = {"client", "server"};
static const char *const version_names[2] = {"1.2", "1.3"};

static bool wrong(struct script *script, const struct line *line, const char *format, ...)
{
    va_list values;
    int used = snprintf(script->error, sizeof script->error, "%s:%d: ", script->path, line ? line->number : 0);
    va_start(values, format);
    vsnprintf(script->error + used, sizeof script->error - (size_t)used, format, values);
    va_end(values);
    return false;
}

static int index_of(const char *const *names, int count, const char *word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], word) == 0)
            return i;
    return -1;
}

/* ------------------------------------------------ the head */

static bool choose(struct script *script, const struct line *line, const char *const *names, bool *chosen, int count)
{
    memset(chosen, 0, (size_t)count * sizeof *chosen);
    for (int i = 1; i < line->count; i++) {
        int found = index_of(names, count, line->words[i]);
        if (found < 0)
            return wrong(script, line, "\"%s\" cannot be chosen here", line->words[i]);
        chosen[found] = true;
    }
    return true;
}

static bool head_scenario(struct script *script, const struct line *line)
{
    size_t used = 0;
    for (int i = 1; i < line->count; i++)
        used += (size_t)snprintf(script->scenarios + used, sizeof script->scenarios - used, "%s ", line->words[i]);
    const char *first = line->count > 1 ? line->words[1] : "";
    size_t length = strlen(first);
    if (length == 0 || strncmp(script->name, first, length) != 0 || script->name[length] != '-')
        return wrong(script, line, "the file's name must start with the scenario: %s-", first);
    return true;
}

static bool head_claim(struct script *script, const struct line *line)
{
    script->claim = line->text + strcspn(line->text, "c") + strlen("claim");
    return *script->claim != '\0' || wrong(script, line, "a claim says something");
}

/* without SUBJECT: reason */
static bool head_without(struct script *script, const struct line *line)
{
    char name[16] = "";
    if (line->count > 2)
        snprintf(name, sizeof name, "%.*s", (int)strcspn(line->words[1], ":"), line->words[1]);
    int found = index_of(subject_names, SUBJECTS, name);
    if (found < 0)
        return wrong(script, line, "without SUBJECT: and the reason");
    script->subjects[found] = false;
    if (found == SUBJECT_FD) /* what is said of the one socket transport holds for the other */
        script->subjects[SUBJECT_UV] = false;
    return true;
}

static bool head_vary(struct script *script, const struct line *line)
{
    struct bytes values = {0};
    if (line->count < 3 || script->values)
        return wrong(script, line, "vary NAME VALUE..., once");
    snprintf(script->variable, sizeof script->variable, "%s", line->words[1]);
    for (int i = 2; i < line->count; i++) {
        bytes_add(&values, line->words[i], strlen(line->words[i]));
        bytes_add(&values, "\n", 1); /* a quoted word may have blanks */
    }
    bytes_add(&values, "", 1);
    script->values = (char *)values.at;
    return true;
}

static bool set_number(struct script *script, const struct line *line, long *number)
{
    return (word_number(line->words[2], number) && *number >= 0) || wrong(script, line, "set %s N", line->words[1]);
}

/* Settings that are one word. False: it is none of them. */
static bool set_word(struct settings *settings, const struct line *line)
{
    struct {
        const char *name, **value;
    } words[] = {{"versions", &settings->versions},
                 {"groups", &settings->groups},
                 {"alpn", &settings->alpn},
                 {"peer_alpn", &settings->peer_alpn},
                 {"peer_certificate", &settings->peer_certificate}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(line->words[1], words[i].name) == 0) {
            *words[i].value = line->words[2];
            return true;
        }
    return false;
}

static bool head_set(struct script *script, const struct line *line)
{
    struct settings *settings = &script->settings;
    const char *what = line->count > 2 ? line->words[1] : "";
    if (strcmp(what, "buffers") == 0)
        return set_number(script, line, &settings->buffers);
    if (strcmp(what, "tickets") == 0)
        return set_number(script, line, &settings->tickets);
    if (strcmp(what, "queue") == 0)
        return set_number(script, line, &settings->queue);
    if (strcmp(what, "trust") == 0)
        return settings->untrusted = true;
    if (strcmp(what, "client_auth") == 0)
        return settings->client_auth = true;
    if (line->count == 3 && set_word(settings, line))
        return true;
    if (strcmp(what, "options") != 0)
        return wrong(script, line, "there is no such setting");
    for (int i = 2; i < line->count && settings->option_count < 15; i++)
        settings->options[settings->option_count++] = line->words[i];
    return true;
}

/* 1: a line of the head, and good; 0: the play begins; -1: wrong. */
static int head_line(struct script *script, const struct line *line)
{
    const char *word = line->words[0];
    if (strcmp(word, "scenario") == 0)
        return head_scenario(script, line) ? 1 : -1;
    if (strcmp(word, "claim") == 0)
        return head_claim(script, line) ? 1 : -1;
    if (strcmp(word, "roles") == 0)
        return choose(script, line, role_names, script->roles, 2) ? 1 : -1;
    if (strcmp(word, "versions") == 0)
        return choose(script, line, version_names, script->versions, 2) ? 1 : -1;
    if (strcmp(word, "ciphers") == 0)
        return choose(script, line, cipher_names, script->ciphers, CIPHERS) ? 1 : -1;
    if (strcmp(word, "without") == 0)
        return head_without(script, line) ? 1 : -1;
    if (strcmp(word, "vary") == 0)
        return head_vary(script, line) ? 1 : -1;
    if (strcmp(word, "set") == 0)
        return head_set(script, line) ? 1 : -1;
    return 0;
}

static bool read_head(struct script *script)
{
    int found = 1;
    while (script->body < script->count && found == 1) {
        found = head_line(script, &script->lines[script->body]);
        if (found == 1)
            script->body++;
    }
    if (found < 0)
        return false;
    if (!script->claim || script->scenarios[0] == '\0')
        return wrong(script, NULL, "the head must have a scenario and a claim");
    return true;
}

/* ------------------------------------------------ the file */

static bool add_line(struct script *script, const char *text, int number, const char *value)
{
    struct line line = {.number = number, .text = strdup(text)};
    const char *variable = value && script->variable[0] ? script->variable : NULL;
    const char *problem = line_split(&line, text, variable, value);
    if (problem || line.count == 0) {
        bool good = problem ? wrong(script, &line, "%s", problem) : true;
        line_free(&line);
        return good;
    }
    script->lines = realloc(script->lines, (size_t)(script->count + 1) * sizeof *script->lines);
    script->lines[script->count++] = line;
    /* What follows may need it. */
    if (strcmp(line.words[0], "vary") == 0 && line.count > 1)
        snprintf(script->variable, sizeof script->variable, "%s", line.words[1]);
    return true;
}

static bool read_lines(struct script *script, FILE *file, const char *value)
{
    char *text = NULL;
    size_t room = 0;
    bool good = true;
    ssize_t n;
    for (int number = 1; good && (n = getline(&text, &room, file)) > 0; number++) {
        text[strcspn(text, "\r\n")] = '\0';
        good = add_line(script, text, number, value);
    }
    free(text);
    return good;
}

bool script_read(struct script *script, const char *path, const char *value)
{
    const char *slash = strrchr(path, '/');
    *script = (struct script){.path = path,
                              .name = slash ? slash + 1 : path,
                              .roles = {true, true},
                              .versions = {true, true},
                              .ciphers = {true},
                              .subjects = {true, true, true, true}};
    FILE *file = fopen(path, "r");
    if (!file)
        return wrong(script, NULL, "it cannot be read");
    bool good = read_lines(script, file, value);
    fclose(file);
    return good && read_head(script);
}

void script_free(struct script *script)
{
    for (int i = 0; i < script->count; i++)
        line_free(&script->lines[i]);
    free(script->lines);
    free(script->values);
}

/* ------------------------------------------------ the variable */

bool script_value(const struct script *script, int index, char *text, size_t size)
{
    const char *at = script->values ? script->values : "\n";
    for (; *at != '\0'; at++) {
        size_t length = strcspn(at, "\n");
        const char *dots = strstr(at, "..");
        bool range = dots && dots < at + length && *at != '"';
        long from = strtol(at, NULL, 0), to = range ? strtol(dots + 2, NULL, 0) : from;
        if (index <= to - from) {
            if (range)
                snprintf(text, size, "%ld", from + index);
            else
                snprintf(text, size, "%.*s", (int)length, at);
            return true;
        }
        index -= (int)(to - from + 1);
        at += length;
    }
    return false;
}

/* ------------------------------------------------ conditions */

static bool is_true(const struct script *script, const char *word, const struct choice *choice, bool *unknown)
{
    const char *equals = strchr(word, '=');
    if (equals && choice->value && strncmp(word, script->variable, (size_t)(equals - word)) == 0)
        return strcmp(equals + 1, choice->value) == 0;
    if (index_of(role_names, 2, word) >= 0)
        return strcmp(word, role_names[choice->adieu_is_server]) == 0;
    if (index_of(version_names, 2, word) >= 0)
        return strcmp(word, version_names[choice->tls13]) == 0;
    if (index_of(cipher_names, CIPHERS, word) >= 0)
        return strcmp(word, choice->cipher) == 0;
    if (index_of(subject_names, SUBJECTS, word) >= 0)
        return strcmp(word, subject_names[choice->subject]) == 0 ||
               (choice->subject == SUBJECT_UV && strcmp(word, subject_names[SUBJECT_FD]) == 0);
    *unknown = true;
    return false;
}

/* a/b/NAME=c/d: the value's other alternatives stand without the name. */
static bool holds(const struct script *script, const char *condition, const struct choice *choice, bool *unknown)
{
    char word[80], name[40] = "";
    bool any = false;
    for (const char *at = condition; *at != '\0' && *at != ':';) {
        size_t n = strcspn(at, "/:");
        int prefix = snprintf(word, sizeof word, "%s", name);
        snprintf(word + prefix, sizeof word - (size_t)prefix, "%.*s", (int)n, at);
        any |= is_true(script, word, choice, unknown);
        if (name[0] == '\0' && strchr(word, '='))
            snprintf(name, sizeof name, "%.*s", (int)(strchr(word, '=') - word + 1), word);
        at += n;
        if (*at == '/')
            at++;
    }
    return any;
}

char **line_applies(const struct script *script, const struct line *line, const struct choice *choice, bool *unknown)
{
    char **words = line->words;
    bool all = true;
    *unknown = false;
    for (; *words && **words != '"' && (*words)[strlen(*words) - 1] == ':'; words++)
        all &= holds(script, *words, choice, unknown);
    return all ? words : NULL;
}
