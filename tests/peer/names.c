/* SPDX-License-Identifier: MIT */
/* What is on the wire, for people; and their names as numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adieu.h"
#include "record.h"

static const char *const messages[256] = {
    [0] = "hello_request",      [1] = "client_hello",         [2] = "server_hello",
    [4] = "new_session_ticket", [5] = "end_of_early_data",    [8] = "encrypted_extensions",
    [11] = "certificate",       [12] = "server_key_exchange", [13] = "certificate_request",
    [14] = "server_hello_done", [15] = "certificate_verify",  [16] = "client_key_exchange",
    [20] = "finished",          [22] = "certificate_status",  [24] = "key_update",
};
static const char *const levels[256] = {[1] = "warning", [2] = "fatal"};

static int number_of(const char *const names[256], const char *name)
{
    char *end;
    unsigned long value = strtoul(name, &end, 0);
    if (*name >= '0' && *name <= '9' && *end == '\0' && value < 256)
        return (int)value;
    for (int i = 0; i < 256; i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static const char *name_of(const char *const names[256], int number, char *text, size_t size)
{
    snprintf(text, size, "%d", number);
    return names[number & 255] ? names[number & 255] : text;
}

int message_number(const char *name)
{
    return number_of(messages, name);
}

const char *message_name(int number, char *text, size_t size)
{
    return name_of(messages, number, text, size);
}

int level_number(const char *name)
{
    return number_of(levels, name);
}

const char *level_name(int number, char *text, size_t size)
{
    return name_of(levels, number, text, size);
}

/* The library's names, where it has one. */
static const char *const *alerts(void)
{
    static const char *names[256];
    for (int i = 0; i < 256 && !names[0]; i++)
        names[255 - i] =
            strcmp(adieu_alert_name((uint8_t)(255 - i)), "unknown") == 0 ? NULL : adieu_alert_name((uint8_t)(255 - i));
    return names;
}

int alert_number(const char *name)
{
    return number_of(alerts(), name);
}

const char *alert_text(int number, char *text, size_t size)
{
    return name_of(alerts(), number, text, size);
}

/* ------------------------------------------------ records */

static void show_alert(const struct bytes *content, char *text, size_t size)
{
    char level[8], name[8];
    if (content->size == 2)
        snprintf(text, size, "alert %s %s", level_name(content->at[0], level, sizeof level),
                 alert_text(content->at[1], name, sizeof name));
    else
        snprintf(text, size, "alert of %zu bytes", content->size);
}

static void show_content(const struct record *record, char *text, size_t size)
{
    char shown[48];
    const struct bytes *content = &record->content;
    bytes_show(content->at, content->size, shown, sizeof shown);
    if (!record->opened)
        snprintf(text, size, "a record of %zu bytes that does not open", content->size);
    else if (record->type == RECORD_ALERT)
        show_alert(content, text, size);
    else if (record->type == RECORD_HANDSHAKE && content->size)
        snprintf(text, size, "handshake %s", message_name(content->at[0], shown, sizeof shown));
    else if (record->type == RECORD_CCS)
        snprintf(text, size, "ccs");
    else if (record->type == RECORD_DATA)
        snprintf(text, size, "data of %zu bytes \"%s\"", content->size, shown);
    else
        snprintf(text, size, "a record of type %d, \"%s\"", record->type, shown);
}

char *record_show(const struct record *record, char *text, size_t size)
{
    show_content(record, text, size);
    size_t used = strlen(text);
    snprintf(text + used, size - used, record->sealed ? ", sealed" : ", plain");
    return text;
}
