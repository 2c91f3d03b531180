/* SPDX-License-Identifier: MIT */
/* The marks by themselves: which of them are kept when there are too many, and what is known of them. */
#include "check.h"

#include "marks.h"

/* Marks at 10, 20, … 160, of which the first so many were passed. */
static struct marks full(unsigned passed)
{
    struct marks marks = {.count = 0};
    struct mark mark;
    for (unsigned i = 1; i <= MARKS; i++)
        marks_add(&marks, (struct mark){.wire = 10 * i, .plain = i});
    assert_int_equal(marks.count, MARKS);
    for (unsigned i = 1; i <= passed; i++)
        assert_true(marks_pass(&marks, 10 * i, &mark) && mark.plain == i);
    assert_int_equal(marks.passed, passed);
    return marks;
}

/* Every other one, the oldest and the newest among them, and then the new one. */
static void too_many_are_thinned_out_but_for_the_oldest_and_the_newest(void **state)
{
    (void)state;
    static const unsigned kept[] = {1, 3, 5, 7, 9, 11, 13, 15, 16, 17};
    for (unsigned passed = 0; passed <= MARKS; passed++) {
        struct marks marks = full(passed);
        unsigned still = 0;
        marks_add(&marks, (struct mark){.wire = 170, .plain = 17});
        assert_int_equal(marks.count, 10);
        for (unsigned i = 0; i < 10; i++) {
            assert_int_equal(marks.list[i].plain, kept[i]);
            assert_int_equal(marks.list[i].wire, 10 * kept[i]);
            still += kept[i] <= passed;
        }
        assert_int_equal(marks.passed, still);
        assert_int_equal(marks.apart, 2 * (160 - 10) / MARKS);
    }
}

/* One that is nearer to the last but one than they are to be takes the place of the last. */
static void the_newest_gives_way_to_one_that_is_too_near(void **state)
{
    (void)state;
    struct marks marks = full(0);
    marks_add(&marks, (struct mark){.wire = 170, .plain = 17}); /* from now on 18 apart: 150 160 170 */
    marks_add(&marks, (struct mark){.wire = 177, .plain = 18});
    assert_int_equal(marks.count, 10);
    assert_int_equal(marks.list[8].plain, 16);
    assert_int_equal(marks.list[9].plain, 18);
    marks_add(&marks, (struct mark){.wire = 178, .plain = 19}); /* 18 behind 160 */
    assert_int_equal(marks.count, 11);
    assert_int_equal(marks.list[9].plain, 18);
    assert_int_equal(marks.list[10].plain, 19);
}

static void one_that_takes_the_place_of_a_passed_one_is_not_passed(void **state)
{
    (void)state;
    struct marks marks = full(0);
    struct mark mark = {0};
    marks_add(&marks, (struct mark){.wire = 170, .plain = 17});
    while (marks_pass(&marks, 170, &mark))
        continue;
    assert_int_equal(marks.passed, 10);
    marks_add(&marks, (struct mark){.wire = 171, .plain = 18});
    assert_int_equal(marks.passed, 9);
    assert_false(marks_pass(&marks, 170, &mark));
    assert_true(marks_pass(&marks, 171, &mark));
    assert_int_equal(mark.plain, 18);
}

/* How far apart they are to be is forgotten with those that it was made for. */
static void a_few_are_all_kept_however_near(void **state)
{
    (void)state;
    struct mark mark;
    for (unsigned left = 0; left < 3; left++) {
        struct marks marks = full(0);
        marks_add(&marks, (struct mark){.wire = 170, .plain = 17});
        while (marks.count > left)
            assert_true(marks_take(&marks, 170, &mark));
        for (unsigned i = 1; i <= 3; i++)
            marks_add(&marks, (struct mark){.wire = 170 + i, .plain = 17 + i});
        assert_int_equal(marks.count, left < 2 ? left + 3 : 2); /* 160 and 170 stayed, and 171 to 173 are too near */
        assert_int_equal(marks.apart, left < 2 ? 0 : 18);
    }
}

static void of_two_none_gives_way(void **state)
{
    (void)state;
    struct marks marks = {.apart = 1000};
    marks_add(&marks, (struct mark){.wire = 1, .plain = 1});
    marks_add(&marks, (struct mark){.wire = 2, .plain = 2});
    assert_int_equal(marks.count, 2);
    assert_int_equal(marks.apart, 0);
    marks.apart = 1000;
    marks_add(&marks, (struct mark){.wire = 3, .plain = 3});
    assert_int_equal(marks.count, 2);
    assert_int_equal(marks.list[0].plain, 1);
    assert_int_equal(marks.list[1].plain, 3);
}

static void one_that_was_taken_is_neither_passed_nor_there(void **state)
{
    (void)state;
    struct marks marks = full(1);
    struct mark mark;
    assert_true(marks_take(&marks, 10, &mark));
    assert_int_equal(marks.passed, 0);
    assert_true(marks_take(&marks, 20, &mark)); /* acknowledged, and nobody had said that it was sent */
    assert_int_equal(marks.passed, 0);
    assert_int_equal(mark.plain, 2);
    assert_true(marks_pass(&marks, 30, &mark));
    assert_int_equal(mark.plain, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_are_thinned_out_but_for_the_oldest_and_the_newest),
        cmocka_unit_test(the_newest_gives_way_to_one_that_is_too_near),
        cmocka_unit_test(one_that_takes_the_place_of_a_passed_one_is_not_passed),
        cmocka_unit_test(a_few_are_all_kept_however_near),
        cmocka_unit_test(of_two_none_gives_way),
        cmocka_unit_test(one_that_was_taken_is_neither_passed_nor_there),
    };
    return cmocka_run_group_tests_name("marks", tests, NULL, NULL);
}
