/* SPDX-License-Identifier: MIT */
#ifndef ADIEU_TESTS_SOCKETS_CONVERSATION_H
#define ADIEU_TESTS_SOCKETS_CONVERSATION_H

#include "script.h"
#include "side.h"

/* What came of it, for who counts. */
struct outcome {
    const char *broken; /* NULL: every rule was kept */
    int exits[2];       /* -1: not closed */
    unsigned resets[2][RESET_CAUSES];
};

/* Runs a script from its beginning to the end of its last segment. */
struct outcome converse(const struct script *script);

#endif
