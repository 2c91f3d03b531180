/* SPDX-License-Identifier: MIT */
/*
 * sim [--count N] [--seconds N] [--seed N] [--jobs N] [--save FILE] [--all-endings]   plays conversations by chance
 * sim --replay FILE...                                                                plays scripts
 * sim --show SEED                                                                     prints a seed's script
 *
 * --seed alone plays that one. --seconds takes fresh seeds from the clock, and says which. ADIEU_SIM_COUNT stands for
 * --count, wherever that is given. Writes TAP.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "campaign.h"

static unsigned tests, failures;

static void tell(bool well, const char *what)
{
    printf("%sok %u - %s\n", well ? "" : "not ", ++tests, what);
    failures += !well;
}

static void replay(const char *name)
{
    static struct sim_script script;
    struct sim_verdict verdict = {.broken = NULL};
    unsigned line = 0;
    FILE *file = fopen(name, "r");
    bool readable = file && sim_script_read(&script, file, &line) && !ferror(file);
    if (!file || ferror(file))
        fprintf(stderr, "%s: %s\n", name, strerror(errno));
    else if (!readable)
        fprintf(stderr, "%s:%u: this is no script\n", name, line);
    if (file)
        fclose(file);
    bool well = readable && sim_run(&script, &verdict, NULL);
    if (verdict.broken)
        report_verdict(&verdict);
    const char *slash = strrchr(name, '/');
    tell(well, slash ? slash + 1 : name);
}

static void show(uint64_t seed)
{
    static struct sim_script script;
    sim_script_from_seed(&script, seed);
    sim_script_print(&script, stdout);
}

static void play(const struct campaign *campaign, bool all_endings)
{
    struct tally total = {0};
    double seconds = 0;
    bool well = campaign_run(campaign, &total, &seconds);
    tally_print(&total, seconds);
    tell(well && total.conversations >= campaign->count, "no_invariant_was_broken");
    if (all_endings)
        tell(tally_joint_endings(&total) == JOINT_ENDINGS, "all_sixteen_joint_endings_were_reached");
}

static bool usage(void)
{
    fprintf(stderr, "sim [--count N] [--seconds N] [--seed N] [--jobs N] [--save FILE] [--all-endings]\n"
                    "sim --replay FILE...\n"
                    "sim --show SEED\n");
    return false;
}

static bool read_number(const char *value, uint64_t *number)
{
    char *end;
    *number = strtoull(value, &end, 10);
    return *value >= '0' && *value <= '9' && !*end;
}

static bool read_options(char **at, struct campaign *campaign, bool *all_endings)
{
    bool seeded = false, counted = false;
    for (; *at; at++) {
        const char *option = *at;
        if (!strcmp(option, "--all-endings")) {
            *all_endings = true;
            continue;
        }
        const char *value = *++at;
        if (!value)
            return usage();
        uint64_t number;
        if (!read_number(value, &number) && strcmp(option, "--save") != 0)
            return usage();
        if (!strcmp(option, "--count")) {
            campaign->count = number;
            counted = true;
        } else if (!strcmp(option, "--seconds")) {
            campaign->seconds = (unsigned)number;
            campaign->count = 0;
        } else if (!strcmp(option, "--seed")) {
            campaign->first = number;
            seeded = true;
        } else if (!strcmp(option, "--jobs")) {
            campaign->jobs = number ? (unsigned)number : 1;
        } else if (!strcmp(option, "--save")) {
            campaign->save = value;
        } else {
            return usage();
        }
    }
    const char *count = getenv("ADIEU_SIM_COUNT");
    if (counted && count) {
        campaign->count = strtoull(count, NULL, 10);
        *all_endings = false; /* they may be too few */
    }
    if (seeded && !counted && !campaign->seconds)
        campaign->count = 1;
    if (campaign->seconds && !seeded)
        campaign->first = (uint64_t)time(NULL) << 20;
    return true;
}

int main(int argc, char **argv)
{
    struct campaign campaign = {.first = 1, .count = 1000, .jobs = 1};
    bool all_endings = false;
    const char *engine = sim_begin();
    uint64_t seed;
    if (argc == 3 && !strcmp(argv[1], "--show") && read_number(argv[2], &seed)) {
        show(seed);
        sim_end();
        return 0;
    }
    if (argc > 2 && !strcmp(argv[1], "--replay")) {
        for (int i = 2; i < argc; i++)
            replay(argv[i]);
    } else if (read_options(argv + 1, &campaign, &all_endings)) {
        printf("# %s engine, from seed %" PRIu64 "\n", engine, campaign.first);
        play(&campaign, all_endings);
    } else {
        sim_end();
        return 2;
    }
    printf("1..%u\n", tests);
    sim_end();
    return failures != 0;
}
