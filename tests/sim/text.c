/* SPDX-License-Identifier: MIT */
/* Scripts as text, to be read, mailed, kept and replayed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

static const char *const sides[] = {"client", "server"};

/* The numbers of a setup, by name. */
#define SETUP(NUMBER)                                                                                                  \
    NUMBER(uint32_t, seed)                                                                                             \
    NUMBER(uint32_t, capacity)                                                                                         \
    NUMBER(uint8_t, tls12)                                                                                             \
    NUMBER(uint8_t, queue)                                                                                             \
    NUMBER(uint8_t, client_auth)                                                                                       \
    NUMBER(uint8_t, resumed)                                                                                           \
    NUMBER(uint8_t, later)                                                                                             \
    NUMBER(uint8_t, acknowledges)                                                                                      \
    NUMBER(uint8_t, own_config)                                                                                        \
    NUMBER(uint8_t, key_limit)

void sim_script_print(const struct sim_script *script, FILE *to)
{
#define NUMBER(type, name) fprintf(to, "set " #name " %u\n", (unsigned)script->setup.name);
    SETUP(NUMBER)
#undef NUMBER
    for (size_t i = 0; i < script->count; i++) {
        const struct sim_step *step = &script->steps[i];
        fprintf(to, "%s %s", sides[step->side], sim_kinds[step->does].word);
        if (step->size)
            fprintf(to, " %" PRIu32, step->size);
        if (step->how)
            fprintf(to, " how %u", step->how);
        fputc('\n', to);
    }
}

static bool set(struct sim_setup *setup, const char *name, uint32_t number)
{
#define NUMBER(type, field)                                                                                            \
    if (!strcmp(name, #field)) {                                                                                       \
        setup->field = (type)number;                                                                                   \
        return true;                                                                                                   \
    }
    SETUP(NUMBER)
#undef NUMBER
    return false;
}

static bool find_word(struct sim_step *step, const char *word)
{
    for (unsigned i = 0; i < SIM_DOES; i++)
        if (!strcmp(word, sim_kinds[i].word)) {
            step->does = (uint8_t)i;
            return true;
        }
    return false;
}

/* side word [size] [how n] */
static bool read_step(struct sim_step *step, const char *text)
{
    char side[16], word[32];
    unsigned size = 0, how = 0;
    *step = (struct sim_step){0};
    if (sscanf(text, "%15s %31s", side, word) != 2)
        return false;
    if (sscanf(text, "%*s %*s how %u", &how) != 1)
        sscanf(text, "%*s %*s %u how %u", &size, &how);
    step->side = !strcmp(side, sides[SIM_SERVER]);
    step->size = size;
    step->how = (uint16_t)how;
    return (step->side || !strcmp(side, sides[SIM_CLIENT])) && find_word(step, word);
}

static bool read_line(struct sim_script *script, char *text)
{
    char name[32];
    unsigned number;
    text[strcspn(text, "#\r\n")] = '\0';
    if (text[strspn(text, " \t")] == '\0')
        return true;
    if (sscanf(text, "set %31s %u", name, &number) == 2)
        return set(&script->setup, name, number);
    return script->count < SIM_STEPS && read_step(&script->steps[script->count++], text);
}

bool sim_script_read(struct sim_script *script, FILE *from, unsigned *line)
{
    char text[256];
    *script = (struct sim_script){.setup = {.capacity = 300000, .queue = 8, .acknowledges = 1, .own_config = 1}};
    for (*line = 1; fgets(text, sizeof text, from); ++*line)
        if (!read_line(script, text))
            return false;
    sim_script_clamp(script);
    return true;
}
