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

struct mark marks_reach(struct marks *marks, uint64_t wire)
{
    struct mark last = {0};
    unsigned reached = 0;
    while (reached < marks->count && marks->list[reached].wire <= wire)
        last = marks->list[reached++];
    if (reached) {
        marks->count -= reached;
        memmove(marks->list, marks->list + reached, marks->count * sizeof *marks->list);
    }
    return last;
}
