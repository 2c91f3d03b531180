/* SPDX-License-Identifier: MIT */
#include "shortage.h"

struct shortage shortage;

static bool refuses(bool ours)
{
    (void)ours;
    size_t now = shortage.asked++;
    bool refuse = now == shortage.nth || (shortage.for_ever && now > shortage.nth);
    shortage.came = shortage.came || refuse;
    return refuse;
}

void begin_shortage(size_t nth, bool for_ever)
{
    shortage = (struct shortage){.nth = nth, .for_ever = for_ever};
    memory_ask(refuses);
}

bool end_shortage(void)
{
    memory_ask(NULL);
    return shortage.came;
}
