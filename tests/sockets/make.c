/* SPDX-License-Identifier: MIT */
/* Scripts at random. Most conversations are well-behaved in most things: what is strange is strange in one or two. */
#include <stdlib.h>

#include "script.h"

struct making {
    struct script *script;
    struct random dice;
};

static void add(struct making *making, enum who who, enum verb verb, int64_t a, int64_t b)
{
    if (making->script->count < LINES)
        making->script->lines[making->script->count++] = (struct line){(uint8_t)who, (uint8_t)verb, a, b};
}

/* ------------------------------------------------ the network */

static void make_paths(struct making *making)
{
    struct random *dice = &making->dice;
    int64_t delay = DICE_OF(dice, 10, 50, 500, 5000, 20000, 100000);
    for (int side = 0; side < 2; side++) {
        add(making, WHO_NET, VERB_DELAY, delay, side);
        if (dice_hit(dice, 300))
            add(making, WHO_NET, VERB_JITTER, DICE_OF(dice, 100, 3000, 30000, 800000), side);
        if (dice_hit(dice, 200))
            add(making, WHO_NET, VERB_SLOW, DICE_OF(dice, 10, 300, 2000), side);
        if (dice_hit(dice, 60))
            add(making, WHO_NET, VERB_LOSS, DICE_OF(dice, 5, 30, 150), side);
        if (dice_hit(dice, 30))
            add(making, WHO_NET, VERB_HOLE, dice_below(dice, 4) * dice_below(dice, 800), side);
        if (dice_hit(dice, 500))
            add(making, WHO_NET, VERB_SEND_ROOM, DICE_OF(dice, 2048, 5000, 16384, 87040, 262144), side);
        if (dice_hit(dice, 500))
            add(making, WHO_NET, VERB_RECEIVE_ROOM, DICE_OF(dice, 2048, 4096, 16384, 131072, 524288), side);
    }
    if (dice_hit(dice, 30))
        add(making, WHO_NET, VERB_CUT, dice_below(dice, 600), dice_below(dice, 2));
    if (dice_hit(dice, 400))
        add(making, WHO_NET, VERB_SEGMENT, DICE_OF(dice, 200, 1448, 16384, 65483), DICE_OF(dice, 14480, 65536, 262144));
    if (dice_hit(dice, 500))
        add(making, WHO_NET, VERB_ACKS, DICE_OF(dice, 50, 500, 1000), 0);
}

static void make_moods(struct making *making)
{
    struct random *dice = &making->dice;
    static const enum verb moods[] = {VERB_INTERRUPTS, VERB_SHORT_SENDS, VERB_SHORT_READS, VERB_SPURIOUS};
    for (size_t i = 0; i < sizeof moods / sizeof *moods; i++)
        if (dice_hit(dice, 150))
            add(making, WHO_NET, moods[i], DICE_OF(dice, 5, 50, 300), 0);
    if (dice_hit(dice, 300))
        add(making, WHO_NET, VERB_PREEMPTS, DICE_OF(dice, 2, 20, 100), DICE_OF(dice, 20, 2000, 150000));
    if (dice_hit(dice, 600))
        add(making, WHO_NET, VERB_JOINED, 0, 0);
}

/* ------------------------------------------------ programs */

static int64_t size_at_random(struct making *making)
{
    return (int64_t)random_size(&making->dice, (size_t)DICE_OF(&making->dice, 2000, 60000, 60000, 400000));
}

static int64_t time_at_random(struct making *making)
{
    struct random *dice = &making->dice;
    return dice_hit(dice, 700) ? 30000 : DICE_OF(dice, 0, 1, 10, 60, 300, 2000);
}

static void make_close(struct making *making, enum who who)
{
    struct random *dice = &making->dice;
    int64_t quiet = dice_hit(dice, 650) ? 10000 : DICE_OF(dice, 0, 1, 20, 100, 500, 3000);
    int64_t whole = dice_hit(dice, 800) ? -1 : DICE_OF(dice, 0, 5, 50, 400, 5000);
    add(making, who, VERB_CLOSE, quiet, whole);
}

/* Any line but those that end it. */
static void make_any(struct making *making, enum who who)
{
    struct random *dice = &making->dice;
    switch (dice_below(dice, 12)) {
    case 10:
        add(making, who, VERB_PUMP, size_at_random(making), time_at_random(making));
        break;
    case 11:
        add(making, who, VERB_KEY_UPDATE, dice_below(dice, 2), time_at_random(making));
        break;
    case 0:
    case 1:
    case 2:
        add(making, who, VERB_WRITE, size_at_random(making), time_at_random(making));
        break;
    case 3:
        add(making, who, VERB_WRITEV, size_at_random(making), time_at_random(making));
        break;
    case 4:
    case 5:
        add(making, who, VERB_READ, size_at_random(making), time_at_random(making));
        break;
    case 6:
        add(making, who, VERB_SLEEP, DICE_OF(dice, 1, 30, 200, 1500), 0);
        break;
    case 7:
        add(making, who, VERB_SHUTDOWN, time_at_random(making), 0);
        break;
    case 8:
        add(making, who, VERB_ASK, 0, 0);
        break;
    default:
        add(making, who, VERB_READ_ALL, time_at_random(making), 0);
    }
}

static void make_story(struct making *making, enum who who)
{
    struct random *dice = &making->dice;
    switch (dice_below(dice, 8)) {
    case 6: /* both at once */
        add(making, who, VERB_PUMP, size_at_random(making), time_at_random(making));
        break;
    case 0: /* a request, a half-close, the whole reply */
        add(making, who, VERB_WRITE, size_at_random(making), 30000);
        add(making, who, VERB_SHUTDOWN, 30000, 0);
        add(making, who, VERB_READ_ALL, 30000, 0);
        break;
    case 1: /* it reads all, then answers */
        add(making, who, VERB_READ_ALL, 30000, 0);
        add(making, who, VERB_WRITE, size_at_random(making), 30000);
        break;
    case 2: /* it pushes, and says goodbye */
        add(making, who, VERB_WRITE, size_at_random(making), 30000);
        break;
    default:
        for (int64_t n = 1 + dice_below(dice, 6); n > 0; n--)
            make_any(making, who);
    }
}

static void make_threads(struct making *making, enum who who)
{
    struct random *dice = &making->dice;
    for (int thread = 1; thread <= 2; thread++) {
        enum who self = (enum who)((int)who + thread);
        if (dice_hit(dice, 500))
            add(making, self, VERB_READ_ALL, time_at_random(making), 0);
        for (int64_t n = dice_below(dice, 3); n > 0; n--)
            make_any(making, self);
        if (dice_hit(dice, 200))
            add(making, self, VERB_CANCEL, 0, 0);
        if (dice_hit(dice, 100))
            make_close(making, self);
        if (dice_hit(dice, 60))
            add(making, self, VERB_ABORT, 0, 0);
    }
}

static void make_side(struct making *making, enum who who)
{
    struct random *dice = &making->dice;
    bool polled = dice_hit(dice, 450);
    if (polled)
        add(making, who, VERB_POLLED, 0, 0);
    if (dice_hit(dice, 100))
        add(making, who, VERB_BORROWED, 0, 0);
    if (dice_hit(dice, 100))
        add(making, who, VERB_SPEAK, dice_below(dice, 3000), dice_below(dice, 3) * dice_below(dice, 1500));
    add(making, who, VERB_HANDSHAKE, dice_hit(dice, 950) ? 30000 : time_at_random(making), 0);
    make_story(making, who);
    if (!polled && dice_hit(dice, 250))
        make_threads(making, who);
    if (dice_hit(dice, 30))
        add(making, who, VERB_ABORT, 0, 0);
    if (dice_hit(dice, 40))
        add(making, who, VERB_DETACH, 0, 0);
    if (dice_hit(dice, 150))
        add(making, who, VERB_PART, DICE_OF(dice, 10000, 10000, 100, 1500), 0);
    if (dice_hit(dice, 950))
        make_close(making, who);
    if (dice_hit(dice, 100)) /* a reader that comes while, or after, it is said */
        add(making, who, VERB_READ_ALL, time_at_random(making), 0);
    if (dice_hit(dice, 100))
        make_close(making, who);
}

static void make_rude(struct making *making, enum who who)
{
    struct random *dice = &making->dice;
    add(making, who, VERB_RUDE, 0, 0);
    add(making, who, VERB_HANDSHAKE, 20000, 0);
    for (int64_t n = dice_below(dice, 6); n > 0; n--)
        switch (dice_below(dice, 8)) {
        case 0:
        case 1:
            add(making, who, VERB_WRITE, size_at_random(making), 10000);
            break;
        case 2:
        case 3:
            add(making, who, VERB_READ, size_at_random(making), 10000);
            break;
        case 4:
            add(making, who, VERB_SLEEP, DICE_OF(dice, 1, 30, 300, 20000), 0);
            break;
        case 5:
            add(making, who, VERB_SHUTDOWN, 10000, 0);
            break;
        case 6:
            add(making, who, dice_hit(dice, 500) ? VERB_FIN : VERB_GARBAGE, 0, 0);
            break;
        default:
            add(making, who, VERB_READ_ALL, 10000, 0);
        }
    add(making, who, dice_hit(dice, 700) ? VERB_CLOSE : VERB_ABORT, 0, 0);
}

void script_make(struct script *script, uint64_t seed)
{
    struct making making = {.script = script, .dice = random_from(seed)};
    script->count = 0;
    add(&making, WHO_NET, VERB_SEED, (int64_t)(random_next(&making.dice) >> 16), 0);
    make_paths(&making);
    make_moods(&making);
    bool rude = dice_hit(&making.dice, 250), rude_a = rude && dice_hit(&making.dice, 400);
    if (rude_a)
        make_rude(&making, WHO_A);
    else
        make_side(&making, WHO_A);
    if (rude && !rude_a)
        make_rude(&making, WHO_B);
    else
        make_side(&making, WHO_B);
}
