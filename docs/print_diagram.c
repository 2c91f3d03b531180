/* SPDX-License-Identifier: MIT */
/*
 * @diagram: the boxes and arrows of docs/endings.svg. What there is to draw, and what stands on it, comes from
 * ending.def; only the places are chosen here. A transition without a place, or a place without one, is an error.
 */
#include <stdio.h>
#include <string.h>

#include "ending.h"
#include "print_docs.h"

enum { SENDING_STATES = ADIEU_SENDING_ABORTED + 1, RECEIVING_STATES = ADIEU_RECEIVING_ABANDONED + 1 };

static const char *const event_name[] = {
#define EVENT(NAME, name, who, meaning) name,
#include "ending.def"
};

/* A state's box, by its middle; kind is its colour in the template's style. */
struct box {
    int x, y;
    const char *kind;
};

static const struct box sending_box[SENDING_STATES] = {
    [ADIEU_SENDING_OPEN] = {140, 350, "live"},    [ADIEU_SENDING_CLOSING] = {440, 350, "live"},
    [ADIEU_SENDING_CLOSED] = {676, 350, "clean"}, [ADIEU_SENDING_FAILED] = {290, 550, "cut"},
    [ADIEU_SENDING_ABORTED] = {290, 150, "ours"},
};

static const struct box receiving_box[RECEIVING_STATES] = {
    [ADIEU_RECEIVING_OPEN] = {884, 350, "live"},       [ADIEU_RECEIVING_CLOSED] = {1196, 150, "clean"},
    [ADIEU_RECEIVING_TRUNCATED] = {1196, 230, "cut"},  [ADIEU_RECEIVING_RESET] = {1196, 310, "cut"},
    [ADIEU_RECEIVING_ALERTED] = {1196, 390, "peer"},   [ADIEU_RECEIVING_REJECTED] = {1196, 470, "peer"},
    [ADIEU_RECEIVING_ABANDONED] = {1196, 550, "ours"},
};

/* An arrow's way, and where its first word stands; the others follow below it, or behind it if flat. */
struct arrow {
    int from, to;
    const char *path;
    int x, y;
    const char *anchor;
    bool flat;
};

static const struct arrow sending_arrow[] = {
    {ADIEU_SENDING_OPEN, ADIEU_SENDING_CLOSING, "M234 350H343", 287, 341, "middle", true},
    {ADIEU_SENDING_CLOSING, ADIEU_SENDING_CLOSED, "M534 350H607", 570, 341, "middle", true},
    {ADIEU_SENDING_OPEN, ADIEU_SENDING_ABORTED, "M140 303C140 205 170 150 222 150", 166, 232, "start", false},
    {ADIEU_SENDING_CLOSING, ADIEU_SENDING_ABORTED, "M440 303C440 205 410 150 358 150", 414, 232, "end", false},
    {ADIEU_SENDING_OPEN, ADIEU_SENDING_FAILED, "M140 397C140 495 170 550 222 550", 166, 438, "start", false},
    {ADIEU_SENDING_CLOSING, ADIEU_SENDING_FAILED, "M440 397C440 495 410 550 358 550", 414, 438, "end", false},
};

static const struct arrow receiving_arrow[] = {
    {ADIEU_RECEIVING_OPEN, ADIEU_RECEIVING_CLOSED, "M978 350C1038 350 1013 150 1127 150", 1118, 140, "end", true},
    {ADIEU_RECEIVING_OPEN, ADIEU_RECEIVING_TRUNCATED, "M978 350C1038 350 1023 230 1127 230", 1118, 220, "end", true},
    {ADIEU_RECEIVING_OPEN, ADIEU_RECEIVING_RESET, "M978 350C1038 350 1038 310 1127 310", 1118, 300, "end", true},
    {ADIEU_RECEIVING_OPEN, ADIEU_RECEIVING_ALERTED, "M978 350C1038 350 1038 390 1127 390", 1118, 409, "end", true},
    {ADIEU_RECEIVING_OPEN, ADIEU_RECEIVING_REJECTED, "M978 350C1038 350 1023 470 1127 470", 1118, 489, "end", true},
    {ADIEU_RECEIVING_OPEN, ADIEU_RECEIVING_ABANDONED, "M978 350C1038 350 1013 550 1127 550", 1118, 569, "end", true},
};

/* One half of the machine, in one shape for both. */
struct half {
    int states, live;
    const struct box *boxes;
    const struct arrow *arrows;
    size_t arrow_count;
    const char *(*name)(int state);
    int (*after)(int state, enum ending_event event);
};

static const char *sending_name(int state)
{
    return adieu_sending_name((enum adieu_sending)state);
}

static const char *receiving_name(int state)
{
    return adieu_receiving_name((enum adieu_receiving)state);
}

static int sending_after(int state, enum ending_event event)
{
    enum ending_action action;
    return (int)ending_sending_after((enum adieu_sending)state, event, &action);
}

static int receiving_after(int state, enum ending_event event)
{
    return (int)ending_receiving_after((enum adieu_receiving)state, event);
}

static const struct half halves[] = {
    {SENDING_STATES, 2, sending_box, sending_arrow, sizeof sending_arrow / sizeof *sending_arrow, sending_name,
     sending_after},
    {RECEIVING_STATES, 1, receiving_box, receiving_arrow, sizeof receiving_arrow / sizeof *receiving_arrow,
     receiving_name, receiving_after},
};

/* ------------------------------------------------ boxes */

/* What leaves a live state as it is stands in its box, two events a line. */
static void print_staying(const struct half *half, int state)
{
    const struct box *box = half->boxes + state;
    int count = 0;
    for (int event = 0; event < EVENTS; event++) {
        if (half->after(state, (enum ending_event)event) != state)
            continue;
        if (count % 2 == 0)
            printf("%s<text class=\"stay\" x=\"%d\" y=\"%d\">", count ? ",</text>\n" : "", box->x,
                   box->y + 10 + 9 * count);
        printf("%s%s", count % 2 ? ", " : count ? "" : "stays: ", event_name[event]);
        count++;
    }
    puts(count ? "</text>" : "");
}

static void print_box(const struct half *half, int state)
{
    const struct box *box = half->boxes + state;
    bool live = state < half->live;
    int w = live ? 188 : 130, h = live ? 94 : 46;
    printf("<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>\n", box->kind, box->x - w / 2,
           box->y - h / 2, w, h, live ? 8 : h / 2);
    printf("<text class=\"name\" x=\"%d\" y=\"%d\">%s</text>\n", box->x, box->y + (live ? -16 : 6), half->name(state));
    if (live)
        print_staying(half, state);
}

/* ------------------------------------------------ arrows */

static void print_label(const struct arrow *arrow, const char *text, int line)
{
    printf("<text class=\"event\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", arrow->x, arrow->y + 18 * line,
           arrow->anchor, text);
}

/* The events that lead this way; returns how many. */
static int print_arrow(const struct half *half, const struct arrow *arrow)
{
    char flat[128] = "";
    int count = 0;
    printf("<path class=\"arrow\" d=\"%s\"/>\n", arrow->path);
    for (int event = 0; event < EVENTS; event++) {
        if (half->after(arrow->from, (enum ending_event)event) != arrow->to)
            continue;
        if (arrow->flat)
            snprintf(flat + strlen(flat), sizeof flat - strlen(flat), "%s%s", count ? ", " : "", event_name[event]);
        else
            print_label(arrow, event_name[event], count);
        count++;
    }
    if (arrow->flat)
        print_label(arrow, flat, 0);
    return count;
}

/* How many cells of the table change something: each must be on an arrow. */
static int count_changes(const struct half *half)
{
    int changes = 0;
    for (int state = 0; state < half->live; state++)
        for (int event = 0; event < EVENTS; event++)
            changes += half->after(state, (enum ending_event)event) != state;
    return changes;
}

static bool print_diagram(const char *rest)
{
    for (const struct half *half = halves; half < halves + 2; half++) {
        int drawn = 0;
        for (size_t i = 0; i < half->arrow_count; i++) {
            int count = print_arrow(half, half->arrows + i);
            if (count == 0)
                return print_wrong("an arrow that no row wants, to", half->name(half->arrows[i].to));
            drawn += count;
        }
        if (drawn != count_changes(half))
            return print_wrong("a row without an arrow, in the half of", half->name(half->states - 1));
        for (int state = 0; state < half->states; state++)
            print_box(half, state);
    }
    (void)rest;
    return true;
}

const struct directive diagram_directives[] = {
    {"diagram", print_diagram},
    {NULL, NULL},
};
