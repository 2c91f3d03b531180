/* SPDX-License-Identifier: MIT */
/* A config's setters, each with something that it takes: so that one can be called like the other. */
#ifndef ADIEU_TESTS_SETTERS_H
#define ADIEU_TESTS_SETTERS_H

#include "joined.h"

struct setter {
    const char *name;
    enum adieu_status (*set)(struct adieu_config *config);
    bool
        fed; /* not to be starved: OpenSSL 3.0 frees twice, or writes behind its buffer, where memory ends in it; or it costs as another one does */
};

extern const struct setter setters[];
extern const size_t setter_count;

/* The authority, and the files and answers that setters take. */
int setup_setters(void **state);
int teardown_setters(void **state);

#endif
