/* SPDX-License-Identifier: MIT */
#include "marks.h"

#include <string.h>

/* Keeps the second of each pair. */
static void thin(struct marks *marks)
{
    for (unsigned i = 0; i < MARKS / 2; i++)
        marks->list[i] = marks->list[2 * i + 1];
    marks->count = MARKS / 2;
}

void marks_add(struct marks *marks, struct mark mark)
{
    if (marks->count == MARKS)
        thin(marks);
    marks->list[marks->count++] = mark;
}

bool marks_take(struct marks *marks, uint64_t wire, struct mark *mark)
{
    if (!marks->count || marks->list[0].wire > wire)
        return false;
    *mark = marks->list[0];
    marks->count--;
    memmove(marks->list, marks->list + 1, marks->count * sizeof *marks->list);
    return true;
}
