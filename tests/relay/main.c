/* SPDX-License-Identifier: MIT */
/*
 * The relay as a command, for tests of commands.
 *
 *   relay run [--delay MS] [--loss PERCENT] [--seed N] [--trace FILE]
 *       Prints "ready PID ADDRESS_A ADDRESS_B", or "cannot REASON" with status 77. Then it obeys lines on standard
 *       input, answers each with one line, and ends with the input: so it cannot outlive its test.
 *           delay MS | loss PERCENT | hole now|fin|none|BYTES     answered by "ok"
 *           counts                                                answered by JSON
 *   relay in PID a|b COMMAND...
 *       Becomes the command, in that side's namespace of the relay with that PID.
 */
#define _GNU_SOURCE /* setns */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where `relay in` finds the namespaces in /proc/PID/fd. */
#define SPACE_FD 20

enum { CANNOT = 77, USAGE = 64 };

static int usage(void)
{
    (void)fprintf(stderr, "usage: relay run [--delay MS] [--loss PERCENT] [--seed N] [--trace FILE]\n"
                          "       relay in PID a|b COMMAND...\n");
    return USAGE;
}

/* ------------------------------------------------ in */

/* The relay's user namespace, if it is not ours: it owns the network namespaces. */
static bool enter_users(const char *pid)
{
    char path[64];
    struct stat theirs, ours;
    (void)snprintf(path, sizeof path, "/proc/%s/ns/user", pid);
    if (stat(path, &theirs) < 0 || stat("/proc/self/ns/user", &ours) < 0)
        return false;
    if (theirs.st_ino == ours.st_ino)
        return true;
    int space = open(path, O_RDONLY | O_CLOEXEC);
    return space >= 0 && setns(space, CLONE_NEWUSER) == 0;
}

static bool enter_network(const char *pid, enum side side)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%s/fd/%d", pid, SPACE_FD + (int)side);
    int space = open(path, O_RDONLY | O_CLOEXEC);
    return space >= 0 && setns(space, CLONE_NEWNET) == 0;
}

static int command_in(int count, char **words)
{
    if (count < 3 || (strcmp(words[1], "a") != 0 && strcmp(words[1], "b") != 0))
        return usage();
    if (!enter_users(words[0]) || !enter_network(words[0], words[1][0] == 'a' ? SIDE_A : SIDE_B)) {
        (void)fprintf(stderr, "relay: cannot enter side %s of relay %s: %s\n", words[1], words[0], strerror(errno));
        return EXIT_FAILURE;
    }
    (void)execvp(words[2], words + 2);
    (void)fprintf(stderr, "relay: %s cannot be run: %s\n", words[2], strerror(errno));
    return 127;
}

/* ------------------------------------------------ run */

static bool options(int count, char **words, struct rules *rules)
{
    for (int i = 0; i + 1 < count; i += 2) {
        const char *value = words[i + 1];
        if (strcmp(words[i], "--delay") == 0)
            rules->delay_ms = (int)strtol(value, NULL, 10);
        else if (strcmp(words[i], "--loss") == 0)
            rules->loss = strtod(value, NULL);
        else if (strcmp(words[i], "--seed") == 0)
            rules->seed = strtoull(value, NULL, 10);
        else if (strcmp(words[i], "--trace") != 0 || !(rules->trace = fopen(value, "a")))
            return false;
    }
    return count % 2 == 0;
}

static void print_counts(struct relay *relay)
{
    for (int side = 0; side < SIDES; side++) {
        struct counts c = relay_counts(relay, (enum side)side);
        (void)printf("%s\"%c\":{\"packets\":%lu,\"fins\":%lu,\"resets\":%lu,\"lost\":%lu,\"swallowed\":%lu,"
                     "\"overflowed\":%lu}%s",
                     side == SIDE_A ? "{" : ",", side == SIDE_A ? 'a' : 'b', c.packets, c.fins, c.resets, c.lost,
                     c.swallowed, c.overflowed, side == SIDE_A ? "" : "}\n");
    }
}

static void dig(struct relay *relay, const char *how)
{
    if (strcmp(how, "none") == 0)
        relay_hole(relay, HOLE_NONE, 0);
    else if (strcmp(how, "now") == 0)
        relay_hole(relay, HOLE_NOW, 0);
    else if (strcmp(how, "fin") == 0)
        relay_hole(relay, HOLE_FIN, 0);
    else
        relay_hole(relay, HOLE_BYTES, strtoull(how, NULL, 10));
}

static void obey(struct relay *relay, FILE *trace)
{
    char line[80], word[16], value[40];
    while (fgets(line, sizeof line, stdin)) {
        *value = '\0';
        int found = sscanf(line, "%15s %39s", word, value);
        if (found == 1 && strcmp(word, "counts") == 0)
            print_counts(relay);
        else if (found == 2 && strcmp(word, "delay") == 0)
            relay_delay(relay, (int)strtol(value, NULL, 10));
        else if (found == 2 && strcmp(word, "loss") == 0)
            relay_loss(relay, strtod(value, NULL));
        else if (found == 2 && strcmp(word, "hole") == 0)
            dig(relay, value);
        else
            *word = '\0';
        if (strcmp(word, "counts") != 0)
            (void)puts(*word ? "ok" : "what?");
        if (trace)
            (void)fflush(trace);
        (void)fflush(stdout);
    }
}

static int command_run(int count, char **words)
{
    struct rules rules = {.delay_ms = 20, .seed = 1};
    struct network network;
    if (!options(count, words, &rules))
        return usage();
    const char *problem = network_make(&network);
    struct relay *relay = problem ? NULL : relay_start(&network, rules);
    if (!relay || dup2(network.space[SIDE_A], SPACE_FD) < 0 || dup2(network.space[SIDE_B], SPACE_FD + 1) < 0) {
        (void)printf("cannot %s\n", problem ? problem : "be started");
        return CANNOT;
    }
    (void)printf("ready %ld %s %s\n", (long)getpid(), ADDRESS_A, ADDRESS_B);
    (void)fflush(stdout);
    obey(relay, rules.trace);
    relay_stop(relay);
    network_free(&network);
    if (rules.trace)
        (void)fclose(rules.trace);
    return EXIT_SUCCESS;
}

int main(int count, char **words)
{
    if (count >= 2 && strcmp(words[1], "run") == 0)
        return command_run(count - 2, words + 2);
    if (count >= 2 && strcmp(words[1], "in") == 0)
        return command_in(count - 2, words + 2);
    return usage();
}
