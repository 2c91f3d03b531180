/* SPDX-License-Identifier: MIT */
/* Scripts by chance, and from any bytes. */
#include <string.h>

#include "random.h"
#include "script.h"

const struct kind sim_kinds[SIM_DOES] = {
#define STEP(NAME, word, weight, most, hows, what) [SIM_##NAME] = {word, weight, most, hows},
#include "steps.def"
};

static const uint8_t queues[] = {1, 2, 8};
static const uint32_t capacities[] = {1, 64, 1500, 20000, 65536, 300000};
enum { QUEUES = sizeof queues / sizeof *queues, CAPACITIES = sizeof capacities / sizeof *capacities };

static void clamp_step(struct sim_step *step)
{
    step->does %= SIM_DOES;
    step->side %= SIM_SIDES;
    step->how %= sim_kinds[step->does].hows;
    if (step->size > sim_kinds[step->does].most)
        step->size = sim_kinds[step->does].most;
}

void sim_script_clamp(struct sim_script *script)
{
    struct sim_setup *setup = &script->setup;
    setup->queue = setup->queue < 1 ? 1 : setup->queue > 8 ? 8 : setup->queue;
    setup->client_auth %= 3;
    setup->later %= 3;
    if (setup->capacity < 1)
        setup->capacity = 1;
    if (setup->capacity > 300000)
        setup->capacity = 300000;
    uint8_t *flags[] = {&setup->tls12, &setup->resumed, &setup->acknowledges, &setup->own_config};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        *flags[i] = *flags[i] != 0;
    if (script->count > SIM_STEPS)
        script->count = SIM_STEPS;
    for (size_t i = 0; i < script->count; i++)
        clamp_step(&script->steps[i]);
}

/* ------------------------------------------------ from bytes */

/* Two bytes as a size: small ones exactly, large ones in steps. */
static uint32_t size_of(uint8_t low, uint8_t high)
{
    return (uint32_t)low << (high % 12);
}

static void setup_from_bytes(struct sim_setup *setup, const uint8_t bytes[8])
{
    *setup = (struct sim_setup){
        .seed = (uint32_t)bytes[4] << 24 | (uint32_t)bytes[5] << 16 | (uint32_t)bytes[6] << 8 | bytes[7],
        .capacity = capacities[bytes[1] % CAPACITIES],
        .queue = queues[bytes[2] % QUEUES],
        .key_limit = bytes[3],
        .tls12 = bytes[0] & 1,
        .client_auth = bytes[0] & 2 ? 1 + (bytes[0] >> 7) : 0,
        .resumed = bytes[0] & 4,
        .later = bytes[0] & 8 ? 1 + (bytes[0] >> 6 & 1) : 0,
        .acknowledges = !(bytes[0] & 16),
        .own_config = !(bytes[0] & 32),
    };
}

void sim_script_from_bytes(struct sim_script *script, const uint8_t *bytes, size_t size)
{
    uint8_t setup[8] = {0};
    size_t n = size < sizeof setup ? size : sizeof setup;
    if (n)
        memcpy(setup, bytes, n);
    setup_from_bytes(&script->setup, setup);
    script->count = 0;
    for (bytes += n, size -= n; size >= 4 && script->count < SIM_STEPS; bytes += 4, size -= 4)
        script->steps[script->count++] = (struct sim_step){
            .does = bytes[0], .side = bytes[1] & 1, .how = bytes[1] >> 1, .size = size_of(bytes[2], bytes[3])};
    sim_script_clamp(script);
}

/* ------------------------------------------------ by chance */

/* What can hurt, and who would do it: a conversation has some of these enemies, or none. */
enum enemy { NOBODY, PROGRAM, NETWORK, LIAR, SHORTAGE };

static enum enemy enemy_of(enum sim_does does)
{
    switch (does) {
    case SIM_ABORT:
    case SIM_FREE:
    case SIM_CLOSE:
    case SIM_DECIDE:
        return PROGRAM;
    case SIM_TELL_EOF:
    case SIM_TELL_FAILED:
    case SIM_TELL_RESET:
    case SIM_CUT:
    case SIM_RESET:
    case SIM_REFUSE:
        return NETWORK;
    case SIM_INJECT:
    case SIM_FLIP:
    case SIM_DROP:
    case SIM_DOUBLE:
        return LIAR;
    case SIM_NO_MEMORY:
    case SIM_FAULT:
        return SHORTAGE;
    default:
        return NOBODY;
    }
}

/* Each conversation prefers other steps, and does without some: what never meets in the average meets there. */
static void choose_weights(struct random *random, unsigned weights[SIM_DOES])
{
    static const unsigned factors[] = {0, 1, 1, 1, 4};
    unsigned enemies = 0;
    if (!random_one_in(random, 4))
        for (unsigned i = 0; i < 2; i++)
            enemies |= 1U << (1 + random_below(random, 4));
    for (unsigned i = 0; i < SIM_DOES; i++) {
        enum enemy enemy = enemy_of((enum sim_does)i);
        unsigned factor = factors[random_below(random, sizeof factors / sizeof *factors)];
        weights[i] = enemy != NOBODY && !(enemies & 1U << enemy) ? 0 : factor * sim_kinds[i].weight;
    }
    weights[SIM_PUMP] = sim_kinds[SIM_PUMP].weight;
}

static enum sim_does choose(struct random *random, const unsigned weights[SIM_DOES])
{
    unsigned sum = 0;
    for (unsigned i = 0; i < SIM_DOES; i++)
        sum += weights[i];
    size_t at = random_below(random, sum);
    for (unsigned i = 0; i < SIM_DOES; i++) {
        if (at < weights[i])
            return (enum sim_does)i;
        at -= weights[i];
    }
    return SIM_PUMP;
}

static struct sim_setup setup_by_chance(struct random *random)
{
    return (struct sim_setup){
        .seed = (uint32_t)random_next(random),
        .capacity =
            random_one_in(random, 3) ? capacities[random_below(random, CAPACITIES)] : capacities[CAPACITIES - 1],
        .tls12 = random_one_in(random, 3),
        .queue = queues[random_below(random, QUEUES)],
        .client_auth = (uint8_t)(random_one_in(random, 5) ? 1 + random_below(random, 2) : 0),
        .resumed = random_one_in(random, 4),
        .later = (uint8_t)(random_one_in(random, 5) ? 1 + random_one_in(random, 3) : 0),
        .acknowledges = !random_one_in(random, 3),
        .own_config = random_one_in(random, 8),
        .key_limit = random_one_in(random, 6) ? 3 : 0,
    };
}

void sim_script_from_seed(struct sim_script *script, uint64_t seed)
{
    struct random random = random_from(seed);
    unsigned weights[SIM_DOES];
    script->setup = setup_by_chance(&random);
    choose_weights(&random, weights);
    script->count = 4 + random_below(&random, random_one_in(&random, 8) ? 150 : 40);
    size_t favourite = random_below(&random, 3); /* often the same side speaks */
    for (size_t i = 0; i < script->count; i++) {
        enum sim_does does = choose(&random, weights);
        script->steps[i] = (struct sim_step){
            .does = (uint8_t)does,
            .side = (uint8_t)(favourite < 2 && random_one_in(&random, 2) ? favourite : random_below(&random, 2)),
            .how = (uint16_t)random_below(&random, sim_kinds[does].hows),
            .size = (uint32_t)random_size(&random, sim_kinds[does].most),
        };
    }
    if (!random_one_in(&random, 4)) /* as a rule they shake hands first */
        script->steps[0] = (struct sim_step){.does = SIM_PUMP, .size = 6};
    sim_script_clamp(script);
}
