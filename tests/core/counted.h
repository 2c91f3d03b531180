/* SPDX-License-Identifier: MIT */
/*
 * How a child process of a test ends: _exit() writes nothing of what gcc counts for `./dev coverage`, so what only children
 * run would be told as never run. It counts for what is linked into the test itself, not for shared libraries.
 */
#ifndef ADIEU_TESTS_COUNTED_H
#define ADIEU_TESTS_COUNTED_H

#include <unistd.h>

/* There in a coverage build only, if the linker is told to look for it (counted_args in tests/meson.build). */
void __gcov_dump(void) __attribute__((weak));

/* Before the child becomes another program. */
static inline void count_child(void)
{
    if (__gcov_dump)
        __gcov_dump();
}

static inline _Noreturn void exit_counted(int status)
{
    count_child();
    _exit(status);
}

#endif
