/* SPDX-License-Identifier: MIT */
/*
 * Plaintext does not stay behind on the stack: the verbs that copy it there run on a stack of our own, which is searched
 * afterwards. Valgrind forbids to look at a stack that was left.
 */
#include "scripted.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char secret[] = "0123456789abcdef";
enum { SECRET = sizeof secret - 1, STACK = 1 << 20 };

enum engine_verdict __wrap_engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error);
static bool was_given;

/* The fake engine would copy it to its own stack. */
enum engine_verdict __wrap_engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error)
{
    (void)engine, (void)error;
    was_given = size == SECRET && !memcmp(buf, secret, SECRET);
    return ENGINE_DONE;
}

static bool lies_in(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + SECRET <= size; i++)
        if (!memcmp(bytes + i, secret, SECRET))
            return true;
    return false;
}

static void *write_two_pieces(void *arg)
{
    const struct adieu_piece pieces[] = {{secret, 7}, {secret + 7, SECRET - 7}};
    size_t took = 0;
    return adieu_writev(arg, pieces, 2, &took) == ADIEU_OK && took == SECRET ? arg : NULL;
}

static void *throw_away(void *arg)
{
    size_t count = 0;
    return adieu_discard(arg, &count) == ADIEU_OK && count == SECRET ? arg : NULL;
}

static void *copy_and_forget(void *arg)
{
    char copy[4096]; /* deep enough that the thread's end does not write there */
    memcpy(copy, secret, SECRET);
    __asm__ __volatile__("" : : "r"(copy) : "memory");
    return arg;
}

/* Whether the secret lies on the stack after work. */
static bool stays_behind(void *(*work)(void *arg), struct adieu_stream *s)
{
    void *stack = NULL, *result = NULL;
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(posix_memalign(&stack, 4096, STACK), 0);
    memset(stack, 0, STACK);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, work, s), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, s);
    pthread_attr_destroy(&attributes);
    bool found = lies_in(stack, STACK);
    free(stack);
    return found;
}

/* What binds a function when it is first called saves registers, and what they hold. */
static int run_once_before(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, secret);
    (void)stays_behind(write_two_pieces, s);
    (void)stays_behind(throw_away, s);
    adieu_free(s);
    return 0;
}

static void what_is_left_on_the_stack_would_be_found(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    assert_true(stays_behind(copy_and_forget, s));
    adieu_free(s);
}

static void what_was_put_together_is_wiped(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    assert_false(stays_behind(write_two_pieces, s));
    assert_true(was_given);
    adieu_free(s);
}

static void what_was_thrown_away_is_wiped(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    say_data(s, secret);
    assert_false(stays_behind(throw_away, s));
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_on_the_stack_would_be_found),
        cmocka_unit_test(what_was_put_together_is_wiped),
        cmocka_unit_test(what_was_thrown_away_is_wiped),
    };
    return cmocka_run_group_tests_name("wiped", tests, run_once_before, NULL);
}
