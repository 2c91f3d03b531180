/* SPDX-License-Identifier: MIT */
/* --report: how it ended, as one line of JSON. docs/report.schema.json describes it. */
#ifndef ADIEU_CLI_REPORT_H
#define ADIEU_CLI_REPORT_H

#include "run.h"

/* Opens it, so that a bad path is found before anything happens. False: the error is set. */
bool report_open(struct run *run);
/* Writes the line of a connection, if it is wanted and could be opened. If that fails, it says so, and its exit is not 0. */
void report_write(struct connection *connection);
/* No more lines. */
void report_close(struct run *run);

#endif
