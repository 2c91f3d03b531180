/* SPDX-License-Identifier: MIT */
#include "toy.h"

int main(void)
{
    return smaller(1, 2) == 1 && smaller(2, 1) == 1 && sum_up_to(0) == 0 && sum_up_to(4) == 10 ? 0 : 1;
}
