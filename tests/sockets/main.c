/* SPDX-License-Identifier: MIT */
/*
 * test-sockets [--seed FIRST] [--count N] [--seconds N]   plays conversations by chance
 * test-sockets --replay FILE                              plays a script
 *
 * --seconds without --seed takes seeds from the clock on. ADIEU_SIM_COUNT stands for --count, wherever that is given.
 * Writes TAP.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "campaign.h"

struct options {
    uint64_t first, count;
    double seconds;
    const char *replay;
};

static bool options_read(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {{"seed", required_argument, NULL, 's'},
                                          {"count", required_argument, NULL, 'c'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"replay", required_argument, NULL, 'r'},
                                          {NULL, 0, NULL, 0}};
    const char *usual = getenv("ADIEU_SIM_COUNT");
    *options = (struct options){.first = 0};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (option) {
        case 's':
            options->first = strtoull(optarg, NULL, 10);
            break;
        case 'c':
            options->count = strtoull(optarg, NULL, 10);
            break;
        case 't':
            options->seconds = strtod(optarg, NULL);
            break;
        case 'r':
            options->replay = optarg;
            break;
        default:
            return false;
        }
    if (usual && options->count)
        options->count = strtoull(usual, NULL, 10);
    if (!options->first)
        options->first = options->seconds > 0 ? (uint64_t)time(NULL) * 1000000 : 1;
    if (!options->count)
        options->count = options->seconds > 0 ? UINT64_MAX : 1000;
    return optind == argc;
}

static int replay(const char *path)
{
    static struct script script;
    FILE *file = fopen(path, "r");
    bool readable = file && script_read(&script, file) && !ferror(file);
    if (!readable) {
        fprintf(stderr, "%s: %s\n", path, !file || ferror(file) ? strerror(errno) : "this is no script");
        return 2;
    }
    fclose(file);
    printf("1..1\n");
    bool kept = campaign_replay(&script);
    printf("%sok 1 - %s\n", kept ? "" : "not ", path);
    return !kept;
}

static void tell_all(const char *what, const uint64_t *counts, int n)
{
    printf("# %s:", what);
    for (int i = 0; i < n; i++)
        printf(" %llu", (unsigned long long)counts[i]);
    printf("\n");
}

static void tell(const struct tally *tally, uint64_t first, uint64_t done)
{
    printf("# %llu conversations from seed %llu on, in %llu of which both sides say 0\n", (unsigned long long)done,
           (unsigned long long)first, (unsigned long long)tally->well);
    tell_all("exits 0 to 9, others", tally->exits, EXITS);
    tell_all("resets by linger, unread, late, stray, injected; where both say 0", tally->resets_well, RESET_CAUSES);
    tell_all("elsewhere", tally->resets, RESET_CAUSES);
}

int main(int argc, char **argv)
{
    struct options options;
    struct tally tally;
    uint64_t done = 0;
    if (!options_read(&options, argc, argv)) {
        fprintf(stderr, "usage: %s [--seed FIRST] [--count N] [--seconds N] [--replay FILE]\n", argv[0]);
        return 2;
    }
    if (options.replay)
        return replay(options.replay);
    printf("1..1\n");
    bool kept = campaign_run(options.first, options.count, options.seconds, argv[0], &tally, &done);
    tell(&tally, options.first, done);
    printf("%sok 1 - every_conversation_over_sockets_keeps_every_rule\n", kept ? "" : "not ");
    return !kept;
}
