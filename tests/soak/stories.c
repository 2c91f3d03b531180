/* SPDX-License-Identifier: MIT */
#include "stories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct story stories[] = {
#define STORY(name, manner, wire, limits, first, second, first_ends, second_ends)                                      \
    {#name, MANNER_##manner, WIRE_##wire, limits, {first, second}, {first_ends, second_ends}},
#include "stories.def"
#undef STORY
};
const size_t story_count = sizeof stories / sizeof *stories;

struct step next_step(const char **at)
{
    struct step step = {0};
    while (**at == ' ')
        ++*at;
    if (**at == 'x') {
        step.cancelled = true;
        ++*at;
    }
    if (!**at)
        return step;
    step.verb = *(*at)++;
    char *end;
    step.number = strtol(*at, &end, 10);
    *at = end;
    return step;
}

/* Neighbouring seeds are to have nothing in common. */
static uint64_t mixed(uint64_t x)
{
    x = (x + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t plan_round(void)
{
    return story_count * 4;
}

bool plan_of(uint64_t seed, unsigned targets, struct plan *plan)
{
    /* 7919 is a prime: each turn once in a round, and long stories not all together. */
    uint64_t turn = seed * 7919 % plan_round(), chance = mixed(seed);
    *plan = (struct plan){.seed = seed,
                          .story = (unsigned)(turn / 4),
                          .swapped = turn & 1,
                          .tls13 = turn & 2,
                          .resuming = chance & 1,
                          .target = targets ? (unsigned)((seed + seed / plan_round()) % targets) : 0};
    int limits = stories[plan->story].limits;
    return !((limits & ONLY_1_3) && !plan->tls13) && !((limits & ONLY_1_2) && plan->tls13) &&
           !((limits & ONLY_SWAPPED) && !plan->swapped) && !((limits & ONLY_CLIENT) && plan->swapped);
}

const char *plan_steps(const struct plan *plan, bool server)
{
    return stories[plan->story].steps[server != plan->swapped];
}

void plan_address(const struct plan *plan, char text[32])
{
    snprintf(text, 32, "127.1.%u.%u", plan->story, (unsigned)plan->swapped + 2 * (unsigned)plan->tls13 + 4);
}

bool plan_of_address(const char *peer, struct plan *plan, unsigned *port)
{
    unsigned story, flags;
    *plan = (struct plan){0};
    if (sscanf(peer, "127.1.%u.%u:%u", &story, &flags, port) != 3 || story >= story_count || flags < 4 || flags > 7)
        return false;
    plan->story = story;
    plan->swapped = flags & 1;
    plan->tls13 = flags & 2;
    return true;
}

void print_stories(void)
{
    for (size_t i = 0; i < story_count; i++)
        printf("%zu\t%s\t%d\t%d\t%s\t%s\t%s\t%s\n", i, stories[i].name, stories[i].limits, stories[i].wire,
               stories[i].endings[0], stories[i].endings[1], stories[i].steps[0], stories[i].steps[1]);
}
