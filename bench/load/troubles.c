/* SPDX-License-Identifier: MIT */
#include "troubles.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct trouble *find(struct troubles *troubles, const char *phase, const char *why)
{
    for (unsigned i = 0; i < troubles->known; i++) {
        struct trouble *kind = &troubles->kinds[i];
        if (strcmp(kind->phase, phase) == 0 && strncmp(kind->why, why, TROUBLE_TEXT - 1) == 0)
            return kind;
    }
    return NULL;
}

void troubles_add(struct troubles *troubles, const char *phase, const char *why, uint32_t number)
{
    troubles->all++;
    struct trouble *kind = find(troubles, phase, why);
    if (!kind && troubles->known < TROUBLE_KINDS) {
        kind = &troubles->kinds[troubles->known++];
        kind->phase = phase;
        kind->first = number;
        snprintf(kind->why, sizeof kind->why, "%s", why);
    }
    /* A seventeenth kind is counted in all, and nowhere else. */
    if (kind)
        kind->count++;
}

void troubles_tell(const struct troubles *troubles)
{
    uint64_t told = 0;
    for (unsigned i = 0; i < troubles->known; i++) {
        const struct trouble *kind = &troubles->kinds[i];
        fprintf(stderr, "load: %" PRIu64 " failed in %s: %s (the first was connection %" PRIu32 ")\n", kind->count,
                kind->phase, kind->why, kind->first);
        told += kind->count;
    }
    if (told < troubles->all)
        fprintf(stderr, "load: %" PRIu64 " more failed otherwise\n", troubles->all - told);
}
