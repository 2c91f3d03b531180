/* SPDX-License-Identifier: MIT */
/* SIGINT, SIGTERM and SIGHUP end the conversation, not the report: they are noticed in the loop. SIGPIPE is ignored. */
#ifndef ADIEU_CLI_SIGNALS_H
#define ADIEU_CLI_SIGNALS_H

#include <stdbool.h>

/* False: it cannot be done. A signal that is ignored from the start (nohup) stays so. children: their exits are noticed, too. */
bool signals_prepare(bool children);
/* Readable once a signal has come. */
int signals_descriptor(void);
/* Not readable any more, until the next one. */
void signals_drain(void);
/* The signal that came first, or 0. */
int signals_received(void);
/* Signals are remembered still, but wake nobody. */
void signals_release(void);
/* In a child, before it becomes somebody else: what we catch or ignore is as it is for everybody. */
void signals_default(void);
/* Dies by that signal, as if it had never been caught. */
void signals_die(int number);

#endif
