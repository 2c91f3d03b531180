/* SPDX-License-Identifier: MIT */
/*
 * A conversation of two streams and a third party between them, played by a script: data, made from a seed, from any bytes,
 * or read from a file. To play one is deterministic: no socket, no clock, no thread. After each step the invariants hold.
 *
 * The engine is bound at link time: engine_scripted.c or engine_openssl.c.
 */
#ifndef ADIEU_TESTS_SIM_H
#define ADIEU_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "adieu.h"

enum sim_does {
#define STEP(NAME, word, weight, most, hows, what) SIM_##NAME,
#include "steps.def"
    SIM_DOES
};

enum { SIM_CLIENT, SIM_SERVER, SIM_SIDES };

struct sim_step {
    uint8_t does; /* enum sim_does */
    uint8_t side;
    uint16_t how;
    uint32_t size;
};

/* What holds for the whole of a conversation. */
struct sim_setup {
    uint32_t seed;     /* of what the third party does by itself: where segments end */
    uint32_t capacity; /* bytes under way in one direction */
    uint8_t tls12;
    uint8_t queue;       /* in records */
    uint8_t client_auth; /* 0: the server asks for none; 1: required; 2: late */
    uint8_t resumed;
    uint8_t later;        /* the client's on_verify says LATER, and the program then 1: yes, 2: no */
    uint8_t acknowledges; /* the transport knows what the peer has */
    uint8_t own_config;   /* not shared with other conversations: then memory is counted */
    uint8_t key_limit;    /* a new key after so many records; 0: the default */
};

enum { SIM_STEPS = 256 };
struct sim_script {
    struct sim_setup setup;
    size_t count;
    struct sim_step steps[SIM_STEPS];
};

/* What came of it. */
struct sim_verdict {
    const char *broken;   /* the invariant's name, static; NULL: none was broken */
    const char *sentence; /* what it says */
    size_t step;          /* after which; count: in the goodbye that follows the script */
    char detail[240];     /* which side, and how it stood */
};

/* How both sides stood in the end, for statistics. */
struct sim_outcome {
    struct adieu_ending endings[SIM_SIDES]; /* the last that was seen of a stream that was freed */
    bool freed[SIM_SIDES];                  /* by the script */
    bool healthy;                           /* nothing was done that may hurt */
    size_t calls;                           /* of verbs and wire functions, that were checked */
};

/* Once in a process; tells the engine's name. */
const char *sim_begin(void);
void sim_end(void);

/* False: an invariant was broken, verdict says which. outcome may be NULL. */
bool sim_run(const struct sim_script *script, struct sim_verdict *verdict, struct sim_outcome *outcome);

/* script.c. Any bytes are a script: the first eight its setup, then four for each step. */
void sim_script_from_bytes(struct sim_script *script, const uint8_t *bytes, size_t size);
void sim_script_from_seed(struct sim_script *script, uint64_t seed);
/* Puts every number where it may be. */
void sim_script_clamp(struct sim_script *script);
/* text.c: one step a line; "#" begins a comment. False: line says where it is wrong. */
void sim_script_print(const struct sim_script *script, FILE *to);
bool sim_script_read(struct sim_script *script, FILE *from, unsigned *line);

#endif
