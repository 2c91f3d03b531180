/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* strerrorname_np: the report names an errno, and so do the scripts */
#include "outcome.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "record.h"
#include "words.h"

const char *const fact_names[FACTS] = {
    [FACT_SENDING] = "sending",
    [FACT_RECEIVING] = "receiving",
    [FACT_PHASE] = "phase",
    [FACT_FIRST] = "first",
    [FACT_AFTER] = "after",
    [FACT_REASON] = "reason",
    [FACT_ERROR] = "error",
    [FACT_ALERT_RECEIVED] = "alert_received",
    [FACT_ALERT_SENT] = "alert_sent",
    [FACT_USER_CANCELED] = "user_canceled",
    [FACT_INSIDE_RECORD] = "inside_record",
    [FACT_OS_ERROR] = "os_error",
    [FACT_TAKEN] = "taken",
    [FACT_SENT] = "sent",
    [FACT_ACKNOWLEDGED] = "acknowledged",
    [FACT_RECEIVED] = "received",
    [FACT_DISCARDED] = "discarded",
    [FACT_CAME] = "came",
};

static void put(struct outcome *outcome, enum fact fact, const char *value)
{
    /* What did not come to be is called "none" here, whoever tells it. */
    bool nothing = !value || strcmp(value, "nothing") == 0 || strcmp(value, "nobody") == 0;
    snprintf(outcome->facts[fact], sizeof outcome->facts[fact], "%s", nothing ? "none" : value);
}

static void put_count(struct outcome *outcome, enum fact fact, uint64_t count)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)count);
    put(outcome, fact, count == ADIEU_UNKNOWN ? "unknown" : text);
}

static void put_alert(struct outcome *outcome, enum fact fact, bool seen, int level, int number)
{
    char text[64], level_text[8], name[8];
    snprintf(text, sizeof text, "%s:%s", level_name(level, level_text, sizeof level_text),
             alert_text(number, name, sizeof name));
    put(outcome, fact, seen ? text : NULL);
}

/* ------------------------------------------------ the library */

void outcome_of(const struct adieu_ending *ending, struct outcome *outcome)
{
    const struct adieu_alert *received = &ending->alert_received, *sent = &ending->alert_sent;
    put(outcome, FACT_SENDING, adieu_sending_name(ending->sending));
    put(outcome, FACT_RECEIVING, adieu_receiving_name(ending->receiving));
    put(outcome, FACT_PHASE, adieu_phase_name(ending->phase));
    put(outcome, FACT_FIRST, adieu_first_name(ending->first));
    put(outcome, FACT_AFTER, adieu_after_name(ending->after));
    put(outcome, FACT_REASON, adieu_reason_name(ending->reason));
    put(outcome, FACT_ERROR, adieu_error_code_name(ending->error));
    put_alert(outcome, FACT_ALERT_RECEIVED, received->seen, received->level, received->number);
    put_alert(outcome, FACT_ALERT_SENT, sent->seen, sent->level, sent->number);
    put(outcome, FACT_USER_CANCELED, ending->user_canceled ? "yes" : "no");
    put(outcome, FACT_INSIDE_RECORD, ending->inside_record ? "yes" : "no");
    put(outcome, FACT_OS_ERROR, ending->os_error ? strerrorname_np(ending->os_error) : NULL);
    put_count(outcome, FACT_TAKEN, ending->taken);
    put_count(outcome, FACT_SENT, ending->sent);
    put_count(outcome, FACT_ACKNOWLEDGED, ending->acknowledged);
    put_count(outcome, FACT_RECEIVED, ending->received);
    put_count(outcome, FACT_DISCARDED, ending->discarded);
    put_count(outcome, FACT_CAME, ending->received + ending->discarded);
    outcome->exit = (int)adieu_ending_exit(ending);
}

/* ------------------------------------------------ the report */

static void take_text(struct outcome *outcome, enum fact fact, const json_t *report, const char *key)
{
    put(outcome, fact, json_string_value(json_object_get(report, key)));
}

static uint64_t take_count(struct outcome *outcome, enum fact fact, const json_t *report, const char *key)
{
    const json_t *count = json_object_get(json_object_get(report, "bytes"), key);
    uint64_t value = json_is_integer(count) ? (uint64_t)json_integer_value(count) : ADIEU_UNKNOWN;
    put_count(outcome, fact, value);
    return value;
}

static void take_alert(struct outcome *outcome, enum fact fact, const json_t *report, const char *key)
{
    const json_t *alert = json_object_get(report, key);
    put_alert(outcome, fact, json_is_object(alert), (int)json_integer_value(json_object_get(alert, "level")),
              (int)json_integer_value(json_object_get(alert, "number")));
}

static void take_all(struct outcome *outcome, const json_t *report)
{
    take_text(outcome, FACT_SENDING, report, "sending");
    take_text(outcome, FACT_RECEIVING, report, "receiving");
    take_text(outcome, FACT_PHASE, report, "phase");
    take_text(outcome, FACT_FIRST, report, "first");
    take_text(outcome, FACT_AFTER, report, "after");
    put(outcome, FACT_REASON, UNTOLD);
    put(outcome, FACT_ERROR, json_string_value(json_object_get(json_object_get(report, "error"), "code")));
    take_alert(outcome, FACT_ALERT_RECEIVED, report, "alert_received");
    take_alert(outcome, FACT_ALERT_SENT, report, "alert_sent");
    put(outcome, FACT_USER_CANCELED, json_is_true(json_object_get(report, "user_canceled")) ? "yes" : "no");
    put(outcome, FACT_INSIDE_RECORD, json_is_true(json_object_get(report, "inside_record")) ? "yes" : "no");
    take_text(outcome, FACT_OS_ERROR, report, "os_error");
    take_count(outcome, FACT_TAKEN, report, "taken");
    take_count(outcome, FACT_SENT, report, "sent");
    take_count(outcome, FACT_ACKNOWLEDGED, report, "acknowledged");
    uint64_t received = take_count(outcome, FACT_RECEIVED, report, "received");
    put_count(outcome, FACT_CAME, received + take_count(outcome, FACT_DISCARDED, report, "discarded"));
}

bool outcome_read(const char *text, struct outcome *outcome)
{
    json_t *report = json_loads(text, 0, NULL);
    if (json_is_object(report))
        take_all(outcome, report);
    bool good = json_is_object(report);
    json_decref(report);
    return good;
}

/* ------------------------------------------------ comparing */

static int fact_named(const char *word)
{
    size_t length = strcspn(word, "=");
    for (int i = 0; i < FACTS && word[length] == '='; i++)
        if (strlen(fact_names[i]) == length && strncmp(fact_names[i], word, length) == 0)
            return i;
    return -1;
}

/* LEVEL:NUMBER, each by name or number. */
static bool same_alert(const char *expected, const char *found)
{
    char words[2][2][40] = {{""}};
    const char *whole[2] = {expected, found};
    for (int i = 0; i < 2; i++)
        if (sscanf(whole[i], "%39[^:]:%39s", words[i][0], words[i][1]) != 2)
            return strcmp(expected, found) == 0;
    return level_number(words[0][0]) == level_number(words[1][0]) &&
           alert_number(words[0][1]) == alert_number(words[1][1]);
}

static bool alert_among(const char *alternatives, const char *found)
{
    char one[WORD_MAX];
    for (const char *at = alternatives; word_alternative(&at, one, sizeof one);)
        if (same_alert(one, found) || strcmp(one, "any") == 0)
            return true;
    return false;
}

static bool compare(const struct outcome *outcome, int fact, const char *expected, char *text, size_t size)
{
    const char *found = outcome->facts[fact];
    bool alert = fact == FACT_ALERT_RECEIVED || fact == FACT_ALERT_SENT;
    if (strcmp(found, UNTOLD) == 0 || (alert ? alert_among(expected, found) : word_among(expected, found)))
        return true;
    snprintf(text, size, "%s is %s and not %s", fact_names[fact], found, expected);
    return false;
}

bool outcome_matches(const struct outcome *outcome, char *const *words, char *text, size_t size)
{
    const char *expected[FACTS] = {
        [FACT_ALERT_RECEIVED] = "none", [FACT_ALERT_SENT] = "none", [FACT_USER_CANCELED] = "no"};
    for (int i = 0; words[i]; i++) {
        int fact = i < 2 ? i : fact_named(words[i]);
        if (fact < 0) {
            snprintf(text, size, "\"%s\" is no FACT=VALUE", words[i]);
            return false;
        }
        expected[fact] = i < 2 ? words[i] : words[i] + strcspn(words[i], "=") + 1;
    }
    if (!expected[FACT_SENDING] || !expected[FACT_RECEIVING]) {
        snprintf(text, size, "ending SENDING RECEIVING [FACT=VALUE]...");
        return false;
    }
    for (int i = 0; i < FACTS; i++)
        if (expected[i] && !compare(outcome, i, expected[i], text, size))
            return false;
    return true;
}

char *outcome_show(const struct outcome *outcome, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s %s", outcome->facts[0], outcome->facts[1]);
    for (int i = FACT_PHASE; i < FACTS && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, " %s=%s", fact_names[i], outcome->facts[i]);
    return text;
}
