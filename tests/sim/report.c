/* SPDX-License-Identifier: MIT */
/* A script that broke something is made small, printed, and saved so that it can be replayed. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "campaign.h"
#include "script.h"
#include "shrink.h"

/* How often a smaller one may be tried; in processes, less often. */
enum { TRIES = 20000, TRIES_FORKED = 1500, SECONDS_FORKED = 20 };

struct broken {
    struct sim_script script;
    const char *name; /* the invariant that is to break again; NULL: it crashes */
};

/* In a process of its own: whether it ends by a signal, or a sanitizer ends it. */
static bool crashes(const struct sim_script *script)
{
    pid_t child = fork();
    if (child == 0) {
        struct sim_verdict verdict;
        alarm(SECONDS_FORKED);
        if (!freopen("/dev/null", "w", stderr))
            _exit(0);
        sim_run(script, &verdict, NULL);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status != 0;
}

static bool still_broken(const struct broken *broken, const struct sim_script *script)
{
    if (!broken->name)
        return crashes(script);
    struct sim_verdict verdict;
    return !sim_run(script, &verdict, NULL) && !strcmp(verdict.broken, broken->name);
}

static bool fails(void *context, const void *steps, size_t count)
{
    struct broken *broken = context;
    struct sim_script script = {.setup = broken->script.setup, .count = count};
    memcpy(script.steps, steps, count * sizeof script.steps[0]);
    return still_broken(broken, &script);
}

static bool simpler(void *context, void *at, size_t nth)
{
    (void)context;
    struct sim_step *step = at;
    const uint32_t sizes[] = {0, 1, step->size / 2, step->size - (step->size > 0)};
    if (nth < sizeof sizes / sizeof *sizes)
        step->size = sizes[nth] < step->size ? sizes[nth] : step->size;
    else if (nth == sizeof sizes / sizeof *sizes)
        step->how = 0;
    else
        return false;
    return true;
}

/* One number of the setup after the other becomes what it usually is, if that changes nothing. */
static void simplify_setup(struct broken *broken)
{
    const struct sim_setup was = broken->script.setup;
    const struct sim_setup plain = {.capacity = 300000, .queue = 8, .acknowledges = 1, .own_config = 1};
    struct sim_setup trials[9];
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        struct sim_script script = broken->script;
        struct sim_setup *setup = &script.setup;
        switch (i) {
        case 0:
            *setup = plain;
            break;
        case 1:
            setup->seed = 0;
            break;
        case 2:
            setup->capacity = plain.capacity;
            break;
        case 3:
            setup->tls12 = 0;
            break;
        case 4:
            setup->queue = plain.queue;
            break;
        case 5:
            setup->client_auth = setup->resumed = setup->later = 0;
            break;
        case 6:
            setup->acknowledges = 1;
            break;
        case 7:
            setup->own_config = 1;
            break;
        default:
            setup->key_limit = 0;
        }
        trials[i] = *setup;
        if (memcmp(&trials[i], &was, sizeof was) != 0 && still_broken(broken, &script))
            broken->script.setup = *setup;
    }
}

void report_verdict(const struct sim_verdict *verdict)
{
    fprintf(stderr, "BROKEN %s: %s\n", verdict->broken, verdict->sentence);
    fprintf(stderr, "  after step %zu; %s\n", verdict->step + 1, verdict->detail);
}

static void save(const struct sim_script *script, uint64_t seed, const char *name, const char *invariant)
{
    char made[64];
    snprintf(made, sizeof made, "sim-%" PRIu64 ".script", seed);
    FILE *file = fopen(name ? name : made, "w");
    if (!file)
        return;
    fprintf(file, "# breaks %s; from seed %" PRIu64 "\n", invariant, seed);
    sim_script_print(script, file);
    fclose(file);
    fprintf(stderr, "# replay: --replay %s\n", name ? name : made);
}

void report_broken(struct sim_script *script, uint64_t seed, bool crash, const char *name)
{
    struct sim_verdict verdict = {.broken = NULL};
    struct broken broken = {.script = *script};
    if (!crash)
        (void)sim_run(script, &verdict, NULL);
    broken.name = verdict.broken;
    fprintf(stderr, "seed %" PRIu64 ": %s\n", seed, verdict.broken ? verdict.broken : "it crashes or hangs");
    const struct shrink how = {.fails = fails,
                               .simpler = simpler,
                               .context = &broken,
                               .step_size = sizeof script->steps[0],
                               .tries = crash ? TRIES_FORKED : TRIES};
    simplify_setup(&broken);
    broken.script.count = shrink(&how, broken.script.steps, broken.script.count);
    simplify_setup(&broken);
    if (!crash && !sim_run(&broken.script, &verdict, NULL))
        report_verdict(&verdict);
    sim_script_print(&broken.script, stderr);
    save(&broken.script, seed, name, broken.name ? broken.name : "nothing by name: it crashes or hangs");
}
