/* SPDX-License-Identifier: MIT */
/* cmocka with what it needs, and checks that name the values they compare. */
#ifndef ADIEU_TESTS_CHECK_H
#define ADIEU_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "adieu.h"

#define CHECK_NAMED(name_of, got, want) assert_string_equal(name_of(got), name_of(want))

#define check_status(got, want) CHECK_NAMED(adieu_status_name, got, want)
#define check_sending(s, want) CHECK_NAMED(adieu_sending_name, adieu_ending(s).sending, want)
#define check_receiving(s, want) CHECK_NAMED(adieu_receiving_name, adieu_ending(s).receiving, want)
#define check_error(s, want) CHECK_NAMED(adieu_error_code_name, adieu_error(s)->code, want)
#define check_last(s, want) CHECK_NAMED(adieu_last_name, adieu_wire_last(s), want)

#define check_ends(s, sending, receiving)                                                                              \
    do {                                                                                                               \
        check_sending(s, sending);                                                                                     \
        check_receiving(s, receiving);                                                                                 \
    } while (0)

/* fail_msg of older cmocka versions does not tell the compiler that it does not return. */
#define check_that(condition, ...)                                                                                     \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg(__VA_ARGS__);                                                                                     \
    } while (0)

#endif
