/* SPDX-License-Identifier: MIT */
/* Many seeds in a child process, so that a crash, too, is a failure with a seed; and a failing script is shrunk. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "campaign.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conversation.h"
#include "shrink.h"

/* What a child tells. */
struct shared {
    uint64_t seed, done;
    struct tally tally;
    char broken[1024];
};
static struct shared *shared;

static bool share(void)
{
    if (!shared)
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared != MAP_FAILED;
}

static void count(struct tally *tally, const struct outcome *outcome)
{
    bool well = outcome->exits[0] == 0 && outcome->exits[1] == 0;
    tally->well += well;
    for (int side = 0; side < 2; side++) {
        int exit = outcome->exits[side];
        tally->exits[exit >= 0 && exit < EXITS - 1 ? exit : EXITS - 1]++;
        for (int cause = 0; cause < RESET_CAUSES; cause++)
            (well ? tally->resets_well : tally->resets)[cause] += outcome->resets[side][cause];
    }
}

/* In the child. */
static int run(const struct script *script)
{
    struct outcome outcome = converse(script);
    if (outcome.broken)
        (void)snprintf(shared->broken, sizeof shared->broken, "%s", outcome.broken);
    else
        count(&shared->tally, &outcome);
    return outcome.broken != NULL;
}

/* Runs that in a child; true: it failed, and shared->broken says how. */
static bool fails_in_child(int (*function)(const void *), const void *argument, unsigned seconds)
{
    int status = 0;
    shared->broken[0] = '\0';
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(seconds);
        _exit(function(argument));
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        (void)snprintf(shared->broken, sizeof shared->broken, "a child process runs");
    else if (WIFSIGNALED(status))
        (void)snprintf(shared->broken, sizeof shared->broken, "it ends by itself\n    signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) && !shared->broken[0])
        (void)snprintf(shared->broken, sizeof shared->broken, "it ends by itself\n    status %d", WEXITSTATUS(status));
    return shared->broken[0] != '\0';
}

/* ------------------------------------------------ seeds */

struct seeds {
    uint64_t first, count;
    double seconds;
};

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run_seeds(const void *context)
{
    const struct seeds *seeds = context;
    static struct script script;
    double end = seconds_now() + seeds->seconds;
    for (uint64_t i = 0; i < seeds->count && (seeds->seconds <= 0 || seconds_now() < end); i++) {
        shared->seed = seeds->first + i;
        script_make(&script, shared->seed);
        (void)alarm(60);
        if (run(&script))
            return 1;
        shared->done++;
    }
    return 0;
}

/* ------------------------------------------------ shrinking */

static int run_script(const void *script)
{
    return run(script);
}

static bool same_rule(const char *one, const char *other)
{
    return strcspn(one, "\n") == strcspn(other, "\n") && strncmp(one, other, strcspn(one, "\n")) == 0;
}

static bool still_fails(void *context, const void *lines, size_t n)
{
    static struct script script;
    script.count = n;
    memcpy(script.lines, lines, n * sizeof *script.lines);
    return fails_in_child(run_script, &script, 10) && same_rule(shared->broken, context);
}

static bool simpler(void *context, void *step, size_t nth)
{
    struct line *line = step;
    static const int64_t round[] = {0, 1, 10, 100, 1000, 10000, 30000};
    (void)context;
    if (line->verb == VERB_SEED)
        return false;
    if (nth < sizeof round / sizeof *round)
        line->a = round[nth] < line->a ? round[nth] : line->a;
    else if (nth == 7)
        line->a /= 2;
    else if (nth == 8)
        line->b /= 2;
    else
        return false;
    return true;
}

static void tell_failure(const struct script *script, const char *broken)
{
    fprintf(stderr, "# broken: %s\n", broken);
    script_write(script, stderr);
    fflush(stderr);
}

static void shrink_and_tell(struct script *script, const char *program)
{
    static char rule[sizeof shared->broken];
    memcpy(rule, shared->broken, sizeof rule);
    fprintf(stderr, "# seed %llu, as it was: %s\n", (unsigned long long)shared->seed, rule);
    const struct shrink how = {
        .fails = still_fails, .simpler = simpler, .context = rule, .step_size = sizeof(struct line), .tries = 4000};
    script->count = shrink(&how, script->lines, script->count);
    (void)still_fails(rule, script->lines, script->count);
    fprintf(stderr, "# put these lines into a file, and: %s --replay FILE\n", program);
    tell_failure(script, shared->broken);
}

/* ------------------------------------------------ commands */

bool campaign_run(uint64_t first, uint64_t n, double seconds, const char *program, struct tally *tally, uint64_t *done)
{
    static struct script script;
    const struct seeds seeds = {first, n, seconds};
    if (!share())
        return false;
    memset(shared, 0, sizeof *shared);
    bool failed = fails_in_child(run_seeds, &seeds, 60);
    *tally = shared->tally;
    *done = shared->done;
    if (!failed)
        return true;
    script_make(&script, shared->seed);
    shrink_and_tell(&script, program);
    return false;
}

bool campaign_replay(struct script *script)
{
    if (!share() || fails_in_child(run_script, script, 60)) {
        tell_failure(script, shared->broken);
        return false;
    }
    return true;
}
