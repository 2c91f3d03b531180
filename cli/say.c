/* SPDX-License-Identifier: MIT */
#include "say.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_SIZE 2048

static struct {
    int verbosity;
    bool colours;
    bool terminal;   /* whose lines can be written over */
    bool data_shown; /* standard output is a terminal, too */
    bool progress;   /* a progress line stands there now */
    bool stuck;      /* whoever reads it has been waited for in vain */
} how;

void say_set_verbosity(int verbosity)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    how.verbosity = verbosity;
    how.terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    how.data_shown = isatty(STDOUT_FILENO);
    how.colours = how.terminal && (!no_colour || *no_colour == '\0');
}

/* How long an error may wait for whoever reads standard error; the rest waits for nobody. */
#define PATIENCE_MS 1000

/* Once in vain is enough: with --keep all connections would wait with each line. */
static bool ready(int patience)
{
    struct pollfd error = {.fd = STDERR_FILENO, .events = POLLOUT};
    int answer = poll(&error, 1, how.stuck ? 0 : patience);
    if (answer == 1)
        how.stuck = false;
    else if (answer == 0 && patience > 0)
        how.stuck = true;
    return answer == 1;
}

/* Standard error may be anything, also gone or blocked: what cannot be said there cannot be said at all. */
static void put(const char *text, size_t length, int patience)
{
    while (length > 0 && ready(patience)) {
        ssize_t n = write(STDERR_FILENO, text, length);
        if (n <= 0)
            return;
        text += n;
        length -= (size_t)n;
    }
}

/* Parts of a line may come from the peer (names, protocols): they must not steer the terminal. */
static void tame(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

static void __attribute__((format(printf, 4, 0)))
line(int patience, const char *colour, const char *who, const char *format, va_list values)
{
    char text[LINE_SIZE], whole[LINE_SIZE + 128];
    vsnprintf(text, sizeof text, format, values);
    tame(text);
    const char *clear = how.progress ? "\r\033[K" : "", *end = *colour != '\0' ? "\033[0m" : "";
    int length = snprintf(whole, sizeof whole, "%s%s%s:%s %s\n", clear, colour, who, end, text);
    how.progress = false;
    put(whole, (size_t)length, patience);
}

void say_usage(enum command command, const char *format, ...)
{
    char who[32], help[64];
    va_list values;
    snprintf(who, sizeof who, command == COMMAND_NONE ? "adieu" : "adieu %s", command_name(command));
    va_start(values, format);
    line(PATIENCE_MS, "", who, format, values);
    va_end(values);
    int length = snprintf(help, sizeof help, "Try '%s --help'.\n", who);
    put(help, (size_t)length, PATIENCE_MS);
}

void say_error(const char *format, ...)
{
    va_list values;
    if (how.verbosity < 0)
        return;
    va_start(values, format);
    line(PATIENCE_MS, how.colours ? "\033[1;31m" : "", "adieu", format, values);
    va_end(values);
}

void say_note(const char *format, ...)
{
    va_list values;
    if (how.verbosity < 0)
        return;
    va_start(values, format);
    line(PATIENCE_MS, "", "adieu", format, values);
    va_end(values);
}

bool say_events_wanted(void)
{
    return how.verbosity >= 1;
}

void say_event(const char *format, ...)
{
    va_list values;
    if (!say_events_wanted())
        return;
    va_start(values, format);
    line(0, how.colours ? "\033[2m" : "", "adieu", format, values);
    va_end(values);
}

/* Where data is shown on the same terminal a line that comes and goes would only disturb it. */
bool say_progress_wanted(void)
{
    return how.terminal && how.verbosity == 0 && !how.data_shown;
}

/* What is longer would wrap, and could not be written over. */
static int columns(void)
{
    struct winsize window;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
    return known && window.ws_col < 140 ? window.ws_col : 140;
}

void say_progress(const char *text)
{
    char whole[160];
    if (!text && !how.progress)
        return;
    int length = snprintf(whole, sizeof whole, "\r\033[K%.*s", columns() - 1, text ? text : "");
    how.progress = text != NULL;
    put(whole, (size_t)length, 0);
}
