/* SPDX-License-Identifier: MIT */
/*
 * The nth allocation of a setter fails, ours or OpenSSL's, for every n: if the setter fails, it says that memory is short (as
 * far as OpenSSL lets anybody know), nothing leaks, and the same setter does it once there is memory again.
 */
#include "../core/counting.h"
#include "setters.h"
#include "shortage.h"

#include <stdlib.h>

#include <openssl/crypto.h>

/* OpenSSL's allocations go the way of ours: through counting.c. */
static void *counted_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return malloc(size);
}

static void *counted_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return realloc(block, size);
}

static void counted_free(void *block, const char *file, int line)
{
    (void)file, (void)line;
    free(block);
}

/* ------------------------------------------------ each of them, short of memory */

static size_t failures, unexplained;

/* Whether an allocation failed: there was an nth one. */
static bool set_short_of_memory(const struct setter *setter, size_t nth)
{
    struct adieu_config *config = adieu_config_new();
    assert_non_null(config);
    counting_fail(nth, false);
    enum adieu_status status = setter->set(config);
    counting_relent();
    bool failed = counting_failed();
    check_that(failed || status == ADIEU_OK, "%s: failed although there was memory", setter->name);
    if (status == ADIEU_FAIL) {
        failures++;
        unexplained += adieu_config_error(config)->code != ADIEU_ERR_MEMORY;
        status = setter->set(config);
        check_that(status == ADIEU_OK, "%s, after allocation %zu: still %s", setter->name, nth,
                   adieu_config_error(config)->text);
    }
    adieu_config_free(config);
    return failed;
}

/* OpenSSL keeps some blocks for ever, and makes them when it first needs them; a leak would be one for each failure. */
static void check_no_leak(const char *name, size_t before, size_t count)
{
    size_t after = counting_blocks();
    check_that(after < before + 10, "%s: %zu blocks, after %zu failures %zu", name, before, count, after);
}

static void a_setter_short_of_memory_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < setter_count; i++) {
        if (setters[i].fed)
            continue;
        (void)set_short_of_memory(&setters[i], SIZE_MAX - 1);
        size_t before = counting_blocks(), nth = 0;
        while (set_short_of_memory(&setters[i], nth))
            nth += shortage_step();
        check_no_leak(setters[i].name, before, nth);
    }
    check_that(failures * shortage_step() > 1000 && unexplained * 50 < failures,
               "%zu of %zu failures are not said to be for lack of memory", unexplained, failures);
}

static void a_config_short_of_memory_is_none(void **state)
{
    (void)state;
    adieu_config_free(adieu_config_new());
    size_t before = counting_blocks(), nth = 0;
    do {
        counting_fail(nth++, false);
        struct adieu_config *config = adieu_config_new();
        counting_relent();
        assert_true(config || counting_failed());
        adieu_config_free(config);
    } while (counting_failed());
    check_no_leak("a config", before, nth);
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_config_short_of_memory_is_none),
        cmocka_unit_test(a_setter_short_of_memory_says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests_name("engine setters memory", tests, setup_setters, teardown_setters);
}
