/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stream.h"

unsigned error_rank(enum adieu_error_code code)
{
    switch (code) {
#define ERROR(NAME, name, rank, text)                                                                                  \
    case ADIEU_ERR_##NAME:                                                                                             \
        return rank;
#include "error.def"
    }
    return 0;
}

void error_none(struct adieu_error *error)
{
    error->code = ADIEU_ERR_NONE;
    error->os_error = 0;
    error->alert = (struct adieu_alert){.seen = false};
    error->text[0] = '\0';
}

/* How many bytes here are a control character: of ASCII or, in UTF-8, of ISO 6429's second set, among them CSI. */
static size_t controls(const char *text)
{
    unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];
    if (first < ' ' || first == 127)
        return 1;
    return first == 0xc2 && second >= 0x80 && second < 0xa0 ? 2 : 0;
}

/* What is quoted may be anybody's, and the text ends up on terminals. */
static void tame(char *text)
{
    for (; *text; text++)
        for (size_t n = controls(text); n; n--)
            text[n - 1] = '?';
}

static void set_text(struct adieu_error *error, const char *format, va_list arguments)
{
    const char *general = adieu_error_code_text(error->code);
    int n = snprintf(error->text, sizeof error->text, "%s%s", general, format ? ": " : "");
    if (format && n > 0 && (size_t)n < sizeof error->text)
        vsnprintf(error->text + n, sizeof error->text - (size_t)n, format, arguments);
    tame(error->text);
}

void error_set(struct adieu_error *error, enum adieu_error_code code, int os_error, const char *format, ...)
{
    *error = (struct adieu_error){.code = code, .os_error = os_error};
    va_list arguments;
    va_start(arguments, format);
    set_text(error, format, arguments);
    va_end(arguments);
}

char *adieu_ending_text(const struct adieu_ending *ending, char *text, size_t size)
{
    char lost[48] = "";
    if (ending->acknowledged < ending->taken) /* unknown is the greatest number */
        snprintf(lost, sizeof lost, ", %llu acknowledged", (unsigned long long)ending->acknowledged);
    char dropped[48] = "";
    if (ending->discarded)
        snprintf(dropped, sizeof dropped, ", %llu discarded", (unsigned long long)ending->discarded);
    snprintf(text, size, "sending %s (%llu of %llu bytes sent%s), receiving %s (%llu bytes%s)",
             adieu_sending_name(ending->sending), (unsigned long long)ending->sent, (unsigned long long)ending->taken,
             lost, adieu_receiving_name(ending->receiving), (unsigned long long)ending->received, dropped);
    return text;
}
