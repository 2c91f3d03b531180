/* SPDX-License-Identifier: MIT */
/* As many descriptors as the work needs. */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

bool limits_raise(uint64_t descriptors)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return false;
    if (limit.rlim_cur >= descriptors)
        return true;
    rlim_t hard = limit.rlim_max;
    limit.rlim_cur = descriptors;
    if (limit.rlim_max < descriptors)
        limit.rlim_max = descriptors; /* which needs the right to, and ends at fs.nr_open */
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return true;
    fprintf(stderr, "load: this takes %" PRIu64 " descriptors, and a process may have %" PRIu64 " here (ulimit -Hn)\n",
            descriptors, (uint64_t)hard);
    return false;
}
