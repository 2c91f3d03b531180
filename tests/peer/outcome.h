/* SPDX-License-Identifier: MIT */
/* How it ended, as words, be it from the library or from the command's report. */
#ifndef ADIEU_TESTS_PEER_OUTCOME_H
#define ADIEU_TESTS_PEER_OUTCOME_H

#include "adieu.h"

enum fact {
    FACT_SENDING,
    FACT_RECEIVING,
    FACT_PHASE,
    FACT_FIRST,
    FACT_AFTER,
    FACT_REASON,
    FACT_ERROR,
    FACT_ALERT_RECEIVED,
    FACT_ALERT_SENT,
    FACT_USER_CANCELED,
    FACT_INSIDE_RECORD,
    FACT_OS_ERROR,
    FACT_TAKEN,
    FACT_SENT,
    FACT_ACKNOWLEDGED,
    FACT_RECEIVED,
    FACT_DISCARDED,
    FACT_CAME,
    FACTS
};
extern const char *const fact_names[FACTS];
#define UNTOLD "?" /* a fact that the report does not have */

struct outcome {
    char facts[FACTS][64];
    int exit;
};
void outcome_of(const struct adieu_ending *ending, struct outcome *outcome);
/* From the report. False: it is none. */
bool outcome_read(const char *report, struct outcome *outcome);
/* Compares with SENDING RECEIVING FACT=VALUE...; false: text says what is different. */
bool outcome_matches(const struct outcome *outcome, char *const *words, char *text, size_t size);
/* All of it, for people. Returns text. */
char *outcome_show(const struct outcome *outcome, char *text, size_t size);

#endif
