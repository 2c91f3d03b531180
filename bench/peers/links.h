/* SPDX-License-Identifier: MIT */
/* Lists in order, from whose middle anybody may go: a ring through its members, and through the list itself. */
#ifndef LINKS_H
#define LINKS_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next, *before; /* both NULL: in no list */
};

static inline void links_init(struct link *list)
{
    list->next = list->before = list;
}

static inline bool links_has(const struct link *link)
{
    return link->next;
}

/* At the end; it may not be in a list. */
static inline void links_add(struct link *list, struct link *link)
{
    link->next = list;
    link->before = list->before;
    link->before->next = list->before = link;
}

/* Where it is in a list. */
static inline void links_remove(struct link *link)
{
    if (!link->next)
        return;
    link->next->before = link->before;
    link->before->next = link->next;
    link->next = link->before = NULL;
}

/* NULL: there is none. */
static inline struct link *links_first(const struct link *list)
{
    return list->next == list ? NULL : list->next;
}

#endif
