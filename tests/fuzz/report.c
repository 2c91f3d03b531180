/* SPDX-License-Identifier: MIT */
/*
 * The report of any ending, also of those that no conversation can have: it is one line of JSON, and says what the ending says.
 * The input: the ending, what went wrong, and when what happened.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "calls.h"
#include "report.h"
#include "run.h"

#define KEYS 23

/* ------------------------------------------------ any connection */

static struct adieu_alert any_alert(struct input *input)
{
    struct adieu_alert alert = {.seen = input_byte(input) & 1};
    if (alert.seen)
        alert = (struct adieu_alert){true, input_byte(input), input_byte(input)};
    return alert;
}

/* The report knows 0, a few, many, and that nobody knows. */
static uint64_t any_count(struct input *input)
{
    unsigned shift = input_byte(input);
    return shift == 255 ? ADIEU_UNKNOWN : (uint64_t)input_number(input) << shift % 48;
}

static int64_t any_moment(struct input *input)
{
    return (int64_t)any_count(input) & 0xffffffffff;
}

static struct adieu_ending any_ending(struct input *input)
{
    return (struct adieu_ending){
        .sending = (enum adieu_sending)input_below(input, ADIEU_SENDING_ABORTED + 1),
        .receiving = (enum adieu_receiving)input_below(input, ADIEU_RECEIVING_ABANDONED + 1),
        .phase = (enum adieu_phase)input_below(input, ADIEU_PHASE_HEARD + 1),
        .first = (enum adieu_first)input_below(input, ADIEU_FIRST_PEER + 1),
        .after = (enum adieu_after)input_below(input, ADIEU_AFTER_RESET + 1),
        .reason = (enum adieu_reason)input_below(input, ADIEU_REASON_FAULT + 1),
        .error = (enum adieu_error_code)input_below(input, ADIEU_ERR_SOCKET + 1),
        .os_error = (int)input_number(input),
        .alert_received = any_alert(input),
        .alert_sent = any_alert(input),
        .user_canceled = input_byte(input) & 1,
        .inside_record = input_byte(input) & 1,
        .taken = any_count(input),
        .sent = any_count(input),
        .acknowledged = any_count(input),
        .received = any_count(input),
        .discarded = any_count(input),
    };
}

static struct adieu_error any_error(struct input *input)
{
    struct adieu_error error = {.code = (enum adieu_error_code)input_below(input, ADIEU_ERR_SOCKET + 1),
                                .os_error = input_byte(input)};
    struct some some = input_some(input);
    for (size_t i = 0; i < some.size && i < sizeof error.text - 1; i++)
        error.text[i] = (char)some.at[i];
    return error;
}

static void any_options(struct options *options, struct input *input)
{
    struct some host = input_some(input);
    *options = (struct options){.command = input_byte(input) & 1 ? COMMAND_LISTEN : COMMAND_CONNECT, .port = "443"};
    memcpy(options->host, host.at, host.size);
}

static void any_connection(struct connection *connection, struct input *input)
{
    connection->ending = any_ending(input);
    connection->why = any_error(input);
    connection->exit = (int)adieu_ending_exit(&connection->ending);
    connection->at.started = any_moment(input);
    connection->at.reached = any_moment(input);
    connection->at.closing = any_moment(input);
    connection->at.over = any_moment(input);
    connection->child = (struct child){.exited = input_byte(input) & 1, .status = (int)input_number(input)};
}

/* ------------------------------------------------ what is told */

static void check_word(const json_t *report, const char *key, const char *word, bool none)
{
    const json_t *value = json_object_get(report, key);
    claim(none ? json_is_null(value) : json_is_string(value), "%s is a word, or nothing", key);
    claim(none || strcmp(json_string_value(value), word) == 0, "%s is %s", key, word);
}

static void check_count(const json_t *report, const char *key, uint64_t count)
{
    const json_t *value = json_object_get(json_object_get(report, "bytes"), key);
    bool known = count != ADIEU_UNKNOWN;
    claim(known ? json_is_integer(value) : json_is_null(value), "%s is a number, or nobody knows", key);
    claim(!known || json_integer_value(value) == (json_int_t)count, "%s are %ju", key, (uintmax_t)count);
}

static void check_alert(const json_t *report, const char *key, const struct adieu_alert *alert)
{
    const json_t *value = json_object_get(report, key), *number = json_object_get(value, "number");
    claim(alert->seen ? json_is_object(value) : json_is_null(value), "%s is an alert, or nothing", key);
    claim(!alert->seen || json_integer_value(number) == alert->number, "%s is %d", key, alert->number);
}

static void check_report(const json_t *report, const struct connection *connection)
{
    const struct adieu_ending *ending = &connection->ending;
    bool none = connection->at.reached == 0;
    claim(json_object_size(report) == KEYS, "all keys are there");
    check_word(report, "sending", adieu_sending_name(ending->sending), none);
    check_word(report, "receiving", adieu_receiving_name(ending->receiving), none);
    check_word(report, "phase", adieu_phase_name(ending->phase), none);
    check_alert(report, "alert_received", &ending->alert_received);
    check_alert(report, "alert_sent", &ending->alert_sent);
    check_count(report, "taken", ending->taken);
    check_count(report, "sent", ending->sent);
    check_count(report, "acknowledged", none ? ADIEU_UNKNOWN : ending->acknowledged);
    check_count(report, "received", ending->received);
    check_count(report, "discarded", ending->discarded);
    claim(json_integer_value(json_object_get(report, "exit")) == connection->exit, "the exit is told");
    bool wrong = connection->why.code != ADIEU_ERR_NONE;
    claim(wrong == json_is_object(json_object_get(report, "error")), "what went wrong is told");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    static struct options options;
    static struct connection connection;
    struct run run = {.options = &options, .report = REPORT};
    json_error_t error;
    any_options(&options, &input);
    connection = (struct connection){.run = &run, .options = &options};
    any_connection(&connection, &input);
    told_size = 0;
    report_write(&connection);
    claim(told_size > 0 && told[told_size - 1] == '\n', "the report is a line");
    claim(memchr(told, '\n', told_size) == told + told_size - 1, "the report is one line");
    json_t *report = json_loadb(told, told_size, JSON_REJECT_DUPLICATES, &error);
    claim(report != NULL, "the report is JSON: %s", error.text);
    check_report(report, &connection);
    json_decref(report);
    return 0;
}
