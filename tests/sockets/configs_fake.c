/* SPDX-License-Identifier: MIT */
/* On the engine without cryptography of tests/core. */
#include "fake_engine.h"
#include "side.h"

struct adieu_config *side_config(bool server)
{
    (void)server;
    return adieu_config_new();
}

uint64_t plain_in(const uint8_t *wire, size_t size)
{
    uint64_t plain = 0;
    for (size_t at = 0; at + FAKE_OVERHEAD <= size;) {
        size_t payload = (size_t)wire[at + 1] << 8 | wire[at + 2];
        if (at + FAKE_OVERHEAD + payload > size)
            break;
        plain += wire[at] == 'D' ? payload : 0;
        at += FAKE_OVERHEAD + payload;
    }
    return plain;
}
