/* SPDX-License-Identifier: MIT */
#include "random.h"

struct random random_from(uint64_t seed)
{
    return (struct random){.state = seed};
}

uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t random_below(struct random *random, size_t below)
{
    return below ? (size_t)(random_next(random) % below) : 0;
}

bool random_one_in(struct random *random, size_t times)
{
    return random_below(random, times) == 0;
}

size_t random_size(struct random *random, size_t most)
{
    static const size_t borders[] = {0, 1, 2, 5, 16384, 16385, 16640, 20480, 65536, 133120};
    size_t size = most;
    switch (random_below(random, 8)) {
    case 0:
        size = borders[random_below(random, sizeof borders / sizeof *borders)];
        break;
    case 1:
        size = random_below(random, most + 1);
        break;
    case 2:
        break;
    case 3:
        size = random_below(random, 20000);
        break;
    default:
        size = random_below(random, 64);
    }
    return size < most ? size : most;
}
