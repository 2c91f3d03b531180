/* SPDX-License-Identifier: MIT */
#include "branch.h"

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "counted.h"

/* Exit statuses of a child: an outcome is told behind FIRST_OUTCOME. */
enum { WRONG = 1, FIRST_OUTCOME = 32 };
/* A child that is not done by then hangs. */
enum { CHILD_SECONDS = 60 };
/* Children whose lines are shown, for each conversation. */
enum { SHOWN = 5 };
/* Of dull points each so many-th is taken; a prime, so that it falls on all sorts of places. */
enum { DULL_STEP = 67 };

static const struct branches *current;
static bool in_child;
static const char *point_sort;
static size_t point_n;

static size_t step_wanted(void)
{
    const char *text = getenv("ADIEU_SWEEP_STEP");
    long step = text ? strtol(text, NULL, 10) : 1;
    return step > 0 ? (size_t)step : 1;
}

bool branch_all(void)
{
    const char *text = getenv("ADIEU_SWEEP_ALL");
    return text && *text && strcmp(text, "0") != 0;
}

bool branch_densely(void)
{
    return step_wanted() == 1;
}

void branches_begin(struct branches *branches, const char *format, ...)
{
    va_list arguments;
    memset(branches, 0, sizeof *branches);
    va_start(arguments, format);
    (void)vsnprintf(branches->what, sizeof branches->what, format, arguments);
    va_end(arguments);
    current = branches;
}

void branches_end(const struct branches *branches)
{
    if (getenv("ADIEU_TEST_VERBOSE")) {
        fprintf(stderr, "# %s: %zu points, %zu children:", branches->what, branches->points, branches->children);
        for (int i = 0; i < OUTCOMES; i++)
            fprintf(stderr, " %zu", branches->outcomes[i]);
        fprintf(stderr, "\n");
    }
    check_that(branches->wrong == 0, "%s: %zu of %zu faults ended wrongly", branches->what, branches->wrong,
               branches->children);
    check_that(branches->children > 0, "%s: no fault was tried", branches->what);
}

bool branch_worth(struct branches *branches, bool dull)
{
    size_t step = step_wanted() * (dull && !branch_all() ? DULL_STEP : 1);
    return branches->points++ % step == 0;
}

static void tell(const char *text)
{
    fprintf(stderr, "# %s, %s %zu: %s\n", current ? current->what : "", point_sort ? point_sort : "without a fault",
            point_n, text);
}

static void note(struct branches *branches, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
    branches->children++;
    if (code >= FIRST_OUTCOME && code < FIRST_OUTCOME + OUTCOMES) {
        branches->last = (unsigned)(code - FIRST_OUTCOME);
        branches->outcomes[branches->last]++;
        return;
    }
    branches->wrong++;
    char text[80];
    (void)snprintf(text, sizeof text, WIFSIGNALED(status) ? "killed by signal %d" : "exit status %d",
                   WIFSIGNALED(status) ? WTERMSIG(status) : code);
    if (code != WRONG || WIFSIGNALED(status))
        tell(text);
}

/* cmocka's own handlers would let the child go on as if it were the test. */
static void die_of_signals(void)
{
    static const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)signal(signals[i], SIG_DFL);
}

static int threads(void)
{
    int count = -2; /* "." and ".." */
    DIR *tasks = opendir("/proc/self/task");
    while (tasks && readdir(tasks))
        count++;
    if (tasks)
        closedir(tasks);
    return count;
}

/* A thread that still leaves (a resolver's) may hold a lock of the C library or of a sanitizer, for ever in a child. */
static void until_alone(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int look = 0; look < 5000 && threads() > 1; look++)
        (void)nanosleep(&pause, NULL);
}

bool branch(struct branches *branches, const char *sort, size_t n)
{
    if (in_child || branches->wrong >= SHOWN)
        return false;
    point_sort = sort;
    point_n = n;
    fflush(NULL);
    until_alone();
    pid_t child = fork();
    check_that(child >= 0, "no process to be had");
    if (child == 0) {
        in_child = true;
        die_of_signals();
        (void)alarm(CHILD_SECONDS);
        return true;
    }
    int status = 0;
    check_that(waitpid(child, &status, 0) == child, "a child that cannot be waited for");
    note(branches, status);
    point_sort = NULL;
    return false;
}

bool branched(void)
{
    return in_child;
}

void branch_finish(unsigned outcome)
{
    exit_counted(FIRST_OUTCOME + (int)outcome);
}

void wrong(const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tell(text);
    if (in_child)
        exit_counted(WRONG);
    fail_msg("%s: %s", current ? current->what : "", text);
    abort(); /* cmocka's fail_msg does not return, but does not say so */
}
