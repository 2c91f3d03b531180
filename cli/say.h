/* SPDX-License-Identifier: MIT */
/* What the command says to people, on standard error: one line at a time, written at once. */
#ifndef ADIEU_CLI_SAY_H
#define ADIEU_CLI_SAY_H

#include "options.h"

/* -1: nothing but usage errors; 1: events too. Also finds out what the terminal can do. */
void say_set_verbosity(int verbosity);

/* The command line is wrong: always said. */
void say_usage(enum command command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something went wrong. */
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Something that is good to know; not with --quiet. */
void say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* --verbose. */
bool say_events_wanted(void);
void say_event(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The one line that is written over and over; only where say_progress_wanted(). NULL takes it away. */
void say_progress(const char *text);
bool say_progress_wanted(void);

#endif
