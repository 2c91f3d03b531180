/* SPDX-License-Identifier: MIT */
/* SIGINT, SIGTERM and SIGHUP end the conversation, not the report: they are noticed in the loop. SIGPIPE is ignored. */
#ifndef ADIEU_CLI_SIGNALS_H
#define ADIEU_CLI_SIGNALS_H

#include <stdbool.h>

/* False: it cannot be done. A signal that is ignored from the start (nohup) stays so. */
bool signals_prepare(void);
/* Readable once a signal has come. */
int signals_descriptor(void);
/* The signal that came first, or 0. */
int signals_received(void);
/* Signals are remembered still, but wake nobody. */
void signals_release(void);
/* Dies by that signal, as if it had never been caught. */
void signals_die(int number);

#endif
