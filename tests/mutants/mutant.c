/* SPDX-License-Identifier: MIT */
/*
 * Which mutant lives is read from the environment before main(): MUTANT, its number; MUTANT_SEEN, a file of one byte
 * for each mutant, which are set as they are come by, also in children; MUTANT_TEST, the one test that cmocka is to
 * run; MUTANT_MS, how much processor time the process may use, since a mutant may loop for ever: not on the clock,
 * since the machine may be busy.
 */
#include "mutant.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int mutant_chosen;
unsigned char *mutant_seen;

extern void cmocka_set_test_filter(const char *pattern) __attribute__((weak));

static void note_in(const char *path)
{
    struct stat about;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) != 0)
        abort();
    void *at = mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        abort();
    close(fd);
    mutant_seen = at;
}

static void bound_time(long ms)
{
    struct sigevent end = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGXCPU};
    struct itimerspec when = {.it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};
    timer_t timer;
    if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &end, &timer) != 0 || timer_settime(timer, 0, &when, NULL) != 0)
        abort();
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
}

__attribute__((constructor(101))) static void choose(void)
{
    const char *number = getenv("MUTANT"), *seen = getenv("MUTANT_SEEN");
    const char *test = getenv("MUTANT_TEST"), *ms = getenv("MUTANT_MS");
    if (ms)
        bound_time(atol(ms));
    if (seen)
        note_in(seen);
    if (test && cmocka_set_test_filter)
        cmocka_set_test_filter(test);
    if (number)
        mutant_chosen = atoi(number);
}
