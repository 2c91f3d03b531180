/* SPDX-License-Identifier: MIT */
/* The wire of a client before and in its handshake; see wire.c. */
#include "talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return talk_fuzz(data, size, false, false);
}
