/* SPDX-License-Identifier: MIT */
#ifndef TOY_H
#define TOY_H

int smaller(int a, int b);
int sum_up_to(int last);

#endif
