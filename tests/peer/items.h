/* SPDX-License-Identifier: MIT */
/* Items of what the peer says. */
#ifndef ADIEU_TESTS_PEER_ITEMS_H
#define ADIEU_TESTS_PEER_ITEMS_H

#include "play.h"

/* An item being read: what stands before it, and what follows it. */
struct item {
    char **at; /* the next word */
    bool plain;
    long pad, outer, version, length, corrupt, times, early;
};

/* NAME NUMBER, if that comes next. */
bool item_number(struct item *item, const char *name, long *number);
/* What is kept under that name, or NULL. */
struct bytes *item_kept(struct play *play, const char *name);
/* ITEM + ITEM...: all the words. */
bool items_make(struct play *play, char **words, struct bytes *out);

#endif
