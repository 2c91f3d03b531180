/* SPDX-License-Identifier: MIT */
/* What self_test.py makes mutants of; its test is toy_test.c. */
#include "toy.h"

/* The test never asks about two that are as large: that `<` could be `<=` is no difference at all. */
int smaller(int a, int b)
{
    return a < b ? a : b;
}

int sum_up_to(int last)
{
    int sum = 0;
    while (last)
        sum += last--;
    return sum;
}
