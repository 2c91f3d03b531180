/* SPDX-License-Identifier: MIT */
#include "actors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include "tcp.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(save, bottom, size) (void)(save), (void)(bottom), (void)(size)
#define __sanitizer_finish_switch_fiber(save, bottom, size) (void)(save), (void)(bottom), (void)(size)
#endif

enum { MOST = 8, SIDES = 3, STACK = 512 * 1024, SPINS = 20000 };

struct actor {
    ucontext_t context;
    char *stack;
    void (*run)(void *);
    void *argument;
    int side;
    bool lives, interrupted, was_ready;
    bool (*ready)(void *);
    void *ready_context;
    int64_t until;
    void *fake_stack;
};

static struct actor actors[MOST];
static int count, running; /* running: index + 1 */
static ucontext_t scheduler;
static void *scheduler_fake_stack;
static const void *scheduler_bottom;
static size_t scheduler_size;
static int64_t now, interrupted_us[SIDES];
static struct random dice;
static void (*each_time)(void *);
static void *each_time_context;
static bool rule_broken;
static char text[1024];

int64_t now_us(void)
{
    return now;
}

int actor_running(void)
{
    return running;
}

int64_t side_interrupted_us(int side)
{
    return interrupted_us[side];
}

const char *broken_text(void)
{
    return rule_broken ? text : NULL;
}

void actors_reset(uint64_t seed)
{
    count = running = 0;
    now = 1000000;
    dice = random_from(seed);
    rule_broken = false;
    for (int i = 0; i < SIDES; i++)
        interrupted_us[i] = 0;
}

/* ------------------------------------------------ switching */

static void to_scheduler(struct actor *self)
{
    __sanitizer_start_switch_fiber(self->lives ? &self->fake_stack : NULL, scheduler_bottom, scheduler_size);
    (void)swapcontext(&self->context, &scheduler);
    __sanitizer_finish_switch_fiber(self->fake_stack, &scheduler_bottom, &scheduler_size);
}

static void to_actor(struct actor *actor)
{
    running = (int)(actor - actors) + 1;
    __sanitizer_start_switch_fiber(&scheduler_fake_stack, actor->stack, STACK);
    (void)swapcontext(&scheduler, &actor->context);
    __sanitizer_finish_switch_fiber(scheduler_fake_stack, NULL, NULL);
    running = 0;
}

static void begin(void)
{
    struct actor *self = &actors[running - 1];
    __sanitizer_finish_switch_fiber(NULL, &scheduler_bottom, &scheduler_size);
    self->run(self->argument);
    self->lives = false;
    to_scheduler(self);
}

bool actors_add(int side, void (*run)(void *context), void *context)
{
    if (count == MOST)
        return false;
    struct actor *actor = &actors[count++];
    char *stack = actor->stack ? actor->stack : malloc(STACK);
    *actor = (struct actor){.stack = stack, .run = run, .argument = context, .side = side, .lives = true};
    (void)getcontext(&actor->context);
    actor->context.uc_stack.ss_sp = stack;
    actor->context.uc_stack.ss_size = STACK;
    makecontext(&actor->context, begin, 0);
    return true;
}

bool actor_wait(bool (*ready)(void *context), void *context, int64_t until)
{
    struct actor *self = &actors[running - 1];
    self->ready = ready;
    self->ready_context = context;
    self->until = until;
    to_scheduler(self);
    return self->was_ready;
}

void actor_interrupted(int64_t us)
{
    struct actor *self = running ? &actors[running - 1] : NULL;
    if (!self)
        return;
    int64_t before = now;
    self->interrupted = true;
    (void)actor_wait(NULL, NULL, now + us);
    self->interrupted = false;
    interrupted_us[self->side] += now - before;
}

void broken(const char *rule, const char *format, ...)
{
    if (!rule_broken) {
        va_list arguments;
        va_start(arguments, format);
        int n = snprintf(text, sizeof text, "%s\n    at %lld us: ", rule, (long long)now);
        (void)vsnprintf(text + n, sizeof text - (size_t)n, format, arguments);
        va_end(arguments);
    }
    rule_broken = true;
    if (running)
        to_scheduler(&actors[running - 1]); /* for ever: nobody runs any more */
}

/* ------------------------------------------------ whose turn it is */

bool side_is_inside(int side)
{
    for (int i = 0; i < count; i++)
        if (actors[i].lives && actors[i].interrupted && actors[i].side == side)
            return true;
    return false;
}

static bool can_run(struct actor *actor)
{
    if (!actor->lives || (!actor->interrupted && side_is_inside(actor->side)))
        return false;
    actor->was_ready = actor->ready && actor->ready(actor->ready_context);
    return actor->was_ready || now >= actor->until;
}

/* One of those that can run, whichever. */
static struct actor *next_actor(void)
{
    struct actor *able[MOST];
    int n = 0;
    for (int i = 0; i < count; i++)
        if (can_run(&actors[i]))
            able[n++] = &actors[i];
    return n ? able[n > 1 ? dice_below(&dice, n) : 0] : NULL;
}

void actors_each_time(void (*function)(void *context), void *context)
{
    each_time = function;
    each_time_context = context;
}

static bool anybody_lives(void)
{
    for (int i = 0; i < count; i++)
        if (actors[i].lives)
            return true;
    return false;
}

static int64_t next_time(void)
{
    int64_t next = tcp_next();
    for (int i = 0; i < count; i++)
        if (actors[i].lives && actors[i].until > now && actors[i].until < next)
            next = actors[i].until;
    return next;
}

void time_jump(int64_t to)
{
    now = to > now ? to : now;
    tcp_run(now);
}

bool actors_run(void)
{
    int spins = 0;
    tcp_run(now);
    while (!rule_broken && anybody_lives()) {
        struct actor *actor = next_actor();
        if (actor) {
            if (++spins > SPINS)
                broken("no loop spins", "%d turns, and the clock stands still", spins);
            else
                to_actor(actor);
            continue;
        }
        if (each_time)
            each_time(each_time_context);
        int64_t next = next_time();
        if (next == NEVER) {
            broken("a wait ends when something can be done, or at its deadline", "all wait for ever");
            break;
        }
        spins = next > now ? 0 : spins;
        time_jump(next);
    }
    return !rule_broken;
}
