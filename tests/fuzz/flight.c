/* SPDX-License-Identifier: MIT */
#include "flight.h"

#include <string.h>

#include "edits.h"

static void said_free(struct said *said)
{
    bytes_free(&said->raw);
    bytes_free(&said->content);
    *said = (struct said){0};
}

/* NULL: there are enough. */
static struct said *append(struct flight *flight)
{
    if (flight->count == FLIGHT)
        return NULL;
    struct said *said = &flight->said[flight->count++];
    *said = (struct said){0};
    return said;
}

static void add_raw(struct flight *flight, struct channel *channel, const struct bytes *raw)
{
    struct said *said = append(flight);
    struct record record = {0};
    struct channel before = *channel;
    channel_read(channel, raw, &record);
    if (said) {
        bytes_add(&said->raw, raw->at, raw->size);
        bytes_add(&said->content, record.content.at, record.content.size);
        said->before = before;
        said->sealed = record.sealed;
        said->type = record.type;
    }
    bytes_free(&record.content);
}

void flight_add_said(struct flight *flight, struct channel *channel, struct bytes *said)
{
    struct bytes raw = {0};
    while (record_split(said, &raw))
        add_raw(flight, channel, &raw);
    bytes_free(&raw);
}

void flight_add_record(struct flight *flight, struct channel *channel, const struct recipe *recipe, bool plain)
{
    struct said *said = append(flight);
    if (!said)
        return;
    said->before = *channel;
    said->type = recipe->type;
    said->sealed = !plain;
    bytes_add(&said->content, recipe->content, recipe->size);
    channel_make(channel, recipe, plain, &said->raw);
}

void flight_add_bytes(struct flight *flight, const void *bytes, size_t size)
{
    struct said *said = append(flight);
    if (said)
        bytes_add(&said->raw, bytes, size);
}

void flight_take(struct flight *flight, size_t n)
{
    struct said *first = &flight->said[0];
    bytes_drop(&first->raw, n);
    if (first->raw.size > 0)
        return;
    said_free(first);
    flight->count--;
    memmove(first, first + 1, flight->count * sizeof *first);
}

void flight_free(struct flight *flight)
{
    for (size_t i = 0; i < flight->count; i++)
        said_free(&flight->said[i]);
    flight->count = 0;
}

/* ------------------------------------------------ records */

/* Its content has changed: it is made anew, where the old one was. */
static void make_anew(struct said *said)
{
    struct channel channel = said->before;
    struct recipe recipe = {said->type, said->content.at, said->content.size, 0, AS_IT_IS, AS_IT_IS, AS_IT_IS};
    if (!channel.secrets)
        return;
    bytes_clear(&said->raw);
    channel_make(&channel, &recipe, !said->sealed, &said->raw);
}

static void edit_content(struct said *said, struct input *input)
{
    edit_bytes(&said->content, input);
    make_anew(said);
}

static void edit_raw(struct said *said, struct input *input)
{
    edit_bytes(&said->raw, input);
}

static void edit_type(struct said *said, struct input *input)
{
    said->type = input_byte(input);
    make_anew(said);
}

static void drop(struct said *said, struct input *input)
{
    (void)input;
    bytes_clear(&said->raw);
}

static void double_raw(struct said *said, struct input *input)
{
    (void)input;
    size_t size = said->raw.size;
    if (size > 4 * RECORD_MOST)
        return;
    bytes_extend(&said->raw, size);
    memcpy(said->raw.at + size, said->raw.at, size);
}

/* Into two. */
static void split(struct said *said, struct input *input)
{
    struct channel channel = said->before;
    size_t at = edit_place(input, said->content.size);
    struct recipe first = {said->type, said->content.at, at, 0, AS_IT_IS, AS_IT_IS, AS_IT_IS}, second = first;
    if (!channel.secrets)
        return;
    second.content += at;
    second.size = said->content.size - at;
    bytes_clear(&said->raw);
    channel_make(&channel, &first, !said->sealed, &said->raw);
    channel_make(&channel, &second, !said->sealed, &said->raw);
}

/* With the one behind it. */
static void swap(struct flight *flight, size_t index)
{
    struct said kept = flight->said[index];
    if (index + 1 == flight->count)
        return;
    flight->said[index] = flight->said[index + 1];
    flight->said[index + 1] = kept;
}

void flight_edit(struct flight *flight, struct input *input)
{
    static void (*const edits[])(struct said *, struct input *) = {edit_content, edit_raw,   edit_type,
                                                                   drop,         double_raw, split};
    size_t which = input_below(input, 7);
    if (flight->count == 0)
        return;
    size_t index = input_below(input, flight->count);
    if (which == 6)
        swap(flight, index);
    else
        edits[which](&flight->said[index], input);
}
