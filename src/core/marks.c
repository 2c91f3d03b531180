/* SPDX-License-Identifier: MIT */
#include "marks.h"

#include <string.h>

/*
 * Forgets every other one but the oldest and the newest, and wants those that come to be as far from each other as those
 * that stay: so they are spread over all that is waited for, however much that is.
 */
static void thin(struct marks *marks)
{
    unsigned kept = 0, passed = 0;
    for (unsigned i = 0; i < MARKS; i++) {
        if (i % 2 && i + 1 < MARKS)
            continue;
        passed += i < marks->passed;
        marks->list[kept++] = marks->list[i];
    }
    marks->count = kept;
    marks->passed = passed;
    marks->apart = 2 * (marks->list[kept - 1].wire - marks->list[0].wire) / MARKS;
}

void marks_add(struct marks *marks, struct mark mark)
{
    if (marks->count < 2)
        marks->apart = 0;
    else if (mark.wire - marks->list[marks->count - 2].wire < marks->apart)
        marks->count--; /* it takes the place of the newest */
    else if (marks->count == MARKS)
        thin(marks);
    if (marks->passed > marks->count)
        marks->passed = marks->count;
    marks->list[marks->count++] = mark;
}

bool marks_pass(struct marks *marks, uint64_t wire, struct mark *mark)
{
    if (marks->passed == marks->count || marks->list[marks->passed].wire > wire)
        return false;
    *mark = marks->list[marks->passed++];
    return true;
}

bool marks_take(struct marks *marks, uint64_t wire, struct mark *mark)
{
    if (!marks->count || marks->list[0].wire > wire)
        return false;
    *mark = marks->list[0];
    marks->count--;
    marks->passed -= marks->passed > 0;
    memmove(marks->list, marks->list + 1, marks->count * sizeof *marks->list);
    return true;
}
