/* SPDX-License-Identifier: MIT */
/* --report: how it ended, as one line of JSON. docs/report.schema.json describes it. */
#ifndef ADIEU_CLI_REPORT_H
#define ADIEU_CLI_REPORT_H

#include "run.h"

/* Opens it, so that a bad path is found before anything happens. False: the error is set. */
bool report_open(struct run *run);
/* Writes it, if it is wanted and could be opened. If that fails, it says so, and run->exit is not 0. */
void report_write(struct run *run);

#endif
