/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <inttypes.h>
#include <string.h>

static const char *const whos[WHO_COUNT] = {"net", "a", "a1", "a2", "b", "b1", "b2"};
static const char *const verbs[VERB_COUNT] = {
#define X(NAME, name, numbers) #name,
    VERBS(X)
#undef X
};

void script_write(const struct script *script, FILE *file)
{
    for (size_t i = 0; i < script->count; i++) {
        const struct line *line = &script->lines[i];
        fprintf(file, "%s %s %" PRId64 " %" PRId64 "\n", whos[line->who], verbs[line->verb], line->a, line->b);
    }
}

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

bool script_read(struct script *script, FILE *file)
{
    char text[128], who[16], verb[32];
    script->count = 0;
    while (fgets(text, sizeof text, file)) {
        struct line line = {.a = 0};
        if (text[0] == '#' || text[0] == '\n')
            continue;
        if (sscanf(text, "%15s %31s %" SCNd64 " %" SCNd64, who, verb, &line.a, &line.b) < 2 || script->count == LINES)
            return false;
        int actor = find(whos, WHO_COUNT, who), what = find(verbs, VERB_COUNT, verb);
        if (actor < 0 || what < 0)
            return false;
        line.who = (uint8_t)actor;
        line.verb = (uint8_t)what;
        script->lines[script->count++] = line;
    }
    return true;
}
