/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void claim(bool holds, const char *format, ...)
{
    va_list values;
    if (holds)
        return;
    fputs("the claim does not hold: ", stderr);
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    abort();
}

uint8_t input_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

unsigned input_number(struct input *input)
{
    unsigned high = input_byte(input);
    return high << 8 | input_byte(input);
}

size_t input_below(struct input *input, size_t below)
{
    return input_byte(input) % below;
}

static struct some take(struct input *input, size_t size)
{
    struct some some = {input->at, size < input->left ? size : input->left};
    input->at += some.size;
    input->left -= some.size;
    return some;
}

struct some input_some(struct input *input)
{
    return take(input, input_byte(input));
}

struct some input_many(struct input *input)
{
    return take(input, input_number(input));
}

char *input_text(struct input *input)
{
    struct some some = input_many(input);
    char *text = malloc(some.size + 1);
    claim(text != NULL, "there is memory");
    for (size_t i = 0; i < some.size; i++)
        text[i] = some.at[i] ? (char)some.at[i] : ' ';
    text[some.size] = '\0';
    return text;
}
