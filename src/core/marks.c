/* SPDX-License-Identifier: MIT */
#include "marks.h"

#include <string.h>

/* How far the neighbours of a mark are from each other. */
static uint64_t gap(const struct marks *marks, unsigned i)
{
    return marks->list[i + 1].wire - marks->list[i - 1].wire;
}

/*
 * Forgets the one that is missed least: those that stay are spread over all that is waited for, however much that is.
 */
static void thin(struct marks *marks)
{
    unsigned least = 1;
    for (unsigned i = 2; i + 1 < MARKS; i++)
        if (gap(marks, i) < gap(marks, least))
            least = i;
    marks->count--;
    memmove(marks->list + least, marks->list + least + 1, (marks->count - least) * sizeof *marks->list);
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
