/* SPDX-License-Identifier: MIT */
/* MAP_ANONYMOUS */
#define _GNU_SOURCE
#include "campaign.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a process shares with the one that started it. */
struct worker {
    pid_t pid;
    uint64_t seed; /* at hand */
    bool told;     /* it has found something, and told of it */
    struct tally tally;
};

enum { MOST_JOBS = 64, SECONDS_HANG = 300 };

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ------------------------------------------------ counting */

void tally_add(struct tally *tally, const struct sim_script *script, const struct sim_outcome *outcome)
{
    tally->conversations++;
    tally->steps += script->count;
    tally->calls += outcome->calls;
    tally->healthy += outcome->healthy;
    for (unsigned i = 0; i < SIM_SIDES; i++) {
        const struct adieu_ending *e = &outcome->endings[i];
        tally->without_handshake += e->phase < ADIEU_PHASE_ESTABLISHED;
        tally->freed += outcome->freed[i];
        tally->delivered += adieu_ending_exit(e) == ADIEU_EXIT_DELIVERED;
        tally->endings[e->sending][e->receiving]++;
    }
}

static void tally_sum(struct tally *total, const struct tally *part)
{
    total->conversations += part->conversations;
    total->steps += part->steps;
    total->calls += part->calls;
    total->healthy += part->healthy;
    total->delivered += part->delivered;
    total->without_handshake += part->without_handshake;
    total->freed += part->freed;
    for (unsigned i = 0; i < SENDINGS; i++)
        for (unsigned j = 0; j < RECEIVINGS; j++)
            total->endings[i][j] += part->endings[i][j];
}

static bool is_live(unsigned sending, unsigned receiving)
{
    return sending <= ADIEU_SENDING_CLOSING || receiving == ADIEU_RECEIVING_OPEN;
}

unsigned tally_joint_endings(const struct tally *tally)
{
    unsigned count = 0;
    for (unsigned i = 0; i < SENDINGS; i++)
        for (unsigned j = 0; j < RECEIVINGS; j++)
            count += !is_live(i, j) && tally->endings[i][j] > 0;
    return count;
}

void tally_print(const struct tally *tally, double seconds)
{
    uint64_t live = 0;
    printf("# %" PRIu64 " conversations in %.1f s, %.0f a second; %.1f steps and %.0f looks each\n",
           tally->conversations, seconds, (double)tally->conversations / (seconds > 0 ? seconds : 1),
           (double)tally->steps / (double)(tally->conversations + !tally->conversations),
           (double)tally->calls / (double)(tally->conversations + !tally->conversations));
    printf("# %" PRIu64 " with nothing that hurts; of their sides %" PRIu64 " delivered, %" PRIu64
           " had no handshake, %" PRIu64 " were freed early\n",
           tally->healthy, tally->delivered, tally->without_handshake, tally->freed);
    for (unsigned i = 0; i < SENDINGS; i++)
        for (unsigned j = 0; j < RECEIVINGS; j++)
            if (is_live(i, j))
                live += tally->endings[i][j];
            else if (tally->endings[i][j])
                printf("# %10" PRIu64 "  %s / %s\n", tally->endings[i][j], adieu_sending_name((enum adieu_sending)i),
                       adieu_receiving_name((enum adieu_receiving)j));
    printf("# %10" PRIu64 "  not ended: freed\n", live);
}

/* ------------------------------------------------ processes */

static void work(const struct campaign *campaign, struct worker *worker, unsigned number, double until)
{
    static struct sim_script script;
    for (uint64_t i = number; !campaign->count || i < campaign->count; i += campaign->jobs) {
        struct sim_verdict verdict;
        struct sim_outcome outcome;
        if (i / campaign->jobs % 64 == 0) {
            alarm(SECONDS_HANG);
            if (campaign->seconds && seconds_now() > until)
                break;
        }
        worker->seed = campaign->first + i;
        sim_script_from_seed(&script, worker->seed);
        if (!sim_run(&script, &verdict, &outcome)) {
            alarm(0);
            report_broken(&script, worker->seed, false, campaign->save);
            worker->told = true;
            sim_end();
            _exit(1);
        }
        tally_add(&worker->tally, &script, &outcome);
    }
    sim_end();
    exit(0);
}

/* True: it ended well. What crashed is looked into from outside. */
static bool wait_for(struct worker *worker, const char *save)
{
    int status = 0;
    if (worker->pid < 0 || waitpid(worker->pid, &status, 0) != worker->pid)
        return false; /* it never was */
    if (status == 0)
        return true;
    if (!worker->told) {
        struct sim_script script;
        sim_script_from_seed(&script, worker->seed);
        report_broken(&script, worker->seed, true, save);
    }
    return false;
}

bool campaign_run(const struct campaign *campaign, struct tally *total, double *seconds)
{
    unsigned jobs = campaign->jobs < MOST_JOBS ? campaign->jobs : MOST_JOBS;
    size_t size = sizeof(struct worker) * MOST_JOBS;
    struct worker *workers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double began = seconds_now();
    bool well = workers != MAP_FAILED;
    fflush(NULL);
    for (unsigned i = 0; well && i < jobs; i++) {
        pid_t pid = fork();
        if (pid == 0)
            work(campaign, &workers[i], i, began + campaign->seconds);
        workers[i].pid = pid; /* the child shares this, and its own fork() says 0 */
    }
    for (unsigned i = 0; workers != MAP_FAILED && i < jobs; i++) {
        well &= wait_for(&workers[i], campaign->save);
        tally_sum(total, &workers[i].tally);
    }
    if (workers != MAP_FAILED)
        munmap(workers, size);
    *seconds = seconds_now() - began;
    return well;
}
